//! What is asked, and when: the quota, failures, the token, nudges and cancelled orders.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, RetryAfter};
use bakong_flow::quota::QuotaWindow;
use bakong_flow::{Change, Config, OpenError, Outcome, Policy, Question, Quota, Reply};

use crate::desk::{
    DOWN, Desk, LIFE, MINUTE, NOON, UNTIL_DEADLINE, md5, paid, payment, single, transaction,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const NOT_FOUND: Result<CheckAnswer, ErrorClass> = Ok(CheckAnswer::NotFound);

fn ends_at() -> Timestamp {
    QuotaWindow::PHNOM_PENH.end_of(QuotaWindow::PHNOM_PENH.day_of(NOON))
}

fn classes(desk: &Desk) -> Vec<ErrorClass> {
    let class = |change: &Change| match change {
        Change::NoAnswer { class, .. } => Some(*class),
        _ => None,
    };
    desk.log.iter().filter_map(class).collect()
}

#[test]
fn what_cannot_be_promised_its_last_check_is_refused() {
    let mut desk = Desk::with_quota(3);
    desk.open(1..=3);
    let expires_at = NOON.saturating_add(LIFE);
    let refused = desk.try_open(payment(4, expires_at));
    let Err(OpenError::NoQuota { until }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        until.saturating_add(UNTIL_DEADLINE),
        ends_at(),
        "its deadline is then on the next day"
    );
    assert!(!desk.tracker.is_open(&md5(4)));
    let just_before = Timestamp::from_millis(until.as_millis() - 1);
    desk.now = just_before;
    // The three are unpaid.
    for _ in 0..3 {
        desk.exchange(NOT_FOUND);
    }
    desk.now = just_before;
    let expires_at = just_before.saturating_add(LIFE);
    assert_eq!(
        desk.try_open(payment(4, expires_at)),
        Err(OpenError::NoQuota { until })
    );
    desk.now = until;
    desk.open([4]);
    assert_eq!(desk.exchange(NOT_FOUND), Question::Md5(md5(4)));
    assert_eq!(desk.outcome(4), Some(Outcome::Expired));
    assert!(desk.now >= ends_at());
}

#[test]
fn a_payment_that_is_final_makes_room() {
    let mut desk = Desk::with_quota(2);
    desk.open([1, 2]);
    assert!(
        desk.try_open(payment(3, desk.now.saturating_add(LIFE)))
            .is_err()
    );
    desk.now = desk.now.saturating_add(UNTIL_DEADLINE);
    let ask = desk.ask();
    // It never left this machine, so that it can be asked again.
    let class = ErrorClass::Transport(TransportErrorKind::Connect);
    desk.answer_sent(&ask, 0, Reply::Check(Err(class)));
    assert_eq!(desk.tracker.usage().requests, 0);
    desk.exchange(NOT_FOUND);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.tracker.usage().requests, 2);
    assert_eq!(desk.tracker.open_payments(), 0);
}

#[test]
fn what_was_sent_more_than_once_is_counted() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.answer_sent(&ask, 3, single(CheckAnswer::NotFound));
    assert_eq!(desk.tracker.usage().requests, 3);
    desk.tracker.add_external_usage(4, desk.now);
    desk.keep();
    assert_eq!(desk.tracker.usage().requests, 7);
    assert_eq!(desk.store.snapshot().spent, Some(desk.tracker.usage()));
}

#[test]
fn a_17_closes_the_day_and_probes_are_sparing() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    let pause = Quota::DEFAULT.probe_after;
    let closed_at = desk.now;
    assert_eq!(desk.poll(), None);
    // A probe is a single check, and one is enough.
    let probe = desk.next();
    assert_eq!(desk.now, closed_at.saturating_add(pause));
    assert_eq!(desk.poll(), None);
    desk.answer(&probe, Reply::Check(Err(ErrorClass::QuotaExhausted)));
    let probe = desk.next();
    assert_eq!(desk.now, closed_at.saturating_add(2 * pause));
    desk.answer(&probe, single(CheckAnswer::NotFound));
    assert_eq!(desk.tracker.usage().closed_at, None);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.now, closed_at.saturating_add(2 * pause));
    assert_eq!(desk.tracker.open_payments(), 0);
    assert_eq!(classes(&desk), [ErrorClass::QuotaExhausted; 2]);
}

#[test]
fn a_closed_day_ends_with_the_day() {
    let mut desk = Desk::of_singles();
    desk.now = Timestamp::from_millis(ends_at().as_millis() - 60_000);
    desk.open([1]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.poll(), None, "the store keeps it");
    desk.exchange(NOT_FOUND);
    assert!(desk.now >= ends_at());
    assert_eq!(desk.tracker.usage().requests, 1);
}

