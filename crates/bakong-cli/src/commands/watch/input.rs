//! The codes that are to be watched, line by line, as they come.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use bakong_flow::OrderId;
use khqr_core::Khqr;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::common::exit::{Exit, Failure};

/// No code is longer, nor is an object with one.
const LONGEST: u64 = 16 * 1024;

/// A line of the input.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    text: Result<String, &'static str>,
}

/// A code that is to be watched.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    pub(super) qr: String,
    #[serde(default)]
    order: Option<String>,
}

/// Reads lines on a thread of its own: standard input cannot be waited for otherwise.
#[derive(Debug)]
pub(super) struct Lines {
    lines: mpsc::Receiver<io::Result<Line>>,
    ended: bool,
}

impl Lines {
    pub(super) fn open(file: &str) -> Result<Self, Failure> {
        let source: Box<dyn Read + Send> = if file == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(file).map_err(|error| {
                Failure::usage(format!("{}: {error}", khqr_core::Printable(file)))
            })?;
            Box::new(file)
        };
        // Whoever writes faster than payments are opened waits.
        let (sender, lines) = mpsc::channel(16);
        std::thread::spawn(move || read(BufReader::new(source), &sender));
        Ok(Self {
            lines,
            ended: false,
        })
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Failure> {
        match self.lines.recv().await {
            Some(Ok(line)) => Ok(Some(line)),
            Some(Err(error)) => {
                self.ended = true;
                let reason = format!("the codes cannot be read: {error}");
                Err(Failure::new(Exit::CouldNotAsk, reason))
            }
            None => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }
}

/// Sends every line that is not empty, until nobody listens.
fn read(mut source: impl BufRead, lines: &mpsc::Sender<io::Result<Line>>) {
    for number in 1.. {
        let line = match next_line(&mut source) {
            Ok(None) => return,
            Ok(Some(text)) if text == Ok(String::new()) => continue,
            Ok(Some(text)) => {
                // What Windows' editors put before the first line.
                let text = text.map(|text| match text.strip_prefix('\u{feff}') {
                    Some(rest) if number == 1 => rest.to_owned(),
                    _ => text,
                });
                Ok(Line { number, text })
            }
            Err(error) => Err(error),
        };
        let failed = line.is_err();
        if lines.blocking_send(line).is_err() || failed {
            return;
        }
    }
}

fn next_line(source: &mut impl BufRead) -> io::Result<Option<Result<String, &'static str>>> {
    let mut line = Vec::new();
    source.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && line.len() as u64 == LONGEST {
        // The rest of it belongs to nothing.
        loop {
            let buffer = source.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let (used, is_end) = match end {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            source.consume(used);
            if is_end {
                break;
            }
        }
        return Ok(Some(Err("the line is too long to be a code")));
    }
    let text = String::from_utf8(line).map_err(|_| "the line is not UTF-8");
    Ok(Some(
        text.map(|text| text.trim_matches(['\r', '\n']).to_owned()),
    ))
}

impl Line {
    pub(super) fn code(&self) -> Result<Code, Failure> {
        let unusable = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
        let text = match &self.text {
            Ok(text) => text,
            Err(reason) => return Err(unusable((*reason).to_owned())),
        };
        if !text.trim_start().starts_with('{') {
            return Ok(Code {
                qr: text.clone(),
                order: None,
            });
        }
        serde_json::from_str(text).map_err(|error| {
            let error = error.to_string();
            unusable(format!(
                "the line should be a code, or {{\"qr\":\"...\",\"order\":\"...\"}}: {}",
                khqr_core::Printable(&error)
            ))
        })
    }
}

impl Code {
    /// The order that was given, or else the code's bill number, or else its MD5.
    pub(super) fn order(&self, khqr: &Khqr<'_>) -> Result<OrderId, Failure> {
        let md5 = khqr.md5().to_string();
        let given = self.order.as_deref();
        let id = given.or(khqr.bill_number()).unwrap_or(&md5);
        OrderId::new(id).map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
    }
}
