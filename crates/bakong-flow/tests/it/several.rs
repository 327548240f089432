//! Several requests that are out at once, and what the answer to one says of the others.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{Ask, Change, Config, Question, Reply};

use crate::desk::{DOWN, Desk, MINUTE, NOON, UNTIL_DEADLINE, md5, single};

const HOLD: Duration = Duration::from_secs(2);

/// Asks about so many payments at the same moment.
fn out(desk: &mut Desk, payments: u32) -> Vec<Ask> {
    desk.open(1..=payments);
    for number in 1..=payments {
        desk.tracker.nudge(&md5(number), desk.now);
    }
    let asks: Vec<Ask> = std::iter::from_fn(|| desk.poll()).collect();
    assert_eq!(asks.len(), payments as usize, "{asks:?}");
    asks
}

fn not_found() -> Reply {
    single(CheckAnswer::NotFound)
}

fn fails(class: ErrorClass) -> Reply {
    Reply::Check(Err(class))
}

/// When something is asked next.
fn next_at(desk: &mut Desk) -> Timestamp {
    desk.next();
    desk.now
}

#[test]
fn an_answer_that_was_on_its_way_does_not_end_an_outage() {
    let mut desk = Desk::of_singles();
    let asks = out(&mut desk, 2);
    desk.later(Duration::from_secs(1));
    desk.answer(&asks[0], fails(DOWN));
    let failed_at = desk.now;
    desk.later(Duration::from_secs(1));
    desk.answer(&asks[1], not_found());
    desk.tracker.nudge(&md5(1), desk.now);
    assert_eq!(desk.poll(), None, "the outage began after it was asked");
    assert_eq!(next_at(&mut desk), failed_at.saturating_add(HOLD));
}

#[test]
fn an_answer_that_was_asked_for_since_ends_an_outage() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(Err(DOWN));
    desk.exchange(Err(DOWN));
    desk.exchange(Ok(CheckAnswer::NotFound));
    // The next failure is the first again.
    desk.exchange(Err(DOWN));
    let failed_at = desk.now;
    desk.tracker.nudge(&md5(1), desk.now);
    desk.tracker.nudge(&md5(2), desk.now);
    assert_eq!(next_at(&mut desk), failed_at.saturating_add(HOLD));
}

#[test]
fn those_that_fail_together_are_one_failure() {
    let mut desk = Desk::of_singles();
    let asks = out(&mut desk, 4);
    for ask in &asks {
        desk.answer(ask, fails(DOWN));
    }
    let failed_at = desk.now;
    assert_eq!(next_at(&mut desk), failed_at.saturating_add(HOLD));
}

#[test]
fn an_old_token_s_refusal_says_nothing_of_the_new_one() {
    let mut desk = Desk::of_singles();
    let asks = out(&mut desk, 2);
    desk.later(HOLD);
    desk.answer(&asks[0], fails(ErrorClass::Unauthorized));
    desk.tracker.nudge(&md5(1), desk.now);
    assert_eq!(desk.poll(), None, "it is refused");
    desk.later(HOLD);
    assert_eq!(desk.poll(), None);
    desk.tracker.set_token(None, desk.now);
    desk.answer(&asks[1], fails(ErrorClass::Unauthorized));
    assert!(desk.poll().is_some(), "the new one is good");
}

#[test]
fn a_token_that_is_refused_twice_at_once_is_refused_once() {
    let mut desk = Desk::of_singles();
    let asks = out(&mut desk, 3);
    desk.later(HOLD);
    let refused_at = desk.now;
    for ask in &asks {
        desk.answer(ask, fails(ErrorClass::Unauthorized));
    }
    // The first pause, not the third.
    assert_eq!(next_at(&mut desk), refused_at.saturating_add(MINUTE));
}

#[test]
fn a_renewal_that_is_refused_for_the_quota_closes_the_day() {
    for (class, is_closed) in [(ErrorClass::QuotaExhausted, true), (DOWN, false)] {
        let mut config = Config::DEFAULT;
        (config.lists, config.renewable) = (false, true);
        let mut desk = Desk::new(config);
        desk.open([1]);
        desk.tracker
            .set_token(Some(NOON.saturating_add(MINUTE)), desk.now);
        let ask = desk.ask();
        assert_eq!(ask.question, Question::Renewal);
        desk.answer(&ask, Reply::Renewal(Err(class)));
        assert_eq!(desk.tracker.usage().closed_at.is_some(), is_closed);
        assert!(desk.log.contains(&Change::Token(Err(class))));
    }
}

#[test]
fn a_token_that_was_accepted_is_refused_for_the_first_time_again() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    for _ in 0..2 {
        desk.exchange(Err(ErrorClass::Unauthorized));
        let refused_at = desk.now;
        desk.exchange(Ok(CheckAnswer::NotFound));
        assert_eq!(desk.now, refused_at.saturating_add(MINUTE));
    }
}

#[test]
fn a_17_of_yesterday_says_nothing_of_today() {
    let mut desk = Desk::of_singles();
    let midnight = NOON.saturating_add(12 * 60 * MINUTE);
    desk.now = Timestamp::from_millis(midnight.as_millis() - 500);
    let asks = out(&mut desk, 2);
    desk.now = midnight.saturating_add(HOLD);
    desk.answer(&asks[0], fails(ErrorClass::QuotaExhausted));
    assert_eq!(desk.tracker.usage().closed_at, None);
    // One that was asked today does close it.
    let ask = desk.next();
    desk.answer(&ask, fails(ErrorClass::QuotaExhausted));
    assert_eq!(desk.tracker.usage().closed_at, Some(desk.now));
}

#[test]
fn a_payment_that_cannot_be_read_is_asked_about_ever_more_rarely() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    let mut asked_at = desk.now;
    let mut gaps = Vec::new();
    for _ in 0..18 {
        desk.exchange(Err(ErrorClass::Malformed));
        gaps.push(desk.now.saturating_since(asked_at).as_secs());
        asked_at = desk.now;
    }
    assert_eq!(gaps[1..6], [2, 4, 8, 16, 32]);
    assert_eq!(gaps[17], 6 * 3_600, "{gaps:?}");
    // Another is asked about as soon as anything is.
    desk.open([2]);
    desk.tracker.nudge(&md5(2), desk.now);
    let ask = desk.next();
    assert_eq!(ask.question, Question::Md5(md5(2)));
    assert!(desk.now.saturating_since(asked_at) <= 30 * MINUTE);
}

#[test]
fn a_deadline_that_comes_meanwhile_shortens_no_pause() {
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
