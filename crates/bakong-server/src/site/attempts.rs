//! Limits the attempts to log in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use khqr_core::Timestamp;

use crate::problem::retry_after;

/// How many attempts can follow one another.
const BURST: u32 = 5;
/// After how long another attempt is allowed.
const REFILL: Duration = Duration::from_secs(30);

/// A token bucket for all clients together. Behind a proxy, all clients have one address, so a bucket for each address would be
/// either useless or a header that an attacker writes.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Bucket>);

#[derive(Debug, Default)]
struct Bucket {
    /// How many attempts were made and not yet forgotten.
    used: u32,
    /// When the next one is forgotten.
    refill_at: Option<Timestamp>,
}

impl Attempts {
    /// Counts an attempt.
    ///
    /// # Errors
    /// The number of seconds until the next attempt is allowed.
    pub(crate) fn count(&self, now: Timestamp) -> Result<(), u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(at) = bucket.refill_at.filter(|at| *at <= now) {
            bucket.used = bucket.used.saturating_sub(1);
            bucket.refill_at = (bucket.used > 0).then(|| at.saturating_add(REFILL));
        }
        if bucket.used >= BURST {
            let left = bucket
                .refill_at
                .map_or(REFILL, |at| at.saturating_since(now));
            return Err(retry_after(left));
        }
        bucket.used += 1;
        bucket.refill_at = bucket
            .refill_at
            .or_else(|| Some(now.saturating_add(REFILL)));
        Ok(())
    }

    /// Forgets all attempts, because one succeeded.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Bucket::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guesser_gets_five_attempts_and_then_one_in_thirty_seconds() {
        let attempts = Attempts::default();
        let start = Timestamp::from_millis(1_795_000_000_000);
        let at_millis = |millis| start.saturating_add(Duration::from_millis(millis));
        let at = |seconds: u64| at_millis(seconds * 1_000);
        for _ in 0..5 {
            assert_eq!(attempts.count(at(0)), Ok(()));
        }
        assert_eq!(attempts.count(at(10)), Err(20));
        assert_eq!(attempts.count(at_millis(10_001)), Err(20));
        assert_eq!(attempts.count(at(30)), Ok(()));
        assert_eq!(attempts.count(at(31)), Err(29));
        // After a quiet time, the full burst is available again, and no more.
        let allowed = (0..20)
            .filter(|_| attempts.count(at(3_600)).is_ok())
            .count();
        assert_eq!(allowed, 5);
        attempts.forget();
        assert_eq!(attempts.count(at(3_600)), Ok(()));
    }
}
