//! The schedule of a payment's checks and the waits after failures, as values that a shop can change.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, RetryAfter};

/// When to check a payment. Start from one of the constants and change its fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Policy {
    /// The checks before the code expires.
    pub schedule: Schedule,
    /// The final check, after the code expires.
    pub grace: Grace,
}

impl Policy {
    /// For a customer at the counter: checks as early as the quota allows. The outcome is known 15 minutes after the
    /// expiry at the latest.
    pub const COUNTER: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(3),
            shortest: Duration::from_secs(2),
            longest: Duration::from_secs(45),
            percent_of_age: 20,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(30),
            final_check_window: Duration::from_secs(14 * 60),
        },
    };

    /// For a web shop: half as many checks as at a counter. The outcome is known 30 minutes after the expiry at the
    /// latest, which leaves more time to combine final checks.
    ///
    /// While spare requests are left, the checks of one code come 10, 15, 21, 29, 41, 57 and 80 seconds after it was opened, and
    /// so on, each time after 40 % of its age. So the payment of a customer who pays within ten seconds is found at ten.
    /// On a busy day, and for a while after a restart, checks are rarer, and a payment may be found minutes later. If the customer
    /// says that the money was sent, call [`Tracker::nudge`](crate::Tracker::nudge), or `Watched::nudge`.
    pub const WEB_SHOP: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(10),
            shortest: Duration::from_secs(5),
            longest: Duration::from_secs(120),
            percent_of_age: 40,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(60),
            final_check_window: Duration::from_secs(29 * 60),
        },
    };

    /// For an invoice whose code is valid for hours or days: a few checks per hour at first, then a few per day.
    pub const INVOICE: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(5 * 60),
            shortest: Duration::from_secs(5 * 60),
            longest: Duration::from_secs(6 * 60 * 60),
            percent_of_age: 100,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(60 * 60),
            final_check_window: Duration::from_secs(60 * 60),
        },
    };

    /// Returns when the final check of a code with this expiry becomes due.
    pub(crate) fn deadline(&self, expires_at: Timestamp) -> Timestamp {
        expires_at.saturating_add(self.grace.after_expiry)
    }
}

/// The maximum wait for a payment if only its own checks fail.
const MAX_SINGLE_BACKOFF: Duration = Duration::from_secs(6 * 60 * 60);

/// The maximum `Retry-After` that is honoured. A server that asks for a longer wait may have a wrong clock.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The minimum time between two checks, so that a wrong policy cannot spend the quota within seconds.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The times of the checks: frequent while the payment is young and most people pay, then less and less frequent.
///
/// The gap after a check is a percentage of the payment's age, within limits. A shop thus notices a payment with a
/// delay in proportion to the time that the customer took. The schedule is an upper limit: if the quota is too small
/// for it, [`spread`](Self::spread) returns later times.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Schedule {
    /// The age of the payment at its first check.
    pub first: Duration,
    /// The minimum gap between two checks.
    pub shortest: Duration,
    /// The maximum gap between two checks.
    pub longest: Duration,
    /// The gap in percent of the payment's age.
    pub percent_of_age: u32,
}

/// How to spread few checks over a payment's life: (number of checks, divisor of the life that gives the age to start
/// from, ratio of consecutive ages in thousandths).
///
/// The ratios place the checks evenly on a logarithmic scale up to the expiry, because customers' delays are
/// distributed in this way.
const SPREAD: &[(u64, u64, u64)] = &[
    (1, 24, 4_000),
    (2, 16, 2_520),
    (3, 32, 2_378),
    (4, 32, 2_000),
    (5, 32, 1_782),
    (6, 64, 1_811),
    (8, 64, 1_587),
    (10, 128, 1_554),
    (12, 128, 1_452),
    (16, 128, 1_330),
    (20, 128, 1_260),
];

/// From this number of checks on, a payment is checked as often as its schedule allows.
const PLENTY: u64 = 30;

impl Schedule {
    /// Returns the gap after a check of a payment of this age, regardless of the quota.
    #[must_use]
    pub fn gap(&self, age: Duration) -> Duration {
        let part = age.saturating_mul(self.percent_of_age) / 100;
        part.min(self.longest).max(self.shortest).max(MIN_INTERVAL)
    }

