//! What a session knows of its token at a moment: the token, its life, and how its last renewal ended.

use khqr_core::Timestamp;

use crate::error::{ApiError, ErrorClass};
use crate::token::AccessToken;
use crate::token::TokenLife;
use crate::transport::{TransportError, TransportErrorKind};

pub(crate) struct TokenSlot {
    pub(crate) life: TokenLife,
    pub(crate) token: Option<AccessToken>,
    /// Counts the tokens, so that a refusal is known to be of the present one.
    pub(crate) generation: u64,
    /// Whether the store need not be asked for a first token.
    pub(crate) looked: bool,
    /// What the store is known to hold or to have held: only what another put there is news.
    pub(crate) seen_in_store: Option<AccessToken>,
    /// Whether the token is one that the store is still to keep: whoever was to see to it may have stopped
    /// waiting in the midst of it.
    pub(crate) unsaved: bool,
    /// Why nothing is sent in a pause.
    refusal: Option<ApiError>,
    /// How many renewals ended, and why the last one failed if it did.
    pub(crate) renewals: u64,
    renewal_error: Option<ApiError>,
}

/// A token to send, and which one it is.
pub(crate) struct TokenVersion {
    pub(crate) token: AccessToken,
    pub(crate) generation: u64,
}

impl TokenSlot {
    /// Without a token.
    pub(crate) const fn new() -> Self {
        Self {
            life: TokenLife::new(false),
            token: None,
            generation: 0,
            looked: true,
            seen_in_store: None,
            unsaved: false,
            refusal: None,
            renewals: 0,
            renewal_error: None,
        }
    }

    /// A token was given by hand or found in the store.
    pub(crate) fn set(&mut self, token: AccessToken) {
        self.life.set(token.expires_at());
        self.take(token);
    }

    /// A renewal brought this token.
    pub(crate) fn renewed(&mut self, token: AccessToken, now: Timestamp) {
        self.life.renewed(token.expires_at(), now);
        self.take(token);
        self.renewals += 1;
        self.renewal_error = None;
    }

    /// A renewal brought this error.
    pub(crate) fn renewal_failed(&mut self, error: &ApiError, now: Timestamp) {
        self.life.renewal_failed(error.class().remedy(), now);
        self.refusal = Some(error.clone());
        self.renewals += 1;
        self.renewal_error = Some(error.clone());
    }

    /// A renewal was left before its end.
    pub(crate) fn renewal_abandoned(&mut self, now: Timestamp) {
        let why = "whoever renewed the token stopped waiting for the answer";
        let error = TransportError::new(TransportErrorKind::Timeout, why);
        self.life.renewal_abandoned(now);
        self.refusal = Some(ApiError::from(error).of_renewal());
    }

    /// Bakong refused the token.
    pub(crate) fn rejected(&mut self, refusal: &ApiError, now: Timestamp) {
        self.life.rejected(now);
        self.refusal = Some(refusal.clone());
    }

    fn take(&mut self, token: AccessToken) {
        self.token = Some(token);
        self.unsaved = false;
        self.generation += 1;
        self.looked = true;
        self.refusal = None;
    }

    /// The token that the store is still to keep, and which one it is.
    pub(crate) fn to_save(&self) -> Option<TokenVersion> {
        self.unsaved.then(|| self.version().ok()).flatten()
    }

    /// The store has been handed this one, and kept it or not.
    pub(crate) fn handed_to_store(&mut self, version: TokenVersion, kept: bool) {
        if self.generation == version.generation {
            self.unsaved = false;
        }
        if kept {
            self.seen_in_store = Some(version.token);
        }
    }

    pub(crate) fn version(&self) -> Result<TokenVersion, ApiError> {
        let token = self.token.clone().ok_or_else(no_token)?;
        let generation = self.generation;
        Ok(TokenVersion { token, generation })
    }

    pub(crate) fn has_usable(&self, now: Timestamp) -> bool {
        self.token.is_some() && self.life.is_usable(now)
    }

    /// Whether a token from the store is one to go on with.
    pub(crate) fn is_better(&self, found: &AccessToken, now: Timestamp) -> bool {
        let is = |other: &Option<AccessToken>| {
            let other = other.as_ref().map(AccessToken::expose);
            other == Some(found.expose())
        };
        if is(&self.token) || is(&self.seen_in_store) {
            return false;
        }
        let end = found.expires_at();
        let ended = end.is_some_and(|end| end <= now);
        let present_end = self.token.as_ref().and_then(AccessToken::expires_at);
        let lasts_longer = end.is_none_or(|end| present_end.is_some_and(|present| present < end));
        !ended && (lasts_longer || !self.has_usable(now))
    }

    /// Why nothing is sent in a pause.
    pub(crate) fn refusal(&self) -> ApiError {
        self.refusal.clone().unwrap_or_else(no_token)
    }

    /// How the last renewal ended.
    pub(crate) fn last_renewal(&self) -> Result<(), ApiError> {
        self.renewal_error.clone().map_or(Ok(()), Err)
    }
}

pub(crate) fn no_token() -> ApiError {
    ApiError::new(ErrorClass::Unauthorized, "there is no token to send")
}
