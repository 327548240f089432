//! `bakong tx`: looking payments up.

use bakong_api::khqr_core::{AccountIdBuf, Timestamp};
use bakong_api::{CheckAnswer, CheckTransactionByMd5};
use bakong_flow::{Expected, Mismatch, Settlement};
use serde_json::{Value, json};

use crate::arguments::{CheckArguments, TxCommand};
use crate::exit::{Exit, Failure};
use crate::{block_on, code, money, output, remote, transaction};

pub(crate) fn run(command: &TxCommand) -> Result<Exit, Failure> {
    match command {
        TxCommand::Check(arguments) => check(arguments),
    }
}

fn check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let asked = expected(arguments)
        .and_then(|expected| block_on(ask(arguments)).map(|answer| (expected, answer)));
    match asked {
        Ok((expected, answer)) => Ok(report(&answer, expected.as_ref(), arguments.json)),
        Err(failure) if arguments.json && failure.exit() != Exit::Usage => {
            output::say_json(&json!({ "error": failure.json() }));
            Ok(failure.exit())
        }
        Err(failure) => Err(failure),
    }
}

/// What the order asks for, if that was said.
fn expected(arguments: &CheckArguments) -> Result<Option<Expected>, Failure> {
    let (Some(amount), Some(account)) = (&arguments.amount, &arguments.account) else {
        return Ok(None);
    };
    let recipient = AccountIdBuf::new(account).map_err(|error| code::refused(&error))?;
    let amount = money::parse(amount, arguments.currency)?;
    Ok(Some(Expected::new(amount, recipient)))
}

async fn ask(arguments: &CheckArguments) -> Result<CheckAnswer, Failure> {
    let session = remote::open(&arguments.target)?;
    session
        .send(&CheckTransactionByMd5::new(arguments.md5))
        .await
        .map_err(|error| remote::could_not_ask(&error, session.base_url()))
}

fn report(answer: &CheckAnswer, expected: Option<&Expected>, as_json: bool) -> Exit {
    // When it was due is not known here, so nothing is late.
    let due = Timestamp::from_millis(u64::MAX);
    let settlement = match (answer, expected) {
        (CheckAnswer::Paid(transaction), Some(expected)) => Some(expected.settle(transaction, due)),
        _ => None,
    };
    let mismatches: &[Mismatch] = match &settlement {
        Some(Settlement::NeedsReview(mismatches)) => mismatches,
        _ => &[],
    };
    let (status, exit, sentence) = match answer {
        CheckAnswer::Paid(_) if !mismatches.is_empty() => (
            "paid",
            Exit::NeedsAttention,
            "NEEDS REVIEW: money came, but it is not what was asked for",
        ),
        CheckAnswer::Paid(_) if settlement.is_some() => (
            "paid",
            Exit::Success,
            "PAID: amount, currency and recipient match",
        ),
        CheckAnswer::Paid(_) => (
            "paid",
            Exit::Success,
            "PAID, and not compared with any order: --amount and --account do that",
        ),
        CheckAnswer::NotFound => ("not_found", Exit::NotFound, "Bakong knows of no payment"),
        CheckAnswer::Failed => ("failed", Exit::NeedsAttention, "the payment failed"),
        CheckAnswer::StaticQr => (
            "static_qr",
            Exit::NeedsAttention,
            "the code is static; its payments cannot be looked up by MD5",
        ),
    };
    if as_json {
        let transaction = match answer {
            CheckAnswer::Paid(transaction) => transaction::json(transaction),
            _ => Value::Null,
        };
        let mismatches: Value = mismatches.iter().map(transaction::mismatch_json).collect();
        output::say_json(&json!({
            "status": status,
            "transaction": transaction,
            "compared": settlement.is_some(),
            "mismatches": mismatches,
        }));
        return exit;
    }
    output::say(sentence);
    if let CheckAnswer::Paid(transaction) = answer {
        transaction::rows(transaction).iter().for_each(output::say);
    }
    for mismatch in mismatches {
        output::say(output::row("because", transaction::describe(mismatch)));
    }
    exit
}
