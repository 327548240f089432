//! Decides which requests are retried, and when. The decision depends only on the error's class and the endpoint.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, RetryAfter};

/// How often a request is sent, and how long to wait between attempts.
///
/// A request is retried only if that is safe and may help:
///
/// - A request that was not sent, since the name lookup or the connection failed, is always retried.
/// - A request that may have been sent is retried only if its
///   [`EndpointInfo`](bakong_api::endpoint::EndpointInfo) is `repeatable`. The same holds after an outage (HTTP
///   5xx and 408, Bakong's error codes 4, 7 and 9) and after HTTP 429.
///
/// HTTP 403, 404, 405, 409 and similar statuses are retried like HTTP 502 if the same path has answered before and the
/// answer has no error code of Bakong, since a CDN sends them by mistake now and then. A refusal that remains after the
/// last attempt is final: the path is not retried again until it answers.
///
/// All other responses are returned as they are: an invalid token, an exhausted quota, a block, a refusal, and
/// a response that cannot be read.
///
/// Each wait is random, between zero and a limit that doubles from [`base`](Self::base) to [`cap`](Self::cap)
/// ("full jitter"), so that many callers do not retry at the same time. A `Retry-After` header, in seconds or as
/// a date, is the minimum. If the wait would end after the request's deadline, the last result is returned at
/// once.
///
/// Each attempt counts against the daily quota of the token.
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
    /// Sends each request once.
    #[must_use]
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets the maximum number of attempts, including the first. Defaults to 3. The minimum is 1.
    #[must_use]
    pub const fn max_attempts(mut self, count: u32) -> Self {
        self.max_attempts = if count == 0 { 1 } else { count };
        self
    }

    /// Sets the limit of the first wait. Defaults to 200 ms.
    #[must_use]
    pub const fn base(mut self, wait: Duration) -> Self {
        self.base = wait;
        self
    }

    /// Sets the limit of all waits. Defaults to 5 s. `Retry-After` may exceed it.
    #[must_use]
    pub const fn cap(mut self, wait: Duration) -> Self {
        self.cap = wait;
        self
    }

    /// Whether another attempt may follow this one. The first attempt has number 1.
    pub(crate) const fn goes_on_after(self, attempt: u32) -> bool {
        attempt < self.max_attempts
    }

    /// Returns how long to wait after this attempt, or `None` if the request must not be retried.
    ///
    /// `server_time` is the `Date` of the response, to which a `Retry-After` date is compared.
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
        let minimum = class
            .retry_after()
            .map_or(Duration::ZERO, |when| match when {
                RetryAfter::Delay(delay) => delay,
                RetryAfter::At(moment) => SystemTime::UNIX_EPOCH
                    .checked_add(Duration::from_millis(moment.as_millis()))
                    .and_then(|moment| moment.duration_since(server_time()).ok())
                    .unwrap_or_default(),
            });
        Some(jitter(self.bound(attempt), random).max(minimum))
    }

    /// The upper bound of the random delay after this attempt. A `Retry-After` can make the wait longer.
    fn bound(self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// Whether a retry is safe and may help.
fn may_repeat(class: ErrorClass, repeatable: bool) -> bool {
    use TransportErrorKind as Kind;
    match class {
        ErrorClass::Unavailable { .. } | ErrorClass::RateLimited { .. } => repeatable,
        // `Busy` and `CircuitOpen` are not connection failures. A response that is too large would be so again.
        ErrorClass::Transport(Kind::Busy | Kind::CircuitOpen | Kind::AnswerTooLarge) => false,
        ErrorClass::Transport(kind) => {
            class.remedy() == Remedy::AskAgain && (repeatable || !kind.may_have_arrived())
        }
        _ => false,
    }
}

/// A uniformly distributed duration below `bound`.
fn jitter(bound: Duration, random: u64) -> Duration {
    let nanos = bound.as_nanos().min(u128::from(u64::MAX));
    // The upper half of a 128-bit product is below the bound.
    let share = (nanos * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
}

/// A random number. It must differ between callers, but need not be unpredictable.
pub(crate) fn random() -> u64 {
    // Each `RandomState` has different keys.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use bakong_api::khqr_core::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const OUTAGE: ErrorClass = ErrorClass::Unavailable { retry_after: None };

    /// The result of [`now`] in milliseconds.
    const NOW: u64 = 1_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(NOW)
    }

    fn wait(class: ErrorClass, repeatable: bool) -> Option<Duration> {
        RetryPolicy::default().wait(1, class, repeatable, now, 0)
    }

    #[test]
    fn a_request_that_was_not_sent_is_always_retried() {
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
    fn only_an_outage_is_retried_and_only_if_repeatable() {
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
    fn retry_after_is_the_minimum_wait() {
        let after = |retry_after| {
            let retry_after = Some(retry_after);
            wait(ErrorClass::RateLimited { retry_after }, true).unwrap()
        };
        let minute = Duration::from_secs(60);
        assert_eq!(after(RetryAfter::Delay(minute)), minute);
        let at = |millis| after(RetryAfter::At(Timestamp::from_millis(millis)));
        assert_eq!(at(NOW + 60_000), minute);
        // A date in the past.
        assert_eq!(at(NOW), Duration::ZERO);
        assert_eq!(at(0), Duration::ZERO);
        assert!(at(u64::MAX) > minute);
        // A shorter `Retry-After` does not shorten the wait.
        let none = RetryAfter::Delay(Duration::ZERO);
        let retry_after = Some(none);
        let class = ErrorClass::Unavailable { retry_after };
        let half = RetryPolicy::default().wait(1, class, true, now, 1 << 63);
        assert_eq!(half, Some(Duration::from_millis(100)));
    }

    #[test]
    fn bounds_double_up_to_the_cap() {
        let retry = RetryPolicy::default().max_attempts(u32::MAX);
        let bounds: Vec<u128> = (1..=7).map(|n| retry.bound(n).as_millis()).collect();
        assert_eq!(bounds, [200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(retry.bound(u32::MAX), Duration::from_secs(5));
        let endless = retry.base(Duration::MAX).cap(Duration::MAX);
        assert_eq!(endless.bound(u32::MAX), Duration::MAX);
    }

    #[test]
    fn the_number_of_attempts_is_limited() {
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
        fn a_wait_is_below_its_bound(attempt in 1..u32::MAX, base: u64, cap: u64, random: u64) {
            let retry = RetryPolicy::default()
                .max_attempts(u32::MAX)
                .base(Duration::from_nanos(base))
                .cap(Duration::from_nanos(cap));
            let waited = retry.wait(attempt, OUTAGE, true, now, random).unwrap();
            prop_assert!(waited <= retry.bound(attempt) && waited <= Duration::from_nanos(cap));
        }
    }

    #[test]
    fn random_numbers_differ() {
        let drawn: std::collections::HashSet<u64> = (0..100).map(|_| random()).collect();
        assert!(drawn.len() > 90);
        let upper = (0..1_000).filter(|_| random() >> 63 == 1).count();
        assert!((300..700).contains(&upper), "{upper} of 1000");
    }
}
