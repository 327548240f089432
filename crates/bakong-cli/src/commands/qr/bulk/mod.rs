//! `bakong qr … --jsonl`: a line of standard input, a line of JSON.

mod engine;
mod input;
mod progress;

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use khqr_core::{Khqr, KhqrDraft, KhqrFields, Md5Handle, Payload, Timestamp};
use serde::Serialize;

use super::moment;
use super::refusal::Refusal;
use super::request::{Order, draft};
use super::tree::Tree;
use crate::common::exit::{Exit, Failure};
use crate::common::output;
use engine::Stop;
use input::Lines;
pub(super) use input::{LONGEST_LINE, Unreadable};
use progress::Progress;

/// What is asked of every line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Generate,
    Verify,
    Decode,
    Inspect,
}

/// Answers every line of standard input.
pub(super) fn run(question: Question, now: Option<Timestamp>) -> Result<Exit, Failure> {
    let workers = available_parallelism().map_or(1, NonZero::get);
    let progress = Progress::of_standard_input();
    let answer = move |lines: Lines<'_>, out: &mut Vec<u8>| {
        // Of the moment at which the lines were read.
        let now = moment(now);
        match question {
            Question::Generate => each(lines, |line| generate(line, now, out)),
            Question::Verify => each(lines, |line| verify(line, now, out)),
            Question::Decode => each(lines, |line| decode(line, out)),
            Question::Inspect => each(lines, |line| inspect(line, out)),
        }
    };
    match engine::run(io::stdin(), io::stdout(), workers, &progress, answer) {
        Ok(()) => Ok(Exit::Success),
        // Who read the answers has had enough, which is no news to them; but not all lines were answered.
        Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Exit::CouldNotAsk)
        }
        Err(stop) => Err(Failure::new(
            Exit::CouldNotAsk,
            match stop {
                Stop::Read(error) => format!("standard input: {error}"),
                Stop::Write(error) => format!("standard output: {error}"),
                Stop::Thread(error) => format!("no thread to work on: {error}"),
                Stop::Panic => {
                    "a fault in this command; the lines from there on have no answers".to_owned()
                }
            },
        )),
    }
}

fn each(lines: Lines<'_>, mut answer: impl FnMut(Result<&str, Refusal>)) {
    for line in lines {
        answer(line.map_err(unreadable));
    }
}

pub(super) fn unreadable(reason: Unreadable) -> Refusal {
    match reason {
        Unreadable::TooLong => Refusal::of_line(
            "LineTooLong",
            format!("the line is longer than {LONGEST_LINE} bytes"),
        ),
        Unreadable::NotUtf8 { at } => {
            Refusal::of_line("NotUtf8", format!("byte {at}: not UTF-8")).at_byte(at)
        }
    }
}

#[derive(Serialize)]
struct Refused {
    error: Refusal,
}

fn generate(line: Result<&str, Refusal>, now: Timestamp, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Generated<'a> {
        qr: &'a str,
        md5: &'a str,
    }

    let mut buffer = [0; KhqrDraft::MAX_LEN];
    let order = line.and_then(Order::read);
    let text = order.as_ref().map_err(Refusal::clone).and_then(|order| {
        let draft = draft(order, now)?;
        Ok(draft.write_to_slice(&mut buffer)?)
    });
    match text {
        Ok(qr) => {
            let md5 = hex(Md5Handle::of(qr).as_bytes());
            let md5 = std::str::from_utf8(&md5).unwrap_or_default();
            put(&Generated { qr, md5 }, out);
        }
        Err(error) => put(&Refused { error }, out),
    }
}

fn hex(bytes: &[u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        for (digit, half) in digits.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if half < 10 {
                b'0' + half
            } else {
                b'a' + half - 10
            };
        }
    }
    text
}

fn verify(line: Result<&str, Refusal>, now: Timestamp, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct NotValid {
        valid: bool,
        error: Refusal,
    }

    let verdict = line.and_then(|text| Ok(Khqr::parse(text)?.verify(now)?));
    match verdict {
        Ok(_) => out.extend_from_slice(b"{\"valid\":true}\n"),
        Err(error) => put(
            &NotValid {
                valid: false,
                error,
            },
            out,
        ),
    }
}

fn decode(line: Result<&str, Refusal>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Decoded<'a> {
        khqr: KhqrFields<'a>,
    }

    match line.and_then(|text| Ok(Khqr::parse(text)?)) {
        Ok(khqr) => put(
            &Decoded {
                khqr: khqr.to_fields(),
            },
            out,
        ),
        Err(error) => put(&Refused { error }, out),
    }
}

fn inspect(line: Result<&str, Refusal>, out: &mut Vec<u8>) {
    match line.and_then(|text| Ok(Payload::parse(text)?)) {
        Ok(payload) => put(&Tree(payload.fields()), out),
        Err(error) => put(&Refused { error }, out),
    }
}

fn put(answer: &impl Serialize, out: &mut Vec<u8>) {
    output::write_json(answer, out);
    out.push(b'\n');
}
