//! The store of one registration: each method hands its work to the writer or to a reader.

use std::ops::Range;
use std::sync::Arc;
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

use super::SqliteDatabase;
use super::batch::OwnedBatch;
use super::writer::Message;
use super::{batch, books, lease, payments, queue};
use crate::books::{Books, Cursor, ExchangeFilter, Page, PaymentFilter, Statement};
use crate::record::term_millis;

/// The store of one registration in an SQLite file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: SqliteDatabase,
    /// The id of the registration in the file.
    registration: i64,
    /// Notifies the callers of this process that wait for a change of the registration.
    notify: Arc<Notify>,
}

impl SqliteStore {
    pub(super) fn new(database: SqliteDatabase, registration: i64) -> Self {
        let notify = database.0.watchers.of(registration);
        Self {
            database,
            registration,
            notify,
        }
    }

    /// Returns the database of the store.
    #[must_use]
    pub const fn database(&self) -> &SqliteDatabase {
        &self.database
    }

    /// Makes the current lease expire at once, for tests.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    #[cfg(feature = "testing")]
    pub async fn expire_lease(&self) -> Result<(), StoreError> {
        let registration = self.registration;
        let sql = "UPDATE registrations SET expires_at = 0 WHERE id = ?1";
        let expire = self
            .database
            .0
            .write(None, move |session| session.execute(sql, [registration]));
        expire.await.map(drop)
    }

    /// Returns the number and the result of the last batch of the current epoch, for tests.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    #[cfg(feature = "testing")]
    pub async fn last_batch(&self) -> Result<(u64, Committed), StoreError> {
        let registration = self.registration;
        let last = self
            .database
            .0
            .read(move |session| batch::last(session, registration));
        last.await
    }

    fn notify(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.notify))
    }
}

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError> {
        let registration = self.registration;
        let load = self
            .database
            .0
            .read(move |session| payments::load(session, registration, finished_since));
        load.await
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        let registration = self.registration;
        let batch = OwnedBatch::from(batch);
        let commit = self.database.0.write_batch(self.notify(), move |session| {
            batch::commit(session, registration, &batch)
        });
        commit.await
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        let (registration, key) = (self.registration, key.clone());
        let find = self
            .database
            .0
            .read(move |session| payments::find(session, registration, &key));
        find.await
    }

    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        let (registration, md5s) = (self.registration, md5s.to_vec());
        let find = self
            .database
            .0
            .read(move |session| payments::find_all(session, registration, &md5s));
        find.await
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let registration = self.registration;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let events = self
            .database
            .0
            .read(move |session| payments::events_after(session, registration, after, limit));
        events.await
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        let registration = self.registration;
        let last = self
            .database
            .0
            .read(move |session| payments::last_event(session, registration));
        last.await
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        let (registration, consumer) = (self.registration, consumer.to_owned());
        let acknowledge = self.database.0.write(None, move |session| {
            payments::acknowledge(session, registration, &consumer, through)
        });
        acknowledge.await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        let (registration, consumer) = (self.registration, consumer.to_owned());
        let acknowledged = self
            .database
            .0
            .read(move |session| payments::acknowledged(session, registration, &consumer));
        acknowledged.await
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        let (registration, md5, resolution) = (self.registration, *md5, resolution.clone());
        let resolve = self.database.0.write(self.notify(), move |session| {
            payments::resolve(session, registration, &md5, &resolution)
        });
        resolve.await
    }
}

#[async_trait]
impl LeaderLease for SqliteStore {
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        let (registration, worker) = (self.registration, worker.clone());
        let term = term_millis(term);
        let acquire = self.database.0.write(None, move |session| {
            lease::acquire(session, registration, worker.as_str(), term)
        });
        acquire.await
    }

    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        let registration = self.registration;
        let term = term_millis(term);
        let renew = self.database.0.write(None, move |session| {
            lease::renew(session, registration, epoch, term)
        });
        renew.await
    }

    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        let registration = self.registration;
        let release = self.database.0.write(self.notify(), move |session| {
            lease::release(session, registration, epoch)
        });
        release.await
    }
}

#[async_trait]
impl CommandQueue for SqliteStore {
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        let (registration, key, command) = (self.registration, key.to_owned(), command.clone());
        let submit = self.database.0.write(self.notify(), move |session| {
            queue::submit(session, registration, &key, &command)
        });
        submit.await
    }

    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        let registration = self.registration;
        let result = self
            .database
            .0
            .read(move |session| queue::result(session, registration, id));
        result.await
    }

    async fn results(
        &self,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandResult)>, StoreError> {
        let (registration, ids) = (self.registration, ids.to_vec());
        let results = self
            .database
            .0
            .read(move |session| queue::results(session, registration, &ids));
        results.await
    }

    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let registration = self.registration;
        let withdraw = self.database.0.write(self.notify(), move |session| {
            queue::withdraw(session, registration, id)
        });
        withdraw.await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        let registration = self.registration;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let pending = self
            .database
            .0
            .read(move |session| queue::pending(session, registration, limit));
        pending.await
    }

    async fn notified(&self) {
        let notified = self.notify.notified();
        let _waiting = self.database.0.watchers.wait();
        // Wakes the writer, which otherwise waits for work and does not poll. If it has ended, nothing can change.
        let _ = self.database.0.writes.send(Message::Watch);
        notified.await;
    }
}

#[async_trait]
impl Books for SqliteStore {
    async fn payments(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredPayment>, StoreError> {
        let (registration, filter) = (self.registration, filter.clone());
        let payments = self
            .database
            .0
            .read(move |session| books::payments(session, registration, &filter, after, limit));
        payments.await
    }

    async fn exchanges(
        &self,
        filter: &ExchangeFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Exchange>, StoreError> {
        let (registration, filter) = (self.registration, filter.clone());
        let exchanges = self
            .database
            .0
            .read(move |session| books::exchanges(session, registration, &filter, after, limit));
        exchanges.await
    }

    async fn statement(&self, period: Range<Timestamp>) -> Result<Statement, StoreError> {
        let registration = self.registration;
        let statement = self
            .database
            .0
            .read(move |session| books::statement(session, registration, period));
        statement.await
    }

    async fn prune_exchanges(&self, before: Timestamp) -> Result<u64, StoreError> {
        let registration = self.registration;
        let prune = self.database.0.write(None, move |session| {
            books::prune_exchanges(session, registration, before)
        });
        prune.await
    }
}