    /// Returns the age at the next check of a payment.
    ///
    /// `age` is the current age, `life` the time from opening to expiry, and `thousandths` the number of checks, in
    /// thousandths, that the quota allows for the payment. Returns `None` if that is less than one check.
    #[must_use]
    pub fn spread(&self, age: Duration, life: Duration, thousandths: u64) -> Option<Duration> {
        let earliest = if age.is_zero() {
            self.first
        } else {
            age.saturating_add(self.gap(age))
        };
        let checks = thousandths / 1_000;
        if checks >= PLENTY {
            return Some(earliest);
        }
        let (_, part, ratio) = SPREAD.iter().rev().find(|(with, _, _)| *with <= checks)?;
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let next = age.max(life / part).saturating_mul(*ratio) / 1_000;
        Some(Duration::from_millis(next).max(earliest))
    }
}

/// The time of the final check.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Grace {
    /// The minimum time between the expiry and the final check, for transfers in progress. A transfer that is made
    /// within this time is not late.
    pub after_expiry: Duration,
    /// How much later the final check may be sent, so that several payments can share a request. It is sent earlier
    /// if the quota has a request to spare, and at once if lists do not work.
    pub final_check_window: Duration,
}

/// How long to wait after a failed request. All payments wait, because the cause affects all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// The wait after the first failure. Each further failure in a row doubles the wait.
    pub first: Duration,
    /// The maximum wait if the request did not arrive at Bakong, so that it did not count against the quota.
    pub longest: Duration,
    /// The maximum wait if the request may have counted against the quota. The maximum triples during an outage that
    /// lasts hours.
    pub longest_if_counted: Duration,
}

impl Backoff {
    /// From two seconds to 30 seconds, or to ten minutes if requests may have counted against the quota.
    pub const DEFAULT: Self = Self {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(30),
        longest_if_counted: Duration::from_secs(10 * 60),
    };

    /// Returns when to ask again about a payment whose own checks failed `failures` times in a row (at least once).
    ///
    /// The wait doubles up to six hours, since the answer may never become readable.
    #[must_use]
    pub fn alone_at(&self, failures: u32, now: Timestamp) -> Timestamp {
        let delay = exponential(self.first, failures.saturating_sub(1), MAX_SINGLE_BACKOFF);
        now.saturating_add(delay.max(MIN_INTERVAL))
    }

