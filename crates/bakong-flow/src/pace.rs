//! How fast the day's free requests may be spent, and how many of them a payment can count on.
//!
//! What is not set aside for last checks and renewals is free: it makes payments known earlier. Spent at
//! once it would be gone by noon, so it flows into a bucket at the rate at which it would last until the day
//! turns, and a check that is not a last one takes from the bucket.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

/// Requests are counted in millionths here.
const WHOLE: u64 = 1_000_000;

/// The bucket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pace {
    level: u64,
    at: Timestamp,
}

impl Pace {
    /// A bucket that is full, and holds so many requests.
    pub(crate) fn new(burst: u32, now: Timestamp) -> Self {
        Self {
            level: u64::from(burst) * WHOLE,
            at: now,
        }
    }

    /// Lets in what came since the last call. `free` requests have to last until `end`; the bucket holds `burst`.
    pub(crate) fn fill(&mut self, free: u32, burst: u32, end: Timestamp, now: Timestamp) {
        let most = u64::from(burst) * WHOLE;
        let free = u64::from(free) * WHOLE;
        let passed = millis(now.saturating_since(self.at));
        let left = millis(end.saturating_since(self.at)).max(1);
        let room = free.saturating_sub(self.level);
        let came = u128::from(room) * u128::from(passed.min(left)) / u128::from(left);
        // What flows in is free, so it fits.
        let came = u64::try_from(came).unwrap_or(u64::MAX);
        // Fractions of a millionth are not lost: time goes on only when something came.
        if came > 0 || now < self.at {
            self.at = now;
        }
        self.level = self.level.saturating_add(came).min(most).min(free);
    }

    /// Whether a check may be sent that is not a last one.
    pub(crate) const fn allows(&self) -> bool {
        self.level >= WHOLE
    }

    /// When it may, if nothing is spent meanwhile; `None` if the day ends before.
    pub(crate) fn allows_at(&self, free: u32, end: Timestamp) -> Option<Timestamp> {
        if self.allows() {
            return Some(self.at);
        }
        let missing = u128::from(WHOLE - self.level);
        let room = u128::from((u64::from(free) * WHOLE).saturating_sub(self.level));
        let left = u128::from(millis(end.saturating_since(self.at)));
        let wait = (missing * left).checked_div(room)?;
        let wait = Duration::from_millis(u64::try_from(wait).ok()?.saturating_add(1));
        let moment = self.at.saturating_add(wait);
        (moment < end).then_some(moment)
    }

    /// A check is sent that is not a last one.
    pub(crate) const fn take(&mut self) {
        self.level = self.level.saturating_sub(WHOLE);
    }

    /// Lets one check be sent now rather than later, if there are free ones at all.
    pub(crate) fn lend(&mut self, free: u32) {
        if free > 0 {
            self.level = self.level.max(WHOLE);
        }
    }

    /// It was never sent.
    pub(crate) const fn give_back(&mut self) {
        self.level = self.level.saturating_add(WHOLE);
    }

    /// How far apart free requests are, if all are spent evenly; `None` if there are none.
    pub(crate) fn interval(&self, free: u32, end: Timestamp) -> Option<Duration> {
        let left = end.saturating_since(self.at);
        left.checked_div(free)
    }

    /// How many checks, in thousandths, each of `sharers` payments can count on in the next `time`, if each
    /// request asks about `together` of them.
    pub(crate) fn share(
        &self,
        free: u32,
        end: Timestamp,
        time: Duration,
        sharers: u32,
        together: u32,
    ) -> u64 {
        let room = u128::from((u64::from(free) * WHOLE).saturating_sub(self.level));
        let left = u128::from(millis(end.saturating_since(self.at)).max(1));
        let comes = room * u128::from(millis(time)).min(left) / left;
        let share = (u128::from(self.level) + comes) * u128::from(together.max(1))
            / u128::from(sharers.max(1));
        u64::try_from(share / 1_000).unwrap_or(u64::MAX)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn after(minutes: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(minutes * 60))
    }

    #[test]
    fn a_burst_is_allowed_and_then_a_pace() {
        let (end, mut free) = (after(900), 100);
        let mut pace = Pace::new(10, START);
        let mut burst = 0;
        while pace.allows() {
            pace.take();
            burst += 1;
            free -= 1;
            pace.fill(free, 10, end, START);
        }
        assert_eq!(burst, 10);
        // Ninety for 900 minutes.
        let next = pace.allows_at(free, end).unwrap();
        assert!((590..=610).contains(&next.saturating_since(START).as_secs()));
        pace.fill(free, 10, end, next);
        assert!(pace.allows());
    }

