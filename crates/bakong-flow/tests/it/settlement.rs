//! Transactions that settle an order, and transactions that need a review.

use std::time::Duration;

use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::{Currency, Timestamp};
use bakong_flow::settlement::{Detail, Settlement};
use bakong_flow::store::{Conflict, Rejected};
use bakong_flow::{Change, Mismatch, OpenError, Outcome, Payment, Question};

use crate::desk::{
    DEADLINE, Desk, LIFE, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, hash, khr, md5, order,
    paid, paid_at, paid_outcome, payment, short_hash, single, transaction, transaction_json,
};

fn settle(json: &str) -> Settlement {
    let expected = payment(1, NOON.saturating_add(LIFE)).expected.unwrap();
    expected.settle(&transaction(json), DEADLINE)
}

fn json(amount: &str, created_at: Timestamp) -> String {
    transaction_json(1, amount, created_at)
}

/// The change by which another worker finishes payment `number`.
fn finished(number: u32, order_number: u32, outcome: Outcome) -> Change {
    Change::Finished {
        md5: md5(number),
        order: order(order_number),
        outcome,
        at: NOON,
    }
}

#[test]
fn a_matching_transaction_settles() {
    let late = DEADLINE.saturating_add(Duration::from_millis(1));
    for (json, late) in [
        (json("10000", NOON), false),
        (json("10000.0", DEADLINE), false),
        (json("\"10000\"", late), true),
        (json("10000", late).replace("createdDateMs", "other"), false),
    ] {
        assert_eq!(settle(&json), Settlement::Settled { late }, "{json}");
    }
}

#[test]
fn every_readable_transaction_settles_a_payment_of_which_only_the_md5_is_known() {
    let body = json("5", NOON).replace("sokha", "other");
    let no_amount = body.replace("amount", "other");
    let no_currency = body.replace("KHR", "THB");
    let no_hash = body.replace("\"hash\"", "\"other\"");
    for (body, unreadable) in [
        (body, None),
        (no_amount, Some(Detail::Amount)),
        (no_currency, Some(Detail::Currency)),
        (no_hash, Some(Detail::Hash)),
    ] {
        let mut desk = Desk::of_singles();
        let expires_at = NOON.saturating_add(LIFE);
        let mut payment = Payment::of_md5(order(1), md5(1), expires_at);
        payment.short_hash = Some(short_hash(1));
        desk.try_open(payment).unwrap();
        // Bakong needs the amount for a lookup by short hash, so there is none.
        desk.learn(1, None, Some(short_hash(2)));
        assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
        let answer = Ok(CheckAnswer::Paid(transaction(&body)));
        assert_eq!(desk.exchange(answer), by_md5(1));
        match unreadable {
            None => assert!(desk.is_paid(1), "{body}"),
            Some(detail) => assert_eq!(desk.mismatches(1), [Mismatch::Unreadable(detail)]),
        }
    }
}

#[test]
fn a_difference_needs_a_review() {
    let body = json("10000", NOON);
    let short = |units| Mismatch::Short { paid: khr(units) };
    let over = Mismatch::Over { paid: khr(10_001) };
    let usd = Mismatch::OtherCurrency {
        paid: Currency::Usd,
    };
    let other = |account: &str| Mismatch::OtherRecipient {
        paid: account.into(),
    };
    let sokha = json("1", NOON).replace("sokha", "Sokha");
    for (body, mismatches) in [
        (json("9999", NOON), vec![short(9_999)]),
        (json("10001", NOON), vec![over]),
        (body.replace("KHR", "USD"), vec![usd]),
        (body.replace("sokha", "other"), vec![other("other@devb")]),
        (sokha, vec![short(1), other("Sokha@devb")]),
        (
            json("null", NOON),
            vec![Mismatch::Unreadable(Detail::Amount)],
        ),
        (
            json("10000.5", NOON),
            vec![Mismatch::Unreadable(Detail::Amount)],
        ),
        (
            body.replace("KHR", "THB"),
            vec![Mismatch::Unreadable(Detail::Currency)],
        ),
        (
            body.replace("toAccountId", "other"),
            vec![Mismatch::Unreadable(Detail::Recipient)],
        ),
    ] {
        assert_eq!(settle(&body), Settlement::NeedsReview(mismatches), "{body}");
    }
}

