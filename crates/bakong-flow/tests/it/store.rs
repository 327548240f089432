//! The in-memory store keeps the rules of a store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::payment::Untrackable;
use bakong_flow::store::contract::sample::{
    START, TERM, after, finished, md5, opened, order, paid,
};
use bakong_flow::store::contract::{self, Fixture};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandId, CommandQueue, CommandResult, Committed, Conflict, Epoch,
    Event, EventId, LeaderLease, PaymentKey, PaymentStore, Rejected, Resolution, ResolveConflict,
    Snapshot, StoreError, StoredPayment, WorkerId,
};
use bakong_flow::{Change, Events, MemoryStore, OrderId, Outcome};

struct InMemory(MemoryStore);

#[async_trait]
impl Fixture for InMemory {
    type Store = MemoryStore;

    async fn open(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn expire_lease(&self) {
        self.0.expire_lease();
    }
}

/// The store behind a pointer, as a program has it that selects a store at run time.
struct Shared(MemoryStore);

#[async_trait]
impl Fixture for Shared {
    type Store = Arc<MemoryStore>;

    async fn open(&self) -> Arc<MemoryStore> {
        Arc::new(self.0.clone())
    }

    async fn expire_lease(&self) {
        self.0.expire_lease();
    }
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    contract::run(async || InMemory(MemoryStore::new())).await;
}

#[tokio::test]
async fn a_shared_store_keeps_the_contract() {
    contract::run(async || Shared(MemoryStore::new())).await;
}

/// The limit of the documentation of `MemoryStore`.
const RETENTION: u64 = 30 * 24 * 60 * 60;

fn expired(number: u32, at: u64) -> Change {
    Change::Finished {
        md5: md5(number),
        order: order(number),
        outcome: Outcome::Expired,
        at: after(at),
    }
}

#[tokio::test]
async fn a_final_payment_is_kept_for_30_days() {
    let store = MemoryStore::new();
    let events = async || {
        let events = store.events_after(EventId::START, 10).await.unwrap();
        events
            .into_iter()
            .map(|event| event.md5)
            .collect::<Vec<_>>()
    };
    // Payment 1 becomes final 1,001 seconds after the start. Payment 2 of the same order stays open.
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 3),
        opened(4, 4),
        finished(1, 1, paid(7)),
    ];
    assert_eq!(store.apply(&changes), []);
    assert_eq!(store.apply(&[expired(3, 1_001 + RETENTION)]), []);
    assert!(store.outcome(&md5(1)).is_some(), "30 days");
    assert_eq!(events().await, [md5(1), md5(3)]);
    assert_eq!(store.apply(&[expired(4, 1_002 + RETENTION)]), []);
    assert_eq!(store.outcome(&md5(1)), None, "30 days and one second");
    assert_eq!(events().await, [md5(3), md5(4)]);
    assert_eq!(store.snapshot().finished.len(), 2);
    let of_order = store.find(&PaymentKey::Order(order(1))).await.unwrap();
    let of_order: Vec<_> = of_order.iter().map(|stored| stored.payment.md5).collect();
    assert_eq!(of_order, [md5(2)]);
    // The order and the transaction are free again.
    assert_eq!(store.apply(&[opened(5, 1), opened(6, 6)]), []);
    assert_eq!(store.apply(&[finished(6, 6, paid(7))]), []);
}

#[tokio::test]
async fn an_expired_payment_leaves_its_order_settled_by_another() {
    let store = MemoryStore::new();
    let unpaid = Change::Finished {
        md5: md5(1),
        order: order(1),
        outcome: Outcome::Expired,
        at: START,
    };
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 3),
        unpaid,
        finished(2, 1, paid(7)),
        expired(3, RETENTION + 1),
    ];
    assert_eq!(store.apply(&changes), []);
    assert_eq!(store.outcome(&md5(1)), None);
    let settled = Rejected::new(md5(4), Conflict::OrderSettled);
    assert_eq!(store.apply(&[opened(4, 1)]), [settled]);
}

async fn lead(store: &MemoryStore) -> Epoch {
    match store.acquire(&WorkerId::new("worker"), TERM).await {
        Ok(Acquired::Leader(epoch)) => epoch,
        other => panic!("{other:?}"),
    }
}

async fn submit(store: &MemoryStore, number: u32) -> CommandId {
    let command = Command::Nudge { md5: md5(number) };
    store.submit(&number.to_string(), &command).await.unwrap()
}

async fn answer(store: &MemoryStore, epoch: Epoch, sequence: u64, ids: &[CommandId]) {
    let results: Vec<_> = ids.iter().map(|id| (*id, CommandResult::Done)).collect();
    let batch = Batch::new(epoch, sequence).with_results(&results);
    store.commit(&batch).await.unwrap();
}

#[tokio::test]
async fn the_last_1000_commands_are_kept() {
    let store = MemoryStore::new();
    let epoch = lead(&store).await;
    let mut ids = Vec::new();
    for number in 0..1_000 {
        ids.push(submit(&store, number).await);
    }
    answer(&store, epoch, 1, &ids).await;
    let done = Some(CommandResult::Done);
    assert_eq!(store.result(ids[0]).await.unwrap(), done);
    let last = submit(&store, 1_000).await;
    answer(&store, epoch, 2, &[last]).await;
    assert!(store.result(ids[0]).await.is_err());
    assert_eq!(store.result(ids[1]).await.unwrap(), done);
    // Its key can be used again, and its id cannot.
    assert!(submit(&store, 0).await > last);
}

