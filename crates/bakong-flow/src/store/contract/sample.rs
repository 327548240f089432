//! Payments, outcomes and changes for tests of a store.

use std::time::Duration;

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::{Transaction, TransactionHash};

use crate::change::Change;
use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::payment::{Payment, PaymentDetails};
use crate::policy::Policy;
use crate::settlement::{Expected, Mismatch};

/// The time of the first change.
pub const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// The term of the leases.
pub const TERM: Duration = Duration::from_secs(30);

/// Returns [`START`] plus `seconds`.
#[must_use]
pub fn after(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

/// Returns the MD5 of code `number`.
#[must_use]
pub fn md5(number: u32) -> Md5Handle {
    Md5Handle::of(&format!("code {number}"))
}

/// Returns the id of order `number`.
///
/// # Panics
/// Never.
#[must_use]
pub fn order(number: u32) -> OrderId {
    OrderId::new(&format!("order {number}")).expect("a valid id")
}

/// Returns the hash of transaction `number`.
#[must_use]
pub fn hash(number: u32) -> String {
    format!("{number:064x}")
}

/// Returns payment `number` of order `of`, with all details.
///
/// # Panics
/// Never.
#[must_use]
pub fn payment(number: u32, of: u32) -> Payment {
    let recipient = AccountIdBuf::new("sokha@devb").expect("a valid account");
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    let mut payment = Payment::new(
        order(of),
        md5(number),
        Expected::new(amount, recipient),
        after(600),
    );
    payment.details = Some(Box::new(PaymentDetails {
        code: Some(format!("code {number}").into()),
        metadata: Some(r#"{"till":"សុខា 'quoted' \"twice\""}"#.into()),
    }));
    payment
}

/// Returns the change that opens payment `number` of order `of`, `number` seconds after [`START`].
#[must_use]
pub fn opened(number: u32, of: u32) -> Change {
    Change::Opened {
        payment: Box::new(payment(number, of)),
        policy: Policy::COUNTER,
        at: after(number.into()),
    }
}

/// Returns transaction `number`. The text of the JSON has blanks and an unknown member, to be stored unchanged.
///
/// # Panics
/// Never.
#[must_use]
pub fn transaction(number: u32) -> Transaction {
    transaction_with_hash(&hash(number))
}

/// Returns a transaction with this hash.
///
/// # Panics
/// Never.
#[must_use]
pub fn transaction_with_hash(hash: &str) -> Transaction {
    let json = format!(
        r#"{{ "hash":"{hash}", "fromAccountId":"bopha@devb","toAccountId":"sokha@devb","currency":"KHR",
        "amount": 10000.0,"description":"កាហ្វេ","createdDateMs":1795000300000,"unknown":[1, null] }}"#
    );
    Transaction::from_json(&json).expect("a transaction")
}

/// Returns the outcome of a payment that transaction `number` paid.
#[must_use]
pub fn paid(number: u32) -> Outcome {
    Outcome::Paid {
        transaction: Box::new(transaction(number)),
        late: false,
    }
}

/// Returns the outcome of a payment whose transaction `number` needs a review.
#[must_use]
pub fn needs_review(number: u32) -> Outcome {
    Outcome::NeedsReview {
        transaction: Box::new(transaction(number)),
        mismatches: vec![Mismatch::Short {
            paid: Amount::from_minor_units(9_999, Currency::Khr),
        }],
    }
}

/// Returns the change that makes payment `number` of order `of` final, `1000 + number` seconds after [`START`].
#[must_use]
pub fn finished(number: u32, of: u32, outcome: Outcome) -> Change {
    Change::Finished {
        md5: md5(number),
        order: order(of),
        outcome,
        at: after(1_000 + u64::from(number)),
    }
}

/// Returns the full hash of transaction `number`, as a reference.
///
/// # Panics
/// Never.
#[must_use]
pub fn reference(number: u32) -> TransactionHash {
    TransactionHash::new(&hash(number)).expect("a valid hash")
}
