//! Every answer in the reference, and what else comes, without a transport.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod answers;
mod diagnosis;
mod fake;
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

/// The reference's own sample.
const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;

/// An answer with this status and body.
fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status.try_into().unwrap();
    response
}

fn question() -> CheckTransactionByMd5 {
    CheckTransactionByMd5::new("d60f3db96913029a2af979a1662c1e72".parse().unwrap())
}

/// What a check makes of it.
fn check(status: u16, body: impl Into<Bytes>) -> Result<CheckAnswer, ApiError> {
    question().read(&answer(status, body))
}
