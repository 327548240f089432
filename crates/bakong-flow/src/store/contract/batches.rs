//! Batches: numbered, repeatable, and committed as a whole.

use std::time::Duration;

use super::sample::{START, TERM, finished, md5, opened, paid};
use super::{Fixture, Leader, cases, find, load};
use crate::store::{
    Acquired, Batch, Conflict, EventId, Exchange, LeaderLease, PaymentStore, Rejected,
    StoreErrorKind, WorkerId,
};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        a_repeated_batch_changes_nothing,
        a_gap_in_the_numbers_is_an_error,
        the_numbers_start_again_with_each_epoch,
        exchanges_are_accepted,
    );
}

async fn a_repeated_batch_changes_nothing<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [opened(1, 1), opened(1, 1), finished(1, 1, paid(7))];
    let batch = leader.next_batch(&changes, &[]);
    let first = leader.store.commit(&batch).await.expect("commit a batch");
    let known = Rejected::new(md5(1), Conflict::Known);
    assert_eq!(first.rejected, [known]);
    // The worker did not receive the result, and commits the batch again over another connection.
    let other = fixture.open().await;
    let again = other.commit(&batch).await.expect("repeat a batch");
    assert_eq!(again, first);
    let events = other.events_after(EventId::START, 10).await;
    assert_eq!(events.expect("read events").len(), 1);
}

async fn a_gap_in_the_numbers_is_an_error<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    assert_eq!(leader.commit(&[opened(1, 1)]).await, []);
    assert_eq!(leader.commit(&[opened(2, 2)]).await, []);
    let changes = [opened(3, 3)];
    for sequence in [0, 1, 4] {
        let batch = Batch {
            sequence,
            ..leader.next_batch(&changes, &[])
        };
        let error = leader.store.commit(&batch).await;
        let error = error.expect_err("the number does not follow");
        assert_eq!(error.kind(), StoreErrorKind::Fatal, "{sequence}");
    }
    assert_eq!(find(&leader.store, md5(3)).await, None);
}

async fn the_numbers_start_again_with_each_epoch<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    assert_eq!(leader.commit(&[opened(1, 1)]).await, []);
    leader.store.release(leader.epoch).await.expect("release");
    let store = fixture.open().await;
    let acquired = store.acquire(&WorkerId::new("second"), TERM).await;
    let Ok(Acquired::Leader(epoch)) = acquired else {
        panic!("the lease is free");
    };
    let changes = [opened(2, 2)];
    let batch = Batch {
        epoch,
        sequence: 1,
        changes: &changes,
        results: &[],
        exchanges: &[],
    };
    let committed = store.commit(&batch).await.expect("commit a batch");
    assert_eq!(committed.rejected, []);
    assert_eq!(load(&store).await.open.len(), 2);
}

async fn exchanges_are_accepted<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let exchange = Exchange {
        request_id: "worker-1".into(),
        endpoint: "check_transaction_by_md5".into(),
        md5: Some(md5(1)),
        status: Some(200),
        response_code: Some(1),
        error_code: Some(1),
        duration: Duration::from_millis(120),
        attempt: 1,
        sent_at: START,
    };
    let failed = Exchange {
        request_id: "worker-2".into(),
        endpoint: "renew_token".into(),
        md5: None,
        status: None,
        response_code: None,
        error_code: None,
        ..exchange.clone()
    };
    let exchanges = [exchange, failed];
    let batch = Batch {
        exchanges: &exchanges,
        ..leader.next_batch(&[], &[])
    };
    for _ in 0..2 {
        let committed = leader.store.commit(&batch).await;
        assert_eq!(committed.expect("commit a batch").rejected, []);
    }
}
