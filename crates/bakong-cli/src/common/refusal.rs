//! Why a text is not a code, or why no code can be generated.

use std::borrow::Cow;
use std::fmt;

use khqr_core::{Error, ErrorKind, Khqr, TagPath};
use serde::Serialize;

use crate::common::blanks;
use crate::common::exit::{Exit, Failure, INVALID_INPUT, Reason, sentences};
use crate::common::lines::Unreadable;

/// Why a code or a line is refused. Has the code and the message of the official SDK, if the SDK has them.
///
/// Its JSON form is that of [`Reason`]. This struct is smaller, and formats the message only when it is written, so that
/// `--jsonl` is fast.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
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
    /// Why a string is not a code. If the text is empty or a link, or if blanks or line breaks were copied with the code,
    /// the message says so instead of the error that they cause.
    pub(crate) fn of_text(text: &str, error: Error) -> Self {
        let mut refusal = Self::from(error);
        if text.is_empty() {
            refusal.message = Message::Text("the text is empty".into());
        } else if is_link(text) {
            let message = "the text is a link, and not the text of a code";
            refusal.message = Message::Text(message.into());
        } else if let Some(blank) = blanks::find(text) {
            refusal.message = Message::Text(blank.to_string().into());
        }
        refusal
    }

    /// An error that the SDK has no code for.
    pub(crate) fn of_line(kind: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: None,
            kind,
            message: Message::Text(message.into()),
            sdk_message: None,
            tag: None,
            offset: None,
        }
    }

    pub(crate) const fn message(&self) -> &impl fmt::Display {
        &self.message
    }

    /// Adds the byte offset in the line.
    pub(crate) const fn at_byte(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Adds the SDK's code and message for `error`.
    pub(crate) fn with_sdk_of(mut self, error: Error) -> Self {
        self.code = error.sdk_code();
        self.sdk_message = error.sdk_message();
        self
    }

    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) const fn tag(&self) -> Option<TagPath> {
        self.tag
    }

    /// The failure of a command for one code.
    pub(crate) fn failure(&self, exit: Exit) -> Failure {
        self.failure_with_text(exit, self.message.to_string())
    }

    /// The failure of a command for one code. Its message starts with `what`.
    pub(crate) fn failure_of(&self, exit: Exit, what: &str) -> Failure {
        self.failure_with_text(exit, format!("{what}: {}", self.message))
    }

    fn failure_with_text(&self, exit: Exit, message: String) -> Failure {
        let text = match self.advice() {
            Some(advice) => sentences(&message, advice),
            None => message.clone(),
        };
        Failure::new(exit, text).because(self.object(message))
    }

    /// The JSON error object, with its own copy of the message.
    pub(crate) fn reason(&self) -> Reason {
        self.object(self.message.to_string())
    }

    /// What to do next, if the message does not suggest it.
    const fn advice(&self) -> Option<&'static str> {
        let Message::Error(error) = &self.message else {
            return None;
        };
        match error.kind() {
            ErrorKind::CrcMismatch => Some("Scan or copy the code again"),
            ErrorKind::Expired => Some("Generate a new code"),
            _ => None,
        }
    }

    fn object<M>(&self, message: M) -> Reason<M> {
        Reason {
            code: self.code.map(i64::from),
            advice: self.advice().map(Cow::Borrowed),
            kind: Some(self.kind),
            sdk_message: self.sdk_message,
            tag: self.tag,
            offset: self.offset,
            ..Reason::new(INVALID_INPUT, message)
        }
    }
}

impl Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object(&self.message).serialize(serializer)
    }
}

/// Whether a text that is not a code starts like a URL.
fn is_link(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Parses a KHQR.
pub(crate) fn parse(text: &str) -> Result<Khqr<'_>, Refusal> {
    Khqr::parse(text).map_err(|error| Refusal::of_text(text, error))
}
