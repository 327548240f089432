//! The states of a token over time: a state machine without a clock, a socket or the token itself.

#[cfg(test)]
mod tests;

use std::time::Duration;

use khqr_core::Timestamp;

use crate::error::Remedy;

/// How long before its expiry a token is due for renewal. NBC reminds the owner at the same time.
const AHEAD: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The first pause after a failed renewal, and after a rejected token. Each further pause is twice as long.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause while no request can be sent.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// The longest pause while the old token is usable. It is longer because each renewal counts against the daily quota.
pub(crate) const LONGEST_PAUSE_WHILE_USABLE: Duration = Duration::from_secs(6 * 60 * 60);

/// Returns the pause after a failed renewal. `failures` counts the failed renewals before it. `usable` is true if
/// the old token can still be sent.
pub(crate) fn pause_after(remedy: Remedy, failures: u32, usable: bool) -> Duration {
    let longest = if usable {
        LONGEST_PAUSE_WHILE_USABLE
    } else {
        LONGEST_PAUSE
    };
    match remedy {
        Remedy::AskAgain => FIRST_PAUSE
            .saturating_mul(2u32.saturating_pow(failures))
            .min(longest),
        Remedy::NextDay | Remedy::NewToken | Remedy::Attention => longest,
    }
}

/// Decides when a token may be sent, and when it must be renewed.
///
/// ```text
///            ┌───────────────────── renewed ─────────────────────┐
///            ▼                                                   │
///         valid ──3 days before `exp`──▶ due ──`exp`──▶ expired  │
///            │                            │               │      │
///            └─────401 or code 6──────────┴─▶ rejected    │      │
///                                               │         │      │
///               missing ───────────┐            ▼         ▼      │
///                                  └────────▶ renewing ──────────┘
///                                               └─ failed ─▶ the previous state, with a pause
/// ```
///
/// After a failed renewal, the next one starts after a pause. The pause grows from one minute to one hour, or to six
/// hours while the old token is usable, so that failing renewals do not exhaust the daily quota.
///
/// The expiry counts only after Bakong has accepted or rejected a token once. Until then, the clock may be wrong, and a
/// token that seems to be due or expired is sent. If it has expired, Bakong rejects it, and it is renewed. With many
/// callers, [`needs_probe`](Self::needs_probe) tells that one request should find this out for all of them.
///
/// A rejected token is sent again after such a pause, before the next renewal: Bakong may have rejected the token for one
/// endpoint only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenLife {
    renewable: bool,
    token: Option<Token>,
    renewing: bool,
    /// How many renewals have failed since a token was last accepted.
    failures: u32,
    /// Whether the caller of the last renewal stopped waiting for it.
    abandoned: bool,
    /// Before this time, no renewal starts, and a rejected token is not sent.
    not_before: Option<Timestamp>,
    /// Whether the pause is a deferral: another process renews the token.
    deferred: bool,
    /// Whether Bakong has accepted or rejected a token, so that its answer has told its time.
    answered: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Token {
    expires_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    rejected: bool,
    /// Whether the renewal of the rejected token failed, so that the token is sent again after the pause.
    retried: bool,
    /// Whether the token came from a renewal and Bakong has not accepted it yet.
    unproven: bool,
}

/// The state of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenState {
    /// There is no token.
    Missing,
    /// The token is valid for more than three days, or has no expiry.
    Valid,
    /// The token is valid for at most three days.
    DueForRenewal,
    /// A renewal is in progress.
    Renewing,
    /// The token's `exp` has passed.
    Expired,
    /// Bakong rejected the token.
    Rejected,
}

/// What to do before sending a request that needs the token. Send no request at a step that the program does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenStep {
    /// Send the request with the token.
    Use,
    /// One caller renews the token first, and uses the old token if that fails. The others use the old token.
    RenewOrUse,
    /// One caller renews the token. Until then, no request can be sent.
    Renew,
    /// Wait for the renewal that is in progress.
    Await,
    /// Send nothing before this time: the token is not usable, and the last renewal failed.
    Refuse(Timestamp),
    /// There is no token, and no token can be requested.
    Missing,
}

impl TokenLife {
    /// Creates a state machine without a token. `renewable` is true if tokens can be renewed, which requires an
    /// e-mail address.
    #[must_use]
    pub const fn new(renewable: bool) -> Self {
        Self {
            renewable,
            token: None,
            renewing: false,
            failures: 0,
            abandoned: false,
            not_before: None,
            deferred: false,
            answered: false,
        }
    }

    /// Whether Bakong has accepted, rejected or issued a token. Before that, the expiry of the token does not count.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether the token has expired by the clock, and no answer has confirmed the clock so far. One request should then be
    /// sent as a probe, while other callers wait for its answer: if the token has expired, each request is rejected, and
    /// counts against the daily quota.
    #[must_use]
    pub fn needs_probe(&self, now: Timestamp) -> bool {
        !self.answered
            && self
                .token
                .is_some_and(|token| !token.rejected && token.has_expired(now))
    }

    /// Whether tokens can be renewed.
    #[must_use]
    pub const fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// Records a token that was set by hand or loaded from a store.
    pub fn set(&mut self, expires_at: Option<Timestamp>) {
        *self = Self {
            token: Some(Token {
                expires_at,
                due_at: expires_at.map(due_before),
                rejected: false,
                retried: false,
                unproven: false,
            }),
            renewing: self.renewing,
            answered: self.answered,
            ..Self::new(self.renewable)
        };
    }

