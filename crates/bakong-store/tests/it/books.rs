//! Lists, statements and checks, the same for each engine.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{Amount, Currency, Timestamp};
use bakong_flow::store::contract::sample::{
    after, finished, md5, needs_review, opened, order, paid, reference,
};
use bakong_flow::store::{
    Acquired, Batch, Decision, Epoch, EventId, Exchange, Resolution, StoredPayment, WorkerId,
};
use bakong_flow::{Change, Outcome, PaymentStore};
use bakong_store::{
    Books, Cursor, ExchangeFilter, Page, PaymentFilter, StateFilter, settled_amount, settled_at,
};

pub(crate) trait Store: PaymentStore + Books {}

impl<S: PaymentStore + Books> Store for S {}

/// Defines the tests for an engine. `$set_up` returns the stores of two registrations of one database, and what must live
/// as long; or `None` if the engine is not installed.
macro_rules! books_tests {
    ($set_up:path: $($test:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                if let Some(([store, _], _guard)) = $set_up().await {
                    $crate::books::$test(&store).await;
                }
            }
        )*

        #[tokio::test]
        async fn registrations_do_not_see_each_other() {
            if let Some((stores, _guard)) = $set_up().await {
                $crate::books::registrations_do_not_see_each_other(stores).await;
            }
        }
    };
}

macro_rules! all_books_tests {
    ($set_up:path) => {
        $crate::books::books_tests!($set_up:
            payments_are_listed_by_state_order_and_time,
            exchanges_are_listed_and_pruned,
            a_statement_has_what_was_settled_and_what_needs_a_person,
        );
    };
}

pub(crate) use {all_books_tests, books_tests};

async fn lead(store: &impl Store) -> Epoch {
    let worker = WorkerId::new("worker");
    match store.acquire(&worker, Duration::from_secs(60)).await {
        Ok(Acquired::Leader(epoch)) => epoch,
        other => panic!("{other:?}"),
    }
}

/// Commits all changes as the first batch of a new leader.
pub(crate) async fn commit(store: &impl Store, changes: &[Change], exchanges: &[Exchange]) {
    let batch = Batch::new(lead(store).await, 1)
        .with_changes(changes)
        .with_exchanges(exchanges);
    assert_eq!(store.commit(&batch).await.unwrap().rejected, []);
}

pub(crate) fn exchange(number: u64) -> Exchange {
    let (id, endpoint) = (format!("request-{number}"), "check_transaction_by_md5");
    let mut exchange = Exchange::new(id, endpoint, after(number));
    exchange.md5 = number.is_multiple_of(2).then(|| md5(1));
    exchange.status = Some(200);
    exchange.response_code = Some(1);
    exchange.error_code = number.is_multiple_of(3).then_some(-7);
    exchange.duration = Duration::from_micros(120_001);
    exchange.attempt = 2;
    exchange
}

/// Reads all pages of two items.
async fn pages<T>(read: impl AsyncFn(Option<Cursor>) -> Page<T>) -> Vec<T> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let page = read(next).await;
        assert!(page.items.len() <= 2);
        all.extend(page.items);
        let Some(cursor) = page.next else { return all };
        // A cursor survives a page in a browser.
        next = Some(cursor.to_string().parse().unwrap());
    }
}

fn numbers(payments: &[StoredPayment]) -> Vec<u32> {
    let number = |stored: &StoredPayment| (1..100).find(|&n| md5(n) == stored.payment.md5);
    payments.iter().filter_map(number).collect()
}

fn accept(at: Timestamp) -> Resolution {
    Resolution::new(
        Decision::Accept,
        "the customer paid the rest in cash",
        "sokha",
        at,
    )
}

