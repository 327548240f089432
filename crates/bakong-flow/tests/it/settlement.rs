//! Which money settles an order, and which needs a person.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{Currency, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, TransactionHash};
use bakong_flow::settlement::{Detail, Settlement};
use bakong_flow::store::Conflict;
use bakong_flow::{Change, Mismatch, OpenError, Outcome};

use crate::desk::{
    Desk, LIFE, MINUTE, NOON, UNTIL_DEADLINE, hash, khr, md5, order, paid, payment, single,
    transaction, transaction_json,
};

const DEADLINE: Timestamp = Timestamp::from_millis(NOON.as_millis() + 630_000);

fn settle(json: &str) -> Settlement {
    let expected = payment(1, NOON.saturating_add(LIFE)).expected;
    expected.settle(&transaction(json), DEADLINE)
}

fn json(amount: &str, created_at: Timestamp) -> String {
    transaction_json(&hash(1), amount, created_at)
}

#[test]
fn what_matches_settles() {
    let settled = |late| Settlement::Settled { late };
    assert_eq!(settle(&json("10000", NOON)), settled(false));
    assert_eq!(settle(&json("10000.0", DEADLINE)), settled(false));
    let late = DEADLINE.saturating_add(Duration::from_millis(1));
    assert_eq!(settle(&json("\"10000\"", late)), settled(true));
    let untold = json("10000", late).replace("createdDateMs", "other");
    assert_eq!(settle(&untold), settled(false));
}

#[test]
fn what_differs_needs_a_person() {
    let body = json("10000", NOON);
    let short = |units| Mismatch::Short { paid: khr(units) };
    let other = |account: &str| Mismatch::OtherRecipient {
        paid: account.into(),
    };
    for (body, mismatches) in [
        (json("9999", NOON), vec![short(9_999)]),
        (
            json("10001", NOON),
            vec![Mismatch::Over { paid: khr(10_001) }],
        ),
        (
            body.replace("KHR", "USD"),
            vec![Mismatch::OtherCurrency {
                paid: Currency::Usd,
            }],
        ),
        (
            body.replace("sokha@devb", "other@devb"),
            vec![other("other@devb")],
        ),
        (
            json("1", NOON).replace("sokha", "Sokha"),
            vec![short(1), other("Sokha@devb")],
        ),
        (json("null", NOON), vec![Mismatch::Untold(Detail::Amount)]),
        (
            json("10000.5", NOON),
            vec![Mismatch::Untold(Detail::Amount)],
        ),
        (
            body.replace("KHR", "THB"),
            vec![Mismatch::Untold(Detail::Currency)],
        ),
        (
            body.replace("toAccountId", "other"),
            vec![Mismatch::Untold(Detail::Recipient)],
        ),
    ] {
        assert_eq!(settle(&body), Settlement::NeedsReview(mismatches), "{body}");
    }
}

/// What a review of a payment is for.
fn mismatches(desk: &Desk, number: u32) -> Vec<Mismatch> {
    match desk.outcome(number) {
        Some(Outcome::NeedsReview { mismatches, .. }) => mismatches,
        other => panic!("{other:?}"),
    }
}

fn is_paid(desk: &Desk, number: u32) -> bool {
    matches!(desk.outcome(number), Some(Outcome::Paid { .. }))
}

#[test]
fn money_that_comes_after_the_deadline_is_late() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.now = DEADLINE;
    let late = DEADLINE.saturating_add(MINUTE);
    desk.exchange(Ok(paid(1, late)));
    assert!(
        matches!(desk.outcome(1), Some(Outcome::Paid { late: true, .. })),
        "{:?}",
        desk.outcome(1)
    );
}

#[test]
fn a_transaction_settles_one_order() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.exchange(Ok(paid(7, NOON)));
    // Written otherwise, it is the same.
    let CheckAnswer::Paid(same) = paid(7, NOON) else {
        unreachable!()
    };
    let same = same.as_json().replace("abc", "ABC");
    desk.exchange(Ok(CheckAnswer::Paid(transaction(&same))));
    let settled = u32::from(is_paid(&desk, 2)) + 1;
    assert!(is_paid(&desk, settled));
    assert_eq!(
        mismatches(&desk, 3 - settled),
        [Mismatch::SettledAnother {
            order: order(settled)
        }]
    );
    assert_eq!(desk.tracker.open_payments(), 0);
}

#[test]
fn an_order_is_settled_once() {
    let mut desk = Desk::of_singles();
    let expires_at = NOON.saturating_add(LIFE);
    desk.open([1]);
    let mut second = payment(2, expires_at);
    second.order = order(1);
    desk.try_open(second.clone()).unwrap();
    desk.exchange(Ok(paid(7, NOON)));
    desk.exchange(Ok(paid(8, NOON)));
    let reviewed = if is_paid(&desk, 1) { 2 } else { 1 };
    assert!(is_paid(&desk, 3 - reviewed));
    assert_eq!(mismatches(&desk, reviewed), [Mismatch::OrderSettled]);
    // A third code for it is not shown.
    second.md5 = md5(3);
    assert_eq!(desk.try_open(second), Err(OpenError::OrderSettled));
}

