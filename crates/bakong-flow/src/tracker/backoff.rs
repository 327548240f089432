//! The pause after failed requests.

use std::time::Duration;

use bakong_api::ErrorClass;
use bakong_api::khqr_core::Timestamp;

use super::payment_state::earlier;
use crate::policy::Backoff;

/// Whether requests succeed, or how long to wait because they fail.
///
/// ```text
///  ┌───────┐ ──────── failure ───────▶ ┌─────────┐ ──┐ failure: counts if the request was sent
///  │ Clear │                           │ Failing │   │ after the last failure, and extends the pause
///  └───────┘ ◀─ answer to a request ── └─────────┘ ◀─┘
///               that was sent after
///               the last failure
/// ```
///
/// No request is sent before the pause is over, and then one at a time until an answer arrives. Requests that were in
/// flight together and fail together count as one failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BackoffState {
    /// The last request was answered.
    Clear,
    /// The last request failed.
    Failing {
        /// Failures in a row.
        failures: u32,
        /// The number of the last request that was sent before the last failure was reported.
        failed_after: u64,
        /// The end of the pause.
        until: Timestamp,
    },
}

impl BackoffState {
    /// The request with this number was answered.
    pub(super) fn answered(&mut self, number: u64) {
        if let Self::Failing { failed_after, .. } = self
            && number > *failed_after
        {
            *self = Self::Clear;
        }
    }

    /// The request with this number failed. `last_number` is the number of the last request that was sent.
    pub(super) fn failed(
        &mut self,
        policy: &Backoff,
        class: ErrorClass,
        (number, last_number): (u64, u64),
        now: Timestamp,
    ) {
        let (failures, hold) = match *self {
            Self::Clear => (1, None),
            Self::Failing {
                failures,
                failed_after,
                until,
            } => (
                failures.saturating_add(u32::from(number > failed_after)),
                Some(until),
            ),
        };
        let until = policy.at(failures, class, now);
        *self = Self::Failing {
            failures,
            failed_after: last_number,
            until: hold.map_or(until, |hold| hold.max(until)),
        };
    }

    /// Whether the last request failed.
    pub(super) const fn is_failing(self) -> bool {
        matches!(self, Self::Failing { .. })
    }

    /// Returns the end of the pause. It may have passed.
    pub(super) const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Clear => None,
            Self::Failing { until, .. } => Some(until),
        }
    }

    /// The clock was set back by `by`.
    pub(super) fn clock_set_back(&mut self, by: Duration) {
        if let Self::Failing { until, .. } = self {
            *until = earlier(*until, by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_moves_with_a_clock_that_is_set_back() {
        let noon = Timestamp::from_millis(1_795_237_200_000);
        let mut state = BackoffState::Clear;
        state.clock_set_back(Duration::from_secs(60));
        assert_eq!(state, BackoffState::Clear);
        let class = ErrorClass::Unavailable { retry_after: None };
        state.failed(&Backoff::DEFAULT, class, (1, 1), noon);
        let until = state.until().unwrap();
        state.clock_set_back(Duration::from_secs(60));
        let moved = until.as_millis() - 60_000;
        assert_eq!(state.until(), Some(Timestamp::from_millis(moved)));
    }
}
