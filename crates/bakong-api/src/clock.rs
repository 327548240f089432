//! The clock of a session: this machine's, corrected by the `Date` of Bakong's answers.

use std::sync::Arc;
use std::time::Instant;

use http::Response;
use khqr_core::Timestamp;

use crate::server_time::{SharedServerTime, Skew};

/// A local clock and the estimate of its difference to Bakong's. Clones share the estimate.
#[derive(Clone)]
pub(crate) struct SessionClock {
    local: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    server_time: SharedServerTime,
}

impl SessionClock {
    /// Creates a clock that reads the system clock now, and then a monotonic clock. So a change of the system clock
    /// neither expires a token nor contradicts the estimate.
    pub(crate) fn monotonic() -> Self {
        let (start, since) = (Timestamp::now(), Instant::now());
        Self {
            local: Arc::new(move || start.saturating_add(since.elapsed())),
            server_time: SharedServerTime::default(),
        }
    }

    pub(crate) fn set_local(&mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.local = Arc::new(now);
    }

    /// Returns this machine's time.
    pub(crate) fn local_now(&self) -> Timestamp {
        (self.local)()
    }

    /// Returns Bakong's time, or this machine's time before the first answer.
    pub(crate) fn now(&self) -> Timestamp {
        self.server_time.correct(self.local_now())
    }

    pub(crate) const fn server_time(&self) -> &SharedServerTime {
        &self.server_time
    }

    /// Records an answer that arrives now. Returns the difference if a difference of over a minute began or ended.
    pub(crate) fn observe<B>(&self, sent_at: Timestamp, answer: &Response<B>) -> Option<Skew> {
        self.server_time.observe(sent_at, self.local_now(), answer)
    }
}
