//! The conversion between the types of bakong-flow and the columns of the tables, the same for both engines.
//!
//! An integer column has 64 bits with a sign in both engines. A time that does not fit is stored as the maximum; an
//! amount that does not fit is an error. A row that cannot be read is a [`Corrupt`] row: the store fails instead of
//! returning wrong values.

mod command;
mod event;
mod exchange;
mod lease;
mod number;
mod payment;
mod policy;

use std::fmt;

use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::StoreError;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

pub(crate) use self::command::{result_to_store, withdrawn_payment};
pub(crate) use self::event::{EventRow, NewEvent};
pub(crate) use self::exchange::{ExchangeRow, NewExchange};
pub(crate) use self::lease::{LeaseRow, term_millis};
pub(crate) use self::number::{integer, millis, millis_of, timestamp, unsigned};
pub(crate) use self::payment::{
    Final, FinishedRow, NewPayment, PaymentRow, decision_name, settling_hash,
};

/// A row that this program cannot read, or a value that it cannot store.
#[derive(Debug)]
pub(crate) struct Corrupt {
    /// The table and the column.
    column: &'static str,
    reason: Box<str>,
    is_stored: bool,
}

impl Corrupt {
    /// Creates the error of a stored value.
    pub(crate) fn new(column: &'static str, reason: impl fmt::Display) -> Self {
        Self {
            column,
            reason: reason.to_string().into(),
            is_stored: true,
        }
    }

    /// Creates the error of a value that the column cannot have.
    pub(crate) fn unstorable(column: &'static str, reason: impl fmt::Display) -> Self {
        Self {
            is_stored: false,
            ..Self::new(column, reason)
        }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, reason, .. } = self;
        if self.is_stored {
            write!(
                f,
                "the column {column} has a value that cannot be read: {reason}. Restore the store from a backup, or report the error"
            )
        } else {
            write!(
                f,
                "the column {column} cannot store a value: {reason}. Correct the value, or report the error"
            )
        }
    }
}

impl std::error::Error for Corrupt {}

impl From<Corrupt> for StoreError {
    fn from(corrupt: Corrupt) -> Self {
        Self::fatal(corrupt)
    }
}

/// Writes an MD5 as the text that PostgreSQL reads as `BYTEA`.
pub(crate) fn md5_text<S: Serializer>(md5: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("\\x{}", Md5Handle::from_bytes(*md5)))
}

fn optional_md5_text<S: Serializer>(
    md5: &Option<&[u8; 16]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match md5 {
        Some(md5) => md5_text(md5, serializer),
        None => serializer.serialize_none(),
    }
}

/// Returns `value` as JSON, for the column `column`.
pub(crate) fn to_json<T: Serialize>(column: &'static str, value: &T) -> Result<String, Corrupt> {
    serde_json::to_string(value).map_err(|error| Corrupt::unstorable(column, error))
}

/// Reads the JSON of the column `column`.
pub(crate) fn from_json<T: DeserializeOwned>(
    column: &'static str,
    json: &str,
) -> Result<T, Corrupt> {
    // The error of serde_json may quote the value, which can contain personal data. Its position is enough.
    serde_json::from_str(json).map_err(|error| {
        let category = error.classify();
        let (line, position) = (error.line(), error.column());
        Corrupt::new(
            column,
            format_args!("{category:?} error of JSON in line {line}, column {position}"),
        )
    })
}

/// Reads JSON that may be absent.
pub(crate) fn from_json_option<T: DeserializeOwned>(
    column: &'static str,
    json: Option<&str>,
) -> Result<Option<T>, Corrupt> {
    json.map(|json| from_json(column, json)).transpose()
}