#[test]
fn another_worker_may_have_settled_it() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    // Another worker finds the first paid, and another code of the second's order.
    let of_other = |number, order, transfer| Change::Finished {
        md5: md5(number),
        order,
        outcome: Outcome::Paid {
            transaction: transaction(&transaction_json(&hash(transfer), "10000", NOON)),
            late: false,
        },
        at: NOON,
    };
    let others = [of_other(1, order(1), 7), of_other(9, order(2), 8)];
    assert_eq!(desk.store.apply(&others), []);
    for _ in 0..3 {
        let ask = desk.next();
        let number = (1..=3)
            .find(|number| ask.question == bakong_flow::Question::Md5(md5(*number)))
            .unwrap();
        // The third finds what the second's order was settled with.
        let transfer = [7, 9, 8][number as usize - 1];
        desk.answer(&ask, single(paid(transfer, NOON)));
    }
    assert!(is_paid(&desk, 1));
    assert_eq!(mismatches(&desk, 2), [Mismatch::OrderSettled]);
    assert_eq!(
        mismatches(&desk, 3),
        [Mismatch::SettledAnother { order: order(2) }]
    );
    let finished = |change: &&Change| matches!(change, Change::Finished { .. });
    assert_eq!(
        desk.log.iter().filter(finished).count(),
        2,
        "the first was the other worker's"
    );
    // The third order was not settled, so it may be paid by another code.
    let mut again = payment(4, desk.now.saturating_add(LIFE));
    again.order = order(3);
    assert_eq!(desk.try_open(again), Ok(()));
    let mut again = payment(5, desk.now.saturating_add(LIFE));
    again.order = order(2);
    assert_eq!(desk.try_open(again), Err(OpenError::OrderSettled));
}

#[test]
fn what_another_worker_called_expired_is_told_of_when_it_was_paid() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let at = NOON.saturating_add(UNTIL_DEADLINE);
    let expired = Change::Finished {
        md5: md5(1),
        order: order(1),
        outcome: Outcome::Expired,
        at,
    };
    assert_eq!(desk.store.apply(&[expired]), []);
    desk.now = at;
    desk.exchange(Ok(paid(7, NOON)));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
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
    // Its order is not settled: another code may be shown for it.
    let mut again = payment(2, desk.now.saturating_add(LIFE));
    again.order = order(1);
    assert_eq!(desk.try_open(again), Ok(()));
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
    let known = bakong_flow::store::Rejected::new(md5(1), Conflict::Known);
    let opened = Change::Opened {
        payment: Box::new(payment(1, NOON)),
        policy: other.policy,
        at: NOON,
    };
    assert_eq!(other.store.apply(&[opened]), [known]);
}

#[test]
fn what_was_made_before_is_doubted_only_where_a_hash_found_it() {
    let early = Timestamp::from_millis(NOON.as_millis() - 5 * 60_000 - 1);
    let by_hash = |created_at| {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let known = TransactionHash::new(&hash(7)).ok();
        desk.tracker.learn(&md5(1), known, None, desk.now);
        desk.exchange(Ok(CheckAnswer::NotFound));
        desk.exchange(Ok(paid(7, created_at)));
        desk.exchange(Ok(CheckAnswer::NotFound));
        desk
    };
    let doubted = [Mismatch::OtherCode, Mismatch::BeforeOpened];
    assert_eq!(mismatches(&by_hash(early), 1), doubted);
    // Clocks differ by minutes, five of them at most.
    let little_early = Timestamp::from_millis(NOON.as_millis() - 5 * 60_000);
    assert_eq!(mismatches(&by_hash(little_early), 1), [Mismatch::OtherCode]);
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.exchange(Ok(paid(7, early)));
    assert!(is_paid(&desk, 1), "the MD5 is of this very code");
}

#[test]
fn a_cancelled_order_keeps_its_last_check() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    for number in [1, 2] {
        desk.tracker.cancel(&md5(number), desk.now);
    }
    desk.keep();
    desk.exchange(Ok(CheckAnswer::NotFound));
    assert_eq!(desk.now, DEADLINE, "before, nothing is asked");
    desk.exchange(Ok(paid(7, NOON)));
    let reviewed = if desk.outcome(1) == Some(Outcome::Cancelled) {
        2
    } else {
        1
    };
    assert_eq!(desk.outcome(3 - reviewed), Some(Outcome::Cancelled));
    assert_eq!(mismatches(&desk, reviewed), [Mismatch::Cancelled]);
}

#[test]
fn failed_and_static_codes_are_final() {
    for (answer, outcome) in [
        (CheckAnswer::Failed, Outcome::Failed),
        (CheckAnswer::StaticQr, Outcome::StaticQr),
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.exchange(Ok(answer));
        assert_eq!(desk.outcome(1), Some(outcome));
        assert_eq!(desk.tracker.next_wakeup(), None);
    }
}

#[test]
fn whoever_is_refused_reads_why() {
    let until = NOON;
    for (error, says) in [
        (OpenError::Known, "bill number"),
        (OpenError::OrderSettled, "settled"),
        (
            OpenError::NoQuota { until },
            "do not show it before 1795237200000 ms",
        ),
        (OpenError::Full, "too many"),
    ] {
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn money_that_does_not_say_its_hash_is_not_lost_to_another_worker() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.store.apply(&[Change::Finished {
        md5: md5(1),
        order: order(1),
        outcome: Outcome::Expired,
        at: NOON,
    }]);
    desk.now = DEADLINE;
    let body = transaction_json("", "10000", NOON).replace(r#""hash":"","#, "");
    desk.exchange(Ok(CheckAnswer::Paid(transaction(&body))));
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
}

#[test]
fn what_another_worker_found_first_is_told_again_only_if_it_is_other_money() {
    for (number, is_told) in [(7, false), (8, true)] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        let CheckAnswer::Paid(transaction) = paid(7, NOON) else {
            panic!("it is paid");
        };
        desk.store.apply(&[Change::Finished {
            md5: md5(1),
            order: order(1),
            outcome: Outcome::Paid {
                transaction,
                late: false,
            },
            at: NOON,
        }]);
        desk.exchange(Ok(paid(number, NOON)));
        let told = |change: &Change| matches!(change, Change::PaidAgain { .. });
        assert_eq!(desk.log.iter().any(told), is_told);
    }
}
