//! Transports that send each request once.

use std::time::Duration;

use bakong_http::{CircuitBreaker, HyperTransport, HyperTransportBuilder, RetryPolicy};

/// A token for servers that do not check it.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";

/// Settings without retries and circuit breaker.
pub(crate) fn no_retry() -> HyperTransportBuilder {
    HyperTransport::builder()
        .retry(RetryPolicy::never())
        .circuit_breaker(CircuitBreaker::never())
}

/// A transport with a request timeout of 200 ms, for servers that never respond.
pub(crate) fn short_timeout() -> HyperTransport {
    let timeout = Duration::from_millis(200);
    no_retry().request_timeout(timeout).build().unwrap()
}