pub(crate) async fn payments_are_listed_by_state_order_and_time(store: &impl Store) {
    let mut changes: Vec<_> = (1..=7).map(|number| opened(number, number % 4)).collect();
    changes.extend([
        finished(1, 1, paid(1)),
        finished(2, 2, needs_review(2)),
        finished(3, 3, Outcome::Expired),
        finished(6, 2, needs_review(6)),
    ]);
    commit(store, &changes, &[]).await;
    store
        .resolve(&md5(2), &accept(after(3_000)))
        .await
        .unwrap()
        .unwrap();
    let list = async |change: &dyn Fn(&mut PaymentFilter)| {
        let mut filter = PaymentFilter::default();
        change(&mut filter);
        let read = async |after| Books::payments(store, &filter, after, 2).await.unwrap();
        numbers(&pages(read).await)
    };
    assert_eq!(list(&|_| ()).await, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(list(&|f| f.state = StateFilter::Open).await, [7, 5, 4]);
    assert_eq!(list(&|f| f.state = StateFilter::Final).await, [6, 3, 2, 1]);
    assert_eq!(list(&|f| f.state = StateFilter::NeedsReview).await, [6]);
    assert_eq!(list(&|f| f.order = Some(order(3))).await, [7, 3]);
    assert_eq!(
        list(&|f| f.opened = Some(after(2)..after(5))).await,
        [4, 3, 2]
    );
    let both = |f: &mut PaymentFilter| {
        f.state = StateFilter::Open;
        f.opened = Some(after(5)..after(100));
    };
    assert_eq!(list(&both).await, [7, 5]);
    assert_eq!(
        list(&|f| f.opened = Some(after(5)..after(5))).await,
        [0u32; 0]
    );
}

pub(crate) async fn exchanges_are_listed_and_pruned(store: &impl Store) {
    let all: Vec<_> = (1..=5).map(exchange).collect();
    commit(store, &[], &all).await;
    let list = async |filter: &ExchangeFilter| {
        pages(async |after| store.exchanges(filter, after, 2).await.unwrap()).await
    };
    let newest_first: Vec<_> = all.iter().rev().cloned().collect();
    let mut filter = ExchangeFilter::default();
    assert_eq!(list(&filter).await, newest_first);
    filter.md5 = Some(md5(1));
    assert_eq!(list(&filter).await, [exchange(4), exchange(2)]);
    filter.sent = Some(after(3)..after(10));
    assert_eq!(list(&filter).await, [exchange(4)]);
    assert_eq!(store.prune_exchanges(after(4)).await.unwrap(), 3);
    let left = list(&ExchangeFilter::default()).await;
    assert_eq!(left, [exchange(5), exchange(4)]);
    let all = ExchangeFilter::default();
    let page = store.exchanges(&all, None, 2).await.unwrap();
    assert_eq!(page.next, None, "the page has the last item");
}

#[test]
fn a_text_that_is_no_cursor_is_an_error() {
    for text in ["", "1", "1_", "_1", "a_b", "1_2_3"] {
        let error = text.parse::<Cursor>().unwrap_err();
        assert!(error.to_string().contains("of the page before"), "{text}");
    }
}

pub(crate) async fn a_statement_has_what_was_settled_and_what_needs_a_person(store: &impl Store) {
    let dollars = |number: u32| {
        let Change::Opened {
            mut payment,
            policy,
            at,
        } = opened(number, number)
        else {
            panic!("a payment");
        };
        let expected = payment.expected.as_mut().unwrap();
        expected.amount = Amount::from_minor_units(150, Currency::Usd);
        Change::Opened {
            payment,
            policy,
            at,
        }
    };
    let again = Change::PaidAgain {
        md5: md5(1),
        order: order(1),
        transaction: None,
        hash: Some(reference(9)),
        at: after(1_500),
    };
    let mut changes: Vec<_> = (1..=6).map(|number| opened(number, number)).collect();
    changes.extend([
        dollars(7),
        finished(1, 1, paid(1)),
        finished(2, 2, needs_review(2)),
        finished(3, 3, needs_review(3)),
        finished(4, 4, Outcome::Failed),
        finished(5, 5, paid(5)),
        again,
    ]);
    commit(store, &changes, &[]).await;
    store
        .resolve(&md5(2), &accept(after(1_004)))
        .await
        .unwrap()
        .unwrap();
    // Payment 1 became final at second 1001, payment 5 at second 1005.
    let statement = store.statement(after(1_001)..after(1_005)).await.unwrap();
    assert_eq!(numbers(&statement.settled), [1, 2]);
    let times: Vec<_> = statement.settled.iter().map(settled_at).collect();
    assert_eq!(times, [Some(after(1_001)), Some(after(1_004))]);
    assert_eq!(
        settled_amount(&statement.settled[0]).unwrap().minor_units(),
        10_000
    );
    assert_eq!(numbers(&statement.needs_review), [3]);
    assert_eq!(statement.paid_again, []);
    let totals: Vec<_> = statement
        .totals
        .iter()
        .map(|total| (total.currency, total.payments, total.minor_units))
        .collect();
    assert_eq!(totals, [(Currency::Khr, 2, 20_000)]);
    let statement = store.statement(after(1_005)..after(2_000)).await.unwrap();
    assert_eq!(numbers(&statement.settled), [5]);
    assert_eq!(statement.paid_again.len(), 1);
}

pub(crate) async fn registrations_do_not_see_each_other<S: Store>(stores: [S; 2]) {
    for store in &stores {
        // The same code, order and transaction.
        commit(
            store,
            &[opened(1, 1), finished(1, 1, paid(1))],
            &[exchange(1)],
        )
        .await;
    }
    for store in &stores {
        let filter = PaymentFilter::default();
        let page = Books::payments(store, &filter, None, 10).await.unwrap();
        assert_eq!(page.items.len(), 1);
        let events = store.events_after(EventId::START, 10).await.unwrap();
        assert_eq!((events.len(), events[0].id), (1, EventId::new(1)));
        let page = store.exchanges(&ExchangeFilter::default(), None, 10).await;
        assert_eq!(page.unwrap().items.len(), 1);
    }
}

/// Statements that damage a store with the payments of [`damage_rows`], and the problem that a check must find.
pub(crate) const DAMAGES: &[(&str, &str)] = &[
    (
        "UPDATE payments SET settled_hash = NULL, settled_order = NULL WHERE id = 1",
        "settled without",
    ),
    (
        "UPDATE payments SET settled_hash = 'x' WHERE id = 1",
        "hash is not the one",
    ),
    (
        "UPDATE payments SET status = 'failed' WHERE id = 2",
        "status is not",
    ),
    (
        "UPDATE payments SET outcome = '{\"paid\"' WHERE id = 1",
        "error of JSON",
    ),
    (
        "UPDATE payments SET recipient = '' WHERE id = 3",
        "payments.recipient",
    ),
    (
        "UPDATE payments SET policy = 'none' WHERE id = 3",
        "payments.policy",
    ),
    ("DELETE FROM events WHERE id = 1", "no event"),
    ("DELETE FROM events WHERE id = 2", "have gaps"),
    (
        "UPDATE events SET kind = 'paid_again', detail = '{' WHERE id = 2",
        "events.detail",
    ),
    ("UPDATE registrations SET last_event = 9", "have gaps"),
    (
        "UPDATE registrations SET quota_usage = '[]'",
        "registrations.quota_usage",
    ),
    ("INSERT INTO consumers VALUES (1, 'x', 7)", "do not exist"),
    ("UPDATE exchanges SET status = 70000", "exchanges.status"),
    (
        "INSERT INTO commands (registration, key, command, submitted_at) VALUES (1, 'k', '{}', 0)",
        "commands.command",
    ),
    (
        "DROP INDEX payments_settled_hash",
        "is missing or different",
    ),
];

/// Commits the rows that [`DAMAGES`] damages.
pub(crate) async fn damage_rows(store: &impl Store) {
    let changes = [
        opened(1, 1),
        opened(2, 2),
        opened(3, 3),
        finished(1, 1, paid(1)),
        finished(2, 2, needs_review(2)),
    ];
    commit(store, &changes, &[exchange(1)]).await;
}
