//! Reads the codes to watch, line by line.

use std::fs::File;
use std::io::{self, Read};

use bakong_flow::OrderId;
use khqr_core::{Khqr, Printable};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::common::exit::{Exit, Failure};
use crate::common::lines::{Chunk, Source, Unreadable, without_byte_order_mark};

/// A line of the input that is not empty.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    text: Result<String, Unreadable>,
}

/// A line as JSON.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct WatchRequest {
    pub(super) qr: String,
    #[serde(default)]
    order: Option<String>,
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
            let file = File::open(file)
                .map_err(|error| Failure::usage(format!("{}: {error}", Printable(file))))?;
            Box::new(file)
        };
        // The bound stops the reader while payments are being opened.
        let (sender, lines) = mpsc::channel(16);
        std::thread::spawn(move || read(source, &sender));
        Ok(Self {
            lines,
            ended: false,
        })
    }

    /// The next line, or `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Failure> {
        let line = self.lines.recv().await;
        self.ended = !matches!(line, Some(Ok(_)));
        line.transpose().map_err(|error| {
            Failure::new(Exit::CouldNotAsk, format!("cannot read the codes: {error}"))
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
            let text = match text {
                Ok(text) if number == 1 => Ok(without_byte_order_mark(text)),
                text => text,
            };
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
        let unusable = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
        let text = self.text.as_ref();
        let text = text.map_err(|error| unusable(error.to_string()))?;
        if !text.trim_start().starts_with('{') {
            return Ok(WatchRequest {
                qr: text.clone(),
                order: None,
            });
        }
        serde_json::from_str(text).map_err(|error| {
            unusable(format!(
                "expected a code, or {{\"qr\":\"...\",\"order\":\"...\"}}: {}",
                Printable(&error.to_string())
            ))
        })
    }
}

impl WatchRequest {
    /// The given order, or the code's bill number, or its MD5.
    pub(super) fn order(&self, khqr: &Khqr<'_>) -> Result<OrderId, Failure> {
        let md5 = khqr.md5().to_string();
        let given = self.order.as_deref();
        let id = given.or(khqr.bill_number()).unwrap_or(&md5);
        OrderId::new(id).map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
    }
}
