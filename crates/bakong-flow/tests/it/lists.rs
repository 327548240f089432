//! Checks of many payments in one request.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Ask, Config, OpenError, Outcome, Question, Reply};

use crate::desk::{
    DAY, DEADLINE, DOWN, Desk, HOUR, LIFE, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, md5,
    paid, with_limit, without_lists,
};

const UNREADABLE: Reply = Reply::List(Err(ErrorClass::Malformed));
const BLOCKED: Reply = Reply::List(Err(ErrorClass::Blocked));

/// These payments are open, and no list was tried yet.
fn untried(payments: impl IntoIterator<Item = u32>) -> Desk {
    let mut desk = Desk::new(Config::DEFAULT);
    desk.open(payments);
    desk
}

/// Payments 1 to `payments` are open, lists work, and the deadline has come.
fn due(payments: u32) -> Desk {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=payments);
    desk.later(UNTIL_DEADLINE);
    desk
}

/// Returns how many payments a question is about.
fn length(question: &Question) -> usize {
    match question {
        Question::Md5List(md5s) => md5s.len(),
        Question::Md5(_) => 1,
        other => panic!("{other:?}"),
    }
}

/// Answers "not found" until no payment is open, and returns the lengths of the questions.
fn finish_all(desk: &mut Desk) -> Vec<usize> {
    desk.finish_all().iter().map(length).collect()
}

/// Waits for a list about `payments` payments.
fn next_list(desk: &mut Desk, payments: usize) -> Ask {
    let ask = desk.next();
    assert_eq!(length(&ask.question), payments, "{ask:?}");
    ask
}

/// Waits for a list about `payments` payments, and answers it.
fn answer_list(desk: &mut Desk, payments: usize, reply: Reply) {
    let ask = next_list(desk, payments);
    desk.answer(&ask, reply);
}

#[test]
fn final_checks_share_a_request() {
    let mut desk = untried(0..90);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(finish_all(&mut desk), [50, 40]);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    assert_eq!(desk.tracker.usage().requests, 2);
    assert!((0..90).all(|number| desk.outcome(number) == Some(Outcome::Expired)));
}

#[test]
fn a_final_check_waits_for_others_as_long_as_it_may() {
    // No request is spare: the only one is reserved for both payments.
    let mut desk = Desk::of_lists(with_limit(Config::DEFAULT, 1));
    desk.open([1]);
    desk.later(MINUTE);
    desk.open([2]);
    next_list(&mut desk, 2);
    assert!(desk.now >= DEADLINE.saturating_add(MINUTE));
    let within = desk.policy.grace.final_check_window;
    assert!(desk.now <= DEADLINE.saturating_add(within));
}

#[test]
fn a_refused_list_is_remembered_for_a_day() {
    let mut desk = untried([1, 2]);
    desk.later(UNTIL_DEADLINE);
    answer_list(&mut desk, 2, BLOCKED);
    let refused_at = desk.now;
    let until = refused_at.saturating_add(DAY);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    // Single checks follow at once.
    assert_eq!(finish_all(&mut desk), [1, 1]);
    assert_eq!(desk.now, refused_at);
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    desk.now = until;
    desk.open([3, 4]);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(finish_all(&mut desk), [2]);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
}

#[test]
fn a_refusal_of_all_checks_is_not_a_refusal_of_lists() {
    for was_refused_before in [false, true] {
        let mut desk = untried([1, 2]);
        desk.later(UNTIL_DEADLINE);
        if was_refused_before {
            answer_list(&mut desk, 2, BLOCKED);
            assert_eq!(finish_all(&mut desk), [1, 1]);
            desk.later(DAY);
            desk.open([3, 4]);
            desk.later(UNTIL_DEADLINE);
        }
        answer_list(&mut desk, 2, BLOCKED);
        desk.exchange(Err(ErrorClass::Blocked));
        assert_eq!(desk.tracker.lists(), ListStatus::Untried);
        assert_eq!(desk.poll(), None);
        assert_eq!(finish_all(&mut desk), [2]);
    }
}

#[test]
fn an_outage_is_no_refusal_of_lists() {
    let mut desk = untried([1, 2, 3]);
    desk.later(UNTIL_DEADLINE);
    answer_list(&mut desk, 3, Reply::List(Err(DOWN)));
    desk.exchange(Err(DOWN));
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert_eq!(finish_all(&mut desk), [1, 2]);
}

