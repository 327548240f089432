//! Bodies and queries, with errors that name the field.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

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
        // serde reads an array as the fields of an object in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            let detail = "the body must be a JSON object: {…}; see /docs";
            return Err(Problem::new(Code::InvalidBody, detail));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let read = serde_path_to_error::deserialize(&mut deserializer);
        let value = read.map_err(|error| {
            let path = error.path().to_string();
            invalid_body(error.inner(), &path)
        })?;
        deserializer
            .end()
            .map_err(|error| invalid_body(&error, ""))?;
        Ok(value)
    }
}

/// Returns the problem of a body with an error at `path`.
fn invalid_body(error: &serde_json::Error, path: &str) -> Problem {
    // serde's messages name the field and contain no value of another one.
    let message = khqr_core::Printable(&error.to_string()).to_string();
    if error.classify() != Category::Data {
        let detail = format!("the body is not JSON: {message}");
        return Problem::new(Code::InvalidBody, detail);
    }
    // The position in the body helps nobody who writes it with a library.
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = message.replace("expected u64", "expected a whole number");
    let missing = message.strip_prefix("missing field `");
    let missing = missing.and_then(|rest| rest.split('`').next());
    let path = khqr_core::Printable(path).to_string();
    let param = missing.unwrap_or(&path);
    let is_named = !matches!(param, "" | "." | "?");
    let detail = if is_named && missing.is_none() {
        format!("the field `{param}` is wrong: {message}; see /docs")
    } else {
        format!("the body is wrong: {message}; see /docs")
    };
    Problem {
        param: is_named.then(|| param.to_owned().into()),
        ..Problem::new(Code::InvalidBody, detail)
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
                let detail = error.body_text();
                let detail = detail.trim_start_matches("Failed to deserialize query string: ");
                let detail = khqr_core::Printable(detail).to_string();
                let detail = format!("a parameter of the query is wrong: {detail}; see /docs");
                Err(Problem::new(Code::InvalidQuery, detail))
            }
        }
    }
}
