//! Sends requests to one Bakong environment, and renews and stores the token.

mod ensure_token;
mod probe;
mod renewed;
mod token_slot;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::lock::Mutex as AsyncMutex;
use khqr_core::Timestamp;

pub use self::renewed::Renewed;
use self::token_slot::{TokenSlot, TokenVersion};
use crate::base_url::BaseUrl;
use crate::clock::SessionClock;
use crate::endpoint::{Endpoint, RenewToken, TokenUse};
use crate::error::{ApiError, ErrorClass};
use crate::observe::{Attempts, Observers, SessionObserver};
use crate::server_time::{SharedServerTime, Skew};
use crate::token::{AccessToken, TokenLife, TokenState, TokenStore, TokenStoreError};
use crate::transport::Transport;

/// Sends requests over a transport, with the token if the endpoint needs one, and keeps the token usable.
///
/// ```
/// # #[cfg(feature = "file-store")]
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
///     CheckAnswer::Failed | CheckAnswer::StaticQr => println!("cannot be paid"),
///     _ => println!("unknown"),
/// }
/// # Ok(()) }
/// ```
///
/// # Renewal
/// With [`with_renewal`](Self::with_renewal), the session renews the token three days before it expires, and when
/// Bakong rejects it (401, or code 6). A request with a rejected token is then sent once more. All callers share
/// one renewal and its result. After a failed renewal, the next one starts only after a pause ([`TokenLife`]). Until
/// then, callers without a usable token get the error of the failed renewal, and no request is sent. With a store,
/// sessions in different processes share the renewal, too: see [`TokenStore`].
///
/// The token expires by Bakong's clock, which the `Date` of each answer tells. Until Bakong has accepted or rejected the
/// token once, the expiry does not count, because this machine's clock may be ahead. The token is sent, and renewed
/// after the answer if it is due. If the token has expired by this machine's clock, one request is sent first as a
/// probe. The other callers wait for its answer, so that an expired token costs one rejected request.
///
/// Without renewal, a rejected token is not sent again until a pause has passed, because each request counts against
/// the daily quota.
///
/// # Concurrency and cancellation
/// All methods take `&self`: share a session in an [`Arc`]. Any call can be cancelled by dropping its future. If
/// it was renewing the token, the next caller renews; after two cancelled renewals in a row, a pause follows. If
/// it was saving the token, the next caller saves it.
pub struct Session<T> {
    transport: T,
    base_url: BaseUrl,
    renewal: Option<RenewToken>,
    store: Option<Arc<dyn TokenStore>>,
    observers: Arc<Observers>,
    clock: SessionClock,
    slot: Mutex<TokenSlot>,
    /// Locked while a caller renews the token or uses the store.
    renewal_lock: AsyncMutex<()>,
    /// Locked while a request probes whether the token has expired.
    probe_lock: AsyncMutex<()>,
}

impl<T: Transport> Session<T> {
    /// Creates a session without a token. It can send only requests that need no token,
    /// such as the requests that get a token.
    ///
    /// Nothing is sent or checked. A wrong address, a rejected token, and `http` to another machine, which most transports
    /// refuse, are errors of the first request. Send one at the start of a program.
    pub fn new(transport: T, base_url: impl Into<BaseUrl>) -> Self {
        Self {
            transport,
            base_url: base_url.into(),
            renewal: None,
            store: None,
            observers: Arc::default(),
            clock: SessionClock::monotonic(),
            slot: Mutex::new(TokenSlot::new()),
            renewal_lock: AsyncMutex::new(()),
            probe_lock: AsyncMutex::new(()),
        }
    }

    /// Sets the token without saving it. See also [`set_token`](Self::set_token).
    #[must_use]
    pub fn with_token(self, token: AccessToken) -> Self {
        self.with_token_slot(|slot| slot.set(token));
        self
    }

    /// Enables renewal, for the e-mail address of `renewal`. With renewal, a session without a token requests one.
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

    /// Sets the store of the token. Unless a token is set, the session loads it from there before the first
    /// request. It saves each new token, and looks for another process's token before it renews.
    #[must_use]
    pub fn with_token_store(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self.with_token_slot(|slot| slot.loaded = slot.token.is_some());
        self
    }

    /// Adds an observer. Observers receive events in the order in which they were added.
    #[must_use]
    pub fn with_observer(mut self, observer: impl SessionObserver + 'static) -> Self {
        Arc::make_mut(&mut self.observers).push(Arc::new(observer));
        self
    }

