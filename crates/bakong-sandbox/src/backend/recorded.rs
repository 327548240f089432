//! A record of what was asked, for tests that count requests: each one costs quota in production.

use std::collections::VecDeque;

use http::StatusCode;
use khqr_core::Timestamp;

use crate::endpoint::ApiEndpoint;

/// One request, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// When it was asked, on the sandbox's clock.
    pub at: Timestamp,
    /// The endpoint by its path; `None` for any other path.
    pub endpoint: Option<ApiEndpoint>,
    /// The answer's status, whatever of the answer arrived; `None` if there was no answer, by a fault.
    pub status: Option<StatusCode>,
}

/// The last exchanges.
#[derive(Default)]
pub(crate) struct Exchanges(VecDeque<RecordedRequest>);

impl Exchanges {
    /// How many are kept.
    pub(crate) const KEPT: usize = 10_000;

    pub(crate) fn record(&mut self, exchange: RecordedRequest) {
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(exchange);
    }

    pub(crate) fn to_vec(&self) -> Vec<RecordedRequest> {
        self.0.iter().cloned().collect()
    }
}