#[tokio::test]
async fn a_command_without_a_result_is_kept() {
    let store = MemoryStore::new();
    let epoch = lead(&store).await;
    let waiting = submit(&store, 0).await;
    let mut ids = Vec::new();
    for number in 1..=1_000 {
        ids.push(submit(&store, number).await);
    }
    answer(&store, epoch, 1, &ids).await;
    assert_eq!(store.result(waiting).await.unwrap(), None);
    assert!(store.result(ids[0]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_with_its_term() {
    let store = MemoryStore::new();
    lead(&store).await;
    let other = WorkerId::new("other");
    let millisecond = Duration::from_millis(1);
    tokio::time::advance(TERM - millisecond).await;
    let acquired = store.acquire(&other, TERM).await.unwrap();
    let follower = Acquired::Follower {
        expires_in: millisecond,
    };
    assert_eq!(acquired, follower);
    tokio::time::advance(millisecond).await;
    let acquired = store.acquire(&other, TERM).await.unwrap();
    assert!(matches!(acquired, Acquired::Leader(_)), "{acquired:?}");
}

#[test]
fn ids_and_errors_are_read_as_they_were_written() {
    assert_eq!(EventId::new(7).get(), 7);
    assert_eq!(CommandId::new(8).get(), 8);
    let worker = WorkerId::new("till 1");
    assert_eq!(
        (worker.as_str(), &*worker.to_string()),
        ("till 1", "till 1")
    );
    let order = OrderId::new("order 1").unwrap();
    assert_eq!(
        (order.as_str(), &*order.to_string()),
        ("order 1", "order 1")
    );
    let error = OrderId::new("").unwrap_err();
    assert!(error.to_string().contains("1 to "), "{error}");
    for (error, words) in [
        (Untrackable::NoAmount, "has no amount"),
        (Untrackable::NoExpiry, "has no expiry"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = StoreError::transient("the disk is full");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("the disk is full"));
}

/// A store that grants no leases and has no commands.
struct Alone;

impl LeaderLease for Alone {}

impl CommandQueue for Alone {}

#[tokio::test]
async fn a_store_without_leases_and_commands_has_one_worker_that_nothing_wakes() {
    let acquired = Alone.acquire(&WorkerId::new("one"), TERM).await.unwrap();
    assert_eq!(acquired, Acquired::Leader(Epoch::ALONE));
    Alone
        .submit("key", &Command::Nudge { md5: md5(1) })
        .await
        .unwrap_err();
    assert_eq!(Alone.results(&[CommandId::new(1)]).await.unwrap(), []);
    let waiting = tokio::time::timeout(Duration::ZERO, Alone.notified());
    waiting.await.unwrap_err();
}

/// A store with the required methods only. Its events fail with the given errors first.
struct Plain {
    inner: MemoryStore,
    errors: Mutex<Vec<StoreError>>,
}

impl LeaderLease for Plain {}

impl CommandQueue for Plain {}

#[async_trait]
impl PaymentStore for Plain {
    async fn load(&self, since: Timestamp) -> Result<Snapshot, StoreError> {
        self.inner.load(since).await
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        self.inner.commit(batch).await
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        self.inner.find(key).await
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let error = self.errors.lock().unwrap().pop();
        match error {
            Some(error) => Err(error),
            None => self.inner.events_after(after, limit).await,
        }
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        self.inner.acknowledge(consumer, through).await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        self.inner.acknowledged(consumer).await
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        self.inner.resolve(md5, resolution).await
    }
}

/// A store with two payments. The first one is final.
fn plain(errors: Vec<StoreError>) -> Plain {
    let inner = MemoryStore::new();
    let changes = [opened(1, 1), opened(2, 2), finished(1, 1, paid(1))];
    assert_eq!(inner.apply(&changes), []);
    Plain {
        inner,
        errors: Mutex::new(errors),
    }
}

#[tokio::test]
async fn a_store_with_the_required_methods_only_finds_payments_and_the_last_event() {
    let store = plain(Vec::new());
    let found = store.find_all(&[md5(1), md5(2), md5(3)]).await.unwrap();
    let found: Vec<_> = found.iter().map(|stored| stored.payment.md5).collect();
    assert_eq!(found, [md5(1), md5(2)]);
    assert_eq!(store.last_event().await.unwrap().get(), 1);
}

#[tokio::test(start_paused = true)]
async fn events_wait_for_a_store_that_fails_and_end_if_it_fails_for_good() {
    let store = plain(vec![StoreError::transient("the store is down")]);
    let mut events = Events::of_store(store, "receipts");
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.md5, md5(1));
    assert!(format!("{events:?}").contains("receipts"));
    let mut events = Events::of_store(plain(vec![StoreError::fatal("gone")]), "receipts");
    let error = events.next().await.unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
}
