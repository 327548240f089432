//! The JSON error object of the `qr` commands.

use std::borrow::Cow;
use std::fmt;

use khqr_core::{Error, TagPath};
use serde::Serialize;
use serde_json::json;

use crate::common::blanks;
use crate::common::exit::{Exit, Failure};
use crate::common::lines::Unreadable;
use crate::common::output;

/// Why a code or a line is refused. Has the code and the message of the official SDK, if the SDK has them.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusal {
    code: Option<u8>,
    kind: &'static str,
    message: Message,
    sdk_message: Option<&'static str>,
    tag: Option<TagPath>,
    offset: Option<usize>,
}

/// The text for people. The text of an [`Error`] is formatted only when it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Message {
    Error(Error),
    Text(Cow<'static, str>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Message {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            code: error.sdk_code(),
            kind: error.kind().name(),
            message: Message::Error(error),
            sdk_message: error.sdk_message(),
            tag: error.tag(),
            offset: error.offset(),
        }
    }
}

impl From<Unreadable> for Refusal {
    fn from(reason: Unreadable) -> Self {
        let message = reason.to_string();
        match reason {
            Unreadable::TooLong => Self::of_line("LineTooLong", message),
            Unreadable::NotUtf8 { at } => Self::of_line("NotUtf8", message).at_byte(at),
        }
    }
}

impl Refusal {
    /// Why a string is not a code. If blanks or line breaks were copied with the code, the message names them instead
    /// of the error that they cause.
    pub(super) fn of_text(text: &str, error: Error) -> Self {
        let mut refusal = Self::from(error);
        if let Some(blank) = blanks::find(text) {
            refusal.message = Message::Text(blank.to_string().into());
        }
        refusal
    }

    /// An error that the SDK has no code for.
    pub(super) fn of_line(kind: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: None,
            kind,
            message: Message::Text(message.into()),
            sdk_message: None,
            tag: None,
            offset: None,
        }
    }

    pub(super) const fn message(&self) -> &impl fmt::Display {
        &self.message
    }

    /// Adds the byte offset in the line.
    pub(super) const fn at_byte(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Adds the SDK's code and message for `error`.
    pub(super) fn with_sdk_of(mut self, error: Error) -> Self {
        self.code = error.sdk_code();
        self.sdk_message = error.sdk_message();
        self
    }

    pub(super) const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) const fn tag(&self) -> Option<TagPath> {
        self.tag
    }

    /// Ends a command for one code: prints the JSON error object, or fails with a message that starts with `what`.
    pub(super) fn report(&self, what: &str, json: bool) -> Result<Exit, Failure> {
        if json {
            output::print_json(&json!({ "error": self }));
            return Ok(Exit::NotValid);
        }
        let message = format!("{what}: {}", self.message);
        Err(Failure::new(Exit::NotValid, message))
    }
}
