//! What is sent again, and after what time. Decided by the class of what came and by the endpoint alone.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, RetryAfter};

/// How often a request is sent, and how long to wait in between.
///
/// Sent again is only what is safe to send again, and what another try may mend:
///
/// - where nothing can have arrived (the look-up or the connection failed), any request;
/// - where it may have arrived, or was answered by an outage (HTTP 5xx, 408, Bakong's codes 4, 7 and 9)
///   or with HTTP 429, only a request whose [`EndpointInfo`](bakong_api::endpoint::EndpointInfo) says that it is
///   `repeatable`.
///
/// A refused token, a spent quota, a block, a refusal and an answer that cannot be read are returned as
/// they came. Each wait is drawn evenly between nothing and a bound that doubles from [`base`](Self::base) up
/// to [`cap`](Self::cap), so that many callers do not come back at once. If the server says `Retry-After`,
/// in seconds or as a date, the wait is at least that. A wait that ends after the request's deadline is not
/// begun: what came last is returned at once.
///
/// Every sending costs one of the token's requests of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    max_attempts: u32,
    base: Duration,
    cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// Sends every request once.
    #[must_use]
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// How often a request is sent at most, the first time included; 3 unless said, at least 1.
    #[must_use]
    pub const fn max_attempts(mut self, count: u32) -> Self {
        self.max_attempts = if count == 0 { 1 } else { count };
        self
    }

    /// How long the first wait is at most; 200 ms unless said.
    #[must_use]
    pub const fn base(mut self, wait: Duration) -> Self {
        self.base = wait;
        self
    }

    /// How long any wait is at most, unless the server asks for a longer one; 5 s unless said.
    #[must_use]
    pub const fn cap(mut self, wait: Duration) -> Self {
        self.cap = wait;
        self
    }

    /// Whether there may be another attempt after this one, counted from 1.
    pub(crate) const fn goes_on_after(self, attempt: u32) -> bool {
        attempt < self.max_attempts
    }

    /// How long to wait before sending again after this attempt; `None` if it must not be sent again.
    ///
    /// `server_time` is when the server said what it said, by its own clock.
    pub(crate) fn wait(
        self,
        attempt: u32,
        class: ErrorClass,
        repeatable: bool,
        server_time: impl FnOnce() -> SystemTime,
        random: u64,
    ) -> Option<Duration> {
        if !self.goes_on_after(attempt) || !may_repeat(class, repeatable) {
            return None;
        }
        let asked = class
            .retry_after()
            .map_or(Duration::ZERO, |when| match when {
                RetryAfter::Delay(delay) => delay,
                RetryAfter::At(moment) => SystemTime::UNIX_EPOCH
                    .checked_add(Duration::from_millis(moment.as_millis()))
                    .and_then(|moment| moment.duration_since(server_time()).ok())
                    .unwrap_or_default(),
            });
        Some(jitter(self.bound(attempt), random).max(asked))
    }

    /// The longest that the wait after this attempt may be.
    fn bound(self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// Whether sending it again is harmless and may help.
fn may_repeat(class: ErrorClass, repeatable: bool) -> bool {
    use TransportErrorKind as Kind;
    match class {
        ErrorClass::Unavailable { .. } | ErrorClass::RateLimited { .. } => repeatable,
        // These are no failures of the way to Bakong, and a large answer would be as large again.
        ErrorClass::Transport(Kind::Busy | Kind::CircuitOpen | Kind::AnswerTooLarge) => false,
        ErrorClass::Transport(kind) => {
            class.remedy() == Remedy::AskAgain && (repeatable || !kind.may_have_arrived())
        }
        _ => false,
    }
}

/// An even share of `bound`.
fn jitter(bound: Duration, random: u64) -> Duration {
    let nanos = bound.as_nanos().min(u128::from(u64::MAX));
    // The product of two 64-bit numbers, of which the upper half is below the bound.
    let share = (nanos * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
}

/// A number that need not be secret, only different from what others draw.
pub(crate) fn random() -> u64 {
    // Each state is keyed anew.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use bakong_api::khqr_core::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const OUTAGE: ErrorClass = ErrorClass::Unavailable { retry_after: None };

    /// The moment that [`now`] says.
    const NOW: u64 = 1_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(NOW)
    }

    fn wait(class: ErrorClass, repeatable: bool) -> Option<Duration> {
        RetryPolicy::default().wait(1, class, repeatable, now, 0)
    }

    #[test]
    fn only_what_cannot_have_arrived_is_sent_again_whatever_it_is() {
        use TransportErrorKind as Kind;
        for (kind, repeatable, any) in [
            (Kind::Resolve, true, true),
            (Kind::Connect, true, true),
            (Kind::Timeout, true, false),
            (Kind::Interrupted, true, false),
            (Kind::AnswerTooLarge, false, false),
            (Kind::Busy, false, false),
            (Kind::CircuitOpen, false, false),
            (Kind::Tls, false, false),
            (Kind::Proxy, false, false),
            (Kind::NotAllowed, false, false),
            (Kind::InvalidRequest, false, false),
        ] {
            let class = ErrorClass::Transport(kind);
            assert_eq!(wait(class, true).is_some(), repeatable, "{kind:?}");
            assert_eq!(wait(class, false).is_some(), any, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_is_asked_for_again_only_if_it_is_an_outage_and_that_is_harmless() {
        let limited = ErrorClass::RateLimited { retry_after: None };
        for class in [OUTAGE, limited] {
            assert!(wait(class, true).is_some());
            assert_eq!(wait(class, false), None);
        }
        for class in [
            ErrorClass::Unauthorized,
            ErrorClass::QuotaExhausted,
            ErrorClass::Blocked,
            ErrorClass::Refused,
            ErrorClass::Malformed,
        ] {
            assert_eq!(wait(class, true), None, "{class:?}");
        }
    }

    #[test]
    fn the_server_s_word_is_kept_in_both_its_forms() {
        let after = |retry_after| {
            let retry_after = Some(retry_after);
            wait(ErrorClass::RateLimited { retry_after }, true).unwrap()
        };
        let minute = Duration::from_secs(60);
        assert_eq!(after(RetryAfter::Delay(minute)), minute);
        let at = |millis| after(RetryAfter::At(Timestamp::from_millis(millis)));
        assert_eq!(at(NOW + 60_000), minute);
        // One that is over asks for nothing.
        assert_eq!(at(NOW), Duration::ZERO);
        assert_eq!(at(0), Duration::ZERO);
        assert!(at(u64::MAX) > minute);
        // It is no excuse to come sooner than without.
        let none = RetryAfter::Delay(Duration::ZERO);
        let retry_after = Some(none);
        let class = ErrorClass::Unavailable { retry_after };
        let half = RetryPolicy::default().wait(1, class, true, now, 1 << 63);
        assert_eq!(half, Some(Duration::from_millis(100)));
    }

    #[test]
    fn the_bounds_double_up_to_the_cap() {
        let retry = RetryPolicy::default().max_attempts(u32::MAX);
        let bounds: Vec<u128> = (1..=7).map(|n| retry.bound(n).as_millis()).collect();
        assert_eq!(bounds, [200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(retry.bound(u32::MAX), Duration::from_secs(5));
        let endless = retry.base(Duration::MAX).cap(Duration::MAX);
        assert_eq!(endless.bound(u32::MAX), Duration::MAX);
    }

    #[test]
    fn attempts_are_counted() {
        let attempts = |retry: RetryPolicy| {
            (1..10)
                .take_while(|attempt| retry.wait(*attempt, OUTAGE, true, now, 0).is_some())
                .count()
        };
        assert_eq!(attempts(RetryPolicy::default()), 2);
        assert_eq!(attempts(RetryPolicy::never()), 0);
        assert_eq!(attempts(RetryPolicy::default().max_attempts(0)), 0);
        assert_eq!(attempts(RetryPolicy::default().max_attempts(8)), 7);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bound(attempt in 1..u32::MAX, base: u64, cap: u64, random: u64) {
            let retry = RetryPolicy::default()
                .max_attempts(u32::MAX)
                .base(Duration::from_nanos(base))
                .cap(Duration::from_nanos(cap));
            let waited = retry.wait(attempt, OUTAGE, true, now, random).unwrap();
            prop_assert!(waited <= retry.bound(attempt) && waited <= Duration::from_nanos(cap));
        }
    }

    #[test]
    fn the_waits_differ() {
        let drawn: std::collections::HashSet<u64> = (0..100).map(|_| random()).collect();
        assert!(drawn.len() > 90);
        let upper = (0..1_000).filter(|_| random() >> 63 == 1).count();
        assert!((300..700).contains(&upper), "{upper} of 1000");
    }
}
