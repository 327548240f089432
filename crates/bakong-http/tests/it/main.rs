//! Sends requests over sockets on loopback: to the sandbox, and to servers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod broken_connections;
mod ca;
mod check_payment;
mod checks;
mod circuit;
mod concurrency;
mod connect_errors;
mod connections;
mod deadlines;
mod diagnosis;
mod endpoints;
mod fault_cases;
mod faults;
mod headers;
#[cfg(feature = "http2")]
mod http2;
mod limits;
mod list_faults;
mod lists;
mod observation;
mod plain_http;
#[cfg(feature = "proxy")]
mod proxies;
mod proxies_and_tls;
mod relays;
mod renewals;
mod requests;
mod retries;
mod server;
mod setup;
mod surplus;
mod tls;
mod transports;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, BaseUrl, Endpoint, Transport};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::{Request, Response};

use transports::{TOKEN, no_retry, short_timeout};

const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

/// A transport with the default timeouts, without retries and circuit breaker.
fn transport() -> HyperTransport {
    no_retry().build().unwrap()
}

/// A transport that reuses HTTP/1.1 connections.
fn reusing() -> HyperTransport {
    no_retry().reuse_http1_connections(true).build().unwrap()
}

fn token() -> AccessToken {
    AccessToken::new(TOKEN).unwrap()
}

/// A check as a session sends it to this base URL.
fn request(base_url: &str) -> Request<Bytes> {
    let base_url = BaseUrl::new(base_url).unwrap();
    CheckTransactionByMd5::new(MD5.parse().unwrap())
        .to_request(&base_url, Some(&token()))
        .unwrap()
}

/// Sends a check to this base URL.
async fn send_check(
    transport: &HyperTransport,
    base_url: &str,
) -> Result<Response<Bytes>, TransportError> {
    transport.send(request(base_url)).await
}

/// Sends a check that fails. Asserts that the error shows no secret.
async fn failure(transport: &HyperTransport, base_url: &str) -> TransportError {
    let error = send_check(transport, base_url).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("eyJ") && !shown.contains(MD5), "{shown}");
    error
}

/// The kind and the text of the error of such a check.
async fn failure_text(transport: &HyperTransport, base_url: &str) -> (TransportErrorKind, String) {
    let error = failure(transport, base_url).await;
    (error.kind(), error.to_string())
}
