//! A project's slot with one Bakong: where it is, and the token that opens it, kept good.

mod ensure_token;
pub(crate) mod token_slot;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::lock::Mutex as Gate;
use khqr_core::Timestamp;

use crate::base_url::BaseUrl;
use crate::endpoint::{Endpoint, RenewToken, TokenUse};
use crate::error::{ApiError, ErrorClass};
use crate::observe::{Attempts, Both, SessionObserver};
use crate::session::token_slot::{TokenSlot, TokenVersion};
use crate::token::AccessToken;
use crate::token::{TokenLife, TokenState};
use crate::token::{TokenStore, TokenStoreError};
use crate::transport::Transport;

/// Sends endpoints over a transport, with the token where one is needed, and keeps the token good.
///
/// ```
/// # async fn example(transport: impl bakong_api::Transport) -> Result<(), Box<dyn std::error::Error>> {
/// use bakong_api::{CheckAnswer, Environment, Session};
/// use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken};
/// use bakong_api::token::FileTokenStore;
///
/// let session = Session::new(transport, Environment::Sit)
///     .with_token_store(FileTokenStore::new("bakong.token"))
///     .with_renewal(RenewToken::new("till@example.com")?);
/// let md5 = "d60f3db96913029a2af979a1662c1e72".parse()?;
/// match session.send(&CheckTransactionByMd5::new(md5)).await? {
///     CheckAnswer::Paid(transaction) => println!("paid: {:?}", transaction.amount),
///     CheckAnswer::NotFound => println!("not paid yet"),
///     CheckAnswer::Failed | CheckAnswer::StaticQr => println!("never will be"),
/// }
/// # Ok(()) }
/// ```
///
/// # The token
/// With [`with_renewal`](Self::with_renewal), the token is renewed three days before it ends, and when
/// Bakong refuses it (401, or code 6); a request that was refused is then sent once more. However many
/// callers wait, there is one renewal at a time, and all of them learn how it ended; one that failed is not
/// tried again before a pause ([`TokenLife`]), in which they get its error without a request being sent.
///
/// Without it, a token that was refused is not sent again for a pause either: each request would cost one
/// of the day's.
///
/// All methods take `&self`: share a session in an [`Arc`]. A call may be given up at any time; one that was
/// renewing the token leaves that to the next, and after a second one in a row to whoever comes after a pause. A
/// new token that the store was given up over is put there by the next.
pub struct Session<T> {
    transport: T,
    base_url: BaseUrl,
    renewal: Option<RenewToken>,
    store: Option<Arc<dyn TokenStore>>,
    observer: Option<Arc<dyn SessionObserver>>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    slot: Mutex<TokenSlot>,
    /// Held by whoever renews the token or looks for it in the store.
    gate: Gate<()>,
}

impl<T: Transport> Session<T> {
    /// A session without a token, enough to get one.
    pub fn new(transport: T, base_url: impl Into<BaseUrl>) -> Self {
        Self {
            transport,
            base_url: base_url.into(),
            renewal: None,
            store: None,
            observer: None,
            clock: Arc::new(Timestamp::now),
            slot: Mutex::new(TokenSlot::new()),
            gate: Gate::new(()),
        }
    }

    /// The same session with this token. Nothing is saved: see [`set_token`](Self::set_token).
    #[must_use]
    pub fn with_token(self, token: AccessToken) -> Self {
        self.with_token_slot(|slot| slot.set(token));
        self
    }

    /// The same session, which renews its token under the address of `renewal`; without a token at all, it
    /// asks for one.
    #[must_use]
    pub fn with_renewal(mut self, renewal: RenewToken) -> Self {
        self.renewal = Some(renewal);
        self.with_token_slot(|slot| {
            slot.life = TokenLife::new(true);
            if let Some(token) = &slot.token {
                slot.life.set(token.expires_at());
            }
        });
        self
    }

    /// The same session, which finds its token in `store` before its first request if it was given none,
    /// and keeps there each new one. Whenever the token is missing, refused, past its end or due for renewal,
    /// it is looked for there first, since another process may have put a new one there.
    #[must_use]
    pub fn with_token_store(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self.with_token_slot(|slot| slot.looked = slot.token.is_some());
        self
    }

    /// The same session, whose every request `observer` is told of, after those that were given before.
    #[must_use]
    pub fn with_observer(mut self, observer: impl SessionObserver + 'static) -> Self {
        let observer: Arc<dyn SessionObserver> = Arc::new(observer);
        self.observer = Some(match self.observer.take() {
            Some(before) => Arc::new(Both(before, observer)),
            None => observer,
        });
        self
    }

    /// The same session with another clock than the system's, by which a token's age is judged.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Where the session's Bakong is.
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Where the token is in its life. A token in a store that was not yet asked for counts as missing.
    pub fn token_state(&self) -> TokenState {
        let now = (self.clock)();
        self.with_token_slot(|slot| slot.life.state(now))
    }

