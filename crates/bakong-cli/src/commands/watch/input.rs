//! Reads the codes to watch, line by line.

use std::io::{self, Read};
use std::path::Path;

use bakong_flow::OrderId;
use khqr_core::{Khqr, Md5Handle, Printable};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::common::exit::{Exit, Failure};
use crate::common::files;
use crate::common::lines::{Chunk, Source, Unreadable};
use crate::common::refusal::Refusal;

/// The largest file in bytes. This is room for more codes than a shop watches at once.
const LARGEST_FILE: u64 = 64 << 20;

/// A line of the input that is not empty.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    text: Result<String, Unreadable>,
}

/// A code to watch.
#[derive(Debug)]
pub(super) struct WatchRequest {
    pub(super) qr: String,
    order: Option<String>,
}

/// A line as JSON. `md5` and `error` are from `bakong qr generate`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct JsonLine {
    qr: Option<String>,
    order: Option<String>,
    md5: Option<String>,
    error: Option<Refused>,
}

/// An error of `bakong qr generate`.
#[derive(Deserialize, Debug)]
struct Refused {
    message: String,
}

/// Reads lines on its own thread, because a read from standard input cannot be cancelled.
#[derive(Debug)]
pub(super) struct Input {
    lines: mpsc::Receiver<io::Result<Line>>,
    ended: bool,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(file: &str) -> Result<Self, Failure> {
        let source: Box<dyn Read + Send> = if file == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(files::open(Path::new(file), LARGEST_FILE)?)
        };
        // The bound makes the reader wait while payments are being opened.
        let (sender, lines) = mpsc::channel(16);
        std::thread::spawn(move || read(source, &sender));
        Ok(Self {
            lines,
            ended: false,
        })
    }

    /// An input without lines.
    pub(super) fn empty() -> Self {
        let (_, lines) = mpsc::channel(1);
        Self { lines, ended: true }
    }

    /// The next line, or `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Failure> {
        let line = self.lines.recv().await;
        self.ended = !matches!(line, Some(Ok(_)));
        line.transpose().map_err(|error| {
            Failure::new(Exit::NoAnswer, format!("cannot read the codes: {error}"))
        })
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }
}

/// Sends every line that is not empty, until the receiver is dropped.
fn read(source: impl Read, lines: &mpsc::Sender<io::Result<Line>>) {
    let mut source = Source::new(source);
    let mut chunk = Chunk::default();
    let mut number = 0;
    loop {
        match source.fill(&mut chunk) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return drop(lines.blocking_send(Err(error))),
        }
        for text in chunk.lines() {
            number += 1;
            if text == Ok("") {
                continue;
            }
            let text = text.map(str::to_owned);
            if lines.blocking_send(Ok(Line { number, text })).is_err() {
                return;
            }
        }
    }
}

impl Line {
    /// Parses the line: a code, or a JSON object.
    pub(super) fn parse(&self) -> Result<WatchRequest, Failure> {
        let unusable =
            |kind, reason: String| Refusal::of_line(kind, reason).failure(Exit::NoAnswer);
        let text = self.text.as_ref();
        let text = text.map_err(|error| Refusal::from(*error).failure(Exit::NoAnswer))?;
        if !text.trim_start().starts_with('{') {
            return Ok(WatchRequest {
                qr: text.clone(),
                order: None,
            });
        }
        let expected = |problem: &str| {
            let reason = format!(
                "expected a code, or {{\"qr\":\"...\",\"order\":\"...\"}}: {}",
                Printable(problem)
            );
            unusable("NotJson", reason)
        };
        let line: JsonLine =
            serde_json::from_str(text).map_err(|error| expected(&error.to_string()))?;
        if let Some(refused) = line.error {
            let message = Printable(&refused.message);
            let reason = format!("no code was generated: {message}");
            return Err(unusable("NotGenerated", reason));
        }
        let qr = line.qr.ok_or_else(|| expected("qr is missing"))?;
        if line
            .md5
            .is_some_and(|md5| md5 != Md5Handle::of(&qr).to_string())
        {
            return Err(unusable(
                "OtherMd5",
                "md5 is not the MD5 of the code, so the code was changed".to_owned(),
            ));
        }
        Ok(WatchRequest {
            qr,
            order: line.order,
        })
    }
}

impl WatchRequest {
    /// The given order, or the code's bill number, or its MD5.
    pub(super) fn order(&self, khqr: &Khqr<'_>) -> Result<OrderId, Failure> {
        let md5 = khqr.md5().to_string();
        let given = self.order.as_deref();
        let id = given.or(khqr.bill_number()).unwrap_or(&md5);
        OrderId::new(id).map_err(|error| {
            Refusal::of_line("InvalidOrder", error.to_string()).failure(Exit::NoAnswer)
        })
    }
}
