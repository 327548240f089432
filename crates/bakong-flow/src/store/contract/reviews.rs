//! Decisions of people about payments that need a review.

use super::sample::{after, finished, md5, needs_review, opened, order, paid};
use super::{Fixture, Leader, cases, find, load};
use crate::outcome::Outcome;
use crate::store::{
    Conflict, Decision, EventId, EventKind, PaymentStore, Rejected, Resolution, ResolveConflict,
};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        an_accepted_review_settles_the_order,
        a_rejected_review_settles_nothing,
        only_a_review_is_resolved_and_only_once,
        an_order_is_settled_once_by_reviews_too,
    );
}

fn resolution(decision: Decision) -> Resolution {
    Resolution {
        decision,
        note: "the customer showed the receipt ('ok')".into(),
        by: "សុខា".into(),
        at: after(5_000),
    }
}

async fn resolve<S: PaymentStore>(
    store: &S,
    number: u32,
    decision: Decision,
) -> Result<(), ResolveConflict> {
    let resolved = store.resolve(&md5(number), &resolution(decision)).await;
    resolved.expect("resolve a payment")
}

async fn an_accepted_review_settles_the_order<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 3),
        finished(1, 1, needs_review(7)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let worker = fixture.open().await;
    assert_eq!(resolve(&worker, 1, Decision::Accept).await, Ok(()));
    let stored = find(&leader.store, md5(1)).await.expect("the payment");
    assert_eq!(stored.resolution, Some(resolution(Decision::Accept)));
    assert_eq!(stored.finished, Some((needs_review(7), after(1_001))));
    assert!(load(&worker).await.finished[0].is_settled);
    let events = leader.store.events_after(EventId::START, 10).await;
    let events = events.expect("read events");
    assert_eq!(events.len(), 2);
    let resolved = EventKind::Resolved(resolution(Decision::Accept));
    assert_eq!((&events[1].kind, events[1].at), (&resolved, after(5_000)));
    // The order and the transaction are settled.
    let settled = |number| Rejected::new(md5(number), Conflict::OrderSettled);
    let rejected = leader
        .commit(&[opened(4, 1), finished(2, 1, paid(8))])
        .await;
    assert_eq!(rejected, [settled(4), settled(2)]);
    let another = Conflict::TransactionSettledAnother { order: order(1) };
    let rejected = leader.commit(&[finished(3, 3, paid(7))]).await;
    assert_eq!(rejected, [Rejected::new(md5(3), another)]);
}

async fn a_rejected_review_settles_nothing<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [opened(1, 1), finished(1, 1, needs_review(7))];
    assert_eq!(leader.commit(&changes).await, []);
    assert_eq!(resolve(&leader.store, 1, Decision::Reject).await, Ok(()));
    assert!(!load(&leader.store).await.finished[0].is_settled);
    assert_eq!(leader.commit(&[opened(2, 1)]).await, []);
    assert_eq!(leader.commit(&[finished(2, 1, paid(7))]).await, []);
}

async fn only_a_review_is_resolved_and_only_once<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(2, 2),
        opened(3, 3),
        opened(4, 4),
        finished(1, 1, needs_review(7)),
        finished(2, 2, paid(8)),
        finished(3, 3, Outcome::Expired),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let store = &leader.store;
    for number in 2..=4 {
        let result = resolve(store, number, Decision::Accept).await;
        assert_eq!(result, Err(ResolveConflict::NoReview), "{number}");
    }
    let unknown = resolve(store, 9, Decision::Accept).await;
    assert_eq!(unknown, Err(ResolveConflict::Unknown));
    assert_eq!(resolve(store, 1, Decision::Reject).await, Ok(()));
    let first = Box::new(resolution(Decision::Reject));
    for decision in [Decision::Accept, Decision::Reject] {
        let again = resolve(store, 1, decision).await;
        assert_eq!(again, Err(ResolveConflict::Resolved(first.clone())));
    }
}

async fn an_order_is_settled_once_by_reviews_too<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 3),
        finished(1, 1, paid(7)),
        finished(2, 1, needs_review(8)),
        finished(3, 3, needs_review(7)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let settled = resolve(&leader.store, 2, Decision::Accept).await;
    assert_eq!(settled, Err(ResolveConflict::OrderSettled));
    let another = resolve(&leader.store, 3, Decision::Accept).await;
    let order = order(1);
    assert_eq!(
        another,
        Err(ResolveConflict::TransactionSettledAnother { order })
    );
    // A conflict stores nothing, so the payments can still be rejected.
    for number in [2, 3] {
        let rejected = resolve(&leader.store, number, Decision::Reject).await;
        assert_eq!(rejected, Ok(()));
    }
}
