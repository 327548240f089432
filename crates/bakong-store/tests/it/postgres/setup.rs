//! What the tests share: a leader, its commits, and the requirements of an error.

use std::time::Duration;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::{finished, md5, opened, paid};
use bakong_flow::store::{
    Acquired, Batch, Committed, Epoch, LeaderLease, PaymentKey, StoreError, StoreErrorKind,
    WorkerId,
};
use bakong_store::{PostgresOptions, PostgresStore};

pub(super) const FATAL: StoreErrorKind = StoreErrorKind::Fatal;
pub(super) const TRANSIENT: StoreErrorKind = StoreErrorKind::Transient;

pub(super) async fn lead(store: &PostgresStore) -> Epoch {
    let worker = WorkerId::new("worker");
    match store.acquire(&worker, Duration::from_secs(60)).await {
        Ok(Acquired::Leader(epoch)) => epoch,
        other => panic!("{other:?}"),
    }
}

/// Opens and settles payment `sequence`.
pub(super) async fn commit(
    store: &PostgresStore,
    epoch: Epoch,
    sequence: u32,
) -> Result<Committed, StoreError> {
    let changes = [
        opened(sequence, sequence),
        finished(sequence, sequence, paid(sequence)),
    ];
    let batch = Batch::new(epoch, sequence.into()).with_changes(&changes);
    store.commit(&batch).await
}

pub(super) async fn has(store: &PostgresStore, number: u32) -> bool {
    let found = store.find(&PaymentKey::Md5(md5(number))).await;
    !found.unwrap().is_empty()
}

#[track_caller]
pub(super) fn assert_error(error: &StoreError, kind: StoreErrorKind, words: &[&str]) {
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{message}");
    for part in words {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
    let debug = format!("{error:?}");
    assert!(
        !message.contains("geheim") && !debug.contains("geheim"),
        "{debug}"
    );
}

/// Short limits, so that a test need not wait for long.
pub(super) fn quick() -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.connections = 2;
    options.lock_timeout = Duration::from_millis(200);
    options.statement_timeout = Duration::from_secs(5);
    options.operation_timeout = Duration::from_secs(10);
    options
}

pub(super) async fn open_error(url: &str) -> StoreError {
    quick()
        .open(url)
        .await
        .expect_err("the database cannot be used")
}
