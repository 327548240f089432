//! Where a tracker's changes are kept, so that nothing is lost when the process ends at any point.

mod memory;

use std::fmt;

use async_trait::async_trait;
use bakong_api::khqr_core::Md5Handle;

use crate::change::Change;
use crate::outcome::Outcome;
use crate::payment::OrderId;

pub use crate::tracker::{FinishedPayment, OpenPayment, Snapshot};
pub use memory::MemoryStore;

/// Keeps the changes of a tracker, and gives back what [`Tracker::restore`](crate::Tracker::restore) needs.
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// What was kept so far.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn load(&self) -> Result<Snapshot, StoreError>;

    /// Keeps these changes, in their order, all of them or none, and comes back when they would survive the end
    /// of the process.
    ///
    /// A payment is opened once and becomes final once, an order is settled once, and a transaction is found
    /// for one order: a [`Change::Opened`] or [`Change::Finished`] that comes second is not kept, and told of
    /// in the answer, while the others are. Hand those to
    /// [`Tracker::on_conflict`](crate::Tracker::on_conflict).
    ///
    /// A [`Change::PaidAgain`] is told once: keep it where a person finds it, if those who listen may miss it.
    ///
    /// # Errors
    /// If they could not be kept: none of them is then. It may be called with the same changes again.
    async fn keep(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError>;
}

#[async_trait]
impl<S: PaymentStore + ?Sized> PaymentStore for std::sync::Arc<S> {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        (**self).load().await
    }

    async fn keep(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        (**self).keep(changes).await
    }
}

/// A change that came second.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rejected {
    /// Of which payment.
    pub md5: Md5Handle,
    /// To what.
    pub conflict: Conflict,
}

impl Rejected {
    /// The change of this payment lost to that.
    #[must_use]
    pub const fn new(md5: Md5Handle, conflict: Conflict) -> Self {
        Self { md5, conflict }
    }
}

/// What a change lost to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Conflict {
    /// The payment was opened before.
    Known,
    /// It is final already, like this.
    Final(Box<Outcome>),
    /// Another payment settled its order; of an [`Opened`](Change::Opened), too.
    OrderSettled,
    /// Its transaction was found for another order.
    TransactionTaken {
        /// This one.
        order: OrderId,
    },
}

/// Why a store could not do what it was asked. It says no secrets: it is logged.
#[derive(Debug)]
pub struct StoreError(Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// An error of what the store is made of.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of payments does not work: {}", self.0)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