#[test]
fn a_payment_that_a_list_leaves_out_is_checked_alone() {
    let mut desk = untried(1..=4);
    desk.later(UNTIL_DEADLINE);
    let items = vec![
        (md5(4), Err(ErrorClass::Malformed)),
        (md5(2), Ok(paid(7))),
        // This payment is not in the list.
        (md5(9), Ok(CheckAnswer::Failed)),
        (md5(1), NOT_FOUND),
    ];
    answer_list(&mut desk, 4, Reply::List(Ok(items)));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    assert!(desk.is_paid(2));
    assert_eq!((desk.outcome(3), desk.outcome(4)), (None, None));
    assert_eq!(finish_all(&mut desk), [1, 1]);
}

#[test]
fn a_list_with_few_answers_is_repeated() {
    let mut desk = untried(1..=5);
    desk.later(UNTIL_DEADLINE);
    // One answer of five: single checks of the others would cost more than the list saved.
    let items = vec![(md5(1), NOT_FOUND)];
    answer_list(&mut desk, 5, Reply::List(Ok(items)));
    // Two answers of five are enough.
    let items = vec![(md5(1), NOT_FOUND), (md5(2), NOT_FOUND)];
    answer_list(&mut desk, 5, Reply::List(Ok(items)));
    assert_eq!(finish_all(&mut desk), [1, 1, 1]);
}

#[test]
fn a_paid_payment_counts_even_in_a_list_with_few_answers() {
    let mut desk = due(5);
    let items = vec![(md5(3), Ok(paid(7)))];
    answer_list(&mut desk, 5, Reply::List(Ok(items)));
    assert!(desk.is_paid(3));
    assert_eq!(desk.tracker.open_payments(), 4);
    assert_eq!(finish_all(&mut desk), [4]);
}

#[test]
fn early_checks_that_are_due_soon_join_a_list() {
    let mut desk = untried([1, 2, 3]);
    let Question::Md5List(mut md5s) = desk.next().question else {
        panic!("a list");
    };
    assert!(desk.now < NOON.saturating_add(MINUTE));
    md5s.sort_unstable();
    let mut all = [1, 2, 3].map(md5);
    all.sort_unstable();
    assert_eq!(md5s, all);
}

#[test]
fn lists_pause_after_two_unreadable_ones() {
    let mut desk = untried([1, 2]);
    desk.later(UNTIL_DEADLINE);
    answer_list(&mut desk, 2, UNREADABLE);
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    answer_list(&mut desk, 2, UNREADABLE);
    let until = desk.now.saturating_add(5 * MINUTE);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    // The final checks cannot wait, because lists were not known to work.
    assert_eq!(finish_all(&mut desk), [1, 1]);
}

#[test]
fn final_checks_wait_for_the_end_of_a_pause() {
    let mut desk = due(40);
    (0..2).for_each(|_| answer_list(&mut desk, 40, UNREADABLE));
    let until = desk.now.saturating_add(5 * MINUTE);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    assert_eq!(desk.poll(), None);
    desk.now = until;
    assert_eq!(finish_all(&mut desk), [40]);
    assert!(desk.now <= DEADLINE.saturating_add(14 * MINUTE));
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
}

#[test]
fn each_pause_is_longer() {
    let mut desk = due(40);
    (0..2).for_each(|_| answer_list(&mut desk, 40, UNREADABLE));
    desk.later(5 * MINUTE);
    answer_list(&mut desk, 40, UNREADABLE);
    let until = desk.now.saturating_add(10 * MINUTE);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    // The final checks cannot wait that long.
    assert_eq!(finish_all(&mut desk), [1; 40]);
    assert!(desk.now < until);
}

#[test]
fn a_payment_whose_deadline_comes_during_a_pause_waits_too() {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=10);
    desk.later(3 * MINUTE);
    desk.open(11..=20);
    desk.now = DEADLINE;
    for _ in 0..2 {
        let list = desk.next();
        desk.answer(&list, UNREADABLE);
    }
    assert_eq!(finish_all(&mut desk), [20]);
}

#[test]
fn a_restart_ends_a_pause() {
    let mut desk = due(40);
    (0..2).for_each(|_| answer_list(&mut desk, 40, UNREADABLE));
    desk.restart(Config::DEFAULT);
    // After a list failed, reservations do not count on lists.
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert_eq!(finish_all(&mut desk), [40]);
}

#[test]
fn a_payment_that_must_be_checked_alone_does_not_wait_for_others() {
    let mut desk = Desk::of_lists(with_limit(Config::DEFAULT, 2));
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let items = vec![(md5(2), NOT_FOUND)];
    answer_list(&mut desk, 2, Reply::List(Ok(items)));
    let asked_at = desk.now;
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
    assert_eq!(desk.now, asked_at);
}