    /// Replaces this machine's clock. The default is the system clock when the session is created, advanced by a
    /// monotonic clock. The session corrects the clock by the answers: see [`now`](Self::now).
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock.set_local(now);
        self
    }

    /// Returns Bakong's time, which determines whether a token has expired. It is this machine's clock, corrected by the
    /// `Date` of the answers so far.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the estimate of Bakong's time, which the session updates with each answer.
    pub const fn server_time(&self) -> &SharedServerTime {
        self.clock.server_time()
    }

    /// Returns the base URL to which the session sends its requests.
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Returns the state of the token. A token that has not been loaded from the store yet counts as missing.
    pub fn token_state(&self) -> TokenState {
        let now = self.now();
        self.with_token_slot(|slot| slot.life.state(now))
    }

    /// Returns when the current token expires by Bakong's clock. `None` without a token, before the token was loaded from the
    /// store, and for a token that states no expiry.
    pub fn token_expires_at(&self) -> Option<Timestamp> {
        self.with_token_slot(|slot| slot.token.as_ref().and_then(AccessToken::expires_at))
    }

    /// Replaces the token, and saves it if the session has a store.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the token was not saved. The session uses it nevertheless.
    pub async fn set_token(&self, token: AccessToken) -> Result<(), TokenStoreError> {
        self.with_token_slot(|slot| {
            slot.set(token);
            slot.unsaved = self.store.is_some();
        });
        let lock = self.renewal_lock.lock().await;
        self.save_pending(&lock).await
    }

    /// Sends a request and reads its answer.
    ///
    /// Passes at most four requests to the transport: the request twice, and a renewal before each. Usually, it
    /// passes only one. Each counts against the daily quota, and a transport may repeat a failed request: see
    /// [`SessionObserver::sending`].
    ///
    /// # Errors
    /// [`ApiError`] if there is no answer. It says nothing about whether a payment was made.
    pub async fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Answer, ApiError> {
        match E::INFO.token {
            TokenUse::None => self.exchange(endpoint, None).await,
            TokenUse::Required => {
                let (version, probe) = self.token_to_send().await?;
                let answer = self.exchange(endpoint, Some(&version)).await;
                let is_rejected = self.is_rejected(&version, &answer);
                if let Some(probe) = probe {
                    probe.finish();
                }
                if !is_rejected {
                    if version.is_first {
                        self.renew_if_due().await;
                    }
                    return answer;
                }
                let version = self.ensure_token().await?;
                let answer = self.exchange(endpoint, Some(&version)).await;
                self.is_rejected(&version, &answer);
                answer
            }
            TokenUse::Optional => {
                let Some(version) = self.usable_token().await else {
                    return self.exchange(endpoint, None).await;
                };
                let answer = self.exchange(endpoint, Some(&version)).await;
                if self.is_rejected(&version, &answer) {
                    self.exchange(endpoint, None).await
                } else {
                    answer
                }
            }
        }
    }

    /// Renews the token now, even if it is not due or a pause has not passed. If another caller is renewing,
    /// waits and returns the result of that renewal. The result says whether the new token was saved.
    ///
    /// # Errors
    /// [`ApiError`] if the renewal failed, or [`with_renewal`](Self::with_renewal) was not called. The session
    /// continues to use the old token. A store that cannot save the new token is not an error: see
    /// [`Renewed::save_error`].
    pub async fn renew(&self) -> Result<Renewed, ApiError> {
        let seen = self.with_token_slot(|slot| slot.renewals);
        let lock = self.renewal_lock.lock().await;
        if self.with_token_slot(|slot| slot.renewals == seen) {
            self.renew_token(&lock, true).await?;
        } else if self.with_token_slot(|slot| slot.unsaved) {
            // The caller that renewed stopped waiting while it saved the token.
            self.save_or_report(&lock).await;
        }
        self.with_token_slot(|slot| slot.last_renewal())
    }

    /// Sends one request and reads its answer.
    async fn exchange<E: Endpoint>(
        &self,
        endpoint: &E,
        version: Option<&TokenVersion>,
    ) -> Result<E::Answer, ApiError> {
        for observer in self.observers.iter() {
            observer.before_sending(E::INFO).await?;
        }
        let token = version.map(|version| &version.token);
        let mut request = endpoint.to_request(&self.base_url, token)?;
        let observers = Arc::clone(&self.observers);
        let attempts = Attempts::start(E::INFO, observers, self.clock.clone());
        request.extensions_mut().insert(attempts.clone());
        let result = self.transport.send(request).await;
        attempts.finish(result.as_ref());
        endpoint.read(&result?).map_err(|error| match token {
            // The server may repeat a part of the token that does not look like a token.
            Some(token) => error.hiding(token.expose()),
            None => error,
        })
    }

    /// Whether Bakong rejected the token. Updates the token's state, unless the token has been replaced.
    fn is_rejected<A>(&self, version: &TokenVersion, answer: &Result<A, ApiError>) -> bool {
        let now = self.now();
        let error = answer.as_ref().err();
        let rejection = error.filter(|error| error.class() == ErrorClass::Unauthorized);
        // A refusal or an exhausted quota shows that Bakong accepted the token: it checks the token first.
        let accepted = error.is_none_or(|error| {
            matches!(
                error.class(),
                ErrorClass::Refused | ErrorClass::QuotaExhausted
            )
        });
        self.with_token_slot(|slot| {
            if slot.generation != version.generation {
                return;
            }
            if let Some(rejection) = rejection {
                slot.rejected(rejection, now);
            } else if accepted {
                slot.life.accepted();
                // No answer had a `Date`, and only this machine's clock says that the accepted token has expired.
                let is_unknown = self.server_time().skew() == Skew::Unknown;
                if is_unknown && slot.life.state(now) == TokenState::Expired {
                    slot.life.set(None);
                }
            }
        });
        rejection.is_some()
    }

    fn notify(&self, event: impl Fn(&dyn SessionObserver)) {
        self.observers.iter().for_each(|observer| event(observer));
    }
}

impl<T> Session<T> {
    /// Locks the slot. `f` runs no code of callers, so the slot is consistent even if the lock is poisoned.
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
