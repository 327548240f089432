//! The clock of a watcher, replaceable in tests.

use std::future::Future;
use std::sync::OnceLock;
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
#[derive(Default)]
pub struct Busy {
    #[cfg(feature = "testing")]
    #[allow(dead_code, reason = "only its drop matters")]
    guard: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl std::fmt::Debug for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Busy").finish_non_exhaustive()
    }
}

impl Busy {
    /// The watcher is busy until `guard` is dropped.
    #[cfg(feature = "testing")]
    pub(crate) fn until_dropped(guard: impl Send + Sync + 'static) -> Self {
        Self {
            guard: Some(Box::new(guard)),
        }
    }

    /// The watcher is idle.
    pub(crate) fn end(self) {}
}

/// The system clock at the start of the process, advanced by a monotonic clock, with tokio's timers.
///
/// A change of the system clock moves no deadline of a running process. On Linux, the monotonic clock includes the time
/// in which the machine is suspended. On other systems it may not; a watcher corrects its clock with the next answer of
/// Bakong.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SystemClock;

impl SystemClock {
    /// The maximum length of one sleep. Timers stop while the machine is suspended, so the clock is read again after
    /// each sleep.
    const LONGEST_SLEEP: Duration = Duration::from_secs(10);
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        static START: OnceLock<(Timestamp, Monotonic)> = OnceLock::new();
        let (start, monotonic) = START.get_or_init(|| (system_time(), Monotonic::now()));
        start.saturating_add(monotonic.elapsed())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        loop {
            let left = moment.saturating_since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(Self::LONGEST_SLEEP)).await;
        }
    }
}

/// A clock that is set to a time before 1970 counts as 1970.
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A moment of a clock that nobody can set.
#[derive(Clone, Copy, Debug)]
struct Monotonic(
    #[cfg(target_os = "linux")] Duration,
    #[cfg(not(target_os = "linux"))] std::time::Instant,
);

#[cfg(target_os = "linux")]
impl Monotonic {
    /// Reads the time since the machine was started, including the time in which it was suspended.
    fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanos))
    }

    fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(not(target_os = "linux"))]
impl Monotonic {
    fn now() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_tells_the_time_and_does_not_go_back() {
        let first = SystemClock.now();
        let difference = system_time().as_millis().abs_diff(first.as_millis());
        assert!(difference < 60_000, "{difference} ms");
        assert!(SystemClock.now() >= first);
        let monotonic = Monotonic::now();
        while monotonic.elapsed().is_zero() {}
    }

    #[tokio::test]
    async fn the_system_clock_sleeps_until_the_moment() {
        // A moment that has passed.
        SystemClock.sleep_until(Timestamp::from_millis(0)).await;
        let moment = SystemClock.now().saturating_add(Duration::from_millis(2));
        SystemClock.sleep_until(moment).await;
        assert!(SystemClock.now() >= moment);
    }

    #[test]
    fn the_debug_output_names_the_type() {
        assert!(format!("{:?}", SystemClock.busy()).starts_with("Busy"));
    }
}
