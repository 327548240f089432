//! Estimates Bakong's time from the `Date` of its answers.
//!
//! The expiry of a code, of a token and of the quota window follow Bakong's clock, and the clock of this machine may be
//! wrong. Each answer has a `Date` (RFC 9110, section 6.6.1), which [`date_of`] reads. A [`Session`](crate::Session) does
//! this for each of its answers. With an HTTP client of your own, pass the times of each answer to
//! [`ServerTime::observe`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::{Response, header};
use khqr_core::Timestamp;

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
///
/// Bakong's time counts as the earliest time within the bounds: see [`correct`](Self::correct).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ServerTime(Option<Bounds>);

/// The bounds of Bakong's time minus the local time, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bounds {
    least: i64,
    greatest: i64,
    /// The local time of the first answer since one of the clocks was set.
    since: Timestamp,
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

impl Skew {
    /// Whether the clocks differ by more than [`TOLERANCE`].
    #[must_use]
    pub const fn is_wrong(self) -> bool {
        self.side() != 0
    }

    const fn side(self) -> i8 {
        match self {
            Self::Unknown | Self::Small => 0,
            Self::Behind(_) => -1,
            Self::Ahead(_) => 1,
        }
    }
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
            since: received_at,
            at: received_at,
        };
        self.0 = Some(self.0.and_then(|old| old.intersect(new)).unwrap_or(new));
    }

    /// Returns Bakong's time at the local time `local`: the earliest time that the answers and the drift since the last
    /// answer allow. So no code counts as expired too early, and no request is sent before the end of a wait. Without an
    /// answer, returns `local`.
    ///
    /// The result is up to two seconds early with a right clock, because a `Date` has no fractions of a second. So the first
    /// answer can set a right clock back by up to a second. From then on, the result never decreases as local time passes,
    /// unless an answer shows that a clock was set.
    #[must_use]
    pub fn correct(&self, local: Timestamp) -> Timestamp {
        let Some(bounds) = self.0 else {
            return local;
        };
        let age = local.as_millis().abs_diff(bounds.at.as_millis());
        let drift = age.div_ceil(DRIFT.unsigned_abs()).min(local.as_millis());
        shift(
            Timestamp::from_millis(local.as_millis() - drift),
            bounds.least,
        )
    }

    /// Returns the earliest local time at which [`correct`](Self::correct) returns `server` or later.
    #[must_use]
    pub fn to_local(&self, server: Timestamp) -> Timestamp {
        let Some(bounds) = self.0 else {
            return server;
        };
        let local = shift(server, bounds.least.saturating_neg());
        // Without the drift, this much time passes after the last answer. With it, one of `DRIFT` milliseconds is lost.
        let age = local.as_millis().saturating_sub(bounds.at.as_millis());
        let drift = age.div_ceil(DRIFT.unsigned_abs() - 1);
        Timestamp::from_millis(local.as_millis().saturating_add(drift))
    }

    /// Returns Bakong's time at an earlier local time, if the result of [`correct`](Self::correct) at that time was wrong:
    /// no answer had told Bakong's time, or an answer since then shows that a clock was set.
    ///
    /// An answer can correct the clock while its request is in flight. Judge the request by the corrected time at which it
    /// was sent: a "not found" from before the expiry proves nothing, although a wrong clock showed a later time.
    #[must_use]
    pub fn revised(&self, local: Timestamp) -> Option<Timestamp> {
        let is_wrong = self.0.is_some_and(|bounds| local <= bounds.since);
        is_wrong.then(|| self.correct(local))
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
}

impl Bounds {
    /// Returns the bounds that both allow; `None` if they contradict each other.
    fn intersect(self, new: Self) -> Option<Self> {
        let age = difference(new.at, self.at).saturating_abs();
        let drift = age / DRIFT;
        let both = Self {
            least: new.least.max(self.least.saturating_sub(drift)),
            greatest: new.greatest.min(self.greatest.saturating_add(drift)),
            since: self.since,
            at: new.at,
        };
        (both.least <= both.greatest).then_some(both)
    }
}

