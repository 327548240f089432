//! The health of a watcher, for monitoring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bakong_api::khqr_core::Timestamp;
use bakong_api::server_time::Skew;
use bakong_api::token::TokenState;

use crate::quota::WindowUsage;
use crate::store::{Epoch, StoreError};

/// What a watcher does, and what works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The role of the watcher.
    pub role: Role,
    /// Whether the store works.
    pub store: StoreHealth,
    /// The usage of the current quota window; `None` for a follower.
    pub usage: Option<WindowUsage>,
    /// The maximum number of requests in a quota window.
    pub quota_limit: u32,
    /// The state of the session's token.
    pub token: TokenState,
    /// How this machine's clock differs from Bakong's. To be told when a difference of over a minute begins or ends, add an
    /// observer to the session: [`SessionObserver::skew_changed`](bakong_api::observe::SessionObserver::skew_changed).
    pub clock: Skew,
    /// The number of open payments; `None` for a follower.
    pub open_payments: Option<usize>,
}

/// The role of a watcher among the watchers of one store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Role {
    /// The watcher has the lease: it asks Bakong and decides.
    Leader {
        /// The epoch of the lease.
        epoch: Epoch,
    },
    /// Another watcher leads, or the store cannot be reached. This watcher hands over its commands.
    Follower,
    /// The watcher has ended.
    Ended,
}

/// Whether the store works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreHealth {
    /// The last access succeeded.
    Working,
    /// The last access failed.
    Failing {
        /// When the first of the failures in a row happened.
        since: Timestamp,
    },
}

/// The part of the health that the task records.
#[derive(Debug)]
pub(super) struct HealthRecord {
    recorded: Mutex<Recorded>,
    /// Why the last commit failed, until it succeeds.
    commit_error: Mutex<Option<Box<str>>>,
    /// When the lease of another worker expires, as this worker last saw it.
    lease_of_another: Mutex<Option<Timestamp>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) role: Role,
    pub(super) store: StoreHealth,
    pub(super) usage: Option<WindowUsage>,
    pub(super) open_payments: Option<usize>,
}

impl HealthRecord {
    pub(super) const fn new() -> Self {
        let recorded = Recorded {
            role: Role::Follower,
            store: StoreHealth::Working,
            usage: None,
            open_payments: None,
        };
        Self {
            recorded: Mutex::new(recorded),
            commit_error: Mutex::new(None),
            lease_of_another: Mutex::new(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        let recorded = self.recorded.lock();
        recorded.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_commit_error(&self, error: Option<&StoreError>) {
        let mut recorded = self
            .commit_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *recorded = error.map(|error| error.to_string().into());
    }

    pub(super) fn commit_error(&self) -> Option<Box<str>> {
        let recorded = self.commit_error.lock();
        recorded.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_lease_of_another(&self, until: Timestamp) {
        let lease = self.lease_of_another.lock();
        *lease.unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    pub(super) fn lease_of_another(&self) -> Option<Timestamp> {
        let lease = self.lease_of_another.lock();
        *lease.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> Recorded {
        *self.lock()
    }

    pub(super) fn set_role(&self, role: Role) {
        let mut recorded = self.lock();
        recorded.role = role;
        if !matches!(role, Role::Leader { .. }) {
            recorded.usage = None;
            recorded.open_payments = None;
        }
    }

    pub(super) fn set_leader(&self, epoch: Epoch, usage: WindowUsage, open_payments: usize) {
        let mut recorded = self.lock();
        recorded.role = Role::Leader { epoch };
        recorded.usage = Some(usage);
        recorded.open_payments = Some(open_payments);
    }

    pub(super) fn store_works(&self) {
        self.lock().store = StoreHealth::Working;
    }

    pub(super) fn store_failed(&self, now: Timestamp) {
        let store = &mut self.lock().store;
        if *store == StoreHealth::Working {
            *store = StoreHealth::Failing { since: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::WindowIndex;

    #[test]
    fn the_reason_of_a_failed_commit_is_kept_until_one_succeeds() {
        let health = HealthRecord::new();
        assert_eq!(health.commit_error(), None);
        health.set_commit_error(Some(&StoreError::transient("the disk is full")));
        let reason = health.commit_error().unwrap();
        assert!(reason.contains("the disk is full"), "{reason}");
        health.set_commit_error(None);
        assert_eq!(health.commit_error(), None);
    }

    #[test]
    fn only_a_leader_knows_the_quota_and_the_open_payments() {
        let health = HealthRecord::new();
        let leader = Role::Leader {
            epoch: Epoch::new(1),
        };
        health.set_leader(Epoch::new(1), WindowUsage::unused(WindowIndex::new(1)), 7);
        health.set_role(leader);
        assert_eq!(health.get().open_payments, Some(7));
        health.set_role(Role::Follower);
        assert!(health.get().usage.is_none() && health.get().open_payments.is_none());
    }

    #[test]
    fn a_failing_store_fails_since_the_first_failure() {
        let health = HealthRecord::new();
        let [first, second] = [1, 2].map(Timestamp::from_millis);
        health.store_failed(first);
        health.store_failed(second);
        assert_eq!(health.get().store, StoreHealth::Failing { since: first });
        health.store_works();
        assert_eq!(health.get().store, StoreHealth::Working);
    }
}
