//! `bakong token` and `bakong login`: request, renew and inspect a project's token.

mod destination;
mod exchange;
mod login;
mod prompt;
mod status;

use std::io::{self, IsTerminal};

use bakong_api::AccessToken;
use bakong_api::endpoint::RequestToken;
use bakong_flow::{Clock, SystemClock};
use khqr_core::Printable;
use serde_json::json;

use crate::arguments::{
    LoginArguments, RenewArguments, RequestArguments, Selection, TokenCommand, VerifyArguments,
};
use crate::common::credentials::{Email, TokenSource};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::{lines, output, remote, runtime::block_on_unless_stopped as block_on};

use self::destination::Destination;
use self::exchange::CODE_MAY_BE_USED;

pub(crate) fn run(command: &TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Request(arguments) => print_json_error(request(arguments), arguments.json),
        TokenCommand::Verify(arguments) => print_json_error(verify(arguments), arguments.json),
        TokenCommand::Renew(arguments) => print_json_error(renew(arguments), arguments.json),
        TokenCommand::Status(arguments) => print_json_error(status::run(arguments), arguments.json),
    }
}

/// `bakong login`.
pub(crate) fn log_in(arguments: &LoginArguments, selection: &Selection) -> Result<Exit, Failure> {
    print_json_error(login::run(arguments, selection), arguments.json)
}

fn request(arguments: &RequestArguments) -> Result<Exit, Failure> {
    let email = Email::required(arguments.email.as_deref())?;
    let request = RequestToken::new(&email.text, &arguments.organization, &arguments.project)
        .map_err(|error| match error.field() {
            "email" => email.invalid(error),
            field => Failure::usage(format!("--{field}: {error}")),
        })?;
    let base_url = block_on(MAY_HAVE_ARRIVED, async {
        let remote = remote::open_without_token(&arguments.target, "the e-mail address")?;
        match remote.session.send(&request).await {
            Ok(()) => Ok(remote.advisor.base_url),
            Err(error) => Err(remote.advisor.failure(&error)),
        }
    })?;
    if arguments.json {
        output::print_json(&json!({ "status": "sent", "email": email.text }));
        return Ok(Exit::Success);
    }
    let file = match TokenSource::of(arguments.token_file.as_ref()) {
        source @ TokenSource::File(_) => source.shell_word(),
        TokenSource::Environment | TokenSource::None => "FILE".to_owned(),
    };
    output::print(format_args!(
        "Bakong sends a code of 20 characters to {}. Pass it on standard input to",
        Printable(&email.text)
    ));
    output::print(format_args!(
        "  bakong token verify --code - --token-file {file} --base-url {base_url}"
    ));
    if let Some(hint) = exchange::mailbox_hint(&base_url, &email.text) {
        output::note(hint);
    }
    Ok(Exit::Success)
}

/// The message after an interrupted registration or renewal.
const MAY_HAVE_ARRIVED: &str = "Bakong may have received the request; its answer is discarded";

fn verify(arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let destination = Destination::prepare(arguments.token_file.as_deref())?;
    let code = code(arguments.code.expose())?;
    let source = match arguments.code.expose() {
        "-" => "standard input",
        _ => "--code",
    };
    let verify = exchange::verify(source, &code)?;
    let token = block_on(CODE_MAY_BE_USED, async {
        let remote = remote::open_without_token(&arguments.target, "the code")?;
        let answer = remote.session.send(&verify).await;
        answer.map_err(|error| exchange::failure(&remote, &error))
    })?;
    save(&destination, &token, arguments.json)
}

/// Returns the given code, or a line of standard input for `-`.
fn code(given: &str) -> Result<String, Failure> {
    if given == "-" && io::stdin().is_terminal() {
        output::note("Enter the code from the e-mail:");
    }
    let code = lines::readable_text(given)?;
    if given == "-" && code.trim().is_empty() {
        return Err(Failure::usage(exchange::NO_CODE));
    }
    Ok(code)
}

fn renew(arguments: &RenewArguments) -> Result<Exit, Failure> {
    let destination = Destination::prepare(arguments.token_file.as_deref())?;
    let renewal = Email::required(arguments.email.as_deref())?.renewal()?;
    let token = block_on(MAY_HAVE_ARRIVED, async {
        let remote = remote::open_without_token(&arguments.target, "the new token")?;
        // Other commands wait for the new token while this one has the lease.
        let lease = destination.lease(SystemClock.now()).await;
        let answer = remote.session.send(&renewal).await;
        match answer {
            Ok(token) => Ok((token, lease)),
            Err(error) => Err(remote.advisor.failure(&error)),
        }
    })?;
    let (token, lease) = token;
    let saved = save(&destination, &token, arguments.json);
    drop(lease);
    saved
}

fn save(destination: &Destination<'_>, token: &AccessToken, json: bool) -> Result<Exit, Failure> {
    destination.save(token)?;
    destination.report(token, json);
    Ok(Exit::Success)
}