#[test]
fn an_untried_list_is_sent_only_if_no_reservation_needs_the_request() {
    let mut desk = Desk::with_quota(3);
    desk.open(1..=3);
    desk.restart(with_limit(Config::DEFAULT, 3));
    desk.later(UNTIL_DEADLINE);
    let asks = [desk.ask(), desk.ask(), desk.ask()];
    assert!(asks.iter().all(|ask| length(&ask.question) == 1));

    // With fewer requests than reservations, only a list can help.
    let config = with_limit(Config::DEFAULT, 2);
    let mut desk = Desk::of_lists(config);
    desk.open(1..=5);
    desk.restart_with_lists(config, ListStatus::Untried);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(finish_all(&mut desk), [5]);
}

/// Opens payments until the quota refuses one. Returns their number, and the time until which the next one is refused.
fn open_all(desk: &mut Desk, first: u32) -> (u32, Duration) {
    for number in first..1_000 {
        match desk.try_open(desk.payment(number)) {
            Ok(()) => {}
            Err(OpenError::NoQuota { until }) => {
                return (number - first, until.saturating_since(desk.now));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the quota refused no payment");
}

fn soon() -> Timestamp {
    NOON.saturating_add(Duration::from_secs(10))
}

#[test]
fn payments_that_are_opened_at_once_leave_a_request_for_the_first_list() {
    let mut desk = Desk::new(Config::DEFAULT);
    let (opened, wait) = open_all(&mut desk, 0);
    assert_eq!(opened, 97);
    let known_at = desk.now.saturating_add(wait);
    next_list(&mut desk, 50);
    assert_eq!(known_at, desk.now.saturating_add(Duration::from_secs(5)));
    assert!(desk.now < soon());
    // While the list is in flight, the wait is short, too.
    let (opened, wait) = open_all(&mut desk, 100);
    assert_eq!((opened, wait), (0, Duration::from_secs(5)));
}

#[test]
fn lists_that_work_make_room_for_payments() {
    let mut desk = Desk::new(Config::DEFAULT);
    open_all(&mut desk, 0);
    assert_eq!(length(&desk.exchange(NOT_FOUND)), 50);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    desk.open(100..900);
    finish_all(&mut desk);
    assert!(desk.tracker.usage().requests <= 98);
}

#[test]
fn a_refused_first_list_leaves_every_final_check_reserved() {
    let mut desk = Desk::new(Config::DEFAULT);
    open_all(&mut desk, 0);
    answer_list(&mut desk, 50, BLOCKED);
    let (opened, wait) = open_all(&mut desk, 100);
    assert_eq!(opened, 0);
    assert!(wait > 11 * HOUR, "{wait:?}");
    assert_eq!(finish_all(&mut desk), [1; 97]);
}

#[test]
fn the_first_list_does_not_wait_for_a_spare_request() {
    let mut desk = Desk::new(Config::DEFAULT);
    // After so many payments in one moment, every request of the window is expected to be needed.
    desk.open(1..=30);
    next_list(&mut desk, 30);
    assert!(desk.now < soon());
}

#[test]
fn one_payment_keeps_no_request_for_a_list() {
    let mut desk = Desk::new(with_limit(Config::DEFAULT, 2));
    assert_eq!(open_all(&mut desk, 1).0, 2);
}

#[test]
fn lists_that_are_off_stay_off() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.restart_with_lists(without_lists(), ListStatus::Work);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(finish_all(&mut desk), [1, 1]);
    assert_eq!(desk.tracker.lists(), ListStatus::Off);
}

#[test]
fn a_list_has_at_most_fifty_payments() {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=60);
    next_list(&mut desk, 50);
    assert!(desk.now < NOON.saturating_add(LIFE), "an early check");
}

#[test]
fn a_list_has_each_payment_once() {
    for payments in [1, 2] {
        let mut desk = Desk::new(Config::DEFAULT);
        desk.policy.schedule.first = 5 * MINUTE;
        desk.open(1..=payments);
        desk.nudge(1);
        let first = desk.exchange(NOT_FOUND);
        assert_eq!((desk.now, length(&first)), (NOON, payments as usize));
        // The nudge has not changed when the next check is due.
        desk.later(5 * MINUTE);
        next_list(&mut desk, payments as usize);
    }
}

#[test]
fn every_payment_of_a_failed_list_is_reported() {
    for (reply, failed_lists) in [(BLOCKED, 1), (UNREADABLE, 2)] {
        let mut desk = due(2);
        for lists in 1..=failed_lists {
            answer_list(&mut desk, 2, reply.clone());
            assert_eq!(desk.failures().len(), 2 * lists);
        }
        assert_ne!(desk.tracker.lists(), ListStatus::Work);
    }
}
