//! What we are to answer, and whether we did.

use serde_json::Value;

use super::rows::Row;

/// The answer that the official SDK's answer and the rows together ask of us.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) answer: Answer,
    /// Why it is not the SDK's.
    pub(super) row: Option<Row>,
}

/// An answer, as far as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Code {
        qr: String,
        md5: String,
    },
    Valid,
    Khqr(Value),
    Tree(Value),
    Refused {
        code: Option<u64>,
        tag: Option<&'static str>,
    },
}

impl Answer {
    pub(super) const fn refused(code: u64) -> Self {
        Self::Refused {
            code: Some(code),
            tag: None,
        }
    }

    /// Whether our answer is this one.
    pub(super) fn is_given_by(&self, ours: &Value) -> bool {
        match self {
            Self::Code { qr, md5 } => ours["qr"] == *qr && ours["md5"] == *md5,
            Self::Valid => ours["valid"] == true && ours.get("error").is_none(),
            Self::Khqr(fields) => ours["khqr"] == *fields,
            Self::Tree(tree) => ours == tree,
            Self::Refused { code, tag } => {
                let error = &ours["error"];
                error.is_object()
                    && ours["valid"] != true
                    && error["code"].as_u64() == *code
                    && tag.is_none_or(|tag| error["tag"] == *tag)
            }
        }
    }
}

/// A rule of ours that an input breaks: where it stands in the order of checks, our answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken<Place> {
    pub(super) place: Place,
    pub(super) code: Option<u64>,
    pub(super) tag: Option<&'static str>,
    pub(super) row: Row,
}

impl<Place: Ord> Broken<Place> {
    pub(super) const fn new(place: Place, code: u64, row: Row) -> Self {
        Self {
            place,
            code: Some(code),
            tag: None,
            row,
        }
    }
}

/// The first of what is broken, if it stands before `refused`: where the SDK found something, and its code.
pub(super) fn first_broken<Place: Ord>(
    broken: Vec<Broken<Place>>,
    refused: Option<(Place, u64)>,
) -> Option<Wanted> {
    let first = broken.into_iter().min_by(|a, b| a.place.cmp(&b.place))?;
    // At the same place, or with the same code, the SDK's own goes.
    if refused.is_some_and(|(place, code)| place <= first.place || Some(code) == first.code) {
        return None;
    }
    Some(Wanted {
        answer: Answer::Refused {
            code: first.code,
            tag: first.tag,
        },
        row: Some(first.row),
    })
}
