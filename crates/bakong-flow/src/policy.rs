//! How often to ask and how long to wait: values, so that a shop can choose its own.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, RetryAfter};

/// When to ask about a payment, and how long to go on. Start from one that is given and change its fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// When to ask until the code expires.
    pub schedule: Schedule,
    /// What comes after the expiry.
    pub grace: Grace,
}

impl Policy {
    /// For a customer who stands at the counter: as early as the quota allows. Whatever comes is known a
    /// quarter of an hour after the expiry.
    pub const COUNTER: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(3),
            shortest: Duration::from_secs(2),
            longest: Duration::from_secs(45),
            percent_of_age: 20,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(30),
            last_check_within: Duration::from_secs(14 * 60),
        },
    };

    /// For a web shop, whose customer has a page open and whose order can wait for half an hour: half as
    /// often, and with more time to share a last check.
    pub const WEB_SHOP: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(10),
            shortest: Duration::from_secs(5),
            longest: Duration::from_secs(120),
            percent_of_age: 40,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(60),
            last_check_within: Duration::from_secs(29 * 60),
        },
    };

    /// For an invoice that is good for hours or days: a few times an hour at first, then a few times a day.
    pub const INVOICE: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(5 * 60),
            shortest: Duration::from_secs(5 * 60),
            longest: Duration::from_secs(6 * 60 * 60),
            percent_of_age: 100,
        },
        grace: Grace {
            after_expiry: Duration::from_secs(60 * 60),
            last_check_within: Duration::from_secs(60 * 60),
        },
    };
}

/// How long a payment about which nothing can be read is left alone at most.
const LONGEST_ALONE: Duration = Duration::from_secs(6 * 60 * 60);

/// A server that wants more than this may be wrong about the time.
const MOST_WANTED: Duration = Duration::from_secs(60 * 60);

/// No policy asks faster: a mistake in one must not spend the day's quota in a moment.
pub(crate) const FLOOR: Duration = Duration::from_secs(1);

/// When to ask: dense while the payment is young and people pay, sparser as it ages.
///
/// The gap after a check is a part of the payment's age, within bounds, so that whoever pays waits for
/// the shop to notice no longer than that part of the time they took. It is the densest that a payment is
/// asked about: where the day's requests do not suffice for it, the checks are spread further
/// ([`spread`](Self::spread)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Schedule {
    /// The age at which to ask first.
    pub first: Duration,
    /// The shortest gap between two checks.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
    /// The gap as a part of the age, in percent.
    pub percent_of_age: u32,
}

/// For a payment that can count on so many checks: the first after a part of its life of one in so many, and
/// the next ages so many thousandths of the one before. The ratio is the root by which the checks reach
/// the expiry evenly on a logarithmic scale, as people's delays are.
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

/// With this many checks, a payment is asked about as densely as its schedule says.
const PLENTY: u64 = 30;

impl Schedule {
    /// How long to wait after a check of a payment this old, if requests do not matter.
    #[must_use]
    pub fn gap(&self, age: Duration) -> Duration {
        let part = age.saturating_mul(self.percent_of_age) / 100;
        part.min(self.longest).max(self.shortest).max(FLOOR)
    }

    /// The age of the next check of a payment of this age and this `life` until its expiry, if it can count
    /// on so many thousandths of a check; `None` if that is none.
    #[must_use]
    pub fn spread(&self, age: Duration, life: Duration, thousandths: u64) -> Option<Duration> {
        let densest = if age.is_zero() {
            self.first
        } else {
            age.saturating_add(self.gap(age))
        };
        let checks = thousandths / 1_000;
        if checks >= PLENTY {
            return Some(densest);
        }
        let (_, part, ratio) = SPREAD.iter().rev().find(|(with, _, _)| *with <= checks)?;
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let next = age.max(life / part).saturating_mul(*ratio) / 1_000;
        Some(Duration::from_millis(next).max(densest))
    }
}

/// What comes after a code's expiry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Grace {
    /// How long after the expiry the last check comes at the earliest, for payments that were on their way;
    /// one that was made within it counts as in time.
    pub after_expiry: Duration,
    /// How much later it may come, so that several payments can share a request. It comes earlier where the
    /// day's requests allow it, and at once where lists do not work.
    pub last_check_within: Duration,
}

/// When to ask again after no answer came. What failed for one would fail for all, so all wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// How long to wait after the first failure; twice as long after each further one in a row.
    pub first: Duration,
    /// The longest wait where nothing arrived at Bakong, so that it cost nothing.
    pub longest: Duration,
    /// The longest wait where it may have, and so may have cost one of the day's requests; three times as long
    /// when nothing else has come for hours.
    pub longest_if_counted: Duration,
}

