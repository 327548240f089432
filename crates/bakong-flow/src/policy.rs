//! How often to ask, how long to wait, when to give up: values, so that a shop can choose its own.

use std::time::Duration;

use bakong_api::ErrorClass;

/// When to ask and how long to go on. Start from one that is given and change its fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// When to ask while answers come.
    pub schedule: Schedule,
    /// How long after the code's expiry the last check waits, for payments that were on their way. A
    /// payment made within it counts as in time.
    pub grace: Duration,
    /// When to ask again after no answer came.
    pub retry: Retry,
}

impl Policy {
    /// For a customer who stands at the counter: some thirty requests for a code that nobody pays in ten
    /// minutes, of the hundred that a token has a day.
    pub const COUNTER: Self = Self {
        schedule: Schedule {
            first: Duration::from_secs(3),
            shortest: Duration::from_secs(2),
            longest: Duration::from_secs(45),
            percent_of_age: 20,
        },
        grace: Duration::from_secs(3),
        retry: Retry {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(15),
            patience: Duration::from_secs(10),
            hopeless: Hopeless::GiveUp,
        },
    };
}

/// No policy asks faster: a mistake in one must not spend the day's quota in a moment.
const FLOOR: Duration = Duration::from_secs(1);

/// When to ask: dense while the payment is young and people pay, sparser as it ages.
///
/// The gap after a check is a part of the payment's age, within bounds, so that whoever pays waits for
/// the shop to notice no longer than that part of the time they took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

impl Schedule {
    /// How long to wait after a check of a payment this old.
    #[must_use]
    pub fn gap(&self, age: Duration) -> Duration {
        let part = age.saturating_mul(self.percent_of_age) / 100;
        part.min(self.longest).max(self.shortest).max(FLOOR)
    }
}

/// When to ask again after no answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Retry {
    /// How long to wait after the first failure; twice as long after each further one in a row.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long after expiry and grace to go on trying the last check before giving up.
    pub patience: Duration,
    /// What to do about a failure that asking again does not mend.
    pub hopeless: Hopeless,
}

/// What to do when Bakong refuses the token, the client or the request, or the day's quota is used up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Hopeless {
    /// Give up at once: a person waits for an answer.
    GiveUp,
    /// Go on at the slowest pace: someone may mend it meanwhile.
    KeepTrying,
}

impl Retry {
    /// How long to wait after `failures` in a row, at least one, the last of them `class`.
    #[must_use]
    pub fn delay(&self, failures: u32, class: ErrorClass) -> Duration {
        if class.remedy() != bakong_api::Remedy::AskAgain {
            return self.longest.max(FLOOR);
        }
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        self.first
            .saturating_mul(doubled)
            .min(self.longest)
            .max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_that_nobody_pays_costs_a_third_of_the_day() {
        let schedule = Policy::COUNTER.schedule;
        let (mut age, mut checks) = (schedule.first, 1);
        while age < Duration::from_secs(600) {
            age += schedule.gap(age);
            checks += 1;
        }
        assert!((25..=33).contains(&checks), "{checks}");
    }

    #[test]
    fn failures_are_spaced_out() {
        let retry = Policy::COUNTER.retry;
        let class = ErrorClass::Unavailable { retry_after: None };
        let delays = [1, 2, 3, 4, 5, 99].map(|failures| retry.delay(failures, class).as_secs());
        assert_eq!(delays, [1, 2, 4, 8, 15, 15]);
        assert_eq!(retry.delay(1, ErrorClass::QuotaExhausted), retry.longest);
    }

    #[test]
    fn no_policy_asks_without_a_pause() {
        let zero = Duration::ZERO;
        let mut policy = Policy::COUNTER;
        (policy.schedule.shortest, policy.schedule.longest) = (zero, zero);
        (policy.retry.first, policy.retry.longest) = (zero, zero);
        assert_eq!(policy.schedule.gap(zero), FLOOR);
        assert_eq!(policy.retry.delay(1, ErrorClass::Malformed), FLOOR);
        assert_eq!(policy.retry.delay(1, ErrorClass::Blocked), FLOOR);
    }

    proptest! {
        #[test]
        fn gaps_stay_in_their_bounds_and_never_shrink(age in 0u64..10_000_000, more in 0u64..10_000_000) {
            let schedule = Policy::COUNTER.schedule;
            let gap = |millis| schedule.gap(Duration::from_millis(millis));
            prop_assert!((schedule.shortest..=schedule.longest).contains(&gap(age)));
            prop_assert!(gap(age) <= gap(age + more));
        }
    }
}
