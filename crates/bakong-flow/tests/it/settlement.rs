//! Which money settles the order, and which needs a person.

use bakong_api::khqr_core::{Amount, Currency, Timestamp};
use bakong_api::{CheckAnswer, Transaction};
use bakong_flow::{Detail, Mismatch, Settlement};

use crate::{DEADLINE, OPENED, answer, paid_body, payment};

fn transaction(body: String) -> Transaction {
    match answer(body) {
        CheckAnswer::Paid(transaction) => *transaction,
        other => panic!("{other:?}"),
    }
}

fn settle(body: String) -> Settlement {
    payment().expected.settle(&transaction(body), DEADLINE)
}

#[test]
fn what_matches_settles() {
    let settled = |late| Settlement::Settled { late };
    assert_eq!(settle(paid_body("10000", OPENED)), settled(false));
    assert_eq!(settle(paid_body("10000.0", DEADLINE)), settled(false));
    let late = Timestamp::from_millis(DEADLINE.as_millis() + 1);
    assert_eq!(settle(paid_body("\"10000\"", late)), settled(true));
    let untold = paid_body("10000", OPENED).replace("createdDateMs", "other");
    assert_eq!(settle(untold), settled(false));
}

#[test]
fn what_differs_needs_a_person() {
    let khr = |units| Amount::from_minor_units(units, Currency::Khr);
    let body = paid_body("10000", OPENED);
    for (body, mismatches) in [
        (
            paid_body("9999", OPENED),
            vec![Mismatch::Short { paid: khr(9_999) }],
        ),
        (
            paid_body("10001", OPENED),
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
            vec![Mismatch::OtherRecipient {
                paid: "other@devb".into(),
            }],
        ),
        (
            body.replace("sokha@devb", "Sokha@devb")
                .replace("10000", "1"),
            vec![
                Mismatch::Short { paid: khr(1) },
                Mismatch::OtherRecipient {
                    paid: "Sokha@devb".into(),
                },
            ],
        ),
        (
            body.replace("10000", "null"),
            vec![Mismatch::Untold(Detail::Amount)],
        ),
        (
            body.replace("10000", "10000.5"),
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
        assert_eq!(
            settle(body.clone()),
            Settlement::NeedsReview(mismatches),
            "{body}"
        );
    }
}
