//! Deadlines, and a clock that is set back.

use bakong_flow::Outcome;
use bakong_flow::bakong_api::CheckAnswer;

use crate::desk::{
    DAY, DEADLINE, Desk, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, hash, single,
};

#[test]
fn a_check_before_the_deadline_of_the_corrected_clock_is_not_final() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = DEADLINE;
    let ask = desk.ask();
    // The clock was a minute ahead, so the code can still be paid.
    desk.earlier(MINUTE);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    let questions = desk.finish_all();
    assert!(questions.iter().all(|question| *question == by_md5(1)));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    assert_eq!(desk.now, DEADLINE);
}

#[test]
fn a_check_that_was_sent_before_the_deadline_is_not_final() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.now = DEADLINE;
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn a_wait_keeps_its_length_when_the_clock_is_set_back() {
    let mut desk = Desk::of_singles();
    desk.policy.schedule.first = 5 * MINUTE;
    desk.open([1]);
    desk.later(MINUTE);
    assert_eq!(desk.poll(), None);
    desk.earlier(11 * MINUTE);
    let set_to = desk.now;
    assert_eq!(desk.poll(), None);
    desk.next();
    assert_eq!(desk.now, set_to.saturating_add(4 * MINUTE));
}

#[test]
fn a_clock_ahead_by_days_leaves_no_reservation() {
    let mut desk = Desk::with_quota(3);
    desk.open(1..=3);
    desk.later(3 * DAY);
    desk.exchange(NOT_FOUND);
    desk.now = NOON;
    desk.finish_all();
    // The next day has all of its requests.
    desk.later(DAY);
    desk.open(11..=13);
}

#[test]
fn final_checks_that_found_nothing_stay_valid_when_the_clock_is_set_back() {
    let mut desk = Desk::with_quota(2);
    desk.open([1]);
    desk.learn(1, Some(hash(7)), None);
    desk.later(UNTIL_DEADLINE + MINUTE);
    desk.exchange(NOT_FOUND);
    let ask = desk.ask();
    desk.earlier(MINUTE / 60);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}