impl Backoff {
    /// From two seconds up to half a minute, or to ten minutes where it costs.
    pub const DEFAULT: Self = Self {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(30),
        longest_if_counted: Duration::from_secs(10 * 60),
    };

    /// When to ask again about a payment that alone has failed so often: twice as long after each further one, up
    /// to six hours, since no answer may ever be readable.
    #[must_use]
    pub fn alone_at(&self, failures: u32, now: Timestamp) -> Timestamp {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        let delay = self.first.saturating_mul(doubled).min(LONGEST_ALONE);
        now.saturating_add(delay.max(FLOOR))
    }

    /// When to ask again after `failures` in a row, at least one, the last of them `class`. A `Retry-After` is
    /// waited for, for an hour at most.
    #[must_use]
    pub fn at(&self, failures: u32, class: ErrorClass, now: Timestamp) -> Timestamp {
        let longest = if was_counted(class) {
            // After an hour it is an outage that lasts, and would use up the day.
            self.longest_if_counted
                .saturating_mul((failures / 8).clamp(1, 3))
        } else {
            self.longest
        };
        let delay = match class.remedy() {
            // The token has a life of its own, and the day its end.
            Remedy::AskAgain | Remedy::NewToken | Remedy::NextDay => {
                let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
                self.first.saturating_mul(doubled).min(longest)
            }
            Remedy::Attention => longest,
        };
        let moment = now.saturating_add(delay.max(FLOOR));
        match class.retry_after() {
            None => moment,
            Some(RetryAfter::Delay(delay)) => moment.max(now.saturating_add(delay)),
            Some(RetryAfter::At(wanted)) => moment.max(wanted),
        }
        .min(now.saturating_add(MOST_WANTED).max(moment))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether a request that failed like this may have cost one of the day's.
pub(crate) const fn was_counted(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Transport(kind) => TransportErrorKind::may_have_arrived(kind),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFE: Duration = Duration::from_secs(600);

    /// The ages at which a payment that nobody makes is asked about.
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
    fn checks_are_spread_by_what_a_payment_can_count_on() {
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
    fn the_policies_are_what_their_pages_say() {
        let table = [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE].map(|policy| {
            let Schedule {
                first,
                shortest,
                longest,
                percent_of_age,
            } = policy.schedule;
            let Grace {
                after_expiry,
                last_check_within,
            } = policy.grace;
            let times = [first, shortest, longest, after_expiry, last_check_within];
            (times.map(|time| time.as_secs()), percent_of_age)
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
        // Whatever comes is known within a quarter of an hour, half an hour.
        for (policy, wait) in [(Policy::COUNTER, 15), (Policy::WEB_SHOP, 30)] {
            let grace = policy.grace;
            assert!((grace.after_expiry + grace.last_check_within).as_secs() <= wait * minute);
        }
    }

    #[test]
    fn failures_are_spaced_out() {
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
        assert_eq!(wait(1, ErrorClass::Blocked), 600);
        let retry_after = Some(RetryAfter::Delay(Duration::from_secs(77)));
        assert_eq!(wait(1, ErrorClass::RateLimited { retry_after }), 77);
        let wanted = now.saturating_add(Duration::from_secs(99));
        let retry_after = Some(RetryAfter::At(wanted));
        assert_eq!(wait(1, ErrorClass::Unavailable { retry_after }), 99);
        let retry_after = Some(RetryAfter::At(Timestamp::from_millis(u64::MAX)));
        assert_eq!(wait(1, ErrorClass::Unavailable { retry_after }), 3_600);
    }

    #[test]
    fn no_policy_asks_without_a_pause() {
        let zero = Duration::ZERO;
        let mut schedule = Policy::COUNTER.schedule;
        (schedule.shortest, schedule.longest) = (zero, zero);
        assert_eq!(schedule.gap(zero), FLOOR);
        let now = Timestamp::from_millis(0);
        let retry = Backoff {
            first: zero,
            longest: zero,
            longest_if_counted: zero,
        };
        assert_eq!(
            retry.at(1, ErrorClass::Malformed, now),
            now.saturating_add(FLOOR)
        );
    }

    proptest! {
        #[test]
        fn a_check_is_always_later_than_the_last(age in 0u64..700_000, thousandths in 0u64..40_000) {
            for policy in [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE] {
                let age = Duration::from_millis(age);
                if let Some(next) = policy.schedule.spread(age, LIFE, thousandths) {
                    prop_assert!(next >= age + FLOOR);
                    let fewer = policy.schedule.spread(age, LIFE, thousandths / 2);
                    prop_assert!(fewer.is_none_or(|fewer| next <= fewer.saturating_add(LIFE / 16)));
                }
            }
        }
    }
}
