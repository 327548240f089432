//! Whether requests can be sent with the token.

use bakong_api::ErrorClass;
use bakong_api::khqr_core::Timestamp;
use bakong_api::token::{TokenLife, TokenState, TokenStep};

/// The life of the token, protected against replies to requests that were sent with an earlier token.
///
/// [`TokenLife`] has the state diagram. A reply counts only if its request was sent at or after `since`:
///
/// ```text
///  set, renewed ──▶ since = now
///  unauthorized ──▶ asked_at < since ? ignored : rejected, since = now
///  answer       ──▶ asked_at < since ? ignored : accepted
/// ```
#[derive(Clone, Debug)]
pub(super) struct TokenGate {
    life: TokenLife,
    /// When the token was set, renewed or rejected.
    since: Timestamp,
}

impl TokenGate {
    /// Creates the gate of a token without a known expiry.
    pub(super) fn new(renewable: bool, now: Timestamp) -> Self {
        let mut life = TokenLife::new(renewable);
        life.set(None);
        Self { life, since: now }
    }

    /// A new token was set.
    pub(super) fn set(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.since = now;
        self.life.set(expires_at);
    }

    /// The token was renewed.
    pub(super) fn renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.since = now;
        self.life.renewed(expires_at, now);
    }

    /// A check that was sent at `asked_at` was answered.
    pub(super) fn answered(&mut self, asked_at: Timestamp) {
        if asked_at >= self.since {
            self.life.accepted();
        }
    }

    /// A request that was sent at `asked_at` was rejected as unauthorized. Returns `false` if the
    /// request used an earlier token.
    pub(super) fn unauthorized(&mut self, asked_at: Timestamp, now: Timestamp) -> bool {
        let is_current = asked_at >= self.since;
        if is_current {
            self.since = now;
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

    /// The clock was set back to `now`.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        self.since = self.since.min(now);
    }
}
