//! A project's standing with one Bakong: where it is, and the token that opens it, kept good.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::lock::{Mutex as Gate, MutexGuard as GateGuard};
use khqr_core::Timestamp;

use crate::base_url::BaseUrl;
use crate::endpoint::{Endpoint, RenewToken, TokenUse};
use crate::error::{ApiError, ErrorClass};
use crate::observer::{Attempts, Both, SessionObserver};
use crate::standing::{Pass, Standing, no_token};
use crate::token::AccessToken;
use crate::token_life::{TokenLife, TokenState, TokenStep};
use crate::token_store::{TokenStore, TokenStoreError};
use crate::transport::Transport;

/// Sends endpoints over a transport, with the token where one is needed, and keeps the token good.
///
/// ```
/// # async fn example(transport: impl bakong_api::Transport) -> Result<(), Box<dyn std::error::Error>> {
/// use bakong_api::{
///     CheckAnswer, CheckTransactionByMd5, Environment, FileTokenStore, RenewToken, Session,
/// };
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
    standing: Mutex<Standing>,
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
            standing: Mutex::new(Standing::new()),
            gate: Gate::new(()),
        }
    }

    /// The same session with this token. Nothing is saved: see [`set_token`](Self::set_token).
    #[must_use]
    pub fn with_token(self, token: AccessToken) -> Self {
        self.with_standing(|standing| standing.set(token));
        self
    }

    /// The same session, which renews its token under the address of `renewal`; without a token at all, it
    /// asks for one.
    #[must_use]
    pub fn with_renewal(mut self, renewal: RenewToken) -> Self {
        self.renewal = Some(renewal);
        self.with_standing(|standing| {
            standing.life = TokenLife::new(true);
            if let Some(token) = &standing.token {
                standing.life.set(token.expires_at());
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
        self.with_standing(|standing| standing.looked = standing.token.is_some());
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
        self.with_standing(|standing| standing.life.state(now))
    }

    /// Uses this token from now on, and keeps it in the store if there is one.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it could not be kept. It is used all the same.
    pub async fn set_token(&self, token: AccessToken) -> Result<(), TokenStoreError> {
        self.with_standing(|standing| {
            standing.set(token);
            standing.unsaved = self.store.is_some();
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
                let pass = self.pass().await?;
                let answer = self.exchange(endpoint, Some(&pass)).await;
                if !self.is_refused(&pass, &answer) {
                    return answer;
                }
                let pass = self.pass().await?;
                let answer = self.exchange(endpoint, Some(&pass)).await;
                self.is_refused(&pass, &answer);
                answer
            }
            TokenUse::Optional => {
                let Some(pass) = self.usable_pass().await else {
                    return self.exchange(endpoint, None).await;
                };
                let answer = self.exchange(endpoint, Some(&pass)).await;
                if self.is_refused(&pass, &answer) {
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
        let seen = self.with_standing(|standing| standing.renewals);
        let gate = self.gate.lock().await;
        let ended = self.with_standing(|standing| {
            let ended = standing.renewals != seen;
            ended.then(|| standing.last_renewal())
        });
        match ended {
            Some(ended) => ended,
            None => self.ask_for_token(&gate).await,
        }
    }

    /// A token to send, renewed before if it has to be.
    async fn pass(&self) -> Result<Pass, ApiError> {
        self.look_in_store().await?;
        let now = (self.clock)();
        let (step, usable, generation, unsaved) = self.with_standing(|standing| {
            let usable = standing.has_usable(now);
            let (generation, unsaved) = (standing.generation, standing.unsaved);
            (standing.life.step(now), usable, generation, unsaved)
        });
        if unsaved {
            self.keep_what_was_left().await;
        }
        match step {
            TokenStep::Use if usable => {}
            TokenStep::RenewOrUse => {
                // Whoever comes while it is renewed has the old one.
                if let Some(gate) = self.gate.try_lock() {
                    // Told to the observer, and the old one is good.
                    let _ = self.make_good(&gate, generation).await;
                }
            }
            _ => {
                let gate = self.gate.lock().await;
                self.make_good(&gate, generation).await?;
            }
        }
        self.with_standing(|standing| standing.pass())
    }

    /// A token to send if there is one that may be good.
    async fn usable_pass(&self) -> Option<Pass> {
        // It is no error that nobody has it, since none is needed.
        let _ = self.look_in_store().await;
        let now = (self.clock)();
        self.with_standing(|standing| {
            let usable = standing.life.is_usable(now);
            usable.then(|| standing.pass().ok()).flatten()
        })
    }

    /// Takes the token from the store, the first time that one is needed.
    async fn look_in_store(&self) -> Result<(), ApiError> {
        let looked = |standing: &mut Standing| standing.looked;
        let Some(store) = self.store.as_ref().filter(|_| !self.with_standing(looked)) else {
            return Ok(());
        };
        let _gate = self.gate.lock().await;
        if self.with_standing(looked) {
            return Ok(());
        }
        let found = store
            .load()
            .await
            .map_err(|error| ApiError::new(ErrorClass::Unauthorized, error.to_string()))?;
        self.with_standing(|standing| {
            // One that was set meanwhile is newer.
            if std::mem::replace(&mut standing.looked, true) {
                return;
            }
            standing.seen_in_store.clone_from(&found);
            if let Some(token) = found {
                standing.set(token);
            }
        });
        Ok(())
    }

    /// Sees to it that there is a token to send, by the store or by a renewal, unless somebody did so while the
    /// gate was waited for, when `generation` was the present token's.
    async fn make_good(&self, gate: &GateGuard<'_, ()>, generation: u64) -> Result<(), ApiError> {
        let now = (self.clock)();
        let is_done = self.with_standing(|standing| {
            let is_new = standing.generation != generation;
            standing.has_usable(now) && (is_new || standing.life.step(now) == TokenStep::Use)
        });
        if is_done || self.adopt_from_store(now).await {
            return Ok(());
        }
        match self.with_standing(|standing| standing.life.step(now)) {
            TokenStep::Use => Ok(()),
            TokenStep::Refuse(_) => Err(self.with_standing(|standing| standing.refusal())),
            TokenStep::Missing => Err(no_token()),
            TokenStep::Renew | TokenStep::RenewOrUse | TokenStep::Await => {
                self.ask_for_token(gate).await
            }
        }
    }

    /// Takes a token from the store that another put there, if it is better than the present one.
    async fn adopt_from_store(&self, now: Timestamp) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let Ok(Some(found)) = store.load().await else {
            return false;
        };
        self.with_standing(|standing| {
            if !standing.is_better(&found, now) {
                return false;
            }
            standing.seen_in_store = Some(found.clone());
            standing.set(found);
            true
        })
    }

    /// Puts the present token into the store, if it is still to be kept there. Only whoever holds the gate may,
    /// so that the newest comes last.
    async fn keep(&self, _gate: &GateGuard<'_, ()>) -> Result<(), TokenStoreError> {
        let pass = self.with_standing(|standing| standing.to_save());
        let (Some(store), Some(pass)) = (&self.store, pass) else {
            return Ok(());
        };
        let result = store.save(&pass.token).await;
        self.with_standing(|standing| standing.handed_to_store(pass, result.is_ok()));
        result
    }

    /// Does what somebody left undone who stopped waiting while a token was kept.
    async fn keep_what_was_left(&self) {
        // Whoever has the gate sees to it.
        if let Some(gate) = self.gate.try_lock() {
            self.keep_and_tell(&gate).await;
        }
    }

    async fn keep_and_tell(&self, gate: &GateGuard<'_, ()>) {
        if let Err(error) = self.keep(gate).await {
            self.tell(|observer| observer.token_not_kept(&error));
        }
    }

    /// Asks for a new token. Only whoever holds the gate may.
    async fn ask_for_token(&self, gate: &GateGuard<'_, ()>) -> Result<(), ApiError> {
        let Some(renewal) = &self.renewal else {
            let why = "there is no e-mail address to renew it under";
            return Err(ApiError::new(ErrorClass::Unauthorized, why).of_renewal());
        };
        self.with_standing(|standing| standing.life.renewal_started());
        let abandoned = OnDrop(Some(|| {
            let now = (self.clock)();
            self.with_standing(|standing| standing.renewal_abandoned(now));
        }));
        let result = self.exchange(renewal, None).await;
        abandoned.defuse();
        let now = (self.clock)();
        match result {
            Ok(token) => {
                let expires_at = token.expires_at();
                self.with_standing(|standing| {
                    standing.renewed(token, now);
                    standing.unsaved = self.store.is_some();
                });
                self.tell(|observer| observer.token_renewed(expires_at));
                self.keep_and_tell(gate).await;
                Ok(())
            }
            Err(error) => {
                let error = error.of_renewal();
                self.with_standing(|standing| standing.renewal_failed(&error, now));
                self.tell(|observer| observer.token_not_renewed(&error));
                Err(error)
            }
        }
    }

    /// One request and its answer.
    async fn exchange<E: Endpoint>(
        &self,
        endpoint: &E,
        pass: Option<&Pass>,
    ) -> Result<E::Answer, ApiError> {
        let token = pass.map(|pass| &pass.token);
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
    fn is_refused<A>(&self, pass: &Pass, answer: &Result<A, ApiError>) -> bool {
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
        self.with_standing(|standing| {
            if standing.generation != pass.generation {
                return;
            }
            if let Some((refusal, now)) = refused {
                standing.rejected(refusal, now);
            } else if taken {
                standing.life.accepted();
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
    fn with_standing<R>(&self, f: impl FnOnce(&mut Standing) -> R) -> R {
        f(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does something when a future is dropped in its midst.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    fn defuse(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.with_standing(|standing| standing.token.clone());
        f.debug_struct("Session")
            .field("base_url", &self.base_url)
            .field("token", &token)
            .finish_non_exhaustive()
    }
}
