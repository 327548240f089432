//! The configuration of a tracker.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use crate::policy::Backoff;
use crate::quota::Quota;

/// The configuration of a [`Tracker`](crate::Tracker).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The quota of the token.
    pub quota: Quota,
    /// How long to wait after failed requests.
    pub retry: Backoff,
    /// The maximum number of requests in flight, at least one. While requests fail, the maximum is one.
    pub max_in_flight: u32,
    /// Whether the token can be renewed. If so, the tracker asks for renewals.
    pub renewable: bool,
    /// Whether the list endpoint may be used.
    pub lists: bool,
    /// How long a final payment is remembered, so that its code is not opened again and its transaction settles no
    /// other order. The store remembers payments for longer and makes the final decision.
    pub remember: Duration,
}

impl Config {
    /// 100 requests a day, four in flight, lists allowed, no renewals, final payments remembered for two days.
    pub const DEFAULT: Self = Self {
        quota: Quota::DEFAULT,
        retry: Backoff::DEFAULT,
        max_in_flight: 4,
        renewable: false,
        lists: true,
        remember: Duration::from_secs(2 * 24 * 60 * 60),
    };

    /// Returns when a payment that became final at `at` may be forgotten.
    pub(super) fn remember_until(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.remember)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}
