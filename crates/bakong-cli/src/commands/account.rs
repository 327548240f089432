//! `bakong account`: looks up accounts.

use bakong_api::endpoint::{AccountAnswer, CheckBakongAccount};
use khqr_core::{AccountId, Printable};
use serde_json::json;

use crate::arguments::{AccountCheckArguments, AccountCommand};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::runtime::block_on_unless_stopped;
use crate::common::{code, output, remote};

pub(crate) fn run(command: &AccountCommand) -> Result<Exit, Failure> {
    match command {
        AccountCommand::Check(arguments) => print_json_error(check(arguments), arguments.json),
    }
}

fn check(arguments: &AccountCheckArguments) -> Result<Exit, Failure> {
    let account = AccountId::new(&arguments.account)
        .map_err(|error| Failure::usage(format!("ACCOUNT: {}", code::without_tag(&error))))?;
    let answer = block_on_unless_stopped("it is unknown whether the account exists", async {
        let remote = remote::open_with_any_token(&arguments.target, arguments.token_file.as_ref())?;
        let answer = remote.session.send(&CheckBakongAccount::new(account)).await;
        answer.map_err(|error| remote.advisor.failure(&error))
    })?;
    let (status, exit, sentence) = match answer {
        AccountAnswer::Exists => ("exists", Exit::Success, "the account exists"),
        AccountAnswer::NotFound => ("not_found", Exit::NotFound, "the account does not exist"),
        AccountAnswer::Invalid => (
            "invalid",
            Exit::NeedsAttention,
            "Bakong rejects the account ID as invalid",
        ),
        _ => (
            "unknown",
            Exit::NeedsAttention,
            "this version does not know the answer; update the command",
        ),
    };
    if arguments.json {
        output::print_json(&json!({ "status": status, "account": account.as_str() }));
    } else {
        output::print(sentence);
        output::print(output::row("account", Printable(account.as_str())));
    }
    Ok(exit)
}
