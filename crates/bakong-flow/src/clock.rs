//! The driver's time, which a test can hold in its hand.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bakong_api::khqr_core::Timestamp;

/// Tells the time and waits for a moment.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Waits until `moment` is past or present, or the clock was set back.
    fn sleep_until(&self, moment: Timestamp) -> impl Future<Output = ()> + Send;
}

/// The system's clock, and tokio's timers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SystemClock;

impl SystemClock {
    /// Timers stand still while a machine sleeps, and the system's clock can be set, so a long wait is
    /// cut into pieces of this length and the clock read after each.
    const LONGEST_SLEEP: Duration = Duration::from_secs(10);
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Before 1970 there is nothing to pay.
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
            // If the clock was set back, the moment is not what it was.
            if left.is_zero() || now < before {
                return;
            }
            before = now;
            tokio::time::sleep(left.min(Self::LONGEST_SLEEP)).await;
        }
    }
}