    #[test]
    fn nothing_flows_where_nothing_is_free() {
        let end = after(900);
        let mut pace = Pace::new(10, START);
        pace.fill(0, 10, end, START);
        assert!(!pace.allows());
        assert_eq!(pace.allows_at(0, end), None);
        pace.fill(0, 10, end, after(600));
        assert!(!pace.allows());
    }

    #[test]
    fn a_share_is_what_is_there_and_what_comes() {
        let end = after(900);
        let mut pace = Pace::new(10, START);
        pace.fill(100, 10, end, START);
        let ten_minutes = Duration::from_secs(600);
        assert_eq!(pace.share(100, end, ten_minutes, 1, 1), 11_000);
        assert_eq!(pace.share(100, end, ten_minutes, 10, 1), 1_100);
        assert_eq!(pace.share(100, end, ten_minutes, 10, 10), 11_000);
    }

    #[test]
    fn what_is_free_flows_in_evenly() {
        // Ninety for 900 minutes, and rounding costs at most a few milliseconds.
        let (end, mut free) = (after(900), 90);
        let mut pace = Pace::new(0, START);
        for number in 1..90 {
            let due = after(number * 10).as_millis();
            let around = |millis: u64| Timestamp::from_millis(due + millis - 3);
            let told = pace.allows_at(free, end);
            assert!(
                told.is_some_and(|at| around(0) < at && at < around(6)),
                "{number} {told:?}"
            );
            pace.fill(free, 10, end, around(0));
            assert!(!pace.allows(), "{number}");
            pace.fill(free, 10, end, around(6));
            assert!(pace.allows(), "{number}");
            pace.take();
            free -= 1;
        }
        // What comes at the very end is the next day's.
        assert_eq!(pace.allows_at(free, end), None);
    }

    #[test]
    fn what_is_not_taken_piles_up_to_a_burst() {
        let end = after(900);
        let mut pace = Pace::new(0, START);
        pace.fill(90, 3, end, after(300));
        for left in [3, 2, 1] {
            assert!(pace.allows(), "{left}");
            pace.take();
        }
        assert!(!pace.allows());
    }

    #[test]
    fn a_clock_that_was_set_back_lets_nothing_in_twice() {
        let end = after(900);
        let mut pace = Pace::new(0, START);
        pace.fill(90, 10, end, after(5));
        pace.fill(90, 10, end, after(2));
        pace.fill(90, 10, end, after(5));
        assert!(!pace.allows(), "half, nothing, and three tenths");
        pace.fill(90, 10, end, after(8));
        assert!(pace.allows());
    }

    #[test]
    fn one_is_lent_if_any_is_free() {
        let mut pace = Pace::new(0, START);
        pace.lend(0);
        assert!(!pace.allows());
        pace.lend(1);
        assert!(pace.allows());
        pace.take();
        assert!(!pace.allows(), "one, and no more");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut pace = Pace::new(1, START);
        pace.take();
        pace.give_back();
        assert!(pace.allows());
        pace.take();
        assert!(!pace.allows());
    }

    #[test]
    fn the_interval_is_an_even_share_of_the_time_that_is_left() {
        let pace = Pace::new(3, START);
        let ten_minutes = Duration::from_secs(600);
        assert_eq!(pace.interval(90, after(900)), Some(ten_minutes));
        assert_eq!(pace.interval(0, after(900)), None);
    }

    proptest! {
        #[test]
        fn it_never_allows_more_than_is_free(
            steps in prop::collection::vec((0u64..100, any::<bool>()), 0..400),
        ) {
            let end = after(900);
            let (mut pace, mut free, mut now) = (Pace::new(10, START), 100u32, 0);
            for (minutes, ask) in steps {
                now += minutes;
                pace.fill(free, 10, end, after(now));
                if ask && pace.allows() {
                    prop_assert!(free > 0);
                    pace.take();
                    free -= 1;
                }
                if let Some(moment) = pace.allows_at(free, end) {
                    let mut then = pace.clone();
                    then.fill(free, 10, end, moment);
                    prop_assert!(then.allows(), "{:?} {moment:?}", then);
                }
            }
        }
    }
}
