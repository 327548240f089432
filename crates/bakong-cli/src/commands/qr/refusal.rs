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
    Text(Cow<'static, str>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(error) => error.fmt(f),
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

    /// With the official SDK's number and sentence for this error.
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
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}
