//! The daily quota: how many requests of a day a token may make, refused ones included.

use std::collections::HashMap;
use std::time::Duration;

use khqr_core::Timestamp;

use crate::endpoint::{ApiEndpoint, TokenUse};
use crate::keep::Change;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Midnight in Phnom Penh, which is seven hours ahead of UTC and knows no summer time.
const PHNOM_PENH_MIDNIGHT: Duration = Duration::from_secs(17 * 60 * 60);

/// How many requests a registered address may make on a day of the sandbox's clock.
///
/// What counts is every `POST` to an [`ApiEndpoint`] of which it is known whose it is: by the good token that it
/// carries, whether or not the endpoint asks for one, and a renewal without one by the registered e-mail that it
/// names. It counts once, answered, refused or struck by a [`Fault`](crate::Fault) alike, a list too. Beyond
/// the limit the answer is HTTP 200 with error code 17, and still counts. All tokens of one address draw on one
/// quota. Whether renewals, accounts and links count in the live service is not known;
/// [`QuotaLimit::of_checks_only`] leaves them out.
///
/// ```
/// use std::time::Duration;
/// use bakong_sandbox::QuotaLimit;
///
/// let live = QuotaLimit::per_day(100);
/// assert_eq!(live.limit(), Some(100));
/// let utc = QuotaLimit::per_day(100).resets_at(Duration::ZERO);
/// assert!(QuotaLimit::off().limit().is_none());
/// # assert_ne!(live, utc);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaLimit {
    limit: Option<u32>,
    /// How long after midnight UTC the day turns.
    turn: Duration,
    checks_only: bool,
}

impl QuotaLimit {
    /// No limit. Requests are counted all the same.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            limit: None,
            turn: PHNOM_PENH_MIDNIGHT,
            checks_only: false,
        }
    }

    /// So many requests a day; 100 on the tokens of the live service seen so far.
    #[must_use]
    pub const fn per_day(limit: u32) -> Self {
        Self {
            limit: Some(limit),
            ..Self::off()
        }
    }

    /// With a day that turns this long after midnight UTC, whole days left out; at 17:00 UTC, midnight in
    /// Phnom Penh, unless said. When the live service's day turns is not known.
    #[must_use]
    pub fn resets_at(mut self, after_midnight_utc: Duration) -> Self {
        let seconds = after_midnight_utc.as_secs() % DAY.as_secs();
        self.turn = Duration::from_secs(seconds);
        self
    }

    /// Of which only the seven checks of transactions count, and no renewal, account or link.
    #[must_use]
    pub const fn of_checks_only(self) -> Self {
        self.counting(true)
    }

    /// Whether a request to `endpoint` counts, if it is known whose it is.
    #[must_use]
    pub fn counts(self, endpoint: ApiEndpoint) -> bool {
        !self.checks_only || endpoint.token_use() == TokenUse::Needed
    }

    /// The limit, if there is one.
    #[must_use]
    pub const fn limit(self) -> Option<u32> {
        self.limit
    }

    /// How long after midnight UTC the day turns.
    #[must_use]
    pub const fn turn(self) -> Duration {
        self.turn
    }

    /// With another limit, or none, and the same otherwise.
    #[must_use]
    pub const fn limited_to(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) const fn counting(mut self, checks_only: bool) -> Self {
        self.checks_only = checks_only;
        self
    }

    pub(crate) const fn is_of_checks_only(self) -> bool {
        self.checks_only
    }

    /// The number of the day that `now` lies in; days start with this quota's turn.
    fn day(self, now: Timestamp) -> u64 {
        let ahead = DAY.saturating_sub(self.turn);
        seconds(now).saturating_add(ahead.as_secs()) / DAY.as_secs()
    }

    /// When the day of `now` ends.
    pub(crate) fn next_turn(self, now: Timestamp) -> Timestamp {
        let ahead = DAY.saturating_sub(self.turn).as_secs();
        let end = self
            .day(now)
            .saturating_add(1)
            .saturating_mul(DAY.as_secs());
        Timestamp::from_millis(end.saturating_sub(ahead).saturating_mul(1000))
    }
}

impl Default for QuotaLimit {
    /// [`QuotaLimit::off`].
    fn default() -> Self {
        Self::off()
    }
}

/// What was drawn on whose quota, by the id that tokens carry.
#[derive(Default)]
pub(crate) struct QuotaLedger {
    pub(crate) quota: QuotaLimit,
    used: HashMap<String, Used>,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

/// What a request finds of the day's quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drawn {
    Some,
    /// It was the last that the day has.
    Last,
    TooMuch {
        limit: u32,
    },
}

#[derive(Clone, Copy)]
struct Used {
    day: u64,
    count: u32,
}

impl QuotaLedger {
    pub(crate) fn new(quota: QuotaLimit) -> Self {
        Self {
            quota,
            ..Self::default()
        }
    }

