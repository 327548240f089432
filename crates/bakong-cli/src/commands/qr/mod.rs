//! `bakong qr`: reading, verifying and making codes, one or many.

mod bulk;
mod describe;
mod generate;
mod refusal;
mod request;
mod tree;

use std::io::{self, BufRead, Read};

use bakong_flow::{Clock, SystemClock};
use khqr_core::{Khqr, Payload, Timestamp};
use serde_json::json;

use crate::arguments::{QrCommand, TextArguments};
use crate::common::exit::{Exit, Failure};
use crate::common::output;
use bulk::{LONGEST_LINE, Question, Unreadable, unreadable};
use refusal::Refusal;
use tree::Tree;

pub(crate) fn run(command: &QrCommand) -> Result<Exit, Failure> {
    let question = match command {
        QrCommand::Decode(arguments) if arguments.jsonl => (Question::Decode, arguments.now),
        QrCommand::Verify(arguments) if arguments.jsonl => (Question::Verify, arguments.now),
        QrCommand::Inspect(arguments) if arguments.jsonl => (Question::Inspect, arguments.now),
        QrCommand::Generate(arguments) if arguments.jsonl => (Question::Generate, arguments.now),
        QrCommand::Decode(arguments) => return decode(arguments),
        QrCommand::Verify(arguments) => return verify(arguments),
        QrCommand::Inspect(arguments) => return inspect(arguments),
        QrCommand::Generate(arguments) => return generate::run(arguments),
    };
    bulk::run(question.0, question.1)
}

/// The moment that was said, or the present.
fn moment(said: Option<Timestamp>) -> Timestamp {
    said.unwrap_or_else(|| SystemClock.now())
}

fn decode(arguments: &TextArguments) -> Result<Exit, Failure> {
    let text = match text(arguments)? {
        Ok(text) => text,
        Err(refusal) => return refuse(&refusal, arguments.json),
    };
    let now = moment(arguments.now);
    let payload = Payload::parse(&text);
    match payload.and_then(Khqr::from_payload) {
        Ok(khqr) if arguments.json => {
            let verdict = khqr.verify(now);
            output::say_json(&json!({
                "khqr": khqr.to_fields(),
                "md5": khqr.md5().to_string(),
                "valid": verdict.is_ok(),
                "error": verdict.err().map(Refusal::from),
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
            output::say_json(&json!({ "error": Refusal::from(error) }));
            return Ok(Exit::NotValid);
        }
        Err(error) => {
            let what = match payload {
                Ok(_) => "a well-formed EMVCo code, but no KHQR",
                Err(_) => "not a KHQR",
            };
            return Err(Failure::new(Exit::NotValid, format!("{what}: {error}")));
        }
    }
    Ok(Exit::Success)
}

fn verify(arguments: &TextArguments) -> Result<Exit, Failure> {
    let text = match text(arguments)? {
        Ok(text) => text,
        Err(refusal) => return refuse(&refusal, arguments.json),
    };
    let verdict = Khqr::parse(&text).and_then(|khqr| khqr.verify(moment(arguments.now)));
    match verdict {
        Ok(_) if arguments.json => output::say_json(&json!({ "valid": true })),
        Ok(_) => output::say("valid: the code may be paid now"),
        Err(error) => {
            if arguments.json {
                output::say_json(&json!({ "valid": false, "error": Refusal::from(error) }));
            } else {
                output::say(format_args!("not valid: {error}"));
            }
            return Ok(Exit::NotValid);
        }
    }
    Ok(Exit::Success)
}

fn inspect(arguments: &TextArguments) -> Result<Exit, Failure> {
    let text = match text(arguments)? {
        Ok(text) => text,
        Err(refusal) => return refuse(&refusal, arguments.json),
    };
    match Payload::parse(&text) {
        Ok(payload) if arguments.json => output::say_json(&Tree(payload.fields())),
        Ok(payload) => tree::lines(payload).iter().for_each(output::say),
        Err(error) if arguments.json => {
            output::say_json(&json!({ "error": Refusal::from(error) }));
            return Ok(Exit::NotValid);
        }
        Err(error) => {
            let reason = format!("not an EMVCo code: {error}");
            return Err(Failure::new(Exit::NotValid, reason));
        }
    }
    Ok(Exit::Success)
}

/// The text that was given, or the line on standard input. Line breaks around it are no part of a code;
/// spaces may be.
fn text(arguments: &TextArguments) -> Result<Result<String, Refusal>, Failure> {
    read(arguments.text.as_deref().unwrap_or_default())
}

/// The same for the other commands.
pub(crate) fn text_or_line(argument: &str) -> Result<String, Failure> {
    read(argument)?.map_err(|refusal| Failure::new(Exit::NotValid, refusal.to_string()))
}

fn read(argument: &str) -> Result<Result<String, Refusal>, Failure> {
    if argument != "-" {
        return Ok(Ok(argument.trim_matches(['\r', '\n']).to_owned()));
    }
    let mut line = Vec::new();
    let longest = LONGEST_LINE as u64 + 2;
    let read = io::stdin()
        .lock()
        .take(longest)
        .read_until(b'\n', &mut line);
    read.map_err(|error| Failure::new(Exit::CouldNotAsk, format!("standard input: {error}")))?;
    // What Windows' editors put before the first line.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LONGEST_LINE {
        return Ok(Err(unreadable(Unreadable::TooLong)));
    }
    Ok(String::from_utf8(line.to_vec()).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(Unreadable::NotUtf8 { at })
    }))
}

/// Tells what is wrong with what was to be read.
fn refuse(refusal: &Refusal, json: bool) -> Result<Exit, Failure> {
    if json {
        output::say_json(&json!({ "error": refusal }));
        return Ok(Exit::NotValid);
    }
    Err(Failure::new(Exit::NotValid, refusal.to_string()))
}
