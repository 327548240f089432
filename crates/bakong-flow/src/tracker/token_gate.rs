//! Tracks whether requests can be sent with the token.

use bakong_api::ErrorClass;
use bakong_api::khqr_core::Timestamp;
use bakong_api::token::{TokenLife, TokenState, TokenStep};

/// The life of the token, protected against replies to requests that were sent with an earlier token.
///
/// [`TokenLife`] has the state diagram. A reply counts only if its request was sent after `since`, the last
/// request that was sent before the token was set, renewed or rejected:
///
/// ```text
///  set, renewed ──▶ since = last request
///  unauthorized ──▶ number > since ? rejected, since = last request : ignored
///  answer       ──▶ number > since ? accepted : ignored
/// ```
#[derive(Clone, Debug)]
pub(super) struct TokenGate {
    life: TokenLife,
    /// The number of the last request that was sent before the token was set, renewed or rejected.
    since: u64,
}

impl TokenGate {
    /// Creates the gate of a token without a known expiry.
    pub(super) fn new(renewable: bool) -> Self {
        let mut life = TokenLife::new(renewable);
        life.set(None);
        Self { life, since: 0 }
    }

    /// A new token was set, after the request `last_number` was sent.
    pub(super) fn set(&mut self, expires_at: Option<Timestamp>, last_number: u64) {
        self.since = last_number;
        self.life.set(expires_at);
    }

    /// The token was renewed, after the request `last_number` was sent.
    pub(super) fn renewed(
        &mut self,
        expires_at: Option<Timestamp>,
        last_number: u64,
        now: Timestamp,
    ) {
        self.since = last_number;
        self.life.renewed(expires_at, now);
    }

    /// The check with this number was answered.
    pub(super) fn answered(&mut self, number: u64) {
        if number > self.since {
            self.life.accepted();
        }
    }

    /// The request with this number was rejected as unauthorized. `last_number` is the number of the last request that
    /// was sent. Returns `false` if the request used an earlier token.
    pub(super) fn unauthorized(
        &mut self,
        (number, last_number): (u64, u64),
        now: Timestamp,
    ) -> bool {
        let is_current = number > self.since;
        if is_current {
            self.since = last_number;
            self.life.rejected(now);
        }
        is_current
    }

    pub(super) const fn renewal_started(&mut self) {
        self.life.renewal_started();
    }

    pub(super) fn renewal_failed(&mut self, class: ErrorClass, now: Timestamp) {
        self.life.renewal_failed(class.remedy(), now);
    }

    pub(super) fn renewal_abandoned(&mut self, now: Timestamp) {
        self.life.renewal_abandoned(now);
    }

    /// Whether Bakong rejected the token, and only a new one from outside can help.
    pub(super) fn is_refused(&self, now: Timestamp) -> bool {
        !self.life.is_renewable() && self.life.state(now) == TokenState::Rejected
    }

    /// Returns what to do before a request is sent.
    pub(super) fn step(&self, now: Timestamp) -> TokenStep {
        self.life.step(now)
    }

    /// Returns when the next renewal is due, if the token can be renewed.
    pub(super) fn next_renewal(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.life.next_change(now);
        next.filter(|_| self.life.is_renewable())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_renewable_token_has_a_next_renewal() {
        let now = Timestamp::from_millis(1_795_237_200_000);
        let expires_at = now.saturating_add(Duration::from_secs(90 * 24 * 60 * 60));
        for is_renewable in [true, false] {
            let mut gate = TokenGate::new(is_renewable);
            gate.set(Some(expires_at), 0);
            let next = gate.next_renewal(now);
            assert_eq!(next.is_some(), is_renewable);
            assert!(next.is_none_or(|next| now < next && next < expires_at));
        }
    }
}
