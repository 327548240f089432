//! The expected answer of khqr-core to a question, computed from the answer of the official SDK and the known deviations.
//!
//! The rules of the deviations are written independently of khqr-core and read texts with the naive reader of `khqr-kit`.
//! A bug in khqr-core therefore cannot change the expected answer.

pub(crate) mod decode;
pub(crate) mod generate;
mod number;
pub(crate) mod verify;

use khqr_core::ErrorKind;
use khqr_kit::naive::{Defect, Node};
use serde_json::Value as Json;

use crate::deviation::Deviation;

/// The answer that khqr-core must give.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    pub(crate) answer: Answer,
    /// The reason if the answer differs from the SDK's.
    pub(crate) deviation: Option<Deviation>,
}

/// The compared parts of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Code {
        qr: String,
        md5: String,
    },
    Valid,
    Fields(Json),
    Tree(Json),
    Error {
        /// The SDK's code for the error.
        code: Option<u64>,
        /// The tag that the error must name.
        tag: Option<&'static str>,
    },
}

impl Answer {
    const fn error(code: u64) -> Self {
        Self::Error {
            code: Some(code),
            tag: None,
        }
    }

    /// Returns whether `ours` is this answer.
    pub(crate) fn matches(&self, ours: &Json) -> bool {
        match self {
            Self::Code { qr, md5 } => ours["qr"] == *qr && ours["md5"] == *md5,
            Self::Valid => ours["valid"] == true && ours.get("error").is_none(),
            Self::Fields(fields) => ours["khqr"] == *fields,
            Self::Tree(tree) => ours == tree,
            Self::Error { code, tag } => {
                let error = &ours["error"];
                error.is_object()
                    && ours["valid"] != true
                    && error["code"].as_u64() == *code
                    && tag.is_none_or(|tag| error["tag"] == *tag)
            }
        }
    }
}

/// A violated rule that khqr-core has and the SDK lacks.
#[derive(Debug, Clone)]
struct Violation<Rank> {
    /// The position of the rule in the order of checks.
    rank: Rank,
    code: Option<u64>,
    tag: Option<&'static str>,
    deviation: Deviation,
}

impl<Rank> Violation<Rank> {
    const fn new(rank: Rank, code: u64, deviation: Deviation) -> Self {
        Self {
            rank,
            code: Some(code),
            tag: None,
            deviation,
        }
    }
}

/// Returns the error for the first violation, unless the SDK reported an error at the same rank, at an earlier rank,
/// or with the same code. `sdk_error` is the rank and code of that error.
fn first_violation<Rank: Ord>(
    violations: Vec<Violation<Rank>>,
    sdk_error: Option<(Rank, u64)>,
) -> Option<Expected> {
    let first = violations.into_iter().min_by(|a, b| a.rank.cmp(&b.rank))?;
    if sdk_error.is_some_and(|(rank, code)| rank <= first.rank || Some(code) == first.code) {
        return None;
    }
    Some(Expected {
        answer: Answer::Error {
            code: first.code,
            tag: first.tag,
        },
        deviation: Some(first.deviation),
    })
}

/// Why a string cannot be read as a KHQR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    TooLong,
    NoChecksum,
    WrongChecksum,
    /// The fields are malformed or repeated.
    Form(Deviation),
    /// The account is missing or invalid. Holds the SDK's code.
    Account(u64),
}

impl Unreadable {
    /// Returns the SDK's code.
    const fn code(self) -> u64 {
        match self {
            Self::NoChecksum => 24,
            Self::TooLong | Self::WrongChecksum | Self::Form(_) => 8,
            Self::Account(code) => code,
        }
    }
}

impl From<Defect> for Unreadable {
    fn from(defect: Defect) -> Self {
        let field = defect.field.as_deref();
        match defect.kind {
            ErrorKind::TextTooLong => Self::TooLong,
            ErrorKind::Missing if field == Some("63") => Self::NoChecksum,
            ErrorKind::Missing if field == Some("29") => Self::Account(5),
            ErrorKind::CrcMismatch => Self::WrongChecksum,
            ErrorKind::CrcNotLast => Self::Form(Deviation::ChecksumNotLast),
            ErrorKind::Repeated | ErrorKind::TwoAccounts => Self::Form(Deviation::Repeated),
            ErrorKind::TagNotDigits => Self::Form(Deviation::BadTag),
            ErrorKind::LengthNotDigits => Self::Form(Deviation::BadLength),
            ErrorKind::SplitCharacter => Self::Form(Deviation::SplitCharacter),
            ErrorKind::Trailing if field.is_none() => Self::Form(Deviation::MalformedFirst),
            ErrorKind::Truncated if !field.is_some_and(|path| path.contains('/')) => {
                Self::Form(Deviation::MalformedFirst)
            }
            ErrorKind::Trailing | ErrorKind::Truncated => Self::Form(Deviation::FreeText),
            ErrorKind::TooLong { .. } => Self::Account(6),
            ErrorKind::AccountShape => Self::Account(3),
            _ => Self::Account(1),
        }
    }
}

/// Returns the fields of a template, or `None` if its value is malformed.
fn subfields(value: &str) -> Option<Vec<Node>> {
    let node = Node {
        tag: "00".to_owned(),
        value: value.to_owned(),
        offset: 0,
    };
    match node.inner() {
        (fields, None) => Some(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use khqr_kit::naive::{Code, encoded, sealed};

    use super::*;

    const ACCOUNT: &str = "29140010sokha@devb";

    #[test]
    fn every_reason_of_an_unreadable_text_is_distinguished() {
        use Unreadable::{Account, Form};
        for (body, expected) in [
            (String::new(), Account(5)),
            ("2900".to_owned(), Account(1)),
            (encoded("29", "00020@"), Account(3)),
            (encoded("29", &encoded("00", &"a".repeat(33))), Account(6)),
            (
                format!("{ACCOUNT}30140010sokha@devb"),
                Form(Deviation::Repeated),
            ),
            (format!("{ACCOUNT}5x01a"), Form(Deviation::BadTag)),
            (format!("{ACCOUNT}5901x5901y"), Form(Deviation::Repeated)),
            (
                format!("{ACCOUNT}62100101a0101b"),
                Form(Deviation::Repeated),
            ),
            (format!("{ACCOUNT}590x"), Form(Deviation::BadLength)),
            (format!("{ACCOUNT}5905abc"), Form(Deviation::MalformedFirst)),
            (format!("{ACCOUNT}59"), Form(Deviation::MalformedFirst)),
            (format!("{ACCOUNT}5901😀x"), Form(Deviation::SplitCharacter)),
            (format!("{ACCOUNT}6300"), Form(Deviation::ChecksumNotLast)),
            (format!("{ACCOUNT}62041234"), Form(Deviation::FreeText)),
            (format!("{ACCOUNT}6203123"), Form(Deviation::FreeText)),
            (format!("{ACCOUNT}6205010xa"), Form(Deviation::BadLength)),
            (
                encoded("40", &"ច".repeat(99)).repeat(24),
                Unreadable::TooLong,
            ),
        ] {
            let defect = Code::read(&sealed(&body)).unwrap_err();
            assert_eq!(Unreadable::from(defect), expected, "{body}");
        }
        let unsealed = |text: &str| Unreadable::from(Code::read(text).unwrap_err());
        assert_eq!(unsealed("000201"), Unreadable::NoChecksum);
        assert_eq!(unsealed("0002016304ABCD"), Unreadable::WrongChecksum);
    }
}