#[test]
fn a_transfer_after_the_deadline_is_late() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = DEADLINE;
    desk.exchange(Ok(paid_at(1, DEADLINE.saturating_add(MINUTE))));
    let outcome = desk.outcome(1);
    assert!(matches!(outcome, Some(Outcome::Paid { late: true, .. })));
}

#[test]
fn a_transaction_settles_one_order() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(Ok(paid(7)));
    // Hashes are compared without regard to case.
    let same = json("10000", NOON).replace(hash(1).as_str(), &hash(7).as_str().to_uppercase());
    desk.exchange(Ok(CheckAnswer::Paid(transaction(&same))));
    let settled = if desk.is_paid(1) { 1 } else { 2 };
    assert!(desk.is_paid(settled));
    let order = order(settled);
    assert_eq!(
        desk.mismatches(3 - settled),
        [Mismatch::SettledAnother { order }]
    );
    assert_eq!(desk.tracker.open_payments(), 0);
}

#[test]
fn a_transaction_in_another_form_settles_no_second_order() {
    let full = hash(7);
    let full = full.as_str();
    for form in [
        full.to_uppercase(),
        format!("0x{full}"),
        format!(" {full}\\n"),
        format!("{}\u{200b}{}", &full[..8], &full[8..]),
        format!("{full}\\u200b"),
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1, 2]);
        desk.exchange(Ok(paid(7)));
        let same = json("10000", NOON).replace(hash(1).as_str(), &form);
        desk.exchange(Ok(CheckAnswer::Paid(transaction(&same))));
        let settled = if desk.is_paid(1) { 1 } else { 2 };
        let order = order(settled);
        assert_eq!(
            desk.mismatches(3 - settled),
            [Mismatch::SettledAnother { order }],
            "{form}"
        );
    }
}

#[test]
fn a_transaction_without_a_hash_settles_no_order() {
    for none in [
        "null",
        "7",
        "\"\"",
        "\"0x\"",
        "\"00000007\"",
        "\"none\"",
        "{}",
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1, 2]);
        let body = json("10000", NOON);
        let body = body.replace(&format!("\"{}\"", hash(1)), none);
        for _ in 0..2 {
            desk.exchange(Ok(CheckAnswer::Paid(transaction(&body))));
        }
        for number in [1, 2] {
            assert_eq!(
                desk.mismatches(number),
                [Mismatch::Unreadable(Detail::Hash)],
                "{none}"
            );
        }
    }
    let absent = json("10000", NOON).replace("\"hash\"", "\"other\"");
    let untold = vec![Mismatch::Unreadable(Detail::Hash)];
    assert_eq!(settle(&absent), Settlement::NeedsReview(untold));
}

#[test]
fn an_order_is_settled_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let mut second = desk.payment(2);
    second.order = order(1);
    desk.try_open(second.clone()).unwrap();
    desk.exchange(Ok(paid(7)));
    desk.exchange(Ok(paid(8)));
    let reviewed = if desk.is_paid(1) { 2 } else { 1 };
    assert!(desk.is_paid(3 - reviewed));
    assert_eq!(desk.mismatches(reviewed), [Mismatch::OrderSettled]);
    // The order gets no third code.
    second.md5 = md5(3);
    assert_eq!(desk.try_open(second), Err(OpenError::OrderSettled));
}

#[test]
fn another_worker_may_have_settled_the_order() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    let mut second = desk.payment(9);
    second.order = order(2);
    let opened = Change::Opened {
        payment: Box::new(second),
        policy: desk.policy,
        at: desk.now,
    };
    assert_eq!(desk.store.apply(&[opened]), []);
    // Another worker settles the first order, and the second one by another code.
    let others = [
        finished(1, 1, paid_outcome(7)),
        finished(9, 2, paid_outcome(8)),
    ];
    assert_eq!(desk.store.apply(&others), []);
    for _ in 0..3 {
        let ask = desk.next();
        let is_asked = |number: &u32| ask.question == by_md5(*number);
        let number = (1..=3).find(is_asked).unwrap();
        // The third check finds the transaction that settled the second order.
        let transfer = [7, 9, 8][number as usize - 1];
        desk.answer(&ask, single(paid(transfer)));
    }
    assert!(desk.is_paid(1));
    assert_eq!(desk.mismatches(2), [Mismatch::OrderSettled]);
    let order_2 = Mismatch::SettledAnother { order: order(2) };
    assert_eq!(desk.mismatches(3), [order_2]);
    let is_finished = |change: &&Change| matches!(change, Change::Finished { .. });
    assert_eq!(desk.log.iter().filter(is_finished).count(), 2);
    // The third order is not settled, so it can get another code.
    for (number, of, opened) in [(4, 3, Ok(())), (5, 2, Err(OpenError::OrderSettled))] {
        let mut again = desk.payment(number);
        again.order = order(of);
        assert_eq!(desk.try_open(again), opened);
    }
}

