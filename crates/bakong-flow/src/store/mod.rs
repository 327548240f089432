//! The interface to a store that persists a tracker's changes, and an in-memory store.

mod conflict;
mod finished;
mod memory;
mod snapshot;

use std::fmt;

use async_trait::async_trait;

use crate::change::Change;

pub use self::conflict::{Conflict, Rejected};
pub(crate) use self::finished::FinishedPayments;
pub use self::memory::MemoryStore;
pub use self::snapshot::{FinishedPayment, OpenPayment, Snapshot};

/// Persists the changes of a tracker, and loads the state for
/// [`Tracker::restore`](crate::Tracker::restore).
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// Loads the persisted state.
    ///
    /// # Errors
    /// [`StoreError`] if the state cannot be read.
    async fn load(&self) -> Result<Snapshot, StoreError>;

    /// Persists `changes` in order, all of them or none. Returns once they would survive the end of the process.
    ///
    /// The store rejects a [`Change::Opened`] or [`Change::Finished`] that conflicts with an earlier one, persists the
    /// other changes, and returns the rejections. Pass these to
    /// [`Tracker::on_conflict`](crate::Tracker::on_conflict). The rules:
    /// - A payment is opened once and becomes final once.
    /// - An order is settled once, and a settled order gets no new payment.
    /// - A transaction settles one order. Compare hashes in lower case, and only for payments that are
    ///   [`Paid`](crate::Outcome::Paid).
    ///
    /// A [`Change::PaidAgain`] is emitted once. Persist it where a person finds it, unless a subscriber handles it.
    ///
    /// # Errors
    /// [`StoreError`] if no change was persisted. The caller may try again with the same changes.
    async fn persist(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError>;
}

#[async_trait]
impl<S: PaymentStore + ?Sized> PaymentStore for std::sync::Arc<S> {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        (**self).load().await
    }

    async fn persist(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        (**self).persist(changes).await
    }
}

/// The error of a store. The watcher logs the error, so it must contain no secrets.
#[derive(Debug)]
pub struct StoreError(Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps an error of the database or file system.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payment store failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
