//! The counts of requests and of attempts to open payments.

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::{Config, Question, Reply};

use crate::desk::{
    DAY, DOWN, Desk, HOUR, MINUTE, NOT_FOUND, UNTIL_DEADLINE, payment, single, with_limit,
    without_lists,
};

#[test]
fn an_expired_code_takes_no_reserved_request() {
    let mut desk = Desk::of_lists(with_limit(Config::DEFAULT, 1));
    desk.open([1]);
    desk.earlier(HOUR);
    let expired = payment(2, desk.now);
    desk.later(HOUR);
    desk.assert_no_quota(expired);
}

#[test]
fn a_spare_request_of_the_caller_is_not_reserved() {
    // Of ten requests, two are reserved for renewals and three for the final checks of the payments.
    let mut config = with_limit(without_lists(), 10);
    config.quota.renewals = 2;
    let mut desk = Desk::new(config);
    desk.open([1, 2, 3]);
    let mut spare = 0;
    let window_end = loop {
        match desk.tracker.add_spare_usage(desk.now) {
            Ok(()) => spare += 1,
            Err(until) => break until,
        }
    };
    assert_eq!(spare, 5);
    assert_eq!(desk.tracker.usage().requests, 5);
    assert_eq!(
        window_end,
        config
            .quota
            .window
            .end_of(config.quota.window.index_of(desk.now))
    );
    desk.later(UNTIL_DEADLINE);
    assert_eq!(desk.finish_all().len(), 3);
    assert_eq!(desk.tracker.add_spare_usage(desk.now), Err(window_end));
    desk.now = window_end;
    assert_eq!(desk.tracker.add_spare_usage(desk.now), Ok(()));
}

#[test]
fn a_spare_request_of_the_caller_is_not_the_first_list() {
    let mut desk = Desk::new(with_limit(Config::DEFAULT, 4));
    desk.open([1, 2]);
    assert_eq!(desk.tracker.add_spare_usage(desk.now), Ok(()));
    desk.tracker.add_spare_usage(desk.now).unwrap_err();
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
    // Both payments share a reserved request now, but nothing more is left than that.
    desk.tracker.add_spare_usage(desk.now).unwrap();
    desk.tracker.add_spare_usage(desk.now).unwrap_err();
}

#[test]
fn a_closed_window_has_no_spare_request() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    desk.tracker.add_spare_usage(desk.now).unwrap_err();
}

#[test]
fn repeated_attempts_to_open_a_payment_count_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    let demand = desk.tracker.usage().demand;
    for _ in 0..300 {
        desk.assert_no_quota(payment(2, desk.now.saturating_add(MINUTE)));
    }
    assert_eq!(desk.tracker.usage().demand, demand + 1);
}

#[test]
fn a_renewal_that_was_not_sent_does_not_count() {
    let mut config = without_lists();
    config.renewable = true;
    let mut desk = Desk::new(config);
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let ask = desk.ask();
    assert_eq!(ask.question, Question::Renewal);
    assert_eq!(desk.tracker.usage().renewals, 1);
    desk.answer_sent(&ask, 0, Reply::Renewal(Err(DOWN)));
    let usage = desk.tracker.usage();
    assert_eq!((usage.requests, usage.renewals), (1, 0));
}

#[test]
fn a_check_that_was_not_sent_does_not_count() {
    let mut desk = Desk::with_quota(2);
    desk.open([1, 2]);
    desk.assert_no_quota(desk.payment(3));
    desk.later(UNTIL_DEADLINE);
    let ask = desk.ask();
    let class = ErrorClass::Transport(TransportErrorKind::Connect);
    desk.answer_sent(&ask, 0, Reply::Check(Err(class)));
    assert_eq!(desk.tracker.usage().requests, 0);
    assert_eq!(desk.finish_all().len(), 2);
    assert_eq!(desk.tracker.usage().requests, 2);
}

#[test]
fn every_request_that_was_sent_counts() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.answer_sent(&ask, 3, single(NOT_FOUND.unwrap()));
    assert_eq!(desk.tracker.usage().requests, 3);
    desk.tracker.add_external_usage(4, desk.now);
    desk.persist();
    assert_eq!(desk.tracker.usage().requests, 7);
    assert_eq!(desk.store.snapshot().usage, Some(desk.tracker.usage()));
}

#[test]
fn a_window_that_is_probed_accepts_no_payment() {
    let mut desk = Desk::of_singles();
    // The final check belongs to the next window.
    desk.try_open(payment(1, desk.now.saturating_add(DAY)))
        .unwrap();
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    desk.next();
    assert!(desk.tracker.usage().closed_at.is_some());
    desk.assert_no_quota(payment(2, desk.now.saturating_add(MINUTE)));
}

#[test]
fn a_second_worker_does_not_reset_the_usage() {
    let mut desk = Desk::of_singles();
    desk.open(1..=4);
    (0..4).for_each(|_| drop(desk.exchange(NOT_FOUND)));
    let mut other = Desk::of_singles();
    other.store = desk.store;
    other.open([5]);
    other.exchange(NOT_FOUND);
    desk.store = other.store;
    desk.restart(without_lists());
    assert_eq!(desk.tracker.usage().requests, 4);
}
