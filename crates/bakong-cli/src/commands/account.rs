//! `bakong account`: looking accounts up.

use bakong_api::endpoint::{AccountAnswer, CheckBakongAccount};
use khqr_core::{AccountId, Printable};
use serde_json::json;

use crate::arguments::{AccountCheckArguments, AccountCommand};
use crate::common::exit::{Exit, Failure, told};
use crate::common::{code, output, remote, runtime::block_on_unless_stopped as block_on};

pub(crate) fn run(command: &AccountCommand) -> Result<Exit, Failure> {
    match command {
        AccountCommand::Check(arguments) => told(check(arguments), arguments.json),
    }
}

fn check(arguments: &AccountCheckArguments) -> Result<Exit, Failure> {
    let account = AccountId::new(&arguments.account)
        .map_err(|error| Failure::usage(format!("ACCOUNT: {}", code::without_tag(&error))))?;
    let answer = block_on("nothing is known of the account", async {
        let remote = remote::open_with_any_token(&arguments.target, arguments.token_file.as_ref())?;
        let answer = remote.session.send(&CheckBakongAccount::new(account)).await;
        answer.map_err(|error| remote.asked.could_not_ask(&error))
    })?;
    let (status, exit, sentence) = match answer {
        AccountAnswer::Exists => ("exists", Exit::Success, "the account exists"),
        AccountAnswer::NotFound => ("not_found", Exit::NotFound, "nobody has this account"),
        AccountAnswer::Invalid => (
            "invalid",
            Exit::NeedsAttention,
            "Bakong takes it for no account id",
        ),
    };
    if arguments.json {
        output::say_json(&json!({ "status": status, "account": account.as_str() }));
    } else {
        output::say(sentence);
        output::say(output::row("account", Printable(account.as_str())));
    }
    Ok(exit)
}
