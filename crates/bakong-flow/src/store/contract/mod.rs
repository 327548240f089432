//! Checks a store against the [rules](super) that a tracker relies on.
//!
//! Call [`run`] in a test of the store:
//! ```
//! use bakong_flow::MemoryStore;
//! use bakong_flow::store::contract::{self, Fixture};
//!
//! struct InMemory(MemoryStore);
//!
//! #[async_trait::async_trait]
//! impl Fixture for InMemory {
//!     type Store = MemoryStore;
//!
//!     async fn open(&self) -> MemoryStore {
//!         self.0.clone()
//!     }
//!
//!     async fn expire_lease(&self) {
//!         self.0.expire_lease();
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! contract::run(async || InMemory(MemoryStore::new())).await;
//! # }
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    reason = "a store that breaks a rule fails the test"
)]

mod batches;
mod commands;
mod events;
mod leases;
mod payments;
mod reviews;
pub mod sample;
mod settlement;

use async_trait::async_trait;

use super::batch::{Batch, Committed};
use super::command::{CommandId, CommandResult};
use super::conflict::Rejected;
use super::error::StoreError;
use super::lease::{Acquired, Epoch, WorkerId};
use super::{PaymentStore, Snapshot, StoredPayment};
use crate::change::Change;
use crate::order::OrderId;
use crate::store::PaymentKey;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

/// The data of one registration, which several workers open.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store.
    type Store: PaymentStore;

    /// Opens the data, as another worker does, or the same worker after a restart.
    async fn open(&self) -> Self::Store;

    /// Makes the current lease expire at once, but grants it to no worker.
    async fn expire_lease(&self);
}

/// Plays every rule against stores that `make` creates. Each rule gets a fixture without data.
///
/// # Panics
/// If the store breaks a rule, or fails.
pub async fn run<F: Fixture>(make: impl AsyncFn() -> F) {
    payments::run(&make).await;
    settlement::run(&make).await;
    batches::run(&make).await;
    leases::run(&make).await;
    commands::run(&make).await;
    events::run(&make).await;
    reviews::run(&make).await;
}

/// Runs each case with a fixture of its own.
macro_rules! cases {
    ($make:ident: $($case:ident),* $(,)?) => {$(
        let fixture = $make().await;
        $case(&fixture).await;
    )*};
}
use cases;

/// A worker that has the lease.
struct Leader<S> {
    store: S,
    epoch: Epoch,
    sequence: u64,
}

impl<S: PaymentStore> Leader<S> {
    /// Opens the store and acquires the lease.
    async fn start<F: Fixture<Store = S>>(fixture: &F) -> Self {
        Self::of(fixture.open().await, "first").await
    }

    async fn of(store: S, worker: &str) -> Self {
        let acquired = store.acquire(&WorkerId::new(worker), sample::TERM).await;
        let Acquired::Leader(epoch) = acquired.expect("acquire the lease") else {
            panic!("the lease is not free");
        };
        Self {
            store,
            epoch,
            sequence: 0,
        }
    }

    fn next_batch<'a>(
        &mut self,
        changes: &'a [Change],
        results: &'a [(CommandId, CommandResult)],
    ) -> Batch<'a> {
        self.sequence += 1;
        Batch {
            epoch: self.epoch,
            sequence: self.sequence,
            changes,
            results,
            exchanges: &[],
        }
    }

    /// Commits the changes and returns the rejected ones.
    async fn commit(&mut self, changes: &[Change]) -> Vec<Rejected> {
        let batch = self.next_batch(changes, &[]);
        let committed = self.store.commit(&batch).await;
        committed.expect("commit a batch").rejected
    }

    async fn commit_results(
        &mut self,
        changes: &[Change],
        results: &[(CommandId, CommandResult)],
    ) -> Vec<Rejected> {
        let batch = self.next_batch(changes, results);
        let committed = self.store.commit(&batch).await;
        committed.expect("commit a batch").rejected
    }

    async fn try_commit(&mut self, changes: &[Change]) -> Result<Committed, StoreError> {
        let batch = self.next_batch(changes, &[]);
        self.store.commit(&batch).await
    }
}

/// Loads everything.
async fn load(store: &impl PaymentStore) -> Snapshot {
    let snapshot = store.load(Timestamp::from_millis(0)).await;
    snapshot.expect("load the state")
}

async fn find(store: &impl PaymentStore, md5: Md5Handle) -> Option<StoredPayment> {
    let found = store.find(&PaymentKey::Md5(md5)).await;
    let mut found = found.expect("find a payment");
    assert!(found.len() <= 1, "an MD5 identifies one payment");
    found.pop()
}

async fn find_order(store: &impl PaymentStore, order: OrderId) -> Vec<StoredPayment> {
    let found = store.find(&PaymentKey::Order(order)).await;
    found.expect("find the payments of an order")
}