/// The estimate of a [`Session`](crate::Session). Clones share the estimate.
#[derive(Clone, Default, Debug)]
pub struct SharedServerTime(Arc<Mutex<ServerTime>>);

impl SharedServerTime {
    /// Returns the current estimate.
    #[must_use]
    pub fn get(&self) -> ServerTime {
        *self.estimate()
    }

    /// Returns Bakong's time at the local time `local`: see [`ServerTime::correct`].
    #[must_use]
    pub fn correct(&self, local: Timestamp) -> Timestamp {
        self.get().correct(local)
    }

    /// Returns how the local clock differs from Bakong's.
    #[must_use]
    pub fn skew(&self) -> Skew {
        self.get().skew()
    }

    /// Records an answer. Returns the difference if a difference of more than [`TOLERANCE`] began or ended.
    pub(crate) fn observe<B>(
        &self,
        sent_at: Timestamp,
        received_at: Timestamp,
        answer: &Response<B>,
    ) -> Option<Skew> {
        let date = date_of(answer)?;
        let mut estimate = self.estimate();
        let before = estimate.skew();
        estimate.observe(sent_at, received_at, date);
        let after = estimate.skew();
        (before.side() != after.side()).then_some(after)
    }

    fn estimate(&self) -> MutexGuard<'_, ServerTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time when the server created the answer: its `Date`. Returns `None` if the answer has no valid `Date`, or
/// has the header `Age`, because a cache may have stored the answer.
#[must_use]
pub fn date_of<B>(answer: &Response<B>) -> Option<Timestamp> {
    if answer.headers().contains_key(header::AGE) {
        return None;
    }
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    let since_1970 = date.duration_since(UNIX_EPOCH).ok()?;
    let millis = u64::try_from(since_1970.as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
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
    fn the_earliest_possible_time_counts_although_the_clocks_may_agree() {
        let mut time = ServerTime::new();
        assert_eq!((time.correct(at(5)), time.skew()), (at(5), Skew::Unknown));
        // Sent at 12:00:00.400, answered at 12:00:00.700, and the date is 12:00:00.
        time.observe(at(400), at(700), at(0));
        assert_eq!((time.correct(at(700)), time.skew()), (at(0), Skew::Small));
        // Sent and answered at 12:00:02.100, and the date is 12:00:02.
        time.observe(at(2_100), at(2_100), at(2_000));
        assert_eq!(time.correct(at(2_100)), at(2_000));
    }

    #[test]
    fn the_time_since_the_last_answer_may_have_drifted() {
        let mut time = ServerTime::new();
        time.observe(at(0), at(0), at(0));
        // 200 parts per million of an hour.
        let (hour, drift) = (3_600_000, 720);
        assert_eq!(time.correct(at(hour)), at(hour - drift));
        // The answer of a clock that was a second too fast in this hour does not set the estimate back.
        time.observe(at(hour), at(hour), at(hour - 1_000));
        assert_eq!(time.correct(at(hour)), at(hour - drift));
    }

    /// Answers at growing local times with a drift of up to 190 parts per million, from a server whose clock is `offset`
    /// ahead: the estimate is never later than Bakong's time, never decreases, and `to_local` is its inverse.
    #[test]
    fn the_estimate_is_early_grows_and_can_be_inverted() {
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let mut signed = move |below: u64| i64::try_from(next(below)).unwrap();
        for _ in 0..200 {
            let (drift, offset) = (signed(381) - 190, signed(7_200_000) - 3_600_000);
            let local_of = |millis: i64| at(millis + millis * drift / 1_000_000 - offset);
            let (mut time, mut last, mut now) = (ServerTime::new(), None, 0);
            for _ in 0..50 {
                now += signed(4_000_000);
                if signed(3) == 0 {
                    let (latency, rest) = (signed(900), signed(900));
                    let sent = local_of(now);
                    let date = at((now + latency).div_euclid(1_000) * 1_000);
                    now += latency + rest;
                    time.observe(sent, local_of(now), date);
                }
                if time == ServerTime::new() {
                    continue;
                }
                let local = local_of(now);
                let estimate = time.correct(local);
                // The local time has a resolution of a millisecond.
                assert!(estimate <= at(now + 1), "{estimate:?} at {:?}", at(now));
                assert!(last <= Some(estimate), "{last:?} {estimate:?}");
                last = Some(estimate);
                let wake = time.to_local(estimate);
                assert!(wake <= local && time.correct(wake) >= estimate);
                let before = Timestamp::from_millis(wake.as_millis() - 1);
                assert!(time.correct(before) < estimate);
            }
        }
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
        assert_eq!(time.correct(at(661_100)), at(1_000));
        time.observe(at(3_000), at(3_100), at(3_000));
        assert_eq!(time.correct(at(3_100)), at(3_000));
    }

    #[test]
    fn a_time_before_a_correction_is_revised() {
        let mut time = ServerTime::new();
        assert_eq!(time.revised(at(0)), None);
        // The local clock is an hour ahead.
        let hour = 3_600_000;
        time.observe(at(hour), at(hour + 10_000), at(9_000));
        let sent_at = time.revised(at(hour)).unwrap();
        assert!(at(-1_003) <= sent_at && sent_at <= at(0), "{sent_at:?}");
        // A request that is sent later had the right time.
        time.observe(at(hour + 20_000), at(hour + 20_100), at(20_000));
        assert_eq!(time.revised(at(hour + 20_000)), None);
    }

    #[test]
    fn the_date_of_a_cached_answer_is_ignored() {
        let answer = |headers: &[(&str, &str)]| {
            let mut answer = Response::builder();
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            date_of(&answer.body(()).unwrap())
        };
        let date = ("date", "Wed, 18 Nov 2026 11:06:40 GMT");
        assert_eq!(answer(&[date]), Some(at(0)));
        assert_eq!(answer(&[date, ("age", "0")]), None);
        assert_eq!(answer(&[]), None);
        for text in ["", "yesterday", "Wed, 18 Nov 1926 11:06:40 GMT"] {
            assert_eq!(answer(&[("date", text)]), None, "{text}");
        }
    }

    #[test]
    fn a_difference_is_reported_when_it_begins_and_when_it_ends() {
        let time = SharedServerTime::default();
        let observe = |local: i64, server: i64| {
            let date = UNIX_EPOCH + Duration::from_millis(at(server).as_millis());
            let answer = Response::builder().header("date", httpdate::fmt_http_date(date));
            time.observe(at(local), at(local), &answer.body(()).unwrap())
        };
        assert_eq!(observe(0, 0), None);
        assert_eq!(observe(60_000, 0), None);
        let ahead = Skew::Ahead(Duration::from_millis(61_001));
        assert_eq!(observe(62_000, 0), Some(ahead));
        assert_eq!(observe(72_000, 10_000), None);
        let behind = Skew::Behind(Duration::from_secs(100));
        assert_eq!(observe(20_000, 120_000), Some(behind));
        assert_eq!(observe(130_000, 130_000), Some(Skew::Small));
    }

    #[test]
    fn an_answer_during_which_the_clock_was_set_back_is_ignored() {
        let mut time = ServerTime::new();
        time.observe(at(10_000), at(0), at(0));
        assert_eq!(time, ServerTime::new());
    }

    #[test]
    fn a_difference_of_a_minute_is_still_normal() {
        let minute = i64::try_from(TOLERANCE.as_millis()).unwrap();
        for (local, server, is_wrong) in [
            (0, minute, false),
            (0, minute + 1, true),
            (minute + RESOLUTION, 0, false),
            (minute + RESOLUTION + 1, 0, true),
        ] {
            let mut time = ServerTime::new();
            assert!(!time.skew().is_wrong());
            time.observe(at(local), at(local), at(server));
            assert_eq!(time.skew().is_wrong(), is_wrong, "{:?}", time.skew());
        }
    }

    #[test]
    fn a_difference_that_does_not_fit_is_limited() {
        let (first, last) = (Timestamp::from_millis(0), Timestamp::from_millis(u64::MAX));
        assert_eq!(difference(first, last), i64::MIN);
        assert_eq!(difference(last, first), i64::MAX);
    }
}
