//! Several requests in flight: what the answer to one means for the others.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{Ask, Change, Question, Reply};

use crate::desk::{
    DOWN, Desk, HOUR, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, single, without_lists,
};

/// The first pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Sends checks of `payments` payments at the same time.
fn send(desk: &mut Desk, payments: u32) -> Vec<Ask> {
    desk.open(1..=payments);
    (1..=payments).for_each(|number| desk.nudge(number));
    let asks: Vec<Ask> = std::iter::from_fn(|| desk.poll()).collect();
    assert_eq!(asks.len(), payments as usize, "{asks:?}");
    asks
}

fn failure(class: ErrorClass) -> Reply {
    Reply::Check(Err(class))
}

/// The next request must be sent `wait` after `since`.
fn assert_next(desk: &mut Desk, since: Timestamp, wait: Duration) {
    desk.next();
    assert_eq!(desk.now, since.saturating_add(wait));
}

#[test]
fn an_answer_to_an_earlier_request_does_not_end_a_pause() {
    let mut desk = Desk::of_singles();
    let asks = send(&mut desk, 2);
    desk.later(PAUSE / 2);
    desk.answer(&asks[0], failure(DOWN));
    let failed_at = desk.now;
    desk.later(PAUSE / 2);
    desk.answer(&asks[1], single(CheckAnswer::NotFound));
    desk.nudge(1);
    assert_eq!(desk.poll(), None);
    assert_next(&mut desk, failed_at, PAUSE);
}

#[test]
fn an_answer_to_a_later_request_resets_the_pause() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    for answer in [Err(DOWN), Err(DOWN), NOT_FOUND, Err(DOWN)] {
        desk.exchange(answer);
    }
    let failed_at = desk.now;
    (1..=2).for_each(|number| desk.nudge(number));
    assert_next(&mut desk, failed_at, PAUSE);
}

#[test]
fn requests_that_fail_together_count_as_one_failure() {
    let mut desk = Desk::of_singles();
    for ask in send(&mut desk, 4) {
        desk.answer(&ask, failure(DOWN));
    }
    let failed_at = desk.now;
    assert_next(&mut desk, failed_at, PAUSE);
}

#[test]
fn the_rejection_of_an_old_token_does_not_affect_a_new_one() {
    let mut desk = Desk::of_singles();
    let asks = send(&mut desk, 2);
    desk.later(PAUSE);
    desk.answer(&asks[0], failure(ErrorClass::Unauthorized));
    desk.nudge(1);
    assert_eq!(desk.poll(), None, "the token is rejected");
    desk.later(PAUSE);
    assert_eq!(desk.poll(), None);
    desk.tracker.set_token(None, desk.now);
    desk.answer(&asks[1], failure(ErrorClass::Unauthorized));
    assert!(desk.poll().is_some(), "the new token is valid");
}

#[test]
fn rejections_of_simultaneous_requests_count_as_one() {
    let mut desk = Desk::of_singles();
    let asks = send(&mut desk, 3);
    desk.later(PAUSE);
    for ask in &asks {
        desk.answer(ask, failure(ErrorClass::Unauthorized));
    }
    // This is the first pause after a token is rejected.
    let rejected_at = desk.now;
    assert_next(&mut desk, rejected_at, MINUTE);
}

#[test]
fn an_accepted_token_starts_with_the_first_pause_again() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    for _ in 0..2 {
        desk.exchange(Err(ErrorClass::Unauthorized));
        let rejected_at = desk.now;
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.now, rejected_at.saturating_add(MINUTE));
    }
}

#[test]
fn a_renewal_that_is_rejected_for_the_quota_closes_the_window() {
    for (class, is_closed) in [(ErrorClass::QuotaExhausted, true), (DOWN, false)] {
        let mut config = without_lists();
        config.renewable = true;
        let mut desk = Desk::new(config);
        desk.open([1]);
        desk.exchange(Err(ErrorClass::Unauthorized));
        let ask = desk.ask();
        assert_eq!(ask.question, Question::Renewal);
        desk.answer(&ask, Reply::Renewal(Err(class)));
        assert_eq!(desk.tracker.usage().closed_at.is_some(), is_closed);
        assert!(desk.log.contains(&Change::Token(Err(class))));
    }
}

#[test]
fn error_code_17_of_an_earlier_window_does_not_close_this_one() {
    let mut desk = Desk::of_singles();
    let midnight = NOON.saturating_add(12 * HOUR);
    desk.now = Timestamp::from_millis(midnight.as_millis() - 500);
    let asks = send(&mut desk, 2);
    desk.now = midnight.saturating_add(PAUSE);
    desk.answer(&asks[0], failure(ErrorClass::QuotaExhausted));
    assert_eq!(desk.tracker.usage().closed_at, None);
    let ask = desk.next();
    desk.answer(&ask, failure(ErrorClass::QuotaExhausted));
    assert_eq!(desk.tracker.usage().closed_at, Some(desk.now));
}

#[test]
fn an_unreadable_payment_is_checked_less_and_less_often() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.later(UNTIL_DEADLINE);
    let mut asked_at = desk.now;
    let mut gaps = Vec::new();
    for _ in 0..18 {
        desk.exchange(Err(ErrorClass::Malformed));
        gaps.push(desk.now.saturating_since(asked_at).as_secs());
        asked_at = desk.now;
    }
    assert_eq!(gaps[1..6], [2, 4, 8, 16, 32]);
    assert_eq!(gaps[17], 6 * 3_600, "{gaps:?}");
    // Another payment does not wait for this one.
    desk.open([2]);
    desk.nudge(2);
    assert_eq!(desk.next().question, by_md5(2));
    assert!(desk.now.saturating_since(asked_at) <= 30 * MINUTE);
}

#[test]
fn a_deadline_does_not_shorten_a_pause() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Malformed));
    for failures in 1..=9 {
        let asked_at = desk.now;
        desk.exchange(Err(ErrorClass::Malformed));
        let pause = Duration::from_secs(1 << failures);
        assert_eq!(desk.now, asked_at.saturating_add(pause), "{failures}");
    }
    assert!(desk.now > NOON.saturating_add(UNTIL_DEADLINE));
}
