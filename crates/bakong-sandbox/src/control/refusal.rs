//! Errors of the control API.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::input::InputError;
use crate::wire::{self, Answer};

/// Why a request to the control API is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: InputError,
    /// Details for programs.
    pub(super) reason: Option<Value>,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, error: InputError) -> Self {
        Self {
            status,
            error,
            reason: None,
        }
    }

    pub(super) fn answer(self) -> Answer {
        let InputError { what, place, help } = self.error;
        let mut error = json!({ "what": what, "where": place, "help": help });
        if let (Some(reason), Some(fields)) = (self.reason, error.as_object_mut()) {
            fields.insert("reason".to_owned(), reason);
        }
        json_answer(self.status, &json!({ "error": error }))
    }
}

impl From<InputError> for Refusal {
    fn from(error: InputError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

pub(super) fn json_answer(status: StatusCode, value: &Value) -> Answer {
    wire::with_body(status, wire::JSON, Bytes::from(value.to_string()))
}
