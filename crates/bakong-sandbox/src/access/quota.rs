//! The daily quota of requests per registered address. Refused requests count too.

use std::collections::HashMap;
use std::time::Duration;

use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{ApiEndpoint, TokenUse};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Midnight in Phnom Penh, as an offset from midnight UTC. Phnom Penh is at UTC+7 all year.
const PHNOM_PENH_MIDNIGHT: Duration = Duration::from_secs(17 * 60 * 60);

/// The number of requests that a registered address may make per day of the sandbox's clock.
///
/// Every `POST` to an [`ApiEndpoint`] counts if the sandbox can attribute it to an address. A request with a
/// valid token is attributed by the token, even if the endpoint needs none. A renewal without a token is
/// attributed by its registered e-mail. A request counts once, whether it succeeds, is refused or meets a
/// [`Fault`](crate::Fault), and a list counts as one request. A request over the limit gets HTTP 200 with
/// error code 17, and counts too. All tokens of an address share one quota.
///
/// It is unknown whether the live service counts renewals, account checks and links.
/// [`QuotaLimit::checks_only`] excludes them.
///
/// ```
/// use std::time::Duration;
/// use bakong_sandbox::QuotaLimit;
///
/// let live = QuotaLimit::per_day(100);
/// assert_eq!(live.limit(), Some(100));
/// let utc = QuotaLimit::per_day(100).resets_at(Duration::ZERO);
/// assert!(QuotaLimit::unlimited().limit().is_none());
/// # assert_ne!(live, utc);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaLimit {
    limit: Option<u32>,
    /// The offset of the daily reset from midnight UTC.
    reset_time: Duration,
    checks_only: bool,
}

impl QuotaLimit {
    /// No limit. Requests are still counted.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            limit: None,
            reset_time: PHNOM_PENH_MIDNIGHT,
            checks_only: false,
        }
    }

    /// A limit of this many requests per day. Every known token of the live service has a limit of 100.
    #[must_use]
    pub const fn per_day(limit: u32) -> Self {
        Self {
            limit: Some(limit),
            ..Self::unlimited()
        }
    }

    /// Resets the count this long after midnight UTC; whole days are ignored. The default is 17:00 UTC,
    /// midnight in Phnom Penh. The reset time of the live service is unknown.
    #[must_use]
    pub fn resets_at(mut self, after_midnight_utc: Duration) -> Self {
        let seconds = after_midnight_utc.as_secs() % DAY.as_secs();
        self.reset_time = Duration::from_secs(seconds);
        self
    }

    /// Counts only the seven checks of transactions, and no renewals, account checks or links.
    #[must_use]
    pub const fn checks_only(self) -> Self {
        self.with_checks_only(true)
    }

    /// Replaces the limit; `None` removes it.
    #[must_use]
    pub const fn with_limit(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    /// Whether a request to `endpoint` counts against the quota, provided that it can be attributed to an address.
    #[must_use]
    pub fn counts(self, endpoint: ApiEndpoint) -> bool {
        !self.checks_only || endpoint.token_use() == TokenUse::Required
    }

    /// The number of requests per day, or `None` if there is no limit.
    #[must_use]
    pub const fn limit(self) -> Option<u32> {
        self.limit
    }

    /// The offset of the daily reset from midnight UTC.
    #[must_use]
    pub const fn reset_time(self) -> Duration {
        self.reset_time
    }

    pub(crate) const fn with_checks_only(mut self, checks_only: bool) -> Self {
        self.checks_only = checks_only;
        self
    }

    pub(crate) const fn is_checks_only(self) -> bool {
        self.checks_only
    }

    /// The number of the quota day that contains `now`. Quota days start at the reset time.
    fn day(self, now: Timestamp) -> u64 {
        let ahead = DAY.saturating_sub(self.reset_time);
        let seconds = now.as_millis() / 1000;
        seconds.saturating_add(ahead.as_secs()) / DAY.as_secs()
    }

    /// The end of the quota day that contains `now`.
    pub(crate) fn next_reset(self, now: Timestamp) -> Timestamp {
        let ahead = DAY.saturating_sub(self.reset_time).as_secs();
        let end = self
            .day(now)
            .saturating_add(1)
            .saturating_mul(DAY.as_secs());
        Timestamp::from_millis(end.saturating_sub(ahead).saturating_mul(1000))
    }
}

