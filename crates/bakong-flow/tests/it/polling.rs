//! The time at which requests are sent: the quota, failures, the token, nudges and cancelled orders.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, RetryAfter};
use bakong_flow::quota::QuotaWindow;
use bakong_flow::store::FinishedPayment;
use bakong_flow::{Change, Config, OpenError, Outcome, Policy, Question, Quota, Reply};

use crate::desk::{
    DAY, DEADLINE, DOWN, Desk, HOUR, LIFE, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, md5,
    order, paid, payment, single, transaction, with_limit, without_lists,
};

/// The end of the quota window.
fn midnight() -> Timestamp {
    NOON.saturating_add(12 * HOUR)
}

#[test]
fn a_payment_without_a_request_for_its_final_check_is_refused() {
    let mut desk = Desk::with_quota(3);
    desk.open(1..=3);
    let until = desk.assert_no_quota(desk.payment(4));
    assert_eq!(until.saturating_add(UNTIL_DEADLINE), midnight());
    assert!(!desk.tracker.is_open(&md5(4)));
    let just_before = Timestamp::from_millis(until.as_millis() - 1);
    desk.now = just_before;
    (0..3).for_each(|_| drop(desk.exchange(NOT_FOUND)));
    desk.now = just_before;
    assert_eq!(desk.assert_no_quota(desk.payment(4)), until);
    desk.now = until;
    desk.open([4]);
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(4));
    assert_eq!(desk.outcome(4), Some(Outcome::Expired));
    assert!(desk.now >= midnight());
}

#[test]
fn an_hourly_quota_is_refilled_every_hour() {
    let mut config = with_limit(without_lists(), 3);
    config.quota.window = QuotaWindow::new(HOUR, 30 * MINUTE);
    let mut desk = Desk::new(config);
    let window_end = NOON.saturating_add(30 * MINUTE);
    desk.open(1..=3);
    let until = desk.assert_no_quota(desk.payment(4));
    assert_eq!(until.saturating_add(UNTIL_DEADLINE), window_end);
    assert_eq!(desk.finish_all().len(), 3);
    assert_eq!(desk.now, DEADLINE, "the reserved requests are sent");
    // The final check belongs to the next hour.
    desk.now = until;
    desk.open(4..=6);
    desk.assert_no_quota(desk.payment(7));
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    assert_eq!(desk.now, window_end);
    assert_eq!(desk.finish_all().len(), 3);
    assert_eq!(desk.now, window_end.saturating_add(HOUR));
}

#[test]
fn error_code_17_closes_the_window_and_probes_are_rare() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    let pause = Quota::DEFAULT.probe_after;
    let closed_at = desk.now;
    assert_eq!(desk.poll(), None);
    // A probe is a single check.
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
    assert_eq!(desk.failures(), [ErrorClass::QuotaExhausted; 2]);
}

#[test]
fn a_closed_window_ends_on_time_even_after_a_restart() {
    let mut desk = Desk::of_singles();
    desk.later(12 * HOUR - MINUTE);
    desk.open([1]);
    desk.exchange(Err(ErrorClass::QuotaExhausted));
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.poll(), None);
    desk.exchange(NOT_FOUND);
    assert!(desk.now >= midnight());
    assert_eq!(desk.tracker.usage().requests, 1);
}

fn renewable() -> Desk {
    let mut config = without_lists();
    config.renewable = true;
    Desk::new(config)
}

#[test]
fn a_token_is_renewed_in_time_and_used_meanwhile() {
    let mut desk = renewable();
    let ends = NOON.saturating_add(DAY);
    desk.tracker.set_token(Some(ends), desk.now);
    desk.open([1]);
    // The clock may be ahead, so the token is sent before it is renewed.
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
    let renewal = desk.ask();
    assert_eq!(renewal.question, Question::Renewal);
    assert_eq!(desk.tracker.usage().requests, 2);
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
    let ends = desk.now.saturating_add(90 * DAY);
    desk.answer(&renewal, Reply::Renewal(Ok(Some(ends))));
    assert!(matches!(desk.exchange(NOT_FOUND), Question::Md5(_)));
}

#[test]
fn a_token_is_not_renewed_because_the_clock_is_ahead() {
    let mut desk = renewable();
    let ends = NOON.saturating_add(4 * DAY);
    desk.tracker.set_token(Some(ends), desk.now);
    desk.open([1]);
    desk.later(5 * DAY);
    let ask = desk.ask();
    assert_eq!(ask.question, by_md5(1));
    // The answer tells the time.
    desk.earlier(5 * DAY);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    let questions = desk.finish_all();
    assert!(questions.iter().all(|question| *question == by_md5(1)));
    desk.later(DAY);
    desk.open([2]);
    assert_eq!(desk.ask().question, Question::Renewal);
}

