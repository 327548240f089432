//! The sandbox's own time, so that a test sees a code expire or a token's 90 days pass without waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use khqr_core::Timestamp;

/// What a sandbox goes by: expiry of codes and tokens, delayed payments, and every time it writes.
///
/// It follows the system's time unless it is frozen, and is moved by
/// [`Sandbox::advance`](crate::Sandbox::advance) and [`Sandbox::set_clock`](crate::Sandbox::set_clock).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SandboxClock {
    base: Base,
    /// By how much tests have moved it.
    advanced: Duration,
}

/// The last moment that a clock shows, the end of the year 9999: no date that is written later has the form
/// that others read.
pub(crate) const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    /// The system's time, shifted by this many milliseconds.
    Ticking {
        shift: i128,
    },
    Frozen(Timestamp),
}

impl SandboxClock {
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

    /// The system's time, so much ahead of it. With nothing ahead it is [`SandboxClock::system`]: the way back to the
    /// present.
    #[must_use]
    pub const fn ahead_of_system(by: Duration) -> Self {
        Self {
            base: Base::Ticking { shift: 0 },
            advanced: by,
        }
    }

    const fn of(base: Base) -> Self {
        Self {
            base,
            advanced: Duration::ZERO,
        }
    }

    /// The moment it shows: from 1970 to the end of the year 9999, where it stays.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let unmoved = match self.base {
            Base::Frozen(moment) => moment,
            Base::Ticking { shift } => {
                let millis = (i128::from(system_now().as_millis()) + shift).max(0);
                Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
            }
        };
        unmoved.saturating_add(self.advanced).min(LAST)
    }

    /// Whether it stands still until it is moved.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        matches!(self.base, Base::Frozen(_))
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by);
    }

    /// Shows `moment` from now on, and ticks or stands still as before.
    pub(crate) fn set(&mut self, moment: Timestamp) {
        *self = if self.is_frozen() {
            Self::frozen_at(moment)
        } else {
            Self::starting_at(moment)
        };
    }

    /// How much later the moment it shows is than the system's time; nothing if it is not later.
    #[must_use]
    pub fn lead(&self) -> Duration {
        self.now().saturating_since(system_now())
    }

    /// By how many milliseconds it is ahead of the system's time, if it follows that.
    pub(crate) fn ahead_by(&self) -> Option<i64> {
        match self.base {
            Base::Frozen(_) => None,
            Base::Ticking { shift } => {
                let advanced = i128::try_from(self.advanced.as_millis()).unwrap_or(i128::MAX);
                let ahead = shift.saturating_add(advanced);
                let limit = i128::from(i64::MAX);
                i64::try_from(ahead.clamp(-limit, limit)).ok()
            }
        }
    }

    /// The system's time, ahead by so many milliseconds.
    pub(crate) const fn ahead(by: i64) -> Self {
        Self::of(Base::Ticking { shift: by as i128 })
    }
}

impl Default for SandboxClock {
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
        let mut clock = SandboxClock::frozen_at(Timestamp::from_millis(5));
        assert_eq!(clock.now().as_millis(), 5);
        clock.advance(Duration::from_millis(7));
        assert_eq!(clock.now().as_millis(), 12);
    }

    #[test]
    fn a_started_clock_is_at_its_start_or_a_little_later() {
        let start = Timestamp::from_millis(1_795_000_000_000);
        let passed = SandboxClock::starting_at(start)
            .now()
            .saturating_since(start);
        assert!(passed < Duration::from_secs(60), "{passed:?}");
        assert!(SandboxClock::starting_at(start).now() >= start);
    }

    #[test]
    fn what_is_set_ticks_on_or_stands_as_before() {
        let moment = Timestamp::from_millis(1_000_000);
        let mut clock = SandboxClock::frozen_at(Timestamp::from_millis(5));
        clock.advance(Duration::from_secs(1));
        clock.set(moment);
        assert_eq!((clock.now(), clock.is_frozen()), (moment, true));
        assert_eq!(clock.ahead_by(), None);
        let mut clock = SandboxClock::system();
        assert_eq!(clock.ahead_by(), Some(0));
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.ahead_by(), Some(3_000));
        clock.set(moment);
        assert!(clock.now() >= moment && !clock.is_frozen());
        assert!(clock.ahead_by() < Some(0));
        let again = SandboxClock::ahead(clock.ahead_by().unwrap());
        assert!(again.now().saturating_since(moment) < Duration::from_secs(60));
    }

    #[test]
    fn no_distance_overflows() {
        let mut clock = SandboxClock::starting_at(Timestamp::from_millis(u64::MAX));
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), LAST);
        assert_eq!(clock.ahead_by(), Some(i64::MAX));
        assert_eq!(
            SandboxClock::frozen_at(Timestamp::from_millis(u64::MAX)).now(),
            LAST
        );
        assert_eq!(SandboxClock::ahead(i64::MIN).now().as_millis(), 0);
    }

    #[test]
    fn there_is_a_way_back_to_the_present() {
        let hour = Duration::from_secs(3600);
        let near = |lead: Duration, expected: Duration| {
            lead <= expected && expected - lead < Duration::from_secs(60)
        };
        assert!(near(SandboxClock::ahead_of_system(hour).lead(), hour));
        assert_eq!(
            SandboxClock::ahead_of_system(Duration::ZERO),
            SandboxClock::system()
        );
        assert_eq!(SandboxClock::system().lead(), Duration::ZERO);
        assert_eq!(SandboxClock::ahead(-5_000).lead(), Duration::ZERO);
        let stopped = SandboxClock::frozen_at(SandboxClock::ahead_of_system(hour).now());
        assert!(near(stopped.lead(), hour));
    }
}
