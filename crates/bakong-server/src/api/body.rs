//! Bodies and queries, with errors that name the field.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// The maximum length of a body in bytes.
pub(crate) const MAX_BODY: usize = 64 << 10;

/// The bytes of a body, at most [`MAX_BODY`].
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let read = axum::body::to_bytes(request.into_body(), MAX_BODY).await;
        read.map(Self).map_err(|_| {
            let detail = format!("the body has more than {MAX_BODY} bytes, or ended early");
            Problem::new(Code::BodyTooLarge, detail)
        })
    }
}

impl RawBody {
    /// Reads the JSON of the body. An empty body counts as `{}`.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body: &[u8] = if self.0.is_empty() { b"{}" } else { &self.0 };
        serde_json::from_slice(body).map_err(|error| {
            // serde's messages name the field and contain no value of another one.
            let detail = khqr_core::Printable(&error.to_string()).to_string();
            let detail = format!("the body is not the expected JSON: {detail}; see /docs");
            Problem::new(Code::InvalidBody, detail)
        })
    }
}

/// The parameters of the query.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => {
                let detail = khqr_core::Printable(&error.body_text()).to_string();
                let detail = format!("a parameter of the query is wrong: {detail}; see /docs");
                Err(Problem::new(Code::InvalidQuery, detail))
            }
        }
    }
}