#[test]
fn payments_wait_while_the_token_is_rejected() {
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
    assert_eq!(desk.ask().question, by_md5(1));
}

#[test]
fn a_failed_renewal_is_retried_after_a_pause() {
    let mut desk = renewable();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    assert_eq!(desk.exchange(Err(DOWN)), Question::Renewal);
    let failed_at = desk.now;
    assert_eq!(desk.poll(), None);
    // After the pause, the old token is tried once.
    let rejected = desk.exchange(Err(ErrorClass::Unauthorized));
    assert_eq!(rejected, by_md5(1));
    assert!(desk.now >= failed_at.saturating_add(MINUTE));
    assert_eq!(desk.exchange(NOT_FOUND), Question::Renewal);
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
    assert_eq!(desk.tracker.usage().requests, 5);
    // An abandoned renewal is retried too.
    desk.open([2]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let renewal = desk.next();
    desk.tracker.abandon(renewal.ticket, 1, desk.now);
    assert_eq!(desk.next().question, Question::Renewal);
}

#[test]
fn a_rejected_token_that_cannot_be_renewed_is_tried_rarely() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Err(ErrorClass::Unauthorized));
    let rejected_at = desk.now;
    for minutes in [1, 3] {
        desk.exchange(Err(ErrorClass::Unauthorized));
        assert_eq!(desk.now, rejected_at.saturating_add(minutes * MINUTE));
    }
    assert_eq!(desk.poll(), None);
    // A new token is used at once.
    desk.tracker.set_token(None, desk.now);
    assert_eq!(desk.ask().question, by_md5(1));
    assert_eq!(desk.outcome(1), None);
}

#[test]
fn a_failure_pauses_all_payments() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    let ask = desk.next();
    let delay = Duration::from_secs(77);
    let retry_after = Some(RetryAfter::Delay(delay));
    let limited = ErrorClass::RateLimited { retry_after };
    desk.answer(&ask, Reply::Check(Err(limited)));
    let until = desk.now.saturating_add(delay);
    for number in 1..=3 {
        desk.nudge(number);
        assert_eq!(desk.poll(), None, "{number}");
    }
    assert_eq!(desk.tracker.next_wakeup(), Some(until));
    desk.now = until;
    let ask = desk.ask();
    assert_eq!(desk.poll(), None, "one request at a time");
    assert_eq!(desk.tracker.next_wakeup(), None);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert!(desk.poll().is_some() && desk.poll().is_some());
}

#[test]
fn failures_in_a_row_double_the_pause_and_never_mean_unpaid() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let before = desk.now;
        desk.exchange(Err(DOWN));
        pauses.push(desk.now.saturating_since(before).as_secs());
    }
    assert_eq!(pauses[1..], [2, 4, 8, 16]);
    desk.later(UNTIL_DEADLINE);
    desk.exchange(Err(DOWN));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.failures(), [DOWN; 6]);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn an_abandoned_request_is_sent_again_after_a_pause() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.later(UNTIL_DEADLINE);
    let ask = desk.ask();
    assert_eq!(desk.poll(), None, "one request per payment");
    desk.tracker.abandon(ask.ticket, 1, desk.now);
    assert_eq!(desk.poll(), None);
    let again = desk.next();
    assert_ne!(again.ticket, ask.ticket);
    desk.answer(&ask, single(CheckAnswer::Failed));
    assert_eq!(
        desk.outcome(1),
        None,
        "a ticket that was used before is ignored"
    );
    desk.answer(&again, single(paid(7)));
    assert!(desk.is_paid(1));
}

#[test]
fn a_reply_to_another_question_is_a_failure() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.later(UNTIL_DEADLINE);
    let ask = desk.ask();
    desk.answer(&ask, Reply::List(Ok(vec![(md5(1), NOT_FOUND)])));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.failures(), [ErrorClass::Malformed]);
}

#[test]
fn a_check_just_before_the_deadline_is_not_final() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = Timestamp::from_millis(DEADLINE.as_millis() - 1);
    desk.nudge(1);
    let ask = desk.ask();
    desk.later(MINUTE);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn each_nudge_waits_longer() {
    let mut desk = Desk::of_singles();
    // No early check is due soon.
    desk.policy = Policy::INVOICE;
    desk.try_open(payment(1, NOON.saturating_add(DAY))).unwrap();
    let mut waits = Vec::new();
    for _ in 0..4 {
        let before = desk.now;
        desk.nudge(1);
        let ask = desk.next();
        waits.push(desk.now.saturating_since(before).as_secs());
        desk.answer(&ask, single(CheckAnswer::NotFound));
    }
    assert_eq!(waits, [0, 10, 20, 40]);
    // A nudge for an unknown payment has no effect.
    desk.nudge(2);
    assert_eq!(desk.tracker.open_payments(), 1);
}

