//! Deadlines, and a clock that is set back.

use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::{Outcome, Question};

use crate::desk::{Desk, MINUTE, NOON, UNTIL_DEADLINE, md5, single};

#[test]
fn what_was_asked_too_early_by_the_new_clock_is_no_last_check() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let deadline = NOON.saturating_add(UNTIL_DEADLINE);
    desk.now = deadline;
    let ask = desk.ask();
    // The clock was a minute ahead: the code can still be paid.
    desk.now = Timestamp::from_millis(deadline.as_millis() - 60_000);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    // It is asked again when its deadline has really come.
    while desk.outcome(1).is_none() {
        assert_eq!(
            desk.exchange(Ok(CheckAnswer::NotFound)),
            Question::Md5(md5(1))
        );
    }
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    assert_eq!(desk.now, deadline);
}

#[test]
fn what_was_asked_before_the_deadline_is_no_last_check() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    desk.exchange(Ok(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn what_was_due_in_so_long_is_due_in_so_long_still() {
    let mut desk = Desk::of_singles();
    desk.policy.schedule.first = 5 * MINUTE;
    desk.open([1]);
    desk.later(MINUTE);
    assert_eq!(desk.poll(), None);
    desk.now = Timestamp::from_millis(NOON.as_millis() - 600_000);
    let set_to = desk.now;
    assert_eq!(desk.poll(), None);
    let ask = desk.next();
    assert_eq!(desk.now, set_to.saturating_add(4 * MINUTE), "{ask:?}");
}

#[test]
fn days_that_were_none_leave_nothing_promised() {
    let mut desk = Desk::with_quota(3);
    desk.open(1..=3);
    // The clock runs ahead by three days, and is mended.
    desk.later(3 * 24 * 60 * MINUTE);
    desk.exchange(Ok(CheckAnswer::NotFound));
    desk.now = NOON;
    while desk.tracker.open_payments() > 0 {
        desk.exchange(Ok(CheckAnswer::NotFound));
    }
    // Whoever comes the day after has all of it.
    desk.later(24 * 60 * MINUTE);
    desk.open(11..=13);
}
