//! The transport over real sockets on loopback: against the sandbox, and against servers that behave badly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod authority;
mod cases;
mod checks;
mod circuit;
mod connections;
mod crowd;
mod deadlines;
mod diagnosis;
mod endpoints;
mod faults;
mod headers;
#[cfg(feature = "http2")]
mod http2;
mod interruptions;
mod limits;
mod list_trouble;
mod lists;
mod observation;
mod obstacles;
mod payments;
mod plain_http;
#[cfg(feature = "proxy")]
mod proxies;
mod questions;
mod renewals;
mod retries;
mod secrets;
mod server;
mod setup;
mod tls;
mod trouble;
mod unreachable;
mod ways;

use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, BaseUrl, Endpoint, Transport};
use bakong_http::{CircuitBreaker, HyperTransport, HyperTransportBuilder, RetryPolicy};
use bytes::Bytes;
use http::{Request, Response};

/// A token for servers that do not look at it.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";
const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

/// A transport with its defaults (deadlines that no test on loopback meets by chance), but that sends once
/// and never gives a host up.
fn transport() -> HyperTransport {
    once().build().unwrap()
}

fn once() -> HyperTransportBuilder {
    HyperTransport::builder()
        .retry(RetryPolicy::never())
        .circuit_breaker(CircuitBreaker::never())
}

/// A transport that gives up soon, for servers that never come to an end.
fn impatient() -> HyperTransport {
    let soon = Duration::from_millis(200);
    once().request_timeout(soon).build().unwrap()
}

fn token() -> AccessToken {
    AccessToken::new(TOKEN).unwrap()
}

/// A check, as a session sends it to the Bakong below this URL.
fn request(base_url: &str) -> Request<Bytes> {
    let base_url = BaseUrl::new(base_url).unwrap();
    CheckTransactionByMd5::new(MD5.parse().unwrap())
        .to_request(&base_url, Some(&token()))
        .unwrap()
}

/// Sends a check there.
async fn ask(
    transport: &HyperTransport,
    base_url: &str,
) -> Result<Response<Bytes>, TransportError> {
    transport.send(request(base_url)).await
}

/// How a check to there fails, once its text is seen to show no secret.
async fn failure(transport: &HyperTransport, base_url: &str) -> TransportError {
    let error = ask(transport, base_url).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("eyJ") && !shown.contains(MD5), "{shown}");
    error
}

/// The kind and the text of such a failure.
async fn kind_and_text(transport: &HyperTransport, base_url: &str) -> (TransportErrorKind, String) {
    let error = failure(transport, base_url).await;
    (error.kind(), error.to_string())
}
