//! Tests of the endpoints and of the session, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test"
)]

mod answers;
mod clock;
#[cfg(feature = "diagnose")]
mod diagnosis;
mod fake;
#[cfg(feature = "file-store")]
mod files;
mod fixtures;
mod lists;
mod mutations;
mod observers;
mod own_http_stack;
mod requests;
mod session;
mod stores;
mod tasks;
mod tokens;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::{ApiError, CheckAnswer, Endpoint};
use bytes::Bytes;
use http::Response;

/// The sample from NBC's reference.
const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;

/// Creates a response with this status and body.
fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status.try_into().unwrap();
    response
}

fn question() -> CheckTransactionByMd5 {
    CheckTransactionByMd5::new("d60f3db96913029a2af979a1662c1e72".parse().unwrap())
}

/// Reads a response with a check.
fn check(status: u16, body: impl Into<Bytes>) -> Result<CheckAnswer, ApiError> {
    question().read(&answer(status, body))
}
