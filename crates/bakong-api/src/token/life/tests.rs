//! Tests of the token's state machine.

use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn after(duration: Duration) -> Timestamp {
    START.saturating_add(duration)
}

/// A new token, valid for 90 days, that Bakong has accepted.
fn fresh(renewable: bool) -> TokenLife {
    let mut life = TokenLife::new(renewable);
    life.set(Some(after(90 * DAY)));
    life.accepted();
    life
}

#[test]
fn the_expiry_counts_only_after_an_answer() {
    let (due, expired) = (after(88 * DAY), after(91 * DAY));
    let mut life = TokenLife::new(true);
    life.set(Some(after(90 * DAY)));
    for moment in [due, expired] {
        assert_eq!(life.step(moment), TokenStep::Use);
        assert!(life.is_usable(moment));
    }
    // The answer may be about an earlier token.
    life.accepted();
    life.set(Some(after(90 * DAY)));
    assert_eq!(life.step(due), TokenStep::RenewOrUse);
    assert_eq!(life.step(expired), TokenStep::Renew);
    let mut life = TokenLife::new(true);
    life.set(Some(after(90 * DAY)));
    life.rejected(due);
    assert_eq!(life.step(due), TokenStep::Renew);
}

#[test]
fn a_token_is_valid_then_due_then_expired() {
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
fn a_token_without_renewal_is_sent_until_bakong_rejects_it() {
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
fn during_a_renewal_callers_use_the_old_token_or_wait() {
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
fn abandoned_renewals_are_followed_by_a_pause() {
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
    assert_eq!(life.step(due), TokenStep::Use, "the old token is usable");
}

#[test]
fn setting_the_clock_back_does_not_prolong_a_pause() {
    let mut life = TokenLife::new(true);
    life.renewal_failed(Remedy::Attention, after(365 * DAY));
    assert_eq!(life.step(START), TokenStep::Renew);
    assert_eq!(life.next_change(START), None);
}

#[test]
fn a_failed_renewal_is_followed_by_a_pause() {
    let mut life = fresh(true);
    let due = after(88 * DAY);
    life.renewal_failed(Remedy::AskAgain, due);
    assert_eq!(life.step(due), TokenStep::Use, "the old token is usable");
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
fn a_rejected_token_is_sent_again_if_its_renewal_fails() {
    let mut life = fresh(true);
    life.rejected(START);
    assert_eq!(life.step(START), TokenStep::Renew);
    life.renewal_failed(Remedy::AskAgain, START);
    let end = after(FIRST_PAUSE);
    assert_eq!(life.step(START), TokenStep::Refuse(end));
    assert_eq!(life.step(end), TokenStep::Use);
    // Bakong may have rejected the token only for one endpoint.
    let mut accepted = life.clone();
    accepted.accepted();
    assert_eq!(accepted.step(end), TokenStep::Use);
    assert_eq!(accepted.state(end), TokenState::Valid);
    // If Bakong rejects it again, the next renewal is due.
    life.rejected(end);
    assert_eq!(life.step(end), TokenStep::Renew);
    // An expired token is not sent.
    life.renewal_failed(Remedy::AskAgain, after(90 * DAY));
    assert_eq!(life.step(after(91 * DAY)), TokenStep::Renew);
}

#[test]
fn a_rejected_new_token_is_not_renewed_at_once() {
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
fn a_token_that_lasts_only_a_day_is_not_due_at_once() {
    let mut life = fresh(true);
    life.renewed(Some(after(DAY)), START);
    assert_eq!(life.step(after(DAY / 2)), TokenStep::Use);
    assert_eq!(life.step(after(DAY * 3 / 4)), TokenStep::RenewOrUse);
    // If the clock is a year ahead, every new token seems to have expired.
    let wrong = after(365 * DAY);
    life.renewed(Some(after(90 * DAY)), wrong);
    assert_eq!(life.step(wrong), TokenStep::Use);
}

/// An event in the life of a token.
#[derive(Clone, Copy, Debug)]
enum Event {
    Ask,
    Fail(Remedy),
    Renew,
    Accept,
    Reject,
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let remedy = prop::sample::select(vec![Remedy::AskAgain, Remedy::NextDay, Remedy::Attention]);
    let event = prop_oneof![
        Just(Event::Ask),
        remedy.prop_map(Event::Fail),
        Just(Event::Renew),
        Just(Event::Accept),
        Just(Event::Reject),
        (0..10 * 24 * 3_600_000u64).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    #[test]
    fn renewals_are_at_least_a_minute_apart_after_a_failure(events in events()) {
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
                Event::Wait(millis) => now = now.saturating_add(Duration::from_millis(millis)),
                _ => {}
            }
            // A pause ends without another event.
            if let TokenStep::Refuse(until) = life.step(now) {
                prop_assert!(now < until);
                prop_assert!(!matches!(life.step(until), TokenStep::Refuse(_)));
            }
            // The step does not change before `next_change`.
            if let Some(change) = life.next_change(now) {
                let just_before = Timestamp::from_millis(change.as_millis() - 1);
                prop_assert_eq!(life.step(now), life.step(just_before));
            } else {
                prop_assert_eq!(life.step(now), life.step(now.saturating_add(1_000 * DAY)));
            }
        }
    }
}
