//! The life of a token, as a machine without a clock, a socket or the token itself.

#[cfg(test)]
mod tests;

use std::time::Duration;

use khqr_core::Timestamp;

use crate::error::Remedy;

/// How long before its end a token is renewed: when NBC, too, reminds its owner.
const AHEAD: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The first pause after a renewal that failed, and after a token that was refused; each further one is
/// twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause while nothing can be asked.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// The longest pause while the old token is good: a renewal costs one of the day's requests, too.
const LONGEST_PAUSE_WHILE_USABLE: Duration = Duration::from_secs(6 * 60 * 60);

/// What a token's holder may do when, and when the token is to be renewed.
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
///                                               └─ failed ─▶ as before, and not again before a pause
/// ```
///
/// The pause grows from one minute to an hour, or to six hours while the old token is good, so that a
/// renewal that always fails does not use up the day's requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenLife {
    renewable: bool,
    token: Option<Token>,
    renewing: bool,
    /// How many renewals failed since one led to a token that was taken.
    failures: u32,
    /// Whether the last renewal was given up by whoever asked for it.
    abandoned: bool,
    /// Before this, no renewal is tried, and a refused token not sent.
    not_before: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Token {
    expires_at: Option<Timestamp>,
    /// From when on it is to be renewed.
    due_at: Option<Timestamp>,
    rejected: bool,
    /// It came from a renewal, and Bakong has not yet taken it.
    unproven: bool,
}

/// Where a token is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenState {
    /// There is none.
    Missing,
    /// It is good for more than three days, or does not say when it ends.
    Valid,
    /// It is good, for three days at most.
    DueForRenewal,
    /// A new one is being asked for.
    Renewing,
    /// Its `exp` is past.
    Expired,
    /// Bakong refused it.
    Rejected,
}

/// What is to be done before a request that needs the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenStep {
    /// Send it with the token.
    Use,
    /// One caller renews the token first, and sends with the old one if that fails; all others send.
    RenewOrUse,
    /// One caller renews the token; nothing can be sent before.
    Renew,
    /// Somebody is renewing it; wait for the end of that.
    Await,
    /// Send nothing before this moment: the token is no good, and the last renewal failed.
    Refuse(Timestamp),
    /// There is no token and no way to get one.
    Missing,
}

impl TokenLife {
    /// A life without a token. `renewable` says whether renewals can be asked for: an e-mail address is
    /// known.
    #[must_use]
    pub const fn new(renewable: bool) -> Self {
        Self {
            renewable,
            token: None,
            renewing: false,
            failures: 0,
            abandoned: false,
            not_before: None,
        }
    }

    /// Whether renewals can be asked for.
    #[must_use]
    pub const fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// A token was given by hand, or found in a store.
    pub fn set(&mut self, expires_at: Option<Timestamp>) {
        *self = Self {
            token: Some(Token {
                expires_at,
                due_at: expires_at.map(ahead_of),
                rejected: false,
                unproven: false,
            }),
            renewing: self.renewing,
            ..Self::new(self.renewable)
        };
    }

    /// Where the token is in its life.
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

    /// What is to be done before a request.
    #[must_use]
    pub fn step(&self, now: Timestamp) -> TokenStep {
        let paused = self.pause_at(now);
        let usable = self.is_usable(now);
        match (self.token, paused) {
            _ if usable && (self.renewing || !self.renewable || paused.is_some()) => TokenStep::Use,
            (Some(token), None) if usable && token.is_due(now) => TokenStep::RenewOrUse,
            _ if usable => TokenStep::Use,
            _ if self.renewing => TokenStep::Await,
            (None, _) if !self.renewable => TokenStep::Missing,
            (_, Some(moment)) => TokenStep::Refuse(moment),
            _ if self.renewable => TokenStep::Renew,
            // Whether it is any good, Bakong shall say: this machine's clock may be wrong.
            _ => TokenStep::Use,
        }
    }

    /// Whether the token may be sent, as far as is known.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.token
            .is_some_and(|token| !token.rejected && !token.has_expired(now))
    }

    /// When [`step`](Self::step) may next answer otherwise by the passing of time alone.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.token.and_then(|token| token.expires_at);
        let due = self.token.and_then(|token| token.due_at);
        [self.pause_at(now), due, end]
            .into_iter()
            .flatten()
            .filter(|moment| now < *moment)
            .min()
    }

    /// The end of the pause, if there is one at this moment.
    fn pause_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before
            .filter(|moment| now < *moment)
            // No pause is longer: a clock that was ahead was put back.
            .filter(|moment| moment.saturating_since(now) <= LONGEST_PAUSE_WHILE_USABLE)
    }

    /// A renewal is being asked for.
    pub const fn renewal_started(&mut self) {
        self.renewing = true;
    }

    /// It brought a token, which says of itself that it ends then.
    pub fn renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        // One that was issued this moment is good: if its end is past, this machine's clock is wrong.
        let expires_at = expires_at.filter(|end| now < *end);
        // One that lives for less than a few days would be renewed before each request.
        let due_at = expires_at.map(|end| {
            let two_thirds = end.saturating_since(now) / 3 * 2;
            ahead_of(end).max(now.saturating_add(two_thirds))
        });
        self.renewing = false;
        self.abandoned = false;
        self.not_before = None;
        self.token = Some(Token {
            expires_at,
            due_at,
            rejected: false,
            unproven: true,
        });
    }

    /// It brought none, and this may help.
    pub fn renewal_failed(&mut self, remedy: Remedy, now: Timestamp) {
        self.renewing = false;
        self.abandoned = false;
        self.pause(remedy, now);
    }

    /// Whoever asked for it stopped waiting; what became of it is not known. Another may ask at once, if there
    /// is no token that serves meanwhile; but if that one stops waiting as well, the answers come later than
    /// anybody waits, and each would cost one of the day's requests.
    pub fn renewal_abandoned(&mut self, now: Timestamp) {
        self.renewing = false;
        if std::mem::replace(&mut self.abandoned, true) || self.is_usable(now) {
            self.pause(Remedy::AskAgain, now);
        }
    }

    /// Bakong took the token.
    pub fn accepted(&mut self) {
        if let Some(token) = &mut self.token {
            token.rejected = false;
            token.unproven = false;
            self.failures = 0;
        }
    }

    /// Bakong refused the token: 401, or code 6.
    pub fn rejected(&mut self, now: Timestamp) {
        let Some(token) = &mut self.token else {
            return;
        };
        token.rejected = true;
        // To renew again at once what was just renewed would go on all day; and a token that nobody can
        // renew is refused again however often it is sent.
        if token.unproven || !self.renewable {
            self.pause(Remedy::AskAgain, now);
        }
    }

    fn pause(&mut self, remedy: Remedy, now: Timestamp) {
        let longest = if self.is_usable(now) {
            LONGEST_PAUSE_WHILE_USABLE
        } else {
            LONGEST_PAUSE
        };
        let pause = match remedy {
            Remedy::AskAgain => FIRST_PAUSE
                .saturating_mul(2u32.saturating_pow(self.failures))
                .min(longest),
            Remedy::NextDay | Remedy::NewToken | Remedy::Attention => longest,
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now.saturating_add(pause));
    }
}

impl Token {
    fn has_expired(self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    fn is_due(self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

fn ahead_of(end: Timestamp) -> Timestamp {
    let millis = u64::try_from(AHEAD.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(end.as_millis().saturating_sub(millis))
}
