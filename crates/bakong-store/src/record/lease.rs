//! The lease of a registration.

use std::time::Duration;

/// The columns of a lease, with the time of the database's clock.
#[derive(Clone, Debug)]
pub(crate) struct LeaseRow {
    pub(crate) owner: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) term: Option<i64>,
    pub(crate) now: i64,
}

impl LeaseRow {
    /// Returns how long another worker has the lease; `None` if `worker` can acquire it.
    ///
    /// A lease that ends more than two terms from now was granted before the clock was set back. It counts as expired, so
    /// that a registration whose leader died finds a new one. If the leader lives, its epoch fences it, and it must
    /// acquire the lease again.
    pub(crate) fn held_by_other(&self, worker: &str) -> Option<Duration> {
        if self.owner.as_deref() == Some(worker) {
            return None;
        }
        let left = self.expires_at?.saturating_sub(self.now);
        let term = self.term.unwrap_or(left);
        let is_valid = left > 0 && left <= term.saturating_mul(2);
        let left = u64::try_from(left).unwrap_or(0);
        is_valid.then_some(Duration::from_millis(left))
    }
}

/// Returns a term in milliseconds, at least 1.
pub(crate) fn term_millis(term: Duration) -> i64 {
    i64::try_from(term.as_millis()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(expires_at: Option<i64>) -> LeaseRow {
        LeaseRow {
            owner: Some("a".into()),
            expires_at,
            term: Some(30_000),
            now: 1_000_000,
        }
    }

    #[test]
    fn a_lease_is_held_until_it_expires() {
        let held = lease(Some(1_000_001));
        assert_eq!(held.held_by_other("b"), Some(Duration::from_millis(1)));
        assert_eq!(held.held_by_other("a"), None);
        for free in [None, Some(1_000_000), Some(0), Some(i64::MIN)] {
            assert_eq!(lease(free).held_by_other("b"), None, "{free:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_extend_a_lease_for_long() {
        let held = lease(Some(1_060_000));
        assert_eq!(held.held_by_other("b"), Some(Duration::from_secs(60)));
        for long in [1_060_001, i64::MAX] {
            assert_eq!(lease(Some(long)).held_by_other("b"), None);
        }
    }
}
