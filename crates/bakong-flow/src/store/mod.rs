//! The interface to a store of payments, and an in-memory store.
//!
//! A store holds the payments of one registration: one token and its quota. It implements three traits:
//!
//! | trait | for |
//! | --- | --- |
//! | [`PaymentStore`] | the payments, the quota usage, the events, the decisions of people |
//! | [`LeaderLease`] | which worker runs the tracker |
//! | [`CommandQueue`] | the commands of the other workers |
//!
//! A store that only one process opens implements the last two with their default methods:
//! `impl LeaderLease for MyStore {}`.
//!
//! # Rules
//! The store, not the tracker, has the last word on what happens once. It rejects a [`Change`] that breaks one of these
//! rules, and commits the rest of the batch:
//! - A payment is opened once, by its MD5: [`Conflict::Known`].
//! - A payment becomes final once: [`Conflict::Final`] with the stored outcome. A payment that the store does not have
//!   cannot become final: [`Conflict::Unknown`].
//! - An order is settled once, by an outcome [`Paid`](crate::Outcome::Paid) or an accepted review. A settled order gets
//!   no new payment: [`Conflict::OrderSettled`].
//! - A transaction settles one order: [`Conflict::TransactionSettledAnother`]. The hash is compared in lower case, and
//!   only for outcomes that settle the order. The outcome [`NeedsReview`](crate::Outcome::NeedsReview) may have the hash
//!   of a transaction that settled another order.
//! - A payment whose [`Command::Open`] was withdrawn is not opened: [`Conflict::Withdrawn`].
//!
//! If the rejected payment came from a [`Command::Open`], the result of the command is
//! [`Refused`](CommandResult::Refused) with [`OpenError::Known`](crate::OpenError::Known) or
//! [`OpenError::OrderSettled`](crate::OpenError::OrderSettled), regardless of the result in the batch.
//!
//! [`Change::must_persist`] tells which changes a store needs. A store ignores the others, and commits a batch without
//! changes.
//!
//! With the feature `testing`, `contract::run` checks a store against all of these rules.

mod batch;
mod command;
mod conflict;
#[cfg(feature = "testing")]
pub mod contract;
mod error;
mod event;
mod finished;
mod lease;
mod memory;
mod payment_table;
mod snapshot;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

#[cfg(doc)]
use crate::change::Change;

pub use self::batch::{Batch, Committed, Exchange};
pub use self::command::{Command, CommandId, CommandQueue, CommandResult};
pub use self::conflict::{Conflict, Rejected};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::event::{Event, EventId, EventKind};
pub(crate) use self::finished::FinishedPayments;
pub use self::lease::{Acquired, Epoch, LeaderLease, WorkerId};
pub use self::memory::MemoryStore;
pub use self::snapshot::{FinishedPayment, OpenPayment, Snapshot};
pub use self::stored::{Decision, PaymentKey, Resolution, ResolveConflict, StoredPayment};

/// How many events [`PaymentStore::last_event`] reads at once.
const EVENT_PAGE: usize = 1_000;

/// Stores the payments of one registration.
///
/// The [module page](self) has the rules that a store enforces.
#[async_trait]
pub trait PaymentStore: LeaderLease + CommandQueue {
    /// Loads the state for [`Tracker::restore`](crate::Tracker::restore): the quota usage, the status of lists, the open
    /// payments in the order in which they were opened, and the payments that became final at `finished_since` or
    /// later.
    ///
    /// # Errors
    /// [`StoreError`] if the state cannot be read.
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError>;

    /// Commits a batch, all of it or nothing, except for the changes that it rejects. Returns once the batch would survive
    /// a loss of power.
    ///
    /// A [`Change::Finished`] and a [`Change::PaidAgain`] each add an [`Event`] in the same commit.
    ///
    /// # Errors
    /// - [`Fenced`](StoreErrorKind::Fenced) if the epoch of the batch is not current. Nothing was committed.
    /// - [`Transient`](StoreErrorKind::Transient) if the store failed. The batch may have been committed: commit the same
    ///   batch again.
    /// - [`Fatal`](StoreErrorKind::Fatal) if the sequence number is neither the last one nor the next one.
    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError>;

    /// Returns the payments with this key, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError>;

    /// Returns those of the payments with these MD5s that the store has, in any order.
    ///
    /// A follower looks up up to 200 payments at once. The default calls [`find`](Self::find) for each.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        let mut payments = Vec::new();
        for md5 in md5s {
            payments.extend(self.find(&PaymentKey::Md5(*md5)).await?);
        }
        Ok(payments)
    }

    /// Returns up to `limit` events with a higher id than `after`, the lowest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Returns the id of the last event; [`EventId::START`] if there is none.
    ///
    /// The default reads all events.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn last_event(&self) -> Result<EventId, StoreError> {
        let mut last = EventId::START;
        while let Some(event) = self.events_after(last, EVENT_PAGE).await?.last() {
            last = event.id;
        }
        Ok(last)
    }

    /// Records that `consumer` has handled all events up to `through`. A lower id than before has no effect.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError>;

    /// Returns the last event that `consumer` acknowledged; [`EventId::START`] if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError>;

    /// Stores the decision of a person about a payment that needs a review, and adds an [`Event`]. Any worker may call
    /// this.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written. The inner error tells why the payment cannot be resolved.
    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError>;
}

#[async_trait]
impl<S: PaymentStore + ?Sized> PaymentStore for Arc<S> {
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError> {
        (**self).load(finished_since).await
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        (**self).commit(batch).await
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        (**self).find(key).await
    }

    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        (**self).find_all(md5s).await
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        (**self).events_after(after, limit).await
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        (**self).last_event().await
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        (**self).acknowledge(consumer, through).await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        (**self).acknowledged(consumer).await
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        (**self).resolve(md5, resolution).await
    }
}

#[async_trait]
impl<S: LeaderLease + ?Sized> LeaderLease for Arc<S> {
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        (**self).acquire(worker, term).await
    }

    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        (**self).renew(epoch, term).await
    }

    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        (**self).release(epoch).await
    }
}

#[async_trait]
impl<S: CommandQueue + ?Sized> CommandQueue for Arc<S> {
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        (**self).submit(key, command).await
    }

    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        (**self).result(id).await
    }

    async fn results(
        &self,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandResult)>, StoreError> {
        (**self).results(ids).await
    }

    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        (**self).withdraw(id).await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        (**self).pending(limit).await
    }

    async fn notified(&self) {
        (**self).notified().await;
    }
}
