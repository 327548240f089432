//! The answer to one lookup.

use bakong_api::{CheckAnswer, Transaction};
use serde_json::Value;

use crate::common::transaction;

/// The name of an answer in JSON output.
pub(super) const fn status(answer: &CheckAnswer) -> &'static str {
    match answer {
        CheckAnswer::Paid(_) => "paid",
        CheckAnswer::NotFound => "not_found",
        CheckAnswer::Failed => "failed",
        CheckAnswer::StaticQr => "static_qr",
        _ => "unknown",
    }
}

/// The transaction of a paid answer.
pub(super) fn transaction_of(answer: &CheckAnswer) -> Option<&Transaction> {
    match answer {
        CheckAnswer::Paid(transaction) => Some(transaction),
        _ => None,
    }
}

pub(super) fn transaction_json(transaction: Option<&Transaction>) -> Value {
    transaction.map_or(Value::Null, transaction::json)
}
