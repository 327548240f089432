//! The moment by which a request has to come to an end.

use std::time::Duration;

use tokio::time::Instant;

/// A moment, or the end of time if that lies beyond what the clock can say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self::of(Instant::now(), time)
    }

    /// So long after `start`.
    pub(crate) fn of(start: Instant, time: Duration) -> Self {
        Self(start.checked_add(time))
    }

    /// How much time is left.
    pub(crate) fn remaining(self) -> Duration {
        self.remaining_at(Instant::now())
    }

    pub(crate) fn remaining_at(self, now: Instant) -> Duration {
        self.0
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }
}
