//! The lease that makes one worker the leader of a registration.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;

/// Grants the lease of a registration (a token and its quota) to one worker at a time.
///
/// Only the worker that has the lease, the leader, runs a tracker, sends requests and commits batches. A lease expires
/// by the store's own clock, so the clocks of the workers do not matter. Each lease has its own [`Epoch`], and the
/// store rejects the batches of earlier epochs. So a worker that was paused for longer than its lease cannot write.
///
/// The default methods grant the lease to every worker. Use them for a store that only one process opens.
#[async_trait]
pub trait LeaderLease: Send + Sync {
    /// Acquires the lease for `term` if it is free or has expired. Returns at once in any case.
    ///
    /// Each lease that is granted gets a higher epoch than all leases before. A worker that already has the lease also
    /// gets a new epoch, because its earlier process may have died.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or written.
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        let _ = (worker, term);
        Ok(Acquired::Leader(Epoch::ALONE))
    }

    /// Extends the lease: it expires after `term` from now. A lease that has expired but was not acquired by
    /// another worker is extended too.
    ///
    /// # Errors
    /// [`StoreErrorKind::Fenced`](super::StoreErrorKind::Fenced) if another worker has acquired the lease.
    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        let _ = (epoch, term);
        Ok(())
    }

    /// Gives the lease up, so that another worker can acquire it at once. Does nothing if `epoch` is not current.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written. The lease then expires at the end of its term.
    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        let _ = epoch;
        Ok(())
    }
}

/// The result of [`LeaderLease::acquire`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Acquired {
    /// The worker is the leader.
    Leader(Epoch),
    /// Another worker is the leader.
    Follower {
        /// When its lease expires, unless the leader extends it.
        expires_in: Duration,
    },
}

/// The number of a lease. Each lease of a registration has a higher epoch than the leases before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(u64);

impl Epoch {
    /// The only epoch of a store that grants no leases.
    pub const ALONE: Self = Self(0);

    /// Creates the epoch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The id of a worker. It must be new for each start of a process.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WorkerId(Box<str>);

impl WorkerId {
    /// Creates an id from `text`, which should be unique.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
