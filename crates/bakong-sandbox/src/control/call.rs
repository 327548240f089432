//! The arguments of a handler.

use bytes::Bytes;
use http::{Request, StatusCode};
use khqr_core::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;

use super::query::Query;
use super::refusal::{Refusal, json_answer};
use crate::backend::Backend;
use crate::input::{self, InputError};
use crate::persist::Journal;
use crate::wire::Answer;

/// A request that is allowed.
pub(super) struct Call<'a> {
    pub(super) backend: &'a mut Backend,
    pub(super) journal: Option<&'a Journal>,
    pub(super) request: &'a Request<Bytes>,
    pub(super) query: Query<'a>,
    pub(super) now: Timestamp,
}

impl Call<'_> {
    /// Reads the JSON body.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, InputError> {
        input::read("body", self.request.body())
    }
}

/// Answers a request.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Has the state of the sandbox, and takes a JSON body.
    State(fn(&mut Call<'_>) -> Result<Reply, Refusal>),
    /// Has only the picture in the body.
    Picture(fn(&[u8]) -> Result<Reply, Refusal>),
}

/// The result of a request to the control API.
pub(crate) enum Reply {
    Answer(Answer),
    /// A stream of events.
    Events(mpsc::Receiver<Bytes>),
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::Answer(json_answer(StatusCode::OK, value))
    }
}