fn renewable() -> Desk {
    let mut config = Config::DEFAULT;
    config.lists = false;
    config.renewable = true;
    Desk::new(config)
}

#[test]
fn a_renewal_is_counted_and_comes_in_time() {
    let mut desk = renewable();
    let ends = NOON.saturating_add(24 * HOUR);
    desk.tracker.set_token(Some(ends), desk.now);
    desk.open([1]);
    let renewal = desk.ask();
    assert_eq!(renewal.question, Question::Renewal);
    assert_eq!(desk.tracker.usage().requests, 1);
    // The old token is good meanwhile.
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    let ends = desk.now.saturating_add(90 * 24 * HOUR);
    desk.answer(&renewal, Reply::Renewal(Ok(Some(ends))));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
}

#[test]
fn payments_wait_while_the_token_is_refused() {
    let mut desk = renewable();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let renewal = desk.ask();
    assert_eq!(renewal.question, Question::Renewal);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(desk.poll(), None);
    assert_eq!(desk.tracker.next_wakeup(), None);
    assert!(desk.tracker.is_open(&md5(1)));
    desk.answer(&renewal, Reply::Renewal(Ok(None)));
    assert_eq!(desk.ask().question, Question::Md5(md5(1)));
}

#[test]
fn a_renewal_that_fails_is_tried_again_after_a_pause() {
    let mut desk = renewable();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    assert_eq!(desk.exchange(Err(DOWN)), Question::Renewal);
    let failed_at = desk.now;
    assert_eq!(desk.poll(), None);
    assert_eq!(desk.exchange(NOT_FOUND), Question::Renewal);
    assert!(desk.now >= failed_at.saturating_add(MINUTE));
    assert_eq!(desk.exchange(NOT_FOUND), Question::Md5(md5(1)));
    assert_eq!(desk.tracker.usage().requests, 4);
    // A renewal that was given up leaves nobody waiting.
    desk.open([2]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let renewal = desk.next();
    desk.tracker.abandon(renewal.ticket, 1, desk.now);
    assert_eq!(desk.next().question, Question::Renewal);
}

#[test]
fn a_token_that_nobody_can_renew_is_tried_rarely() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let refused_at = desk.now;
    desk.exchange(Err(ErrorClass::Unauthorized));
    assert_eq!(desk.now, refused_at.saturating_add(MINUTE));
    desk.exchange(Err(ErrorClass::Unauthorized));
    assert_eq!(desk.now, refused_at.saturating_add(3 * MINUTE));
    assert_eq!(desk.poll(), None);
    // A new one is used at once.
    desk.tracker.set_token(None, desk.now);
    assert_eq!(desk.ask().question, Question::Md5(md5(1)));
    assert_eq!(desk.outcome(1), None);
}

#[test]
fn what_failed_for_one_holds_all() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    let ask = desk.next();
    let delay = Duration::from_secs(77);
    let retry_after = Some(RetryAfter::Delay(delay));
    desk.answer(
        &ask,
        Reply::Check(Err(ErrorClass::RateLimited { retry_after })),
    );
    let until = desk.now.saturating_add(delay);
    for number in 1..=3 {
        desk.tracker.nudge(&md5(number), desk.now);
        assert_eq!(desk.poll(), None, "{number}");
    }
    assert_eq!(desk.tracker.next_wakeup(), Some(until));
    desk.now = until;
    let ask = desk.ask();
    assert_eq!(desk.poll(), None, "one at a time while they fail");
    assert_eq!(desk.tracker.next_wakeup(), None);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert!(desk.poll().is_some() && desk.poll().is_some());
}

#[test]
fn failures_in_a_row_are_waited_out_longer_and_never_read_as_unpaid() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let before = desk.now;
        desk.exchange(Err(DOWN));
        waits.push(desk.now.saturating_since(before).as_secs());
    }
    assert_eq!(waits[1..], [2, 4, 8, 16]);
    desk.later(UNTIL_DEADLINE);
    desk.exchange(Err(DOWN));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(classes(&desk), [DOWN; 6]);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn a_request_that_was_given_up_is_asked_again() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = desk.now.saturating_add(UNTIL_DEADLINE);
    let ask = desk.ask();
    assert_eq!(desk.poll(), None, "not twice at once");
    desk.tracker.abandon(ask.ticket, 1, desk.now);
    assert_eq!(
        desk.poll(),
        None,
        "not at once: the next may get no answer either"
    );
    let again = desk.next();
    assert_ne!(again.ticket, ask.ticket);
    desk.answer(&ask, single(CheckAnswer::Failed));
    assert_eq!(desk.outcome(1), None, "too late");
    desk.answer(&again, single(paid(7, NOON)));
    assert!(matches!(desk.outcome(1), Some(Outcome::Paid { .. })));
}

