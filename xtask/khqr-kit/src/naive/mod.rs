//! A second implementation of KHQR: reading, verifying and writing, in the simplest form that the rules allow.
//!
//! It follows the EMVCo standard and the documentation of khqr-core, not khqr-core's code, so that a difference
//! between the two shows a mistake in one of them. Speed does not matter here.

pub mod amount;
mod code;
mod form;
mod verify;
pub mod writer;

use khqr_core::{Error, ErrorKind};

pub use code::Code;
pub use form::{Node, encoded, payload, sealed, template};

/// A defect of a code or an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defect {
    /// The broken rule.
    pub kind: ErrorKind,
    /// The path of the field, such as `59` or `62/01`.
    pub field: Option<String>,
    /// The byte offset in the text.
    pub offset: Option<usize>,
}

impl Defect {
    fn of_text(kind: ErrorKind) -> Self {
        Self {
            kind,
            field: None,
            offset: None,
        }
    }

    fn of_field(kind: ErrorKind, field: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::of_text(kind)
        }
    }

    fn at(self, offset: usize) -> Self {
        Self {
            offset: Some(offset),
            ..self
        }
    }
}

impl From<Error> for Defect {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            field: error.tag().map(|tag| tag.to_string()),
            offset: error.offset(),
        }
    }
}

/// Returns the length of a string in UTF-16 code units, as JavaScript's `String.length` counts it.
#[must_use]
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Returns whether a string consists of ASCII digits and is not empty.
#[must_use]
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// Checks a text field that must not be empty.
fn text_defect(value: &str, max: u8) -> Option<ErrorKind> {
    if value.is_empty() {
        Some(ErrorKind::Empty)
    } else if length(value) > usize::from(max) {
        Some(ErrorKind::TooLong { max })
    } else if value.chars().any(char::is_control) {
        Some(ErrorKind::ControlCharacter)
    } else {
        None
    }
}

/// Checks a Bakong account, `name@bank`.
#[must_use]
pub fn account_defect(value: &str) -> Option<ErrorKind> {
    let parts: Vec<&str> = value.split('@').collect();
    let forbidden = |c: char| c.is_whitespace() || c.is_control();
    if value.is_empty() {
        Some(ErrorKind::Empty)
    } else if length(value) > 32 {
        Some(ErrorKind::TooLong { max: 32 })
    } else if parts.len() != 2 || parts.contains(&"") || value.contains(forbidden) {
        Some(ErrorKind::AccountShape)
    } else {
        None
    }
}

/// Checks a merchant category code.
fn category_defect(value: &str) -> Option<ErrorKind> {
    match length(value) {
        0 => Some(ErrorKind::Empty),
        5.. => Some(ErrorKind::TooLong { max: 4 }),
        4 if is_digits(value) => None,
        _ => Some(ErrorKind::NotDigits),
    }
}

/// Checks a language code.
fn language_defect(value: &str) -> Option<ErrorKind> {
    match length(value) {
        0 => Some(ErrorKind::Empty),
        2 if value.chars().any(char::is_control) => Some(ErrorKind::ControlCharacter),
        2 => None,
        _ => Some(ErrorKind::WrongLength { expected: 2 }),
    }
}
