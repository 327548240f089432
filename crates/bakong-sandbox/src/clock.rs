//! The sandbox's own time, so that a test sees a code expire or a token's 90 days pass without waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use khqr_core::Timestamp;

/// What a sandbox goes by: expiry of codes and tokens, delayed payments, and every time it writes.
///
/// It follows the system's time unless it is frozen, and is moved on by
/// [`Sandbox::advance`](crate::Sandbox::advance).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    base: Base,
    /// By how much tests have moved it.
    advanced: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    /// The system's time, shifted by this many milliseconds.
    Ticking {
        shift: i128,
    },
    Frozen(Timestamp),
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub const fn system() -> Self {
        Self::of(Base::Ticking { shift: 0 })
    }

    /// Says `start` now and ticks on from there.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        let shift = i128::from(start.as_millis()) - i128::from(system_now().as_millis());
        Self::of(Base::Ticking { shift })
    }

    /// Stands at `moment` until it is moved: the same run gives the same times.
    #[must_use]
    pub const fn frozen_at(moment: Timestamp) -> Self {
        Self::of(Base::Frozen(moment))
    }

    const fn of(base: Base) -> Self {
        Self {
            base,
            advanced: Duration::ZERO,
        }
    }

    /// The moment it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let unmoved = match self.base {
            Base::Frozen(moment) => moment,
            Base::Ticking { shift } => {
                let millis = (i128::from(system_now().as_millis()) + shift).max(0);
                Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
            }
        };
        unmoved.saturating_add(self.advanced)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// A system clock before 1970 counts as 1970.
fn system_now() -> Timestamp {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(0).saturating_add(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let mut clock = Clock::frozen_at(Timestamp::from_millis(5));
        assert_eq!(clock.now().as_millis(), 5);
        clock.advance(Duration::from_millis(7));
        assert_eq!(clock.now().as_millis(), 12);
    }

    #[test]
    fn a_started_clock_is_at_its_start_or_a_little_later() {
        let start = Timestamp::from_millis(1_795_000_000_000);
        let passed = Clock::starting_at(start).now().saturating_since(start);
        assert!(passed < Duration::from_secs(60), "{passed:?}");
        assert!(Clock::starting_at(start).now() >= start);
    }

    #[test]
    fn no_distance_overflows() {
        let mut clock = Clock::starting_at(Timestamp::from_millis(u64::MAX));
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now().as_millis(), u64::MAX);
    }
}
