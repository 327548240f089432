//! A list endpoint that fails while single checks work.

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Config, Question, Reply};

use crate::desk::{DEADLINE, DOWN, Desk, HOUR, MINUTE, NOT_FOUND, UNTIL_DEADLINE, md5, with_limit};

/// The failures of a list that do not name the list as the cause.
const FAILURES: [ErrorClass; 7] = [
    DOWN,
    ErrorClass::Transport(TransportErrorKind::Timeout),
    ErrorClass::Transport(TransportErrorKind::Interrupted),
    ErrorClass::Transport(TransportErrorKind::Connect),
    ErrorClass::RateLimited { retry_after: None },
    ErrorClass::Malformed,
    ErrorClass::QuotaExhausted,
];

/// Answers single checks with "not found" and lists with `class` until no payment is open. Returns the numbers of lists
/// and of single checks.
fn finish_with_failing_lists(desk: &mut Desk, class: ErrorClass) -> (u32, u32) {
    let (mut lists, mut singles) = (0, 0);
    for _ in 0..1_000 {
        if desk.tracker.open_payments() == 0 {
            return (lists, singles);
        }
        let ask = desk.next();
        if let Question::Md5List(_) = ask.question {
            lists += 1;
            desk.answer(&ask, Reply::List(Err(class)));
        } else {
            singles += 1;
            desk.answer(&ask, Reply::Check(NOT_FOUND));
        }
    }
    panic!("the payments stay open");
}

#[test]
fn payments_become_final_although_every_list_fails() {
    for class in FAILURES {
        let mut desk = Desk::new(Config::DEFAULT);
        desk.open([1]);
        desk.later(MINUTE);
        desk.open([2]);
        finish_with_failing_lists(&mut desk, class);
        let latest = DEADLINE.saturating_add(MINUTE + desk.policy.grace.last_check_within);
        // A list that is rejected with error code 17 closes the window until a probe is answered.
        let is_in_time = desk.now <= latest || class == ErrorClass::QuotaExhausted;
        assert!(is_in_time, "{class:?} {:?}", desk.now);
    }
}

#[test]
fn a_sick_list_takes_no_reserved_request() {
    for lists in [ListStatus::Untried, ListStatus::Work] {
        for class in FAILURES {
            if class == ErrorClass::QuotaExhausted {
                continue;
            }
            let config = with_limit(Config::DEFAULT, 98);
            let mut desk = Desk::new(config);
            desk.restart_with_lists(config, lists);
            desk.open(0..97);
            desk.later(UNTIL_DEADLINE);
            let (lists, singles) = finish_with_failing_lists(&mut desk, class);
            assert_eq!((lists, singles), (1, 97), "{class:?}");
            assert!(desk.now < DEADLINE.saturating_add(HOUR), "{class:?}");
        }
    }
}

#[test]
fn refused_lists_take_no_reserved_request() {
    let config = with_limit(Config::DEFAULT, 98);
    let mut desk = Desk::new(config);
    desk.open(0..97);
    desk.later(UNTIL_DEADLINE);
    // The requests go out together, before the first reply.
    let asks: Vec<_> = std::iter::from_fn(|| desk.poll()).collect();
    assert_eq!(asks.len(), 4);
    for ask in asks {
        match &ask.question {
            Question::Md5List(_) => desk.answer(&ask, Reply::List(Err(ErrorClass::Blocked))),
            _ => desk.answer(&ask, Reply::Check(NOT_FOUND)),
        }
    }
    finish_with_failing_lists(&mut desk, ErrorClass::Blocked);
    assert!(desk.now < DEADLINE.saturating_add(HOUR), "{:?}", desk.now);
    assert!((0..97).all(|number| desk.store.outcome(&md5(number)).is_some()));
}

#[test]
fn a_list_that_failed_carries_no_reservation_until_a_list_is_answered() {
    let config = with_limit(Config::DEFAULT, 10);
    let mut desk = Desk::of_lists(config);
    desk.open(0..12);
    desk.later(UNTIL_DEADLINE);
    let list = desk.next();
    desk.answer(&list, Reply::List(Err(DOWN)));
    desk.assert_no_quota(desk.payment(20));
    // The answer to a single check shows that only the list is out of order.
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    desk.assert_no_quota(desk.payment(20));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    desk.open([20]);
}

#[test]
fn an_outage_leaves_the_status_of_lists() {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=5);
    desk.later(UNTIL_DEADLINE);
    let list = desk.next();
    desk.answer(&list, Reply::List(Err(DOWN)));
    // While Bakong is down, single checks find out when it is up again.
    for _ in 0..3 {
        assert!(matches!(desk.exchange(Err(DOWN)), Question::Md5(_)));
        assert_eq!(desk.tracker.lists(), ListStatus::Work);
    }
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
    assert_eq!(desk.tracker.open_payments(), 0);
}
