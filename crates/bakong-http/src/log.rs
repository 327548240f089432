//! The `tracing` event of each attempt. Of an answer, it contains only the HTTP status and Bakong's codes. Of a
//! failure, it contains the kind and the text of the error. It never contains headers or bodies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bakong_api::observe::AnswerSummary;
use bakong_api::transport::TransportError;
use http::StatusCode;

/// Whether a subscriber is interested in the events.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: "bakong_http", tracing::Level::DEBUG)
}

/// The log of one request, with all its attempts.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    /// The number of the request, unique in this process.
    request_id: u64,
    endpoint: &'static str,
}

impl Log {
    pub(crate) fn new(endpoint: Option<&'static str>) -> Self {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        Self {
            request_id: REQUESTS.fetch_add(1, Ordering::Relaxed),
            endpoint: endpoint.unwrap_or("unknown"),
        }
    }

    pub(crate) fn answer(
        self,
        attempt: u32,
        status: StatusCode,
        summary: Option<AnswerSummary>,
        elapsed: Duration,
        retry_in: Option<Duration>,
    ) {
        tracing::debug!(
            target: "bakong_http",
            request_id = self.request_id,
            endpoint = self.endpoint,
            attempt,
            status = status.as_u16(),
            response_code = summary.and_then(|summary| summary.response_code),
            error_code = summary
                .and_then(|summary| summary.error_code)
                .map(bakong_api::ErrorCode::number),
            elapsed_ms = elapsed.as_millis(),
            retry_in_ms = retry_in.map(|wait| wait.as_millis()),
            "answer"
        );
    }

    pub(crate) fn failure(
        self,
        attempt: u32,
        error: &TransportError,
        elapsed: Duration,
        retry_in: Option<Duration>,
    ) {
        tracing::debug!(
            target: "bakong_http",
            request_id = self.request_id,
            endpoint = self.endpoint,
            attempt,
            kind = ?error.kind(),
            error = %error,
            elapsed_ms = elapsed.as_millis(),
            retry_in_ms = retry_in.map(|wait| wait.as_millis()),
            "no answer"
        );
    }
}
