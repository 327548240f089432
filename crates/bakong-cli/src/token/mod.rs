//! `bakong token`: how a project gets its token and keeps it.

mod keeping;
mod status;

use bakong_api::{AccessToken, ErrorClass, RequestToken, Verify};
use khqr_core::Printable;
use serde_json::json;

use crate::arguments::{RenewArguments, RequestArguments, TokenCommand, VerifyArguments};
use crate::credentials::{self, TokenSource};
use crate::exit::{Exit, Failure, told};
use crate::{block_on, output, qr, remote};

use self::keeping::Keeping;

pub(crate) fn run(command: &TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Request(arguments) => told(request(arguments), arguments.json),
        TokenCommand::Verify(arguments) => told(verify(arguments), arguments.json),
        TokenCommand::Renew(arguments) => told(renew(arguments), arguments.json),
        TokenCommand::Status(arguments) => told(status::run(arguments), arguments.json),
    }
}

fn request(arguments: &RequestArguments) -> Result<Exit, Failure> {
    let email = credentials::required_email(arguments.email.as_deref())?;
    let request = RequestToken::new(&email, &arguments.organization, &arguments.project)
        .map_err(|error| Failure::usage(format!("--{}: {error}", error.field())))?;
    let base_url = block_on(async {
        let remote = remote::open_without_token(&arguments.target)?;
        match remote.session.send(&request).await {
            Ok(()) => Ok(remote.asked.base_url),
            Err(error) => Err(remote.asked.could_not_ask(&error)),
        }
    })?;
    if arguments.json {
        output::say_json(&json!({ "status": "sent", "email": email }));
        return Ok(Exit::Success);
    }
    let file = match TokenSource::of(arguments.token_file.as_ref()) {
        source @ TokenSource::File(_) => source.shell_word(),
        TokenSource::Environment | TokenSource::None => "FILE".to_owned(),
    };
    output::say(format_args!(
        "Bakong sends a code of 20 characters to {}. Hand it in, on standard input, with",
        Printable(&email)
    ));
    output::say(format_args!(
        "  bakong token verify --code - --token-file {file} --base-url {base_url}"
    ));
    Ok(Exit::Success)
}

fn verify(arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let keeping = Keeping::prepare(arguments.token_file.as_deref())?;
    let code = qr::text_or_line(arguments.code.expose())?;
    let verify = Verify::new(&code).map_err(|error| Failure::usage(format!("--code: {error}")))?;
    let token = block_on(async {
        let remote = remote::open_without_token(&arguments.target)?;
        let answer = remote.session.send(&verify).await;
        answer.map_err(|error| {
            let failure = remote.asked.could_not_ask(&error).hiding(code.trim());
            match error.class() {
                ErrorClass::Refused => failure.advising(
                    "Is it the code from the newest e-mail, whole, and not handed in before? bakong token \
                     request sends another",
                ),
                ErrorClass::Transport(kind) if kind.may_have_arrived() => failure.advising(
                    "Bakong may have taken the code, which works once: bakong token renew brings the token then",
                ),
                _ => failure,
            }
        })
    })?;
    keep(&keeping, &token, arguments.json)
}

fn renew(arguments: &RenewArguments) -> Result<Exit, Failure> {
    let keeping = Keeping::prepare(arguments.token_file.as_deref())?;
    let email = credentials::required_email(arguments.email.as_deref())?;
    let renewal = credentials::renew_token(&email)?;
    let token = block_on(async {
        let remote = remote::open_without_token(&arguments.target)?;
        let answer = remote.session.send(&renewal).await;
        answer.map_err(|error| remote.asked.could_not_ask(&error))
    })?;
    keep(&keeping, &token, arguments.json)
}

fn keep(keeping: &Keeping<'_>, token: &AccessToken, json: bool) -> Result<Exit, Failure> {
    keeping.keep(token)?;
    keeping.tell(token, json);
    Ok(Exit::Success)
}
