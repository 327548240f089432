//! `bakong tx`: looking payments up.

mod check;
mod diagnose;

use bakong_api::{CheckAnswer, Transaction};
use serde_json::Value;

use crate::arguments::TxCommand;
use crate::common::exit::{Exit, Failure, told};
use crate::common::transaction;

pub(crate) fn run(command: &TxCommand) -> Result<Exit, Failure> {
    match command {
        TxCommand::Check(arguments) => told(check::run(arguments), arguments.json),
        TxCommand::Diagnose(arguments) => told(diagnose::run(arguments), arguments.json),
    }
}

/// An answer's name for machines.
const fn status(answer: &CheckAnswer) -> &'static str {
    match answer {
        CheckAnswer::Paid(_) => "paid",
        CheckAnswer::NotFound => "not_found",
        CheckAnswer::Failed => "failed",
        CheckAnswer::StaticQr => "static_qr",
    }
}

/// An answer's transaction, if it has one.
fn transaction_of(answer: &CheckAnswer) -> Option<&Transaction> {
    match answer {
        CheckAnswer::Paid(transaction) => Some(transaction),
        _ => None,
    }
}

fn transaction_json(transaction: Option<&Transaction>) -> Value {
    transaction.map_or(Value::Null, transaction::json)
}
