//! The life of a token, as a machine without a clock, a socket or the token itself.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn after(duration: Duration) -> Timestamp {
        START.saturating_add(duration)
    }

    /// A token of 90 days.
    fn fresh(renewable: bool) -> TokenLife {
        let mut life = TokenLife::new(renewable);
        life.set(Some(after(90 * DAY)));
        life
    }

    #[test]
    fn ninety_days_go_by() {
        let life = fresh(true);
        let second = Duration::from_secs(1);
        for (at, state, step) in [
            (Duration::ZERO, TokenState::Valid, TokenStep::Use),
            (87 * DAY - second, TokenState::Valid, TokenStep::Use),
            (87 * DAY, TokenState::DueForRenewal, TokenStep::RenewOrUse),
            (
                90 * DAY - second,
                TokenState::DueForRenewal,
                TokenStep::RenewOrUse,
            ),
            (90 * DAY, TokenState::Expired, TokenStep::Renew),
        ] {
            assert_eq!(
                (life.state(after(at)), life.step(after(at))),
                (state, step),
                "{at:?}"
            );
        }
        assert_eq!(life.next_change(START), Some(after(87 * DAY)));
        assert_eq!(life.next_change(after(87 * DAY)), Some(after(90 * DAY)));
        assert_eq!(life.next_change(after(90 * DAY)), None);
    }

    #[test]
    fn one_that_nobody_can_renew_is_sent_until_it_is_refused() {
        let mut life = fresh(false);
        assert_eq!(life.step(after(89 * DAY)), TokenStep::Use);
        assert_eq!(life.step(after(91 * DAY)), TokenStep::Use);
        life.rejected(START);
        assert_eq!(life.state(START), TokenState::Rejected);
        assert_eq!(life.step(START), TokenStep::Refuse(after(FIRST_PAUSE)));
        assert_eq!(life.step(after(FIRST_PAUSE)), TokenStep::Use);
        life.rejected(after(FIRST_PAUSE));
        assert_eq!(
            life.step(after(FIRST_PAUSE)),
            TokenStep::Refuse(after(3 * FIRST_PAUSE))
        );
        life.set(None);
        assert_eq!(life.step(START), TokenStep::Use);
        assert_eq!(TokenLife::new(false).step(START), TokenStep::Missing);
        assert_eq!(TokenLife::new(true).step(START), TokenStep::Renew);
    }

    #[test]
    fn while_it_is_renewed_the_old_one_serves_or_all_wait() {
        let mut life = fresh(true);
        life.renewal_started();
        assert_eq!(life.state(START), TokenState::Renewing);
        assert_eq!(life.step(after(88 * DAY)), TokenStep::Use);
        assert_eq!(life.step(after(90 * DAY)), TokenStep::Await);
        life.renewal_abandoned(after(90 * DAY));
        assert_eq!(life.step(after(90 * DAY)), TokenStep::Renew);
        life.renewal_started();
        life.renewed(Some(after(180 * DAY)), after(90 * DAY));
        assert_eq!(life.step(after(90 * DAY)), TokenStep::Use);
    }

    #[test]
    fn renewals_that_nobody_waits_for_are_not_asked_for_all_day() {
        let mut life = TokenLife::new(true);
        life.renewal_abandoned(START);
        assert_eq!(life.step(START), TokenStep::Renew);
        life.renewal_abandoned(START);
        assert_eq!(life.step(START), TokenStep::Refuse(after(FIRST_PAUSE)));
        assert_eq!(life.step(after(FIRST_PAUSE)), TokenStep::Renew);
        life.renewed(None, START);
        life.accepted();
        assert_eq!(life.step(START), TokenStep::Use);

        let mut life = fresh(true);
        let due = after(88 * DAY);
        life.renewal_abandoned(due);
        assert_eq!(life.step(due), TokenStep::Use, "the old token is good");
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_prolong_a_pause() {
        let mut life = TokenLife::new(true);
        life.renewal_failed(Remedy::Attention, after(365 * DAY));
        assert_eq!(life.step(START), TokenStep::Renew);
        assert_eq!(life.next_change(START), None);
    }

    #[test]
    fn a_renewal_that_fails_is_not_tried_again_at_once() {
        let mut life = fresh(true);
        let due = after(88 * DAY);
        life.renewal_failed(Remedy::AskAgain, due);
        assert_eq!(life.step(due), TokenStep::Use, "the old token is good");
        assert_eq!(
            life.step(due.saturating_add(FIRST_PAUSE)),
            TokenStep::RenewOrUse
        );
        life.renewal_failed(Remedy::Attention, due);
        assert_eq!(
            life.next_change(due),
            Some(due.saturating_add(LONGEST_PAUSE_WHILE_USABLE))
        );

        let mut life = fresh(true);
        let end = after(90 * DAY);
        life.renewal_failed(Remedy::AskAgain, end);
        assert_eq!(
            life.step(end),
            TokenStep::Refuse(end.saturating_add(FIRST_PAUSE))
        );
        life.renewal_failed(Remedy::NextDay, end);
        assert_eq!(
            life.step(end),
            TokenStep::Refuse(end.saturating_add(LONGEST_PAUSE))
        );
    }

    #[test]
    fn a_new_token_that_is_refused_is_not_renewed_at_once() {
        let mut life = fresh(true);
        life.accepted();
        life.rejected(START);
        assert_eq!(life.step(START), TokenStep::Renew);
        life.renewed(None, START);
        life.rejected(START);
        assert_eq!(life.step(START), TokenStep::Refuse(after(FIRST_PAUSE)));
        life.renewed(None, START);
        life.accepted();
        assert_eq!(life.state(START), TokenState::Valid);
        life.rejected(START);
        assert_eq!(life.step(START), TokenStep::Renew);
    }

    #[test]
    fn a_new_token_is_not_renewed_before_each_request() {
        let mut life = fresh(true);
        life.renewed(Some(after(DAY)), START);
        assert_eq!(life.step(after(DAY / 2)), TokenStep::Use);
        assert_eq!(life.step(after(DAY * 3 / 4)), TokenStep::RenewOrUse);
        // To a clock that is a year ahead, whatever is issued has ended.
        let wrong = after(365 * DAY);
        life.renewed(Some(after(90 * DAY)), wrong);
        assert_eq!(life.step(wrong), TokenStep::Use);
    }

    /// What may happen to a token.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Ask,
        Fail(Remedy),
        Renew,
        Accept,
        Reject,
        Pass(u64),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let remedy =
            prop::sample::select(vec![Remedy::AskAgain, Remedy::NextDay, Remedy::Attention]);
        let event = prop_oneof![
            Just(Event::Ask),
            remedy.prop_map(Event::Fail),
            Just(Event::Renew),
            Just(Event::Accept),
            Just(Event::Reject),
            (0..10 * 24 * 3_600_000u64).prop_map(Event::Pass),
        ];
        prop::collection::vec(event, 0..200)
    }

    proptest! {
        #[test]
        fn a_renewal_never_follows_a_failed_one_within_a_minute(events in events()) {
            let (mut life, mut now) = (fresh(true), START);
            let mut failed: Option<Timestamp> = None;
            for event in events {
                let step = life.step(now);
                let renews = matches!(step, TokenStep::Renew | TokenStep::RenewOrUse);
                match event {
                    Event::Ask if renews => {
                        if let Some(failed) = failed {
                            prop_assert!(now.saturating_since(failed) >= FIRST_PAUSE);
                        }
                        life.renewal_started();
                    }
                    Event::Fail(remedy) if life.state(now) == TokenState::Renewing => {
                        life.renewal_failed(remedy, now);
                        failed = Some(now);
                    }
                    Event::Renew if life.state(now) == TokenState::Renewing => {
                        life.renewed(Some(now.saturating_add(90 * DAY)), now);
                        failed = None;
                    }
                    Event::Accept if step == TokenStep::Use => life.accepted(),
                    Event::Reject if step == TokenStep::Use => life.rejected(now),
                    Event::Pass(millis) => now = now.saturating_add(Duration::from_millis(millis)),
                    _ => {}
                }
                // What is refused is refused for an hour at most, and ends by itself.
                if let TokenStep::Refuse(until) = life.step(now) {
                    prop_assert!(now < until);
                    prop_assert!(!matches!(life.step(until), TokenStep::Refuse(_)));
                }
                // Nothing changes before the moment that was promised.
                if let Some(change) = life.next_change(now) {
                    let just_before = Timestamp::from_millis(change.as_millis() - 1);
                    prop_assert_eq!(life.step(now), life.step(just_before));
                } else {
                    prop_assert_eq!(life.step(now), life.step(now.saturating_add(1_000 * DAY)));
                }
            }
        }
    }
}
