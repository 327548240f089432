//! How the requests that are promised to nobody are spent.

use bakong_flow::Config;
use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::Timestamp;

use crate::desk::{Desk, MINUTE, NOON, UNTIL_DEADLINE, paid};

/// Answers what is asked before this moment, with the number of each, and says how many those were.
fn asked_before(desk: &mut Desk, end: Timestamp, answer: impl Fn(u32) -> CheckAnswer) -> u32 {
    let mut asked = 0;
    while desk.tracker.open_payments() > 0 {
        if let Some(ask) = desk.poll() {
            asked += 1;
            desk.answer(&ask, crate::desk::single(answer(asked)));
            continue;
        }
        let next = desk.tracker.next_wakeup().unwrap();
        if next >= end {
            break;
        }
        desk.now = next;
    }
    asked
}

fn deadline() -> Timestamp {
    NOON.saturating_add(UNTIL_DEADLINE)
}

fn each_paid(number: u32) -> CheckAnswer {
    paid(number, NOON)
}

const fn not_found(_: u32) -> CheckAnswer {
    CheckAnswer::NotFound
}

#[test]
fn a_quiet_shop_has_a_tenth_of_the_day_at_once() {
    let mut desk = Desk::of_singles();
    desk.open(1..=12);
    let soon = NOON.saturating_add(2 * MINUTE);
    assert_eq!(asked_before(&mut desk, soon, not_found), 10);
    // 98 for checks less twelve promised, sixty for whoever comes and the ten: sixteen for twelve hours.
    assert!(asked_before(&mut desk, deadline(), not_found) <= 1);
    // Each was promised one.
    desk.now = deadline();
    assert_eq!(asked_before(&mut desk, deadline(), not_found), 12);
}

#[test]
fn a_check_that_settled_its_payment_is_given_back() {
    let mut desk = Desk::of_singles();
    desk.open(1..=12);
    let soon = NOON.saturating_add(2 * MINUTE);
    assert_eq!(asked_before(&mut desk, soon, each_paid), 12);
}

#[test]
fn a_last_check_gives_nothing_back() {
    let mut desk = Desk::of_singles();
    desk.open(1..=12);
    asked_before(&mut desk, deadline(), not_found);
    desk.now = deadline();
    assert_eq!(asked_before(&mut desk, deadline(), each_paid), 12);
    desk.open(21..=32);
    let soon = deadline().saturating_add(2 * MINUTE);
    assert!(asked_before(&mut desk, soon, not_found) <= 1);
}

#[test]
fn a_process_that_is_started_again_has_no_second_burst() {
    for (asked_before_it, has_burst) in [(0, true), (1, false)] {
        let mut desk = Desk::of_singles();
        desk.open(1..=12);
        for _ in 0..asked_before_it {
            desk.exchange(Ok(CheckAnswer::NotFound));
        }
        desk.restart(Config::DEFAULT);
        let soon = NOON.saturating_add(2 * MINUTE);
        let asked = asked_before(&mut desk, soon, not_found);
        assert_eq!(asked > 2, has_burst, "{asked}");
    }
}