#[test]
fn a_payment_that_another_worker_called_expired_is_reported_when_it_is_paid() {
    let without_hash = json("10000", NOON).replace("\"hash\"", "\"other\"");
    let without_hash = CheckAnswer::Paid(transaction(&without_hash));
    for answer in [paid(7), without_hash] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let expired = finished(1, 1, Outcome::Expired);
        assert_eq!(desk.store.apply(&[expired]), []);
        desk.now = NOON.saturating_add(UNTIL_DEADLINE);
        desk.exchange(Ok(answer));
        assert_eq!(desk.outcome(1), Some(Outcome::Expired));
        assert!(desk.is_paid_again());
        // The order is not settled, so it can get another code.
        let mut again = desk.payment(2);
        again.order = order(1);
        assert_eq!(desk.try_open(again), Ok(()));
    }
}

#[test]
fn a_second_worker_reports_only_another_transaction() {
    for (number, is_reported) in [(7, false), (8, true)] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let settled = finished(1, 1, paid_outcome(7));
        assert_eq!(desk.store.apply(&[settled]), []);
        desk.exchange(Ok(paid(number)));
        assert_eq!(desk.is_paid_again(), is_reported);
    }
}

#[test]
fn a_payment_that_the_store_knows_is_not_opened() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let mut other = Desk::of_singles();
    other.store = desk.store;
    other.open([1]);
    assert_eq!(other.tracker.open_payments(), 0);
    assert_eq!(other.tracker.next_wakeup(), None);
    let opened = Change::Opened {
        payment: Box::new(payment(1, NOON)),
        policy: other.policy,
        at: NOON,
    };
    let known = Rejected::new(md5(1), Conflict::Known);
    assert_eq!(other.store.apply(&[opened]), [known]);
}

#[test]
fn a_transfer_before_the_opening_needs_a_review_if_a_hash_found_it() {
    // Clocks may differ by five minutes.
    let earliest = NOON.as_millis() - 5 * 60_000;
    let too_early = Timestamp::from_millis(earliest - 1);
    for (created_at, mismatches) in [
        (too_early, vec![Mismatch::OtherCode, Mismatch::BeforeOpened]),
        (Timestamp::from_millis(earliest), vec![Mismatch::OtherCode]),
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.learn(1, Some(hash(7)), None);
        desk.exchange(NOT_FOUND);
        desk.exchange(Ok(paid_at(7, created_at)));
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.mismatches(1), mismatches);
    }
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Ok(paid_at(7, too_early)));
    assert!(desk.is_paid(1), "the MD5 belongs to this code");
}

#[test]
fn a_cancelled_order_keeps_its_final_check() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    (1..=2).for_each(|number| desk.cancel(number));
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.now, DEADLINE, "there is no early check");
    desk.exchange(Ok(paid(7)));
    let is_first = desk.outcome(1) == Some(Outcome::Cancelled);
    let reviewed = if is_first { 2 } else { 1 };
    assert_eq!(desk.outcome(3 - reviewed), Some(Outcome::Cancelled));
    assert_eq!(desk.mismatches(reviewed), [Mismatch::Cancelled]);
}

#[test]
fn failed_and_static_codes_are_final() {
    for (answer, outcome) in [
        (CheckAnswer::Failed, Outcome::Failed),
        (CheckAnswer::StaticQr, Outcome::StaticQr),
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        assert!(matches!(desk.exchange(Ok(answer)), Question::Md5(_)));
        assert_eq!(desk.outcome(1), Some(outcome));
        assert_eq!(desk.tracker.next_wakeup(), None);
    }
}

#[test]
fn each_refusal_has_a_message() {
    for (error, part) in [
        (OpenError::Known, "bill number"),
        (OpenError::OrderSettled, "settled"),
        (
            OpenError::NoQuota { until: NOON },
            "do not show the code before 1795237200000 (milliseconds since 1970)",
        ),
    ] {
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
    }
}
