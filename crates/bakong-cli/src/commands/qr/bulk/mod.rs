//! `bakong qr … --jsonl`: one line of JSON for each line of standard input.

mod engine;
mod progress;

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use khqr_core::{KhqrDraft, KhqrFields, Md5Handle, Payload, Timestamp};
use serde::Serialize;

use super::request::{CodeRequest, draft};
use super::tree::Tree;
use crate::common::exit::{Exit, Failure};
use crate::common::lines::Lines;
use crate::common::output;
use crate::common::piped;
use crate::common::refusal::{self, Refusal};
use crate::common::time::moment_or_now;
use engine::EngineError;
use progress::Progress;

/// The operation to apply to every line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Generate,
    Verify,
    Decode,
    Inspect,
}

/// Processes every line of standard input.
pub(super) fn run(operation: Operation, now: Option<Timestamp>) -> Result<Exit, Failure> {
    let workers = available_parallelism().map_or(1, NonZero::get);
    let progress = Progress::of_standard_input();
    let answer = move |lines: Lines<'_>, out: &mut Vec<u8>| {
        // The time at which this chunk was read.
        let now = moment_or_now(now);
        for line in lines {
            let line = line.map_err(Refusal::from);
            if operation == Operation::Generate {
                generate(line, now, out);
                continue;
            }
            let code = line.map(piped::code_of);
            let code = code.as_deref().map_err(Refusal::clone);
            match operation {
                Operation::Generate => {}
                Operation::Verify => verify(code, now, out),
                Operation::Decode => decode(code, out),
                Operation::Inspect => inspect(code, out),
            }
        }
    };
    let error = match engine::run(io::stdin(), io::stdout(), workers, &progress, answer) {
        Ok(()) => return Ok(Exit::Success),
        Err(error) => error,
    };
    let message = match error {
        // The reader closed the pipe on purpose, so no message is needed. The exit code shows that answers are lost.
        EngineError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(Exit::NoAnswer);
        }
        EngineError::Read(error) => format!("standard input: {error}"),
        EngineError::Write(error) => format!("standard output: {error}"),
        EngineError::Thread(error) => format!("cannot start a thread: {error}"),
        EngineError::Panic => {
            "this command has a bug and stopped; the remaining lines were not processed".to_owned()
        }
    };
    Err(Failure::new(Exit::NoAnswer, message))
}

#[derive(Serialize)]
struct Refused {
    error: Refusal,
}

fn generate(line: Result<&str, Refusal>, now: Timestamp, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Generated<'a> {
        qr: &'a str,
        md5: Md5Handle,
    }

    let mut buffer = [0; KhqrDraft::MAX_LEN];
    let request = line.and_then(CodeRequest::parse);
    let text = request
        .as_ref()
        .map_err(Refusal::clone)
        .and_then(|request| {
            let draft = draft(request, now)?;
            Ok(draft.write_to_slice(&mut buffer)?)
        });
    match text {
        Ok(qr) => {
            let md5 = Md5Handle::of(qr);
            put(&Generated { qr, md5 }, out);
        }
        Err(error) => put(&Refused { error }, out),
    }
}

fn verify(line: Result<&str, Refusal>, now: Timestamp, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct NotValid {
        valid: bool,
        error: Refusal,
    }

    let verdict = line.and_then(|text| Ok(refusal::parse(text)?.verify(now)?));
    match verdict {
        Ok(_) => out.extend_from_slice(b"{\"valid\":true}\n"),
        Err(error) => {
            let valid = false;
            put(&NotValid { valid, error }, out);
        }
    }
}

fn decode(line: Result<&str, Refusal>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Decoded<'a> {
        khqr: KhqrFields<'a>,
    }

    match line.and_then(refusal::parse) {
        Ok(khqr) => {
            let khqr = khqr.to_fields();
            put(&Decoded { khqr }, out);
        }
        Err(error) => put(&Refused { error }, out),
    }
}

fn inspect(line: Result<&str, Refusal>, out: &mut Vec<u8>) {
    let payload =
        line.and_then(|text| Payload::parse(text).map_err(|error| Refusal::of_text(text, error)));
    match payload {
        Ok(payload) => put(&Tree(payload.fields()), out),
        Err(error) => put(&Refused { error }, out),
    }
}

fn put(answer: &impl Serialize, out: &mut Vec<u8>) {
    output::write_json(answer, out);
    out.push(b'\n');
}