    /// Returns when to send the next request after `failures` in a row (at least one), the last of them of `class`.
    ///
    /// An error that a person must repair, such as HTTP 403, has the maximum wait from the second failure on.
    /// A `Retry-After` of the server is obeyed, up to one hour.
    #[must_use]
    pub fn at(&self, failures: u32, class: ErrorClass, now: Timestamp) -> Timestamp {
        let longest = if may_have_counted(class) {
            // A long outage must not use up the quota.
            self.longest_if_counted
                .saturating_mul((failures / 8).clamp(1, 3))
        } else {
            self.longest
        };
        let delay = match class.remedy() {
            // Rejected tokens and closed quota windows are also tracked elsewhere, with waits of their own.
            Remedy::AskAgain | Remedy::NewToken | Remedy::NextDay => {
                exponential(self.first, failures.saturating_sub(1), longest)
            }
            // A CDN sometimes refuses a request by mistake, so one refusal does not mean that the client is blocked.
            Remedy::Attention if failures <= 1 => self.first.min(longest),
            Remedy::Attention => longest,
        };
        let moment = now.saturating_add(delay.max(MIN_INTERVAL));
        match class.retry_after() {
            None => moment,
            Some(RetryAfter::Delay(delay)) => moment.max(now.saturating_add(delay)),
            Some(RetryAfter::At(wanted)) => moment.max(wanted),
        }
        .min(now.saturating_add(MAX_RETRY_AFTER).max(moment))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Returns `first` after `doublings` doublings, at most `max`.
pub(crate) fn exponential(first: Duration, doublings: u32, max: Duration) -> Duration {
    let factor = 2u32.saturating_pow(doublings);
    first.saturating_mul(factor).min(max)
}

/// Whether a request that failed with `class` may have counted against the quota.
const fn may_have_counted(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Transport(kind) => TransportErrorKind::may_have_arrived(kind),
        ErrorClass::Store => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFE: Duration = Duration::from_secs(600);

    /// Returns the ages at which an unpaid payment is checked.
    fn ages(schedule: Schedule, thousandths: u64) -> Vec<u64> {
        let mut ages = Vec::new();
        let mut age = Duration::ZERO;
        while let Some(next) = schedule
            .spread(age, LIFE, thousandths)
            .filter(|next| *next < LIFE)
        {
            ages.push(next.as_secs());
            age = next;
        }
        ages
    }

    #[test]
    fn checks_are_spread_by_the_share_of_the_quota() {
        let schedule = Policy::COUNTER.schedule;
        assert_eq!(ages(schedule, 999), [0u64; 0]);
        assert_eq!(ages(schedule, 1_000), [100, 400]);
        assert_eq!(ages(schedule, 2_000), [94, 238]);
        assert_eq!(ages(schedule, 4_999), [37, 75, 150, 300]);
        let plenty = ages(schedule, 99_000);
        assert!((25..=33).contains(&plenty.len()), "{plenty:?}");
        assert_eq!(plenty[..4], [3, 5, 7, 9]);
    }

    #[test]
    fn the_policies_have_the_documented_times() {
        let policies = [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE];
        let table = policies.map(|Policy { schedule, grace }| {
            let [first, shortest] = [schedule.first, schedule.shortest];
            let [after, within] = [grace.after_expiry, grace.final_check_window];
            let times = [first, shortest, schedule.longest, after, within];
            (times.map(|time| time.as_secs()), schedule.percent_of_age)
        });
        let (minute, hour) = (60, 3_600);
        assert_eq!(
            table,
            [
                ([3, 2, 45, 30, 14 * minute], 20),
                ([10, 5, 120, minute, 29 * minute], 40),
                ([5 * minute, 5 * minute, 6 * hour, hour, hour], 100),
            ]
        );
        for (policy, wait) in [(Policy::COUNTER, 15), (Policy::WEB_SHOP, 30)] {
            let grace = policy.grace;
            assert!((grace.after_expiry + grace.final_check_window).as_secs() <= wait * minute);
        }
    }

    #[test]
    fn the_wait_doubles_up_to_a_maximum() {
        let retry = Backoff::DEFAULT;
        let now = Timestamp::from_millis(1_795_000_000_000);
        let wait = |failures, class| {
            retry
                .at(failures, class, now)
                .saturating_since(now)
                .as_secs()
        };
        let unavailable = ErrorClass::Unavailable { retry_after: None };
        assert_eq!(
            [1, 2, 3, 9, 15, 16, 23, 24, 99].map(|n| wait(n, unavailable)),
            [2, 4, 8, 512, 600, 1_200, 1_200, 1_800, 1_800]
        );
        let refused = ErrorClass::Transport(TransportErrorKind::Connect);
        assert_eq!([1, 9].map(|n| wait(n, refused)), [2, 30]);
        let retry_after = Some(RetryAfter::Delay(Duration::from_secs(77)));
        assert_eq!(wait(1, ErrorClass::RateLimited { retry_after }), 77);
        let wanted = now.saturating_add(Duration::from_secs(99));
        let retry_after = Some(RetryAfter::At(wanted));
        assert_eq!(wait(1, ErrorClass::Unavailable { retry_after }), 99);
        let retry_after = Some(RetryAfter::At(Timestamp::from_millis(u64::MAX)));
        assert_eq!(wait(1, ErrorClass::Unavailable { retry_after }), 3_600);
    }

    #[test]
    fn a_single_refusal_does_not_stop_checks_for_long() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let waits = |class| {
            [1, 2, 3].map(|failures| {
                let next = Backoff::DEFAULT.at(failures, class, now);
                next.saturating_since(now).as_secs()
            })
        };
        assert_eq!(waits(ErrorClass::Blocked), [2, 600, 600]);
        assert_eq!(waits(ErrorClass::Refused), [2, 600, 600]);
        let proxy = ErrorClass::Transport(TransportErrorKind::Proxy);
        assert_eq!(waits(proxy), [2, 30, 30]);
        // No request is sent, so the store is tried again soon.
        assert_eq!(waits(ErrorClass::Store), [2, 30, 30]);
    }

    #[test]
    fn no_policy_checks_without_a_gap() {
        let zero = Duration::ZERO;
        let mut schedule = Policy::COUNTER.schedule;
        (schedule.shortest, schedule.longest) = (zero, zero);
        assert_eq!(schedule.gap(zero), MIN_INTERVAL);
        let now = Timestamp::from_millis(0);
        let retry = Backoff {
            first: zero,
            longest: zero,
            longest_if_counted: zero,
        };
        assert_eq!(
            retry.at(1, ErrorClass::Malformed, now),
            now.saturating_add(MIN_INTERVAL)
        );
    }

    proptest! {
        #[test]
        fn each_check_is_later_than_the_one_before(age in 0u64..700_000, thousandths in 0u64..40_000) {
            for policy in [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE] {
                let age = Duration::from_millis(age);
                if let Some(next) = policy.schedule.spread(age, LIFE, thousandths) {
                    prop_assert!(next >= age + MIN_INTERVAL);
                    let fewer = policy.schedule.spread(age, LIFE, thousandths / 2);
                    prop_assert!(fewer.is_none_or(|fewer| next <= fewer.saturating_add(LIFE / 16)));
                }
            }
        }
    }
}
