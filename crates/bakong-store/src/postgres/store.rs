//! The store of one registration.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bakong_flow::PaymentStore;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandId, CommandQueue, CommandResult, Committed, Epoch, Event,
    EventId, Exchange, LeaderLease, PaymentKey, Resolution, ResolveConflict, Snapshot, StoreError,
    StoredPayment, WorkerId,
};
use tokio::sync::Notify;

use super::commit::{Committer, Known};
use super::connection::Connections;
use super::failure::Failure;
use super::{PostgresDatabase, books, lease, payments, queue};
#[cfg(feature = "testing")]
use super::{connection::Mode, head::Head, statement::Statement};
use crate::books::{Books, Cursor, ExchangeFilter, Page, PaymentFilter, Statement as Account};
use crate::record::term_millis;

/// The store of one registration in a PostgreSQL database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    database: PostgresDatabase,
    /// The id of the registration in the database.
    registration: i64,
    /// Notifies the callers of this process that wait for a change of the registration.
    notify: Arc<Notify>,
    /// What this process knows from its last commit.
    known: Arc<Mutex<Option<Known>>>,
}

impl PostgresStore {
    pub(super) fn new(database: PostgresDatabase, registration: i64) -> Self {
        let notify = database.0.notifications.of(registration);
        Self {
            database,
            registration,
            notify,
            known: Arc::default(),
        }
    }

    /// Returns the database of the store.
    #[must_use]
    pub const fn database(&self) -> &PostgresDatabase {
        &self.database
    }

    /// Makes the current lease expire at once, for tests.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be written.
    #[cfg(feature = "testing")]
    pub async fn expire_lease(&self) -> Result<(), StoreError> {
        let expire = Statement::new("UPDATE registrations SET expires_at = 0 WHERE id = $1");
        let expire = [expire.with(self.registration)];
        let expired = self.connections().run(Mode::Write, &expire).await;
        self.explain(expired).map(drop)
    }

    /// Returns the number and the result of the last batch of the current epoch, for tests.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    #[cfg(feature = "testing")]
    pub async fn last_batch(&self) -> Result<(u64, Committed), StoreError> {
        let last = async {
            let select = [Head::select(self.registration)];
            let rows = self.connections().run(Mode::Read, &select).await?;
            let head = Head::read(rows.first().map_or(&[][..], Vec::as_slice))?;
            Ok((head.last_sequence, head.last_committed()?))
        };
        self.explain(last.await)
    }

    fn connections(&self) -> &Connections {
        &self.database.0.connections
    }

    fn leases(&self) -> &Connections {
        &self.database.0.leases
    }

    fn notify(&self) {
        self.database.0.notifications.send(self.registration);
    }

    fn explain<T>(&self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| failure.store_error(&self.database.0.place))
    }
}

fn column(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl PaymentStore for PostgresStore {
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError> {
        let (reserved, others) = (self.leases(), self.connections());
        let loaded = payments::load(reserved, others, self.registration, finished_since).await;
        self.explain(loaded)
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        let committer = Committer {
            connections: self.connections(),
            registration: self.registration,
            known: &self.known,
        };
        let committed = committer.commit(batch).await;
        let (committed, is_awaited) = self.explain(committed)?;
        if is_awaited {
            self.notify();
        }
        Ok(committed)
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        let found = payments::find(self.connections(), self.registration, key).await;
        self.explain(found)
    }

    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        let found = payments::find_all(self.connections(), self.registration, md5s).await;
        self.explain(found)
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let limit = column(limit);
        let connections = self.connections();
        let events = payments::events_after(connections, self.registration, after, limit).await;
        self.explain(events)
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        let last = payments::last_event(self.connections(), self.registration).await;
        self.explain(last)
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        let connections = self.connections();
        let stored = payments::acknowledge(connections, self.registration, consumer, through).await;
        self.explain(stored)
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        let found = payments::acknowledged(self.connections(), self.registration, consumer).await;
        self.explain(found)
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        let connections = self.connections();
        let resolve = payments::resolve(connections, self.registration, md5, resolution);
        let resolved = self.explain(connections.limited(resolve).await)?;
        if resolved.is_ok() {
            self.notify();
        }
        Ok(resolved)
    }
}

#[async_trait]
impl LeaderLease for PostgresStore {
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        let (term, worker) = (term_millis(term), worker.as_str());
        let (reserved, others) = (self.leases(), self.connections());
        let acquired = lease::acquire(reserved, others, self.registration, worker, term).await;
        self.explain(acquired)
    }

    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        let term = term_millis(term);
        let (reserved, others) = (self.leases(), self.connections());
        let renewed = lease::renew(reserved, others, self.registration, epoch, term).await;
        self.explain(renewed)
    }

    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        let (reserved, others) = (self.leases(), self.connections());
        let released = lease::release(reserved, others, self.registration, epoch).await;
        self.explain(released)?;
        self.notify();
        Ok(())
    }
}

#[async_trait]
impl CommandQueue for PostgresStore {
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        let submitted = queue::submit(self.connections(), self.registration, key, command).await;
        let id = self.explain(submitted)?;
        self.notify();
        Ok(id)
    }

    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        let found = queue::result(self.connections(), self.registration, id).await;
        self.explain(found)
    }

    async fn results(
        &self,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandResult)>, StoreError> {
        let found = queue::results(self.connections(), self.registration, ids).await;
        self.explain(found)
    }

    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let withdrawn = queue::withdraw(self.connections(), self.registration, id).await;
        let result = self.explain(withdrawn)?;
        self.notify();
        Ok(result)
    }

    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        let limit = column(limit);
        let pending = queue::pending(self.connections(), self.registration, limit).await;
        self.explain(pending)
    }

    async fn notified(&self) {
        self.notify.notified().await;
    }
}

#[async_trait]
impl Books for PostgresStore {
    async fn payments(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredPayment>, StoreError> {
        let connections = self.connections();
        let page = books::payments(connections, self.registration, filter, after, limit).await;
        self.explain(page)
    }

    async fn exchanges(
        &self,
        filter: &ExchangeFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Exchange>, StoreError> {
        let connections = self.connections();
        let page = books::exchanges(connections, self.registration, filter, after, limit).await;
        self.explain(page)
    }

    async fn statement(&self, period: Range<Timestamp>) -> Result<Account, StoreError> {
        let account = books::statement(self.connections(), self.registration, period).await;
        self.explain(account)
    }

    async fn prune_exchanges(&self, before: Timestamp) -> Result<u64, StoreError> {
        let pruned = books::prune_exchanges(self.connections(), self.registration, before).await;
        self.explain(pruned)
    }
}
