//! The clock of a watcher, replaceable in tests.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bakong_api::khqr_core::Timestamp;

/// Reads the time and sleeps.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Waits until `moment`, or until the clock is set back.
    fn sleep_until(&self, moment: Timestamp) -> impl Future<Output = ()> + Send;

    /// Records that a watcher is busy until the returned value is dropped. Only a clock for tests needs this, to find out
    /// when the watcher is idle.
    fn busy(&self) -> Busy {
        Busy::default()
    }
}

/// Shows a clock for tests that a watcher is busy, until the value is dropped.
#[derive(Default, Debug)]
pub struct Busy {
    #[cfg(feature = "testing")]
    #[allow(dead_code, reason = "only its drop matters")]
    pub(crate) guard: Option<crate::test_clock::BusyGuard>,
}

impl Busy {
    /// The watcher is idle.
    pub(crate) fn end(self) {}
}

/// The system clock, with tokio's timers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SystemClock;

impl SystemClock {
    /// The maximum length of one sleep. Timers stop while the machine is suspended, and the system clock can be
    /// changed, so the clock is read again after each sleep.
    const LONGEST_SLEEP: Duration = Duration::from_secs(10);
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock that is set to a time before 1970 counts as 1970.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, moment: Timestamp) {
        let mut before = self.now();
        loop {
            let now = self.now();
            let left = moment.saturating_since(now);
            // Return early if the clock was set back: the caller must recompute the moment.
            if left.is_zero() || now < before {
                return;
            }
            before = now;
            tokio::time::sleep(left.min(Self::LONGEST_SLEEP)).await;
        }
    }
}
