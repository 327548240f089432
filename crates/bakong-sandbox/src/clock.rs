//! The sandbox's clock. Tests move it, so that codes and tokens expire without waiting.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};

/// The clock that decides when codes and tokens expire and when delayed transfers are due, and that gives
/// every timestamp in the sandbox's responses.
///
/// The clock follows the system time unless it is frozen.
/// [`Sandbox::advance`](crate::Sandbox::advance) and [`Sandbox::set_clock`](crate::Sandbox::set_clock) move
/// it. Its resolution is one millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SandboxClock(ClockSetting);

/// The setting of a clock, as the state file records it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ClockSetting {
    /// The system time plus this many milliseconds.
    AheadMs(i64),
    FrozenAt(Timestamp),
}

/// A function that tells the time instead of a clock.
pub(crate) type ClockFn = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The last time that a clock can show: the end of the year 9999. Later dates have no standard text form.
pub(crate) const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

impl SandboxClock {
    /// A clock that shows the system time.
    #[must_use]
    pub const fn system() -> Self {
        Self(ClockSetting::AheadMs(0))
    }

    /// A running clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        let ahead = i128::from(start.as_millis()) - i128::from(system_now().as_millis());
        Self(ClockSetting::AheadMs(clamp(ahead)))
    }

    /// A clock that shows `moment` until it is moved, so that every run gives the same timestamps.
    #[must_use]
    pub const fn frozen_at(moment: Timestamp) -> Self {
        Self(ClockSetting::FrozenAt(moment))
    }

    /// A running clock that is this far ahead of the system time. With zero it equals
    /// [`SandboxClock::system`].
    #[must_use]
    pub fn ahead_of_system(by: Duration) -> Self {
        Self(ClockSetting::AheadMs(millis(by)))
    }

    /// The time that the clock shows, from 1970 to the end of the year 9999.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at(system_now())
    }

    /// The time that the clock shows at the system time `system`.
    fn at(&self, system: Timestamp) -> Timestamp {
        let now = match self.0 {
            ClockSetting::FrozenAt(moment) => moment,
            ClockSetting::AheadMs(ahead) => {
                Timestamp::from_millis(system.as_millis().saturating_add_signed(ahead))
            }
        };
        now.min(LAST)
    }

    /// Whether the clock stands still until it is moved.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        matches!(self.0, ClockSetting::FrozenAt(_))
    }

    /// How far the clock is ahead of the system time; zero if it is behind.
    #[must_use]
    pub fn lead(&self) -> Duration {
        // Read once: a second, later reading would make the lead of a running clock too short.
        let system = system_now();
        self.at(system).saturating_since(system)
    }

    /// The same clock, moved forward. A frozen clock stays frozen.
    pub(crate) fn advanced(self, by: Duration) -> Self {
        Self(match self.0 {
            ClockSetting::AheadMs(ahead) => ClockSetting::AheadMs(ahead.saturating_add(millis(by))),
            ClockSetting::FrozenAt(moment) => ClockSetting::FrozenAt(moment.saturating_add(by)),
        })
    }

    /// The same clock at another time. A frozen clock stays frozen.
    pub(crate) fn moved_to(self, moment: Timestamp) -> Self {
        if self.is_frozen() {
            Self::frozen_at(moment)
        } else {
            Self::starting_at(moment)
        }
    }

    /// How many milliseconds the clock is ahead of the system time; negative if it is behind, and `None`
    /// if it is frozen.
    pub(crate) const fn ahead_by(&self) -> Option<i64> {
        match self.0 {
            ClockSetting::FrozenAt(_) => None,
            ClockSetting::AheadMs(ahead) => Some(ahead),
        }
    }

    pub(crate) const fn from_setting(setting: ClockSetting) -> Self {
        Self(setting)
    }

    pub(crate) const fn setting(self) -> ClockSetting {
        self.0
    }
}

impl Default for SandboxClock {
    fn default() -> Self {
        Self::system()
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn clamp(millis: i128) -> i64 {
    let limit = i128::from(i64::MAX);
    i64::try_from(millis.clamp(-limit, limit)).unwrap_or_default()
}

/// The system time. A time before 1970 counts as 1970.
fn system_now() -> Timestamp {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(0).saturating_add(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MOMENT: Timestamp = Timestamp::from_millis(1_000_000);

    fn ahead(millis: i64) -> SandboxClock {
        SandboxClock::from_setting(ClockSetting::AheadMs(millis))
    }

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_moved() {
        let clock = SandboxClock::frozen_at(Timestamp::from_millis(5));
        assert_eq!(clock.now().as_millis(), 5);
        let clock = clock.advanced(Duration::from_millis(7));
        assert_eq!((clock.now().as_millis(), clock.ahead_by()), (12, None));
        let clock = clock.moved_to(MOMENT);
        assert_eq!((clock.now(), clock.is_frozen()), (MOMENT, true));
    }

    #[test]
    fn a_running_clock_keeps_running() {
        let start = Timestamp::from_millis(1_795_000_000_000);
        let clock = SandboxClock::starting_at(start);
        assert!(clock.now() >= start && clock.now().saturating_since(start) < HOUR);
        let clock = SandboxClock::system().advanced(Duration::from_secs(3));
        assert_eq!(clock.ahead_by(), Some(3_000));
        let clock = clock.moved_to(MOMENT);
        assert!(clock.now() >= MOMENT && !clock.is_frozen());
        assert!(clock.ahead_by() < Some(0));
        let restored = SandboxClock::from_setting(clock.setting());
        assert_eq!(restored, clock);
    }

    #[test]
    fn no_distance_overflows() {
        let end = Timestamp::from_millis(u64::MAX);
        let clock = SandboxClock::starting_at(end);
        let clock = clock.advanced(Duration::MAX).advanced(Duration::MAX);
        assert_eq!((clock.now(), clock.ahead_by()), (LAST, Some(i64::MAX)));
        assert_eq!(SandboxClock::frozen_at(end).now(), LAST);
        assert_eq!(ahead(i64::MIN).now().as_millis(), 0);
    }

    #[test]
    fn the_lead_is_measured_against_the_system_time() {
        let near = |lead: Duration| lead <= HOUR && HOUR - lead < Duration::from_secs(60);
        let clock = SandboxClock::ahead_of_system(HOUR);
        for _ in 0..100_000 {
            assert_eq!(clock.lead(), HOUR);
        }
        assert!(near(SandboxClock::frozen_at(clock.now()).lead()));
        let system = SandboxClock::ahead_of_system(Duration::ZERO);
        assert_eq!(system, SandboxClock::system());
        assert_eq!(system.lead(), Duration::ZERO);
        assert_eq!(ahead(-5_000).lead(), Duration::ZERO);
    }
}
