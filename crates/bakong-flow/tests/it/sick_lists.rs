//! A list endpoint that fails while single checks work.

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Config, Question, Reply};

use crate::desk::{
    DAY, DEADLINE, DOWN, Desk, HOUR, MINUTE, NOT_FOUND, UNTIL_DEADLINE, md5, with_limit,
};

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
        let latest = DEADLINE.saturating_add(MINUTE + desk.policy.grace.final_check_window);
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

/// The classes of a refusal: 403, and for example 404 or 405.
const REFUSALS: [ErrorClass; 2] = [ErrorClass::Blocked, ErrorClass::Refused];

/// Payments 1 to 40 are due, lists work, and the first list was refused with `class`.
fn refused_once(class: ErrorClass) -> Desk {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=40);
    desk.later(UNTIL_DEADLINE);
    let list = desk.next();
    assert!(matches!(list.question, Question::Md5List(_)));
    desk.answer(&list, Reply::List(Err(class)));
    desk
}

#[test]
fn a_single_refusal_of_a_list_costs_one_single_check() {
    for class in REFUSALS {
        let mut desk = refused_once(class);
        assert_eq!(desk.tracker.lists(), ListStatus::Untried, "{class:?}");
        assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
        assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
        assert_eq!(desk.tracker.lists(), ListStatus::Work);
        assert_eq!(desk.tracker.open_payments(), 0);
        assert_eq!(desk.tracker.usage().requests, 3);
        assert!(desk.now < DEADLINE.saturating_add(MINUTE));
        // The answered list clears the refusal, so the next one is a single refusal again.
        desk.open(41..=80);
        desk.later(UNTIL_DEADLINE);
        let list = desk.next();
        desk.answer(&list, Reply::List(Err(class)));
        assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    }
}

#[test]
fn a_second_refusal_of_lists_ends_them_for_a_day() {
    for class in REFUSALS {
        let mut desk = refused_once(class);
        assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
        let list = desk.next();
        assert!(matches!(list.question, Question::Md5List(_)));
        desk.answer(&list, Reply::List(Err(class)));
        let until = desk.now.saturating_add(DAY);
        assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
        let singles = desk.finish_all();
        assert_eq!(singles.len(), 39);
        assert_eq!(desk.tracker.usage().requests, 42);
        // After a day, one refused list is enough: it confirms the refusals before it.
        desk.now = until;
        desk.open([41, 42]);
        desk.later(UNTIL_DEADLINE);
        let list = desk.next();
        desk.answer(&list, Reply::List(Err(class)));
        let until = desk.now.saturating_add(DAY);
        assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    }
}

#[test]
fn lists_that_are_refused_together_are_refused_once() {
    let mut desk = Desk::of_lists(Config::DEFAULT);
    desk.open(1..=150);
    desk.later(UNTIL_DEADLINE);
    for list in [desk.ask(), desk.ask()] {
        desk.answer(&list, Reply::List(Err(ErrorClass::Blocked)));
    }
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
}

#[test]
fn a_refusal_of_everything_does_not_count_against_lists() {
    let mut desk = refused_once(ErrorClass::Blocked);
    // The client is blocked as a whole, so lists keep their status.
    assert!(matches!(
        desk.exchange(Err(ErrorClass::Blocked)),
        Question::Md5(_)
    ));
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    let list = desk.next();
    desk.answer(&list, Reply::List(Err(ErrorClass::Blocked)));
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5List(_)));
}

#[test]
fn a_token_that_only_lists_reject_is_used_for_single_checks() {
    // The token cannot be renewed, or its renewal succeeds or fails.
    let refused = Some(Err(ErrorClass::Refused));
    let renewals = [None, Some(Ok(None)), Some(Err(DOWN)), refused];
    for (status, renewal) in [ListStatus::Untried, ListStatus::Work]
        .into_iter()
        .flat_map(|status| renewals.map(|renewal| (status, renewal)))
    {
        let mut config = Config::DEFAULT;
        config.renewable = renewal.is_some();
        let mut desk = Desk::new(config);
        desk.restart_with_lists(config, status);
        desk.open([1]);
        desk.later(MINUTE);
        desk.open(2..=5);
        for _ in 0..100 {
            if desk.tracker.open_payments() == 0 {
                break;
            }
            let ask = desk.next();
            let reply = match (&ask.question, renewal) {
                (Question::Md5List(_), _) => Reply::List(Err(ErrorClass::Unauthorized)),
                (Question::Renewal, Some(result)) => Reply::Renewal(result),
                _ => Reply::Check(NOT_FOUND),
            };
            desk.answer(&ask, reply);
        }
        let context = format!("{status:?}, renewal {renewal:?}, {:?}", desk.now);
        assert_eq!(desk.tracker.open_payments(), 0, "{context}");
        // A refused renewal pauses requests for an hour.
        let pauses = if renewal == refused {
            3 * HOUR
        } else {
            2 * MINUTE
        };
        let within = desk.policy.grace.final_check_window + pauses;
        assert!(desk.now <= DEADLINE.saturating_add(within), "{context}");
    }
}