    /// Uses this token from now on, and keeps it in the store if there is one.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it could not be kept. It is used all the same.
    pub async fn set_token(&self, token: AccessToken) -> Result<(), TokenStoreError> {
        self.with_token_slot(|slot| {
            slot.set(token);
            slot.unsaved = self.store.is_some();
        });
        let gate = self.gate.lock().await;
        self.keep(&gate).await
    }

    /// Asks, and reads the answer. Hands four requests at most to the transport: the question twice, and a
    /// renewal before each; nearly always it is one. Each that goes out costs one of the day's, and a transport
    /// that repeats what failed sends more: [`SessionObserver::sending`] is told of them all.
    ///
    /// # Errors
    /// [`ApiError`] if there is no answer to the question; it says nothing of whether a payment was made.
    pub async fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Answer, ApiError> {
        match E::INFO.token {
            TokenUse::None => self.exchange(endpoint, None).await,
            TokenUse::Required => {
                let version = self.version().await?;
                let answer = self.exchange(endpoint, Some(&version)).await;
                if !self.is_refused(&version, &answer) {
                    return answer;
                }
                let version = self.version().await?;
                let answer = self.exchange(endpoint, Some(&version)).await;
                self.is_refused(&version, &answer);
                answer
            }
            TokenUse::Optional => {
                let Some(version) = self.usable_pass().await else {
                    return self.exchange(endpoint, None).await;
                };
                let answer = self.exchange(endpoint, Some(&version)).await;
                if self.is_refused(&version, &answer) {
                    self.exchange(endpoint, None).await
                } else {
                    answer
                }
            }
        }
    }

    /// Renews the token now, whether it is due or not, and whatever the pause. If a renewal is under way, its
    /// end is waited for and counts as this one's.
    ///
    /// # Errors
    /// [`ApiError`] if there is no new token, or no address to renew it under
    /// ([`with_renewal`](Self::with_renewal)). The old one goes on to be used.
    pub async fn renew(&self) -> Result<(), ApiError> {
        let seen = self.with_token_slot(|slot| slot.renewals);
        let gate = self.gate.lock().await;
        let ended = self.with_token_slot(|slot| {
            let ended = slot.renewals != seen;
            ended.then(|| slot.last_renewal())
        });
        match ended {
            Some(ended) => ended,
            None => self.ask_for_token(&gate).await,
        }
    }

    /// One request and its answer.
    async fn exchange<E: Endpoint>(
        &self,
        endpoint: &E,
        version: Option<&TokenVersion>,
    ) -> Result<E::Answer, ApiError> {
        let token = version.map(|version| &version.token);
        let mut request = endpoint.to_request(&self.base_url, token)?;
        let attempts = self
            .observer
            .as_ref()
            .map(|observer| Attempts::start(E::INFO, Arc::clone(observer)));
        if let Some(attempts) = &attempts {
            request.extensions_mut().insert(attempts.clone());
        }
        let result = self.transport.send(request).await;
        if let Some(attempts) = &attempts {
            attempts.finish(result.as_ref());
        }
        endpoint.read(&result?).map_err(|error| match token {
            // Not every token looks like one.
            Some(token) => error.hiding(token.expose()),
            None => error,
        })
    }

    /// Whether Bakong refused the token; noted if it is still the present one.
    fn is_refused<A>(&self, version: &TokenVersion, answer: &Result<A, ApiError>) -> bool {
        let refusal = answer
            .as_ref()
            .err()
            .filter(|error| error.class() == ErrorClass::Unauthorized);
        // An answer of Bakong's own, whatever it says, is none that a refused token gets.
        let taken = match answer {
            Ok(_) => true,
            Err(error) => {
                refusal.is_none()
                    && matches!(
                        error.class(),
                        ErrorClass::Refused | ErrorClass::QuotaExhausted
                    )
            }
        };
        let refused = refusal.map(|refusal| (refusal, (self.clock)()));
        self.with_token_slot(|slot| {
            if slot.generation != version.generation {
                return;
            }
            if let Some((refusal, now)) = refused {
                slot.rejected(refusal, now);
            } else if taken {
                slot.life.accepted();
            }
        });
        refusal.is_some()
    }

    fn tell(&self, tell: impl FnOnce(&dyn SessionObserver)) {
        if let Some(observer) = &self.observer {
            tell(&**observer);
        }
    }
}

impl<T> Session<T> {
    /// No code of others runs inside, so nothing is left half done where a thread panicked.
    fn with_token_slot<R>(&self, f: impl FnOnce(&mut TokenSlot) -> R) -> R {
        f(&mut self.slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.with_token_slot(|slot| slot.token.clone());
        f.debug_struct("Session")
            .field("base_url", &self.base_url)
            .field("token", &token)
            .finish_non_exhaustive()
    }
}