impl Default for QuotaLimit {
    /// Equivalent to [`QuotaLimit::unlimited`].
    fn default() -> Self {
        Self::unlimited()
    }
}

/// The limit, and the number of requests of each registration ID.
#[derive(Default)]
pub(crate) struct QuotaUsage {
    pub(crate) limit: QuotaLimit,
    used: HashMap<String, Used>,
}

/// The number of requests on the last day with requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Used {
    day: u64,
    count: u32,
}

impl QuotaUsage {
    /// The number of requests that `id` made on the day of `now`.
    pub(crate) fn used(&self, id: &str, now: Timestamp) -> u32 {
        let day = self.limit.day(now);
        let used = self.used.get(id).filter(|used| used.day == day);
        used.map_or(0, |used| used.count)
    }

    /// Builds the record of `count` requests on the day of `now`.
    pub(crate) fn used_today(&self, count: u32, now: Timestamp) -> Used {
        let day = self.limit.day(now);
        Used { day, count }
    }

    /// The records that change if `limit` replaces the current limit. Requests made today still count, even if
    /// the new limit resets at another time.
    pub(crate) fn moved_to(&self, limit: QuotaLimit, now: Timestamp) -> Vec<(String, Used)> {
        let (before, day) = (self.limit.day(now), limit.day(now));
        if before == day {
            return Vec::new();
        }
        let today = self.used.iter().filter(|(_, used)| used.day == before);
        today
            .map(|(id, used)| (id.clone(), Used { day, ..*used }))
            .collect()
    }

    /// Each registration ID with its number of requests.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Used)> {
        self.used.iter().map(|(id, used)| (id.as_str(), *used))
    }
}

/// Modifications, which only `State::apply` calls.
impl QuotaUsage {
    pub(crate) fn set_used(&mut self, id: &str, used: Used) {
        match self.used.get_mut(id) {
            Some(known) => *known = used,
            None => drop(self.used.insert(id.to_owned(), used)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.used.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 October 2025, 17:29:02 UTC: just past midnight in Phnom Penh.
    const NOW: Timestamp = Timestamp::from_millis(1_761_154_142_000);

    #[test]
    fn the_default_reset_is_midnight_in_phnom_penh() {
        let next = QuotaLimit::per_day(1).next_reset(NOW);
        // 23 October 2025, 17:00 UTC.
        assert_eq!(next.as_millis(), 1_761_238_800_000);
        let before = Timestamp::from_millis(next.as_millis() - 1);
        assert_eq!(QuotaLimit::per_day(1).next_reset(before), next);
        assert_eq!(
            QuotaLimit::per_day(1).next_reset(next),
            next.saturating_add(DAY),
            "the reset itself belongs to the new day"
        );
        let utc = QuotaLimit::per_day(1).resets_at(Duration::ZERO);
        // 23 October 2025, 00:00 UTC.
        assert_eq!(utc.next_reset(NOW).as_millis(), 1_761_177_600_000);
        assert_eq!(utc, QuotaLimit::per_day(1).resets_at(DAY * 3));
    }

    #[test]
    fn each_id_has_its_own_count_per_day() {
        let mut usage = QuotaUsage::default();
        usage.set_used("a", usage.used_today(4, NOW));
        assert_eq!((usage.used("a", NOW), usage.used("b", NOW)), (4, 0));
        let tomorrow = QuotaLimit::per_day(2).next_reset(NOW);
        assert_eq!(usage.used("a", tomorrow), 0);
        let limit = QuotaLimit::per_day(2).resets_at(Duration::ZERO);
        for (id, used) in usage.moved_to(limit, NOW) {
            usage.set_used(&id, used);
        }
        usage.limit = limit;
        assert_eq!(usage.used("a", NOW), 4);
        usage.clear();
        assert_eq!(usage.used("a", NOW), 0);
    }

    #[test]
    fn no_time_overflows() {
        let end = Timestamp::from_millis(u64::MAX);
        for limit in [
            QuotaLimit::per_day(1),
            QuotaLimit::per_day(1).resets_at(Duration::ZERO),
        ] {
            assert!(limit.next_reset(end) <= end);
            assert!(limit.next_reset(Timestamp::from_millis(0)).as_millis() > 0);
        }
    }
}
