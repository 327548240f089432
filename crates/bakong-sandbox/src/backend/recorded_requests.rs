//! The record of requests, for tests that count them: every request costs quota in production.

use std::collections::VecDeque;

use http::StatusCode;
use khqr_core::Timestamp;

use crate::wire::ApiEndpoint;

/// A request and the status of its response.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The time of the request on the sandbox's clock.
    pub at: Timestamp,
    /// The endpoint; `None` for an unknown path.
    pub endpoint: Option<ApiEndpoint>,
    /// The status of the response, even if only a part of it was delivered; `None` if a fault sent no
    /// response.
    pub status: Option<StatusCode>,
    /// Why the sandbox refused the request, for developers: the header, the field or the fault that caused it.
    /// `None` for a successful response, and for the results *not found* and *failed* of a check.
    pub why: Option<String>,
}

/// The latest requests.
#[derive(Default)]
pub(crate) struct RecordedRequests(VecDeque<RecordedRequest>);

impl RecordedRequests {
    /// The maximum number of stored requests.
    const CAPACITY: usize = 10_000;

    pub(crate) fn push(&mut self, request: RecordedRequest) {
        if self.0.len() == Self::CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }

    pub(crate) fn to_vec(&self) -> Vec<RecordedRequest> {
        self.0.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
