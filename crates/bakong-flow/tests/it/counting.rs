//! What counts as one of the day's requests, and who is promised one.

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Change, Config, OpenError, Question, Reply};

use crate::desk::{DOWN, Desk, MINUTE, NOON, payment};

#[test]
fn a_code_that_has_expired_takes_nobody_s_request() {
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals) = (1, 0);
    let mut desk = Desk::new(config);
    desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
    desk.restart(config);
    desk.open([1]);
    let long_ago = Timestamp::from_millis(NOON.as_millis() - 3_600_000);
    let refused = desk.try_open(payment(2, long_ago));
    assert!(
        matches!(refused, Err(OpenError::NoQuota { .. })),
        "{refused:?}"
    );
}

#[test]
fn whoever_tries_again_and_again_is_wanted_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    let wanted = desk.tracker.usage().wanted;
    for _ in 0..300 {
        let refused = desk.try_open(payment(2, desk.now.saturating_add(MINUTE)));
        assert!(matches!(refused, Err(OpenError::NoQuota { .. })));
    }
    assert_eq!(desk.tracker.usage().wanted, wanted + 1);
}

#[test]
fn a_renewal_that_never_left_is_none() {
    let mut config = Config::DEFAULT;
    (config.lists, config.renewable) = (false, true);
    let mut desk = Desk::new(config);
    desk.tracker.set_token(Some(NOON), desk.now);
    desk.open([1]);
    let ask = desk.ask();
    assert_eq!(ask.question, Question::Renewal);
    assert_eq!(desk.tracker.usage().renewals, 1);
    desk.answer_sent(&ask, 0, Reply::Renewal(Err(DOWN)));
    let spent = desk.tracker.usage();
    assert_eq!((spent.requests, spent.renewals), (0, 0));
}

#[test]
fn a_closed_day_promises_nothing_while_it_is_probed() {
    let mut desk = Desk::of_singles();
    // Its last check is tomorrow's.
    desk.try_open(payment(1, desk.now.saturating_add(24 * 60 * MINUTE)))
        .unwrap();
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    let probe = desk.next();
    assert!(desk.tracker.usage().closed_at.is_some(), "{probe:?}");
    let refused = desk.try_open(payment(2, desk.now.saturating_add(MINUTE)));
    assert!(
        matches!(refused, Err(OpenError::NoQuota { .. })),
        "{refused:?}"
    );
}
