//! A store whose calls fail, hang or lose their answers, as the test demands.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bakong_flow::MemoryStore;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandId, CommandQueue, CommandResult, Committed, Epoch, Event,
    EventId, Exchange, LeaderLease, PaymentKey, PaymentStore, Resolution, ResolveConflict,
    Snapshot, StoreError, StoredPayment, WorkerId,
};
use tokio::time::Duration;

/// What happens to the calls of one worker.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The store fails, and changes nothing.
    Down,
    /// The store carries the call out, and reports a failure.
    LosesAnswers,
    /// The store never answers.
    Hangs,
    /// The store fails for good.
    Broken,
}

/// One worker's connection to a store that others use, too.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    fault: Arc<Mutex<Fault>>,
    /// How many of the next writes lose their answers.
    lost_answers: Arc<AtomicU32>,
    /// The number of commits that were attempted.
    commits: Arc<AtomicU32>,
    /// The number of look-ups of payments.
    lookups: Arc<AtomicU32>,
    /// The number of times at which results of commands were read.
    result_reads: Arc<AtomicU32>,
    /// The exchanges that were committed.
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    /// How long each commit takes.
    pub(crate) delay: Duration,
}

impl Faulty {
    pub(crate) fn of(inner: &MemoryStore) -> Self {
        Self {
            inner: inner.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    pub(crate) fn lose_answers(&self, count: u32) {
        self.lost_answers.store(count, Ordering::Relaxed);
    }

    pub(crate) fn commits(&self) -> u32 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn lookups(&self) -> u32 {
        self.lookups.load(Ordering::Relaxed)
    }

    pub(crate) fn result_reads(&self) -> u32 {
        self.result_reads.load(Ordering::Relaxed)
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }

    async fn read<R>(
        &self,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::None | Fault::LosesAnswers => call.await,
            Fault::Down => Err(StoreError::transient("the store is down")),
            Fault::Hangs => std::future::pending().await,
            Fault::Broken => Err(StoreError::fatal("the store is broken")),
        }
    }

    async fn write<R>(
        &self,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        let result = self.read(call).await?;
        let lost = self
            .lost_answers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if lost.is_ok() || *self.fault.lock().unwrap() == Fault::LosesAnswers {
            return Err(StoreError::transient("the answer was lost"));
        }
        Ok(result)
    }
}

#[async_trait]
impl PaymentStore for Faulty {
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError> {
        self.read(self.inner.load(finished_since)).await
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let committed = self.write(self.inner.commit(batch)).await?;
        self.exchanges
            .lock()
            .unwrap()
            .extend_from_slice(batch.exchanges);
        Ok(committed)
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.read(self.inner.find(key)).await
    }

    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.read(self.inner.find_all(md5s)).await
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read(self.inner.events_after(after, limit)).await
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        self.read(self.inner.last_event()).await
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        self.write(self.inner.acknowledge(consumer, through)).await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        self.read(self.inner.acknowledged(consumer)).await
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        self.write(self.inner.resolve(md5, resolution)).await
    }
}

#[async_trait]
impl LeaderLease for Faulty {
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        self.write(self.inner.acquire(worker, term)).await
    }

    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        self.write(self.inner.renew(epoch, term)).await
    }

    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.write(self.inner.release(epoch)).await
    }
}

#[async_trait]
impl CommandQueue for Faulty {
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        self.write(self.inner.submit(key, command)).await
    }

    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        self.read(self.inner.result(id)).await
    }

    async fn results(
        &self,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandResult)>, StoreError> {
        self.result_reads.fetch_add(1, Ordering::Relaxed);
        self.read(self.inner.results(ids)).await
    }

    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        self.write(self.inner.withdraw(id)).await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        self.read(self.inner.pending(limit)).await
    }

    async fn notified(&self) {
        self.inner.notified().await;
    }
}
