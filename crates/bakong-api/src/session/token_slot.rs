//! The token of a session: its state, its version, and the result of its last renewal.

use khqr_core::Timestamp;

use crate::endpoint::no_token;
use crate::error::ApiError;
use crate::session::renewed::Renewed;
use crate::token::{AccessToken, TokenLife, TokenStoreError};
use crate::transport::{TransportError, TransportErrorKind};

pub(crate) struct TokenSlot {
    pub(crate) life: TokenLife,
    pub(crate) token: Option<AccessToken>,
    /// Incremented with each token, so that a late rejection of an old token does not affect the current one.
    pub(crate) generation: u64,
    /// Whether the first token has been loaded from the store, or need not be loaded.
    pub(crate) loaded: bool,
    /// The last token seen in the store. A different token in the store comes from another process.
    pub(crate) seen_in_store: Option<AccessToken>,
    /// Whether the token must still be saved. The caller that had to save it may have stopped waiting.
    pub(crate) unsaved: bool,
    /// Why no request is sent during a pause.
    pause_reason: Option<ApiError>,
    /// The number of finished probes: see [`TokenLife::needs_probe`].
    pub(crate) probes: u64,
    /// The number of finished renewals.
    pub(crate) renewals: u64,
    /// The result of the last renewal, with the generation of its token.
    last_renewal: Option<Result<(u64, Renewed), ApiError>>,
}

/// A token to send, with its generation.
pub(crate) struct TokenVersion {
    pub(crate) token: AccessToken,
    pub(crate) generation: u64,
    /// Whether Bakong has neither accepted nor rejected a token so far.
    pub(crate) is_first: bool,
}

impl TokenSlot {
    /// Creates a slot without a token.
    pub(crate) const fn new() -> Self {
        Self {
            life: TokenLife::new(false),
            token: None,
            generation: 0,
            loaded: true,
            seen_in_store: None,
            unsaved: false,
            pause_reason: None,
            probes: 0,
            renewals: 0,
            last_renewal: None,
        }
    }

    /// Sets a token that was given by the user or loaded from the store.
    pub(crate) fn set(&mut self, token: AccessToken) {
        self.life.set(token.expires_at());
        self.replace(token);
    }

    /// Sets the token of a successful renewal.
    pub(crate) fn renewed(&mut self, token: AccessToken, now: Timestamp) {
        let renewed = Renewed {
            expires_at: token.expires_at(),
            ..Renewed::default()
        };
        self.life.renewed(token.expires_at(), now);
        self.replace(token);
        self.renewals += 1;
        self.last_renewal = Some(Ok((self.generation, renewed)));
    }

    /// Records a failed renewal.
    pub(crate) fn renewal_failed(&mut self, error: &ApiError, now: Timestamp) {
        self.life.renewal_failed(error.class().remedy(), now);
        self.pause_reason = Some(error.clone());
        self.renewals += 1;
        self.last_renewal = Some(Err(error.clone()));
    }

    /// Records that another process prevents a renewal until this time.
    pub(crate) fn renewal_deferred(&mut self, error: &ApiError, until: Timestamp) {
        self.life.renewal_deferred(until);
        self.pause_reason = Some(error.clone());
    }

    /// Records that the caller of a renewal stopped waiting.
    pub(crate) fn renewal_abandoned(&mut self, now: Timestamp) {
        let why = "the caller that renewed the token stopped waiting for the answer";
        let error = TransportError::new(TransportErrorKind::Timeout, why);
        self.life.renewal_abandoned(now);
        self.pause_reason = Some(ApiError::from(error).of_renewal());
    }

    /// Records that Bakong rejected the token.
    pub(crate) fn rejected(&mut self, rejection: &ApiError, now: Timestamp) {
        self.life.rejected(now);
        self.pause_reason = Some(rejection.clone());
    }

    fn replace(&mut self, token: AccessToken) {
        self.token = Some(token);
        self.unsaved = false;
        self.generation += 1;
        self.loaded = true;
        self.pause_reason = None;
    }

    /// Returns the token that must still be saved.
    pub(crate) fn to_save(&self) -> Option<TokenVersion> {
        self.unsaved.then(|| self.current().ok()).flatten()
    }

    /// Records that the store was asked to save this token.
    pub(crate) fn save_finished(
        &mut self,
        version: TokenVersion,
        result: &Result<(), TokenStoreError>,
    ) {
        if self.generation == version.generation {
            self.unsaved = false;
        }
        if let Some(Ok((generation, renewed))) = &mut self.last_renewal
            && *generation == version.generation
        {
            renewed.saved = result.is_ok();
            renewed.save_error = result.as_ref().err().cloned();
        }
        if result.is_ok() {
            self.seen_in_store = Some(version.token);
        }
    }

    /// Returns the current token.
    pub(crate) fn current(&self) -> Result<TokenVersion, ApiError> {
        let token = self.token.clone().ok_or_else(no_token)?;
        Ok(TokenVersion {
            token,
            generation: self.generation,
            is_first: !self.life.is_answered(),
        })
    }

    pub(crate) fn has_usable(&self, now: Timestamp) -> bool {
        self.token.is_some() && self.life.is_usable(now)
    }

    /// Returns the token's expiry, if the token is usable until then.
    pub(crate) fn usable_until(&self, now: Timestamp) -> Option<Timestamp> {
        let token = self.token.as_ref().filter(|_| self.life.is_usable(now));
        token.and_then(AccessToken::expires_at)
    }

    /// Whether a token in the store was stored by another process and should replace the current one.
    pub(crate) fn is_better(&self, found: &AccessToken, now: Timestamp) -> bool {
        let is = |other: &Option<AccessToken>| {
            let other = other.as_ref().map(AccessToken::expose);
            other == Some(found.expose())
        };
        if is(&self.token) || is(&self.seen_in_store) {
            return false;
        }
        let expiry = found.expires_at();
        let has_expired = self.life.is_answered() && expiry.is_some_and(|expiry| expiry <= now);
        let current = self.token.as_ref().and_then(AccessToken::expires_at);
        let lasts_longer =
            expiry.is_none_or(|expiry| current.is_some_and(|current| current < expiry));
        !has_expired && (lasts_longer || !self.has_usable(now))
    }

    /// Returns the reason why no request is sent during a pause.
    pub(crate) fn pause_reason(&self) -> ApiError {
        self.pause_reason.clone().unwrap_or_else(no_token)
    }

    /// Returns the result of the last renewal.
    pub(crate) fn last_renewal(&self) -> Result<Renewed, ApiError> {
        match &self.last_renewal {
            Some(Ok((_, renewed))) => Ok(renewed.clone()),
            Some(Err(error)) => Err(error.clone()),
            None => Err(no_token()),
        }
    }
}