    /// Counts a request of `id`, and says what is left.
    pub(crate) fn draw(&mut self, id: &str, now: Timestamp) -> Drawn {
        let count = self.used(id, now).saturating_add(1);
        self.set_used(id, count, now);
        match self.quota.limit {
            Some(limit) if count > limit => Drawn::TooMuch { limit },
            Some(limit) if count == limit => Drawn::Last,
            _ => Drawn::Some,
        }
    }

    /// How many requests `id` has made on the day of `now`.
    pub(crate) fn used(&self, id: &str, now: Timestamp) -> u32 {
        let day = self.quota.day(now);
        let used = self.used.get(id).filter(|used| used.day == day);
        used.map_or(0, |used| used.count)
    }

    pub(crate) fn set_used(&mut self, id: &str, count: u32, now: Timestamp) {
        let used = Used {
            day: self.quota.day(now),
            count,
        };
        self.news.push(Change::used(id, used.day, count));
        match self.used.get_mut(id) {
            Some(known) => *known = used,
            None => drop(self.used.insert(id.to_owned(), used)),
        }
    }

    /// Another quota. What was used of the present day stays used, also if the day now turns at another time.
    pub(crate) fn set(&mut self, quota: QuotaLimit, now: Timestamp) {
        let (before, today) = (self.quota.day(now), quota.day(now));
        self.quota = quota;
        if before == today {
            return;
        }
        for (id, used) in &mut self.used {
            if used.day == before {
                used.day = today;
                self.news.push(Change::used(id, today, used.count));
            }
        }
    }

    /// Every id with the day of its last request, and how many it made on it.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u64, u32)> {
        let all = self.used.iter();
        all.map(|(id, used)| (id.as_str(), used.day, used.count))
    }

    pub(crate) fn restore(&mut self, id: String, day: u64, count: u32) {
        self.used.insert(id, Used { day, count });
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }

    pub(crate) fn forget(&mut self) {
        self.used.clear();
        self.news.clear();
    }
}

const fn seconds(moment: Timestamp) -> u64 {
    moment.as_millis() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 October 2025, 17:29:02 UTC: just past midnight in Phnom Penh.
    const NOW: Timestamp = Timestamp::from_millis(1_761_154_142_000);

    #[test]
    fn the_day_turns_at_midnight_in_phnom_penh_unless_said() {
        let next = QuotaLimit::per_day(1).next_turn(NOW);
        // 23 October 2025, 17:00 UTC.
        assert_eq!(next.as_millis(), 1_761_238_800_000);
        let before = Timestamp::from_millis(next.as_millis() - 1);
        assert_eq!(QuotaLimit::per_day(1).next_turn(before), next);
        assert_eq!(
            QuotaLimit::per_day(1).next_turn(next),
            next.saturating_add(DAY),
            "the turn itself is of the new day"
        );
        let utc = QuotaLimit::per_day(1).resets_at(Duration::ZERO);
        // 23 October 2025, 00:00 UTC.
        assert_eq!(utc.next_turn(NOW).as_millis(), 1_761_177_600_000);
        assert_eq!(utc, QuotaLimit::per_day(1).resets_at(DAY * 3));
    }

    #[test]
    fn what_is_too_much_counts_too() {
        let mut ledger = QuotaLedger::new(QuotaLimit::per_day(2));
        let drawn: Vec<Drawn> = (0..4).map(|_| ledger.draw("a", NOW)).collect();
        let too_much = Drawn::TooMuch { limit: 2 };
        assert_eq!(drawn, [Drawn::Some, Drawn::Last, too_much, too_much]);
        assert_eq!(ledger.used("a", NOW), 4);
        assert_eq!(
            ledger.draw("b", NOW),
            Drawn::Some,
            "each has a quota of its own"
        );
        let tomorrow = QuotaLimit::per_day(2).next_turn(NOW);
        assert_eq!(ledger.used("a", tomorrow), 0);
        assert_eq!(ledger.draw("a", tomorrow), Drawn::Some);
    }

    #[test]
    fn without_a_limit_it_still_counts() {
        let mut ledger = QuotaLedger::new(QuotaLimit::off());
        assert!((0..200).all(|_| ledger.draw("a", NOW) == Drawn::Some));
        assert_eq!(ledger.used("a", NOW), 200);
        ledger.quota = QuotaLimit::per_day(0);
        assert_eq!(ledger.draw("a", NOW), Drawn::TooMuch { limit: 0 });
        ledger.forget();
        assert_eq!(ledger.used("a", NOW), 0);
    }

    #[test]
    fn no_moment_overflows() {
        let end = Timestamp::from_millis(u64::MAX);
        for quota in [
            QuotaLimit::per_day(1),
            QuotaLimit::per_day(1).resets_at(Duration::ZERO),
        ] {
            assert!(quota.next_turn(end) <= end);
            assert!(quota.next_turn(Timestamp::from_millis(0)).as_millis() > 0);
        }
    }
}
