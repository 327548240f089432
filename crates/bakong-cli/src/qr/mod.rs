//! `bakong qr`: reading, verifying and making codes.

mod describe;
mod generate;

use std::io;

use bakong_flow::{Clock, SystemClock};
use khqr_core::{Error, Khqr, Payload, Timestamp};
use serde_json::{Value, json};

use crate::arguments::{QrCommand, TextArguments};
use crate::exit::{Exit, Failure};
use crate::output;

pub(crate) fn run(command: &QrCommand) -> Result<Exit, Failure> {
    match command {
        QrCommand::Decode(arguments) => decode(arguments),
        QrCommand::Verify(arguments) => verify(arguments),
        QrCommand::Generate(arguments) => generate::run(arguments),
    }
}

/// The moment that was said, or the present.
fn moment(said: Option<Timestamp>) -> Timestamp {
    said.unwrap_or_else(|| SystemClock.now())
}

fn decode(arguments: &TextArguments) -> Result<Exit, Failure> {
    let text = text(&arguments.text)?;
    let now = moment(arguments.now);
    match Khqr::parse(&text) {
        Ok(khqr) if arguments.json => {
            let verdict = khqr.verify(now);
            output::say_json(&json!({
                "khqr": describe::json(&khqr),
                "md5": khqr.md5().to_string(),
                "valid": verdict.is_ok(),
                "error": verdict.err().map(error_json),
            }));
        }
        Ok(khqr) => {
            describe::rows(&khqr).iter().for_each(output::say);
            output::say(match khqr.verify(now) {
                Ok(_) => "It may be paid now.".to_owned(),
                Err(error) => format!("It may not be paid now: {error}."),
            });
        }
        Err(error) if arguments.json => {
            output::say_json(&json!({ "error": error_json(error) }));
            return Ok(Exit::NotValid);
        }
        Err(error) => {
            let what = match Payload::parse(&text) {
                Ok(_) => "a well-formed EMVCo code, but no KHQR",
                Err(_) => "not a KHQR",
            };
            return Err(Failure::new(Exit::NotValid, format!("{what}: {error}")));
        }
    }
    Ok(Exit::Success)
}

fn verify(arguments: &TextArguments) -> Result<Exit, Failure> {
    let text = text(&arguments.text)?;
    let verdict = Khqr::parse(&text).and_then(|khqr| khqr.verify(moment(arguments.now)));
    match verdict {
        Ok(_) if arguments.json => output::say_json(&json!({ "valid": true })),
        Ok(_) => output::say("valid: the code may be paid now"),
        Err(error) => {
            if arguments.json {
                output::say_json(&json!({ "valid": false, "error": error_json(error) }));
            } else {
                output::say(format_args!("not valid: {error}"));
            }
            return Ok(Exit::NotValid);
        }
    }
    Ok(Exit::Success)
}

/// The text that was given, or the line on standard input. Line breaks around it are no part of a code;
/// spaces may be.
fn text(argument: &str) -> Result<String, Failure> {
    let text = if argument == "-" {
        io::read_to_string(io::stdin())
            .map_err(|error| Failure::usage(format!("standard input: {error}")))?
    } else {
        argument.to_owned()
    };
    Ok(text.trim_matches(['\r', '\n']).to_owned())
}

/// An error for machines, with the official SDK's code where there is one.
fn error_json(error: Error) -> Value {
    // The variant's name, without the numbers some carry.
    let kind = format!("{:?}", error.kind());
    let kind = kind.split([' ', '{']).next().unwrap_or_default();
    json!({
        "code": error.sdk_code(),
        "kind": kind,
        "tag": error.tag().map(|tag| tag.to_string()),
        "offset": error.offset(),
        "message": error.to_string(),
    })
}