#[test]
fn an_answer_to_something_else_says_nothing() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = desk.now.saturating_add(UNTIL_DEADLINE);
    let ask = desk.ask();
    desk.answer(&ask, Reply::List(Ok(vec![(md5(1), NOT_FOUND)])));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(classes(&desk), [ErrorClass::Malformed]);
}

#[test]
fn an_early_not_found_is_not_the_end() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = Timestamp::from_millis(NOON.as_millis() + 629_999);
    desk.tracker.nudge(&md5(1), desk.now);
    let ask = desk.ask();
    desk.later(MINUTE);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None, "it was asked before the deadline");
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn a_nudge_helps_less_and_less() {
    let mut desk = Desk::of_singles();
    // Nothing else is due soon.
    let invoice = payment(1, NOON.saturating_add(24 * 60 * MINUTE));
    let now = desk.now;
    desk.tracker.open(invoice, Policy::INVOICE, now).unwrap();
    let mut waits = Vec::new();
    for _ in 0..4 {
        let before = desk.now;
        desk.tracker.nudge(&md5(1), desk.now);
        let ask = desk.next();
        waits.push(desk.now.saturating_since(before).as_secs());
        desk.answer(&ask, single(CheckAnswer::NotFound));
    }
    assert_eq!(waits[0], 0);
    assert!(waits.is_sorted() && waits[1] > 0, "{waits:?}");
    assert!(waits[3] <= 40, "{waits:?}");
    // Nobody is nudged who is not open.
    desk.tracker.nudge(&md5(2), desk.now);
    assert_eq!(desk.tracker.open_payments(), 1);
}

#[test]
fn a_cancelled_payment_is_left_alone_until_its_deadline() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.cancel(&md5(1), desk.now);
    desk.tracker.nudge(&md5(1), desk.now);
    desk.keep();
    desk.restart(Config::DEFAULT);
    let deadline = NOON.saturating_add(UNTIL_DEADLINE);
    assert_eq!(desk.tracker.next_wakeup(), Some(deadline));
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
}

#[test]
fn a_payment_that_was_cancelled_while_it_is_asked_about_is_left_alone_too() {
    for reply in [single(CheckAnswer::NotFound), Reply::Check(Err(DOWN))] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let ask = desk.next();
        desk.tracker.cancel(&md5(1), desk.now);
        desk.answer(&ask, reply);
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.now, NOON.saturating_add(UNTIL_DEADLINE));
        assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
    }
}

#[test]
fn a_code_is_watched_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let again = payment(1, desk.now.saturating_add(LIFE));
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    desk.exchange(Ok(paid(7, NOON)));
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    // The tracker forgets; the store does not.
    desk.later(3 * 24 * HOUR);
    assert_eq!(desk.try_open(again), Ok(()));
    assert_eq!(desk.tracker.open_payments(), 0);
}

#[test]
fn other_money_for_a_final_payment_is_reported() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    let elsewhere = Outcome::Paid {
        transaction: transaction(r#"{"hash":"ab"}"#),
        late: false,
    };
    let finished = bakong_flow::store::FinishedPayment::new(
        md5(1),
        crate::desk::order(1),
        &elsewhere,
        desk.now,
    );
    desk.tracker.finished_elsewhere(finished, desk.now);
    assert_eq!(desk.tracker.open_payments(), 0);
    desk.answer(&ask, single(paid(7, NOON)));
    assert!(
        matches!(
            desk.log.last(),
            Some(Change::PaidAgain {
                transaction: Some(_),
                ..
            })
        ),
        "{:?}",
        desk.log.last()
    );
    assert_eq!(desk.outcome(1), None, "it was the other's to say");
}

#[test]
fn another_worker_does_not_make_this_one_forget_what_it_sent() {
    let mut config = Config::DEFAULT;
    config.lists = false;
    let mut desk = Desk::new(config);
    desk.open(1..=4);
    for _ in 0..4 {
        desk.exchange(NOT_FOUND);
    }
    let mut other = Desk::new(config);
    other.store = desk.store;
    other.open([5]);
    other.exchange(NOT_FOUND);
    desk.store = other.store;
    desk.restart(config);
    assert_eq!(desk.tracker.usage().requests, 4);
}
