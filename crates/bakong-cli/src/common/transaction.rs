//! Transactions and outcomes, as text and as JSON.

use std::fmt::Display;

use bakong_api::khqr_core::{Amount, Currency, Printable, Timestamp};
use bakong_api::{Reading, Transaction};
use bakong_flow::settlement::Detail;
use bakong_flow::{Mismatch, Outcome};
use serde_json::{Map, Value, json};

use crate::common::colour::Tone;
use crate::common::exit::Exit;
use crate::common::money;
use crate::common::output::row;
use crate::common::time::in_phnom_penh;

/// The rows of a receipt that come from the transaction. Fields that Bakong left out are skipped, except the amount.
pub(crate) fn rows(transaction: &Transaction) -> Vec<String> {
    let amount = match (text(&transaction.amount), text(&transaction.currency)) {
        (None, _) => "unknown: Bakong does not report the amount".to_owned(),
        (Some(amount), Some(currency)) if transaction.amount.known().is_none() => {
            format!("{amount} {currency}")
        }
        (Some(amount), _) => amount,
    };
    let time = match &transaction.created_at {
        Reading::Known(at) => Some(format!("{} in Phnom Penh", in_phnom_penh(*at))),
        unknown => text(unknown),
    };
    [
        ("paid", Some(amount)),
        ("to", text(&transaction.to_account_id)),
        ("from", text(&transaction.from_account_id)),
        ("at", time),
        ("remark", text(&transaction.description)),
        ("reference", text(&transaction.external_ref)),
        ("hash", text(&transaction.hash)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(row(name, value?)))
    .collect()
}

/// The value of a field, safe to print.
fn text<T: Display>(reading: &Reading<T>) -> Option<String> {
    match reading {
        Reading::Known(value) => Some(Printable(&value.to_string()).to_string()),
        Reading::Unreadable(raw) => Some(format!("{} (unreadable)", Printable(raw))),
        Reading::Absent => None,
    }
}

/// Every field under Bakong's own name. Amounts are strings. The raw JSON of fields that cannot be read is under
/// `unreadable`.
pub(crate) fn json(paid: &Transaction) -> Value {
    let text = |reading| field(reading, |text: &String| text.as_str().into());
    let time = |reading| field(reading, |at: &Timestamp| at.as_millis().into());
    let currency = |currency: &Currency| currency.alphabetic_code().into();
    let amount = |amount: &Amount| money::decimal(*amount).into();
    let fields = [
        ("hash", text(&paid.hash)),
        ("fromAccountId", text(&paid.from_account_id)),
        ("toAccountId", text(&paid.to_account_id)),
        ("currency", field(&paid.currency, currency)),
        ("amount", field(&paid.amount, amount)),
        ("description", text(&paid.description)),
        ("createdDateMs", time(&paid.created_at)),
        ("acknowledgedDateMs", time(&paid.acknowledged_at)),
        ("trackingStatus", text(&paid.tracking_status)),
        ("receiverBank", text(&paid.receiver_bank)),
        ("receiverBankAccount", text(&paid.receiver_bank_account)),
        ("instructionRef", text(&paid.instruction_ref)),
        ("externalRef", text(&paid.external_ref)),
    ];
    let (mut object, mut unreadable) = (Map::new(), Map::new());
    for (name, value) in fields {
        let value = value.unwrap_or_else(|raw| {
            unreadable.insert(name.to_owned(), raw.into());
            Value::Null
        });
        object.insert(name.to_owned(), value);
    }
    if !unreadable.is_empty() {
        object.insert("unreadable".to_owned(), unreadable.into());
    }
    object.into()
}

/// The JSON of a field, or its raw text if it cannot be read.
fn field<T>(reading: &Reading<T>, write: impl FnOnce(&T) -> Value) -> Result<Value, &str> {
    match reading {
        Reading::Known(value) => Ok(write(value)),
        Reading::Absent => Ok(Value::Null),
        Reading::Unreadable(raw) => Err(raw),
    }
}

/// The exit code for a final payment.
pub(crate) const fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Paid { .. } => Exit::Success,
        Outcome::Expired | Outcome::Cancelled => Exit::Expired,
        _ => Exit::NeedsAttention,
    }
}

