//! KHQR read, verified and written a second time, as plainly as its rules can be put.
//!
//! Made from the rules of the standard and the documentation of khqr-core, not from its code, so that
//! the two can be compared: where they differ, one of them is wrong. Speed is of no concern here.
//! The fuzz targets use this module too.

#![allow(unreachable_pub, reason = "the fuzz targets make a library of it")]

pub mod amount;
mod code;
mod form;
mod verify;
pub mod writer;

use khqr_core::{Error, ErrorKind};

pub use code::Code;
pub use form::{Node, payload, sealed, template};

/// What is wrong, in which field (`59`, `62/01`), at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defect {
    pub kind: ErrorKind,
    pub field: Option<String>,
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

/// The length of a text as KHQR counts it: JavaScript's `String.length`.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// What is wrong with a text that must say something: nothing in it, too much, or a control character.
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

/// What is wrong with a Bakong account.
fn account_defect(value: &str) -> Option<ErrorKind> {
    let parts: Vec<&str> = value.split('@').collect();
    let unfit = |c: char| c.is_whitespace() || c.is_control();
    if value.is_empty() {
        Some(ErrorKind::Empty)
    } else if length(value) > 32 {
        Some(ErrorKind::TooLong { max: 32 })
    } else if parts.len() != 2 || parts.contains(&"") || value.contains(unfit) {
        Some(ErrorKind::AccountShape)
    } else {
        None
    }
}

/// What is wrong with a merchant category code.
fn category_defect(value: &str) -> Option<ErrorKind> {
    match length(value) {
        0 => Some(ErrorKind::Empty),
        5.. => Some(ErrorKind::TooLong { max: 4 }),
        4 if is_digits(value) => None,
        _ => Some(ErrorKind::NotDigits),
    }
}

/// What is wrong with a language.
fn language_defect(value: &str) -> Option<ErrorKind> {
    match length(value) {
        0 => Some(ErrorKind::Empty),
        2 if value.chars().any(char::is_control) => Some(ErrorKind::ControlCharacter),
        2 => None,
        _ => Some(ErrorKind::WrongLength { expected: 2 }),
    }
}
