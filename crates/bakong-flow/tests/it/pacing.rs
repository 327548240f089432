//! The pace at which spare requests are spent.

use std::time::Duration;

use bakong_flow::Config;
use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::Timestamp;

use crate::desk::{DEADLINE, Desk, MINUTE, NOON, NOT_FOUND, paid, single, without_lists};

/// Answers the requests before `end`, each with its number, and returns how many there were.
fn checks_before(desk: &mut Desk, end: Timestamp, answer: impl Fn(u32) -> CheckAnswer) -> u32 {
    let mut checks = 0;
    while desk.tracker.open_payments() > 0 {
        if let Some(ask) = desk.poll() {
            checks += 1;
            desk.answer(&ask, single(answer(checks)));
            continue;
        }
        let next = desk.tracker.next_wakeup().unwrap();
        if next >= end {
            break;
        }
        desk.now = next;
    }
    checks
}

/// Twelve payments are open.
fn desk() -> Desk {
    let mut desk = Desk::of_singles();
    desk.open(1..=12);
    desk
}

fn soon() -> Timestamp {
    NOON.saturating_add(2 * MINUTE)
}

const fn not_found(_: u32) -> CheckAnswer {
    CheckAnswer::NotFound
}

#[test]
fn a_quiet_shop_can_spend_a_tenth_of_the_quota_at_once() {
    let mut desk = desk();
    assert_eq!(checks_before(&mut desk, soon(), not_found), 10);
    // Of 98 requests for checks, 12 are reserved, 60 are for expected payments and 10 are spent.
    // The remaining 16 must last for twelve hours.
    assert!(checks_before(&mut desk, DEADLINE, not_found) <= 1);
    // Each payment has a final check.
    desk.now = DEADLINE;
    assert_eq!(checks_before(&mut desk, DEADLINE, not_found), 12);
}

#[test]
fn an_early_check_that_settles_its_payment_is_refunded() {
    assert_eq!(checks_before(&mut desk(), soon(), paid), 12);
}

#[test]
fn a_final_check_is_not_refunded() {
    let mut desk = desk();
    checks_before(&mut desk, DEADLINE, not_found);
    desk.now = DEADLINE;
    assert_eq!(checks_before(&mut desk, DEADLINE, paid), 12);
    desk.open(21..=32);
    let soon = DEADLINE.saturating_add(2 * MINUTE);
    assert!(checks_before(&mut desk, soon, not_found) <= 1);
}

#[test]
fn a_restart_gives_no_second_burst() {
    for (checks_before_restart, has_burst) in [(0, true), (1, false)] {
        let mut desk = desk();
        (0..checks_before_restart).for_each(|_| drop(desk.exchange(NOT_FOUND)));
        desk.restart(without_lists());
        let checks = checks_before(&mut desk, soon(), not_found);
        assert_eq!(checks > 2, has_burst, "{checks}");
    }
}

#[test]
fn a_restart_before_the_first_list_is_answered_costs_at_most_one_request() {
    let mut desk = Desk::new(Config::DEFAULT);
    desk.open(1..=12);
    for restart in 1..=20 {
        desk.later(Duration::from_secs(10));
        desk.restart(Config::DEFAULT);
        while desk.poll().is_some() {}
        assert!(desk.tracker.usage().requests <= restart);
    }
}

#[test]
fn a_restart_sends_a_check_that_it_missed_at_once() {
    let mut desk = Desk::of_singles();
    desk.open(1..=3);
    desk.exchange(NOT_FOUND);
    // No tracker runs for the term of a lease.
    desk.later(Duration::from_secs(10));
    desk.restart(without_lists());
    assert!(desk.poll().is_some());
    // The other payments wait for the pacer, as after any restart.
    assert!(desk.poll().is_none());
}

#[test]
fn a_restart_does_not_repeat_a_recent_check() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(NOT_FOUND);
    desk.later(Duration::from_secs(1));
    desk.restart(without_lists());
    assert!(desk.poll().is_none());
}