    /// Returns the state of the token.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> TokenState {
        match self.token {
            _ if self.renewing => TokenState::Renewing,
            None => TokenState::Missing,
            Some(token) if token.rejected => TokenState::Rejected,
            Some(token) if token.has_expired(now) => TokenState::Expired,
            Some(token) if token.is_due(now) => TokenState::DueForRenewal,
            Some(_) => TokenState::Valid,
        }
    }

    /// Returns what to do before sending a request.
    #[must_use]
    pub fn step(&self, now: Timestamp) -> TokenStep {
        let paused = self.pause_at(now);
        let usable = self.is_usable(now);
        match (self.token, paused) {
            _ if usable && (self.renewing || !self.renewable || paused.is_some()) => TokenStep::Use,
            (Some(token), None) if usable && self.answered && token.is_due(now) => {
                TokenStep::RenewOrUse
            }
            _ if usable => TokenStep::Use,
            _ if self.renewing => TokenStep::Await,
            (None, _) if !self.renewable => TokenStep::Missing,
            (_, Some(moment)) => TokenStep::Refuse(moment),
            (Some(token), None) if token.retried && !token.has_expired(now) => TokenStep::Use,
            _ if self.renewable => TokenStep::Renew,
            // Bakong decides whether the token is still valid: this machine's clock may be wrong.
            _ => TokenStep::Use,
        }
    }

    /// Whether the token may be sent: it has not expired, and Bakong has not rejected it. Before the first answer, the
    /// expiry does not count.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.token
            .is_some_and(|token| !(token.rejected || self.answered && token.has_expired(now)))
    }

    /// Returns the next time at which [`step`](Self::step) can change without another event.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let expiry = self.token.and_then(|token| token.expires_at);
        let due = self.token.and_then(|token| token.due_at);
        [self.pause_at(now), due, expiry]
            .into_iter()
            .flatten()
            .filter(|moment| now < *moment)
            .min()
    }

    /// Returns the end of the current pause.
    fn pause_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before
            .filter(|moment| now < *moment)
            // A pause beyond the maximum means that the clock was ahead and has been set back.
            .filter(|moment| moment.saturating_since(now) <= LONGEST_PAUSE_WHILE_USABLE)
    }

    /// Records that a renewal has started.
    pub const fn renewal_started(&mut self) {
        self.renewing = true;
    }

    /// Records that a renewal returned a token with this expiry.
    pub fn renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        // A new token is valid. If its expiry has passed, this machine's clock is wrong.
        let expires_at = expires_at.filter(|expiry| now < *expiry);
        // A token that lasts only a few days must not be due at once.
        let due_at = expires_at.map(|expiry| {
            let two_thirds = expiry.saturating_since(now) / 3 * 2;
            due_before(expiry).max(now.saturating_add(two_thirds))
        });
        self.renewing = false;
        self.abandoned = false;
        self.not_before = None;
        self.deferred = false;
        self.answered = true;
        self.token = Some(Token {
            expires_at,
            due_at,
            rejected: false,
            retried: false,
            unproven: true,
        });
    }

    /// Records that a renewal failed with an error of this remedy.
    pub fn renewal_failed(&mut self, remedy: Remedy, now: Timestamp) {
        self.renewing = false;
        self.abandoned = false;
        self.pause(remedy, now);
    }

    /// Records that no renewal may start before `until`, although this process sent none: another process is renewing
    /// the token, or its renewal failed. A pause of more than six hours is ignored. A rejection of the token ends the
    /// pause, because the other process may have a new token.
    pub const fn renewal_deferred(&mut self, until: Timestamp) {
        self.renewing = false;
        self.not_before = Some(until);
        self.deferred = true;
    }

    /// Records that the caller of a renewal stopped waiting, so its result is unknown.
    ///
    /// If no usable token is left, another caller may renew at once. A second abandoned renewal in a row starts a
    /// pause: answers apparently take longer than callers wait, and each renewal counts against the daily quota.
    pub fn renewal_abandoned(&mut self, now: Timestamp) {
        self.renewing = false;
        if std::mem::replace(&mut self.abandoned, true) || self.is_usable(now) {
            self.pause(Remedy::AskAgain, now);
        }
    }

    /// Records that Bakong accepted the token.
    pub fn accepted(&mut self) {
        if let Some(token) = &mut self.token {
            token.rejected = false;
            token.retried = false;
            token.unproven = false;
            self.failures = 0;
            self.answered = true;
        }
    }

    /// Records that Bakong rejected the token: 401, or code 6.
    pub fn rejected(&mut self, now: Timestamp) {
        let Some(token) = &mut self.token else {
            return;
        };
        token.rejected = true;
        self.answered = true;
        if std::mem::take(&mut self.deferred) {
            self.not_before = None;
        }
        // Without a pause, a rejected new token would be renewed again and again, and a token that cannot be
        // renewed would be sent again and again.
        if token.unproven || !self.renewable {
            self.pause(Remedy::AskAgain, now);
        }
        // The next renewal comes first.
        if let Some(token) = &mut self.token {
            token.retried = false;
        }
    }

    fn pause(&mut self, remedy: Remedy, now: Timestamp) {
        let pause = pause_after(remedy, self.failures, self.is_usable(now));
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now.saturating_add(pause));
        self.deferred = false;
        if let Some(token) = &mut self.token {
            token.retried = token.rejected;
        }
    }
}

impl Token {
    fn has_expired(self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= now)
    }

    fn is_due(self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

fn due_before(expiry: Timestamp) -> Timestamp {
    let millis = u64::try_from(AHEAD.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(expiry.as_millis().saturating_sub(millis))
}
