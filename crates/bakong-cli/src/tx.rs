//! `bakong tx`: looking payments up.

use bakong_api::{CheckAnswer, CheckTransactionByMd5};
use serde_json::json;

use crate::arguments::{CheckArguments, TxCommand};
use crate::exit::{Exit, Failure};
use crate::{block_on, output, remote, transaction};

pub(crate) fn run(command: &TxCommand) -> Result<Exit, Failure> {
    match command {
        TxCommand::Check(arguments) => block_on(check(arguments)),
    }
}

async fn check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    match ask(arguments).await {
        Ok(answer) => Ok(report(&answer, arguments.json)),
        Err(failure) => match failure.json() {
            Some(error) if arguments.json => {
                output::say_json(&json!({ "error": error }));
                Ok(failure.exit())
            }
            _ => Err(failure),
        },
    }
}

async fn ask(arguments: &CheckArguments) -> Result<CheckAnswer, Failure> {
    let session = remote::open(&arguments.target)?;
    session
        .send(&CheckTransactionByMd5::new(arguments.md5))
        .await
        .map_err(|error| remote::could_not_ask(&error, session.base_url()))
}

fn report(answer: &CheckAnswer, as_json: bool) -> Exit {
    let (status, exit, sentence) = match answer {
        CheckAnswer::Paid(_) => ("paid", Exit::Success, "PAID"),
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
            _ => serde_json::Value::Null,
        };
        output::say_json(&json!({ "status": status, "transaction": transaction }));
        return exit;
    }
    output::say(sentence);
    if let CheckAnswer::Paid(transaction) = answer {
        transaction::rows(transaction).iter().for_each(output::say);
    }
    exit
}
