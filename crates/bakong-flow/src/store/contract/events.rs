//! The outbox: numbered events, and what each consumer acknowledged.

use super::sample::{after, finished, md5, opened, order, paid, reference, transaction};
use super::{Fixture, Leader, cases};
use crate::change::Change;
use crate::outcome::Outcome;
use crate::store::{Event, EventId, EventKind, PaymentStore};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        each_outcome_is_an_event,
        a_rejected_outcome_is_no_event,
        events_are_read_in_parts,
        the_last_event_is_known,
        a_consumer_acknowledges_for_itself,
    );
}

async fn events_after(store: &impl PaymentStore, after: EventId, limit: usize) -> Vec<Event> {
    let events = store.events_after(after, limit).await;
    events.expect("read events")
}

async fn each_outcome_is_an_event<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    assert_eq!(leader.commit(&[opened(1, 1), opened(2, 2)]).await, []);
    assert_eq!(events_after(&leader.store, EventId::START, 10).await, []);
    let again = |transaction, hash, at| Change::PaidAgain {
        md5: md5(1),
        order: order(1),
        transaction,
        hash,
        at,
    };
    let second = Box::new(transaction(8));
    let changes = [
        finished(1, 1, paid(7)),
        again(Some(second.clone()), None, after(2_000)),
        finished(2, 2, Outcome::Expired),
        again(None, Some(reference(9)), after(3_000)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let store = fixture.open().await;
    let events = events_after(&store, EventId::START, 10).await;
    assert!(events[0].id > EventId::START);
    assert!(events.is_sorted_by_key(|event| event.id));
    let found: Vec<_> = events
        .into_iter()
        .map(|event| (event.md5, event.order, event.kind, event.at))
        .collect();
    let paid_again = |transaction, hash| EventKind::PaidAgain { transaction, hash };
    let expected = [
        (md5(1), order(1), EventKind::Finished(paid(7)), after(1_001)),
        (
            md5(1),
            order(1),
            paid_again(Some(second), None),
            after(2_000),
        ),
        (
            md5(2),
            order(2),
            EventKind::Finished(Outcome::Expired),
            after(1_002),
        ),
        (
            md5(1),
            order(1),
            paid_again(None, Some(reference(9))),
            after(3_000),
        ),
    ];
    assert_eq!(found, expected);
}

async fn a_rejected_outcome_is_no_event<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        finished(1, 1, Outcome::Expired),
        finished(1, 1, paid(7)),
        finished(2, 2, paid(8)),
    ];
    assert_eq!(leader.commit(&changes).await.len(), 2);
    let events = events_after(&leader.store, EventId::START, 10).await;
    assert_eq!(events.len(), 1);
}

async fn events_are_read_in_parts<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    for number in 1..=5 {
        let end = finished(number, number, Outcome::Expired);
        assert_eq!(leader.commit(&[opened(number, number), end]).await, []);
    }
    let all = events_after(&leader.store, EventId::START, 10).await;
    let mut read = Vec::new();
    let mut last = EventId::START;
    loop {
        let part = events_after(&leader.store, last, 2).await;
        assert!(part.len() <= 2);
        let Some(event) = part.last() else { break };
        last = event.id;
        read.extend(part);
    }
    assert_eq!(read, all);
    assert_eq!(read.len(), 5);
}

async fn the_last_event_is_known<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let last = async || {
        let last = fixture.open().await.last_event().await;
        last.expect("read the last event")
    };
    assert_eq!(last().await, EventId::START);
    assert_eq!(leader.commit(&[opened(1, 1), opened(2, 2)]).await, []);
    assert_eq!(last().await, EventId::START);
    let changes = [finished(1, 1, paid(7)), finished(2, 2, Outcome::Expired)];
    assert_eq!(leader.commit(&changes).await, []);
    let all = events_after(&leader.store, EventId::START, 10).await;
    assert_eq!(Some(last().await), all.last().map(|event| event.id));
}

async fn a_consumer_acknowledges_for_itself<F: Fixture>(fixture: &F) {
    let store = fixture.open().await;
    let acknowledged = async |store: &F::Store, consumer| {
        let acknowledged = store.acknowledged(consumer).await;
        acknowledged.expect("read the position")
    };
    assert_eq!(acknowledged(&store, "webhooks").await, EventId::START);
    for (through, expected) in [(3, 3), (2, 3), (5, 5)] {
        let through = EventId::new(through);
        let result = store.acknowledge("webhooks", through).await;
        result.expect("acknowledge");
        let position = acknowledged(&fixture.open().await, "webhooks").await;
        assert_eq!(position, EventId::new(expected));
    }
    assert_eq!(acknowledged(&store, "telegram").await, EventId::START);
}