#[test]
fn a_cancelled_payment_has_its_final_check_only() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.cancel(1);
    desk.nudge(1);
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.tracker.next_wakeup(), Some(DEADLINE));
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
}

#[test]
fn a_payment_cancelled_during_a_check_has_no_other_early_check() {
    for reply in [single(CheckAnswer::NotFound), Reply::Check(Err(DOWN))] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let ask = desk.next();
        desk.cancel(1);
        desk.answer(&ask, reply);
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.now, DEADLINE);
        assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
    }
}

#[test]
fn a_code_is_watched_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let again = payment(1, NOON.saturating_add(LIFE));
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    desk.exchange(Ok(paid(7)));
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.try_open(again.clone()), Err(OpenError::Known));
    // The store remembers the payment longer than the tracker.
    desk.later(3 * DAY);
    assert_eq!(desk.try_open(again), Ok(()));
    assert_eq!(desk.tracker.open_payments(), 0);
}

#[test]
fn another_transaction_for_a_final_payment_is_reported() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    let outcome = Outcome::Paid {
        transaction: transaction(r#"{"hash":"ab"}"#),
        late: false,
    };
    let finished = FinishedPayment::new(md5(1), order(1), &outcome, desk.now);
    desk.tracker.mark_finished(finished, desk.now);
    assert_eq!(desk.tracker.open_payments(), 0);
    desk.answer(&ask, single(paid(7)));
    assert!(desk.is_paid_again());
    assert_eq!(desk.outcome(1), None, "the other worker decides");
}

#[test]
fn a_nudge_takes_a_token_ahead_of_time() {
    let mut desk = Desk::with_quota(60);
    desk.policy = Policy::INVOICE;
    // More payments than spare requests that are sent at once, which is a tenth of the limit.
    for number in 1..=8 {
        let payment = payment(number, NOON.saturating_add(DAY));
        desk.try_open(payment).unwrap();
    }
    for number in 1..=8 {
        desk.nudge(number);
        let ask = desk.ask();
        assert_eq!(
            (&ask.question, desk.tracker.in_flight()),
            (&by_md5(number), 1)
        );
        desk.answer(&ask, single(CheckAnswer::NotFound));
        assert_eq!(desk.tracker.in_flight(), 0);
    }
    assert_eq!(desk.now, NOON);
}

#[test]
fn a_nudge_does_not_take_the_last_request_of_the_window_ahead_of_time() {
    let mut desk = Desk::with_quota(2);
    // So late that no further payment is expected in this window.
    desk.later(12 * HOUR - 20 * MINUTE);
    desk.open([1]);
    desk.policy = Policy::INVOICE;
    // The final check is in the next window.
    let expires_at = desk.now.saturating_add(DAY);
    desk.try_open(payment(2, expires_at)).unwrap();
    desk.nudge(2);
    assert_eq!(desk.check_now(CheckAnswer::NotFound), Some(by_md5(2)));
    // Another worker finishes payment 1, whose request becomes spare.
    let finished = FinishedPayment::new(md5(1), order(1), &Outcome::Expired, desk.now);
    desk.tracker.mark_finished(finished, desk.now);
    desk.later(MINUTE);
    desk.nudge(2);
    assert_eq!(desk.poll(), None);
}

#[test]
fn a_nudge_during_a_check_does_not_count() {
    let mut desk = Desk::of_singles();
    desk.policy = Policy::INVOICE;
    desk.try_open(payment(1, NOON.saturating_add(DAY))).unwrap();
    desk.nudge(1);
    let ask = desk.ask();
    desk.nudge(1);
    desk.nudge(1);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.poll(), None);
    desk.nudge(1);
    desk.next();
    assert_eq!(desk.now.saturating_since(NOON).as_secs(), 10);
}

#[test]
fn a_token_that_the_sender_renewed_is_recorded() {
    let mut desk = renewable();
    let ends = Some(NOON.saturating_add(90 * DAY));
    desk.tracker.token_renewed(ends, desk.now);
    let changes: Vec<_> = desk.tracker.take_changes().collect();
    assert_eq!(changes, [Change::Token(Ok(ends))]);
    desk.open([1]);
    let shown = format!("{:?}", desk.tracker);
    assert!(shown.contains("OrderId(\"order 1\")"), "{shown}");
}