/// What an outcome means for the shop.
pub(crate) const fn tone(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Paid { late: false, .. } => Tone::Good,
        Outcome::Failed => Tone::Bad,
        _ => Tone::Attention,
    }
}

/// The result of a payment in one line.
pub(crate) fn headline(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Paid { late: false, .. } => "PAID".to_owned(),
        Outcome::Paid { .. } => "PAID, but after the code expired".to_owned(),
        Outcome::NeedsReview { mismatches, .. } => review_headline(mismatches),
        Outcome::Failed => "FAILED: Bakong reports that the payment failed".to_owned(),
        Outcome::StaticQr => {
            "NEEDS REVIEW: Bakong reports that the code is static, so it cannot be looked up by MD5"
                .to_owned()
        }
        Outcome::Expired => "EXPIRED: not paid".to_owned(),
        other => format!("NEEDS REVIEW: {}", other.name()),
    }
}

/// The differences between a payment and its order in one line.
pub(crate) fn review_headline(mismatches: &[Mismatch]) -> String {
    let reasons: Vec<_> = mismatches.iter().map(|it| describe(it).2).collect();
    format!("NEEDS REVIEW: {}", reasons.join("; "))
}

/// Sets `status`, `transaction`, `late` and `mismatches` of a JSON object.
pub(crate) fn write_outcome(outcome: &Outcome, object: &mut Value) {
    object["status"] = outcome.name().into();
    object["transaction"] = outcome.transaction().map(json).into();
    object["late"] = match outcome {
        Outcome::Paid { late, .. } => (*late).into(),
        _ => Value::Null,
    };
    object["mismatches"] = match outcome {
        Outcome::NeedsReview { mismatches, .. } => mismatches_json(mismatches),
        _ => json!([]),
    };
}

/// The array of mismatches: `kind`, and what was paid instead.
pub(crate) fn mismatches_json(mismatches: &[Mismatch]) -> Value {
    let one = |mismatch| {
        let (kind, paid, _) = describe(mismatch);
        json!({ "kind": kind, "paid": paid })
    };
    mismatches.iter().map(one).collect()
}

/// The name of a mismatch in JSON, what was paid, and the text for people.
fn describe(mismatch: &Mismatch) -> (&'static str, Option<String>, String) {
    let (kind, text) = match mismatch {
        Mismatch::Short { paid } => {
            let text = format!("too little was paid: {paid}");
            return ("short", Some(money::decimal(*paid)), text);
        }
        Mismatch::Over { paid } => {
            let text = format!("too much was paid: {paid}");
            return ("over", Some(money::decimal(*paid)), text);
        }
        Mismatch::OtherCurrency { paid } => {
            let text = format!("the wrong currency was paid: {paid}");
            return ("other_currency", Some(paid.to_string()), text);
        }
        Mismatch::OtherRecipient { paid } => {
            let text = format!("another account was paid: {}", Printable(paid));
            return ("other_recipient", Some(paid.clone()), text);
        }
        Mismatch::SettledAnother { order } => {
            let order = Printable(order.as_str());
            let text = format!("the same transaction already settled another order: {order}");
            return ("settled_another", None, text);
        }
        Mismatch::Unreadable(Detail::Amount) => ("unreadable_amount", "the amount is not readable"),
        Mismatch::Unreadable(Detail::Currency) => {
            ("unreadable_currency", "the currency is not readable")
        }
        Mismatch::Unreadable(Detail::Recipient) => {
            ("unreadable_recipient", "the recipient is not readable")
        }
        Mismatch::Unreadable(Detail::Hash) => (
            "unreadable_hash",
            "the transaction's hash is missing or not readable, so it may have settled another order",
        ),
        Mismatch::OrderSettled => (
            "order_settled",
            "another transaction already settled the order",
        ),
        Mismatch::OtherCode => (
            "other_code",
            "the transaction was found by its hash but not by the code's MD5, so another code was paid",
        ),
        Mismatch::BeforeOpened => (
            "before_opened",
            "the transaction was made before this payment was opened",
        ),
        Mismatch::Cancelled => ("cancelled", "the order was cancelled before it was paid"),
        _ => ("other", "the payment differs from the order"),
    };
    (kind, None, text.to_owned())
}
