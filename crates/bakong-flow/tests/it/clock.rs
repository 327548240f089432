//! Deadlines, and a clock that is set back.

use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{Ask, Outcome, Reply};

use crate::desk::{
    DAY, DEADLINE, Desk, HOUR, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, hash, single,
    without_lists,
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
    // The next day has its full quota.
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

#[test]
fn the_corrected_time_of_a_request_decides_whether_it_is_final() {
    // The clock is an hour or two seconds ahead. The answer takes twelve seconds, and corrects the clock to a time after
    // the deadline.
    for ahead in [HOUR, MINUTE / 30] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.now = DEADLINE;
        desk.earlier(MINUTE / 30);
        let sent_at = desk.now;
        desk.later(ahead);
        let ask = desk.ask();
        desk.now = sent_at.saturating_add(MINUTE / 5);
        desk.tracker.set_sent_at(ask.ticket, sent_at);
        desk.answer(&ask, single(CheckAnswer::NotFound));
        assert_eq!(desk.outcome(1), None, "{ahead:?}");
        desk.finish_all();
        assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    }
}

const OVER_QUOTA: Reply = Reply::Check(Err(ErrorClass::QuotaExhausted));

/// The final check of payment 1 is due half an hour before the end of the quota window, and was sent while the clock
/// was an hour ahead.
fn asked_by_a_clock_ahead() -> (Desk, Ask) {
    let mut desk = Desk::of_singles();
    desk.later(11 * HOUR);
    desk.open([1]);
    desk.later(HOUR / 2);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    desk.later(HOUR);
    desk.restart(without_lists());
    let ask = desk.ask();
    (desk, ask)
}

/// Answers the next eight requests with error code 17: each must wait.
fn assert_that_each_17_closes(mut desk: Desk) {
    let ask = desk.next();
    desk.answer(&ask, OVER_QUOTA);
    for _ in 0..8 {
        let closed_at = desk.now;
        let ask = desk.next();
        assert_eq!(desk.now, closed_at.saturating_add(2 * HOUR));
        desk.answer(&ask, OVER_QUOTA);
    }
}

#[test]
fn a_17_closes_the_window_after_the_clock_was_set_back_over_its_turn() {
    // The reply arrives after the clock was set back.
    let (mut desk, ask) = asked_by_a_clock_ahead();
    desk.earlier(HOUR);
    desk.answer(&ask, OVER_QUOTA);
    let set_back_at = desk.now;
    assert_eq!(desk.poll(), None);
    desk.next();
    assert_eq!(desk.now, set_back_at.saturating_add(2 * HOUR));

    // The process was killed before the reply arrived.
    let (mut desk, _) = asked_by_a_clock_ahead();
    desk.earlier(HOUR);
    desk.restart(without_lists());
    assert_that_each_17_closes(desk);
}

#[test]
fn a_17_closes_the_window_after_the_clock_was_days_ahead() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.later(3 * DAY);
    let ask = desk.ask();
    desk.earlier(3 * DAY);
    desk.answer(&ask, OVER_QUOTA);
    assert_eq!(desk.tracker.usage().closed_at, Some(desk.now));
}

#[test]
fn a_closed_window_is_probed_after_the_usual_wait_when_the_clock_is_set_back() {
    for restarts in [false, true] {
        let (mut desk, ask) = asked_by_a_clock_ahead();
        desk.answer(&ask, OVER_QUOTA);
        desk.earlier(HOUR);
        if restarts {
            desk.restart(without_lists());
        }
        let set_back_at = desk.now;
        assert_eq!(desk.poll(), None);
        desk.next();
        assert_eq!(desk.now, set_back_at.saturating_add(2 * HOUR));
    }
}

#[test]
fn an_answer_from_before_a_17_reopens_nothing_when_the_clock_is_set_back() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let (first, second) = (desk.ask(), desk.ask());
    desk.later(MINUTE);
    desk.answer(&second, OVER_QUOTA);
    desk.earlier(HOUR);
    desk.answer(&first, single(CheckAnswer::NotFound));
    assert!(desk.tracker.usage().closed_at.is_some());
}

#[test]
fn a_17_that_corrects_a_clock_that_is_days_behind_closes_the_window() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(NOT_FOUND);
    let sent = desk.tracker.usage().requests;
    // The process starts again with a clock that is two days behind.
    desk.earlier(2 * DAY);
    desk.restart(without_lists());
    let ask = desk.next();
    desk.now = NOON.saturating_add(MINUTE);
    desk.tracker.set_sent_at(ask.ticket, desk.now);
    desk.answer(&ask, OVER_QUOTA);
    assert_eq!(desk.tracker.usage().closed_at, Some(desk.now));
    // No request of the day is forgotten.
    assert_eq!(desk.tracker.usage().requests, sent + 1);
}

/// A payment whose first check is in flight.
fn closed_at_noon() -> (Desk, Ask) {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    (desk, ask)
}

#[test]
fn a_process_with_a_slow_clock_does_not_shorten_the_wait_of_the_next_process() {
    let (mut desk, ask) = closed_at_noon();
    desk.answer(&ask, OVER_QUOTA);
    let closed_at = desk.now;
    desk.later(MINUTE);
    desk.earlier(HOUR);
    desk.restart(without_lists());
    assert_eq!(desk.poll(), None);
    // The refused payment is demand, so the process persists its usage.
    desk.assert_no_quota(desk.payment(2));
    desk.later(HOUR);
    desk.restart(without_lists());
    desk.next();
    assert_eq!(desk.now, closed_at.saturating_add(2 * HOUR));
}
