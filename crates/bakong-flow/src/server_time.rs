//! Estimates Bakong's time from the `Date` of its answers.
//!
//! The expiry of a code and the quota window follow Bakong's clock, and the clock of this machine may be wrong. Each
//! answer has a `Date` (RFC 9110, section 6.6.1). Pass the times of each answer to [`ServerTime::observe`], and
//! pass [`ServerTime::correct`] of the local time to the [`Tracker`](crate::Tracker) as `now`.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

/// A difference between the clocks up to this length is normal.
pub const TOLERANCE: Duration = Duration::from_secs(60);

/// `Date` has no fractions of a second, so the server's time is up to 999 ms later.
const RESOLUTION: i64 = 999;

/// The clocks drift by at most one millisecond in this many, which is 200 parts per million.
const DRIFT: i64 = 5_000;

/// What the answers so far tell about the difference between the local clock and Bakong's.
///
/// An answer that was requested at `sent_at` and received at `received_at` has a `Date` that Bakong read in between. So
/// the difference is between `date - received_at` and `date + 999 ms - sent_at`. The difference must be within the bounds
/// of all answers. Old bounds are widened, because clocks drift. If an answer contradicts the bounds, one of the clocks
/// was set, and only the new answer counts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ServerTime(Option<Bounds>);

/// The bounds of Bakong's time minus the local time, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bounds {
    least: i64,
    greatest: i64,
    /// The local time of the last answer.
    at: Timestamp,
}

/// How the local clock differs from Bakong's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Skew {
    /// No answer had a `Date`.
    Unknown,
    /// The clocks may agree, or differ by at most [`TOLERANCE`].
    Small,
    /// The local clock is behind by at least this duration.
    Behind(Duration),
    /// The local clock is ahead by at least this duration.
    Ahead(Duration),
}

impl ServerTime {
    /// Creates an estimate without answers. Until the first answer, the local clock counts as correct.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Records the `Date` of an answer. `sent_at` and `received_at` are local times. Do not pass the `Date` of an
    /// answer from a cache, which has the header `Age`.
    pub fn observe(&mut self, sent_at: Timestamp, received_at: Timestamp, date: Timestamp) {
        // The local clock was set back while the request was in flight.
        if received_at < sent_at {
            return;
        }
        let new = Bounds {
            least: difference(date, received_at),
            greatest: difference(date, sent_at).saturating_add(RESOLUTION),
            at: received_at,
        };
        self.0 = Some(self.0.and_then(|old| old.intersect(new)).unwrap_or(new));
    }

    /// Returns Bakong's time at the local time `local`.
    ///
    /// The result is `local` if the clocks may agree. Otherwise it is the earliest time that the answers allow, so that
    /// no code counts as expired too early.
    #[must_use]
    pub fn correct(&self, local: Timestamp) -> Timestamp {
        shift(local, self.correction())
    }

    /// Returns the local time at Bakong's time `server`: the reverse of [`correct`](Self::correct).
    #[must_use]
    pub fn to_local(&self, server: Timestamp) -> Timestamp {
        shift(server, self.correction().saturating_neg())
    }

    /// Returns how the local clock differs from Bakong's.
    #[must_use]
    pub fn skew(&self) -> Skew {
        let Some(bounds) = self.0 else {
            return Skew::Unknown;
        };
        let behind = Duration::from_millis(u64::try_from(bounds.least).unwrap_or(0));
        let ahead =
            Duration::from_millis(u64::try_from(bounds.greatest.saturating_neg()).unwrap_or(0));
        if behind > TOLERANCE {
            Skew::Behind(behind)
        } else if ahead > TOLERANCE {
            Skew::Ahead(ahead)
        } else {
            Skew::Small
        }
    }

    fn correction(&self) -> i64 {
        match self.0 {
            Some(bounds) if bounds.least > 0 || bounds.greatest < 0 => bounds.least,
            _ => 0,
        }
    }
}

impl Bounds {
    /// Returns the bounds that both allow; `None` if they contradict each other.
    fn intersect(self, new: Self) -> Option<Self> {
        let age = difference(new.at, self.at).saturating_abs();
        let drift = age / DRIFT;
        let both = Self {
            least: new.least.max(self.least.saturating_sub(drift)),
            greatest: new.greatest.min(self.greatest.saturating_add(drift)),
            at: new.at,
        };
        (both.least <= both.greatest).then_some(both)
    }
}

fn difference(one: Timestamp, other: Timestamp) -> i64 {
    let difference = i128::from(one.as_millis()) - i128::from(other.as_millis());
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

fn shift(moment: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().saturating_add_signed(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_795_000_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(NOON.saturating_add_signed(millis))
    }

    #[test]
    fn clocks_that_may_agree_are_not_corrected() {
        let mut time = ServerTime::new();
        assert_eq!((time.correct(at(5)), time.skew()), (at(5), Skew::Unknown));
        // Sent at 12:00:00.400, answered at 12:00:00.700, and the date is 12:00:00.
        time.observe(at(400), at(700), at(0));
        assert_eq!((time.correct(at(5)), time.skew()), (at(5), Skew::Small));
    }

    #[test]
    fn a_wrong_clock_is_corrected_to_the_earliest_possible_time() {
        let hour = 3_600_000;
        let mut behind = ServerTime::new();
        behind.observe(at(0), at(300), at(hour));
        assert_eq!(behind.correct(at(300)), at(hour));
        assert_eq!(
            behind.skew(),
            Skew::Behind(Duration::from_millis(3_599_700))
        );
        let mut ahead = ServerTime::new();
        ahead.observe(at(hour), at(hour + 300), at(0));
        assert_eq!(ahead.correct(at(hour + 300)), at(0));
        assert_eq!(ahead.to_local(at(0)), at(hour + 300));
        assert_eq!(ahead.skew(), Skew::Ahead(Duration::from_millis(3_599_001)));
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_with_the_next_answer() {
        let mut time = ServerTime::new();
        time.observe(at(0), at(100), at(0));
        // Set eleven minutes ahead, and back again.
        time.observe(at(661_000), at(661_100), at(1_000));
        assert_eq!(time.correct(at(662_100)), at(2_000));
        time.observe(at(3_000), at(3_100), at(3_000));
        assert_eq!(time.correct(at(4_000)), at(4_000));
    }

    #[test]
    fn an_answer_during_which_the_clock_was_set_back_is_ignored() {
        let mut time = ServerTime::new();
        time.observe(at(10_000), at(0), at(0));
        assert_eq!(time, ServerTime::new());
    }
}
