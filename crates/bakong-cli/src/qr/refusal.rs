//! What is wrong with a line or a code, in the one shape that machines get.

use std::borrow::Cow;
use std::fmt;

use khqr_core::{Error, TagPath};
use serde::Serialize;

/// An error for machines: the official SDK's code and sentence where it has them, a name, the text for
/// people, and where it is.
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

/// The text for people, written only where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Message {
    Of(Error),
    /// An error whose field khqr-core could not know.
    OfIn(Error, TagPath),
    In(TagPath, &'static str),
    Text(Cow<'static, str>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(error) => error.fmt(f),
            Self::OfIn(error, tag) => {
                let text = error.to_string();
                // Its own field, if it has one, stands before.
                let reason = match (error.tag(), text.split_once(": ")) {
                    (Some(_), Some((_, reason))) => reason,
                    _ => &text,
                };
                write_in(*tag, reason, f)
            }
            Self::In(tag, reason) => write_in(*tag, reason, f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// As khqr-core's errors print.
fn write_in(tag: TagPath, reason: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} (tag {tag}): {reason}", tag.name().unwrap_or("field"))
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
            message: Message::Of(error),
            sdk_message: error.sdk_message(),
            tag: error.tag(),
            offset: error.offset(),
        }
    }
}

impl Refusal {
    /// What is wrong with the line, which the SDK has no number for.
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

    /// With the byte of the line at which it is wrong.
    pub(super) const fn at_byte(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// What is wrong with a field that khqr-core never gets to see, its own reason first.
    pub(super) const fn of_field(kind: &'static str, tag: TagPath, reason: &'static str) -> Self {
        Self {
            code: None,
            kind,
            message: Message::In(tag, reason),
            sdk_message: None,
            tag: Some(tag),
            offset: None,
        }
    }

    /// With the official SDK's number and sentence.
    pub(super) const fn with_sdk(mut self, (code, message): (u8, &'static str)) -> Self {
        self.code = Some(code);
        self.sdk_message = Some(message);
        self
    }

    /// An error about a field that khqr-core could not know.
    pub(super) fn moved(error: Error, tag: TagPath) -> Self {
        Self {
            message: Message::OfIn(error, tag),
            tag: Some(tag),
            ..error.into()
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) const fn tag(&self) -> Option<TagPath> {
        self.tag
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}
