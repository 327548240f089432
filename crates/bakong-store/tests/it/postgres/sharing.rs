//! Several workers on one database.

use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::{finished, md5, needs_review, opened, paid};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandQueue, CommandResult, Decision, LeaderLease, Resolution,
    StoreErrorKind, WorkerId,
};
use bakong_store::tables::Tables;
use bakong_store::{PostgresDatabase, PostgresOptions, PostgresStore};
use tokio::time::timeout;

use super::proxy::Proxy;
use super::setup::{commit, lead};
use super::{Database, registration, store};

const TERM: Duration = Duration::from_secs(30);
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the connection for notifications of this database is ready.
async fn wait_for_listener(database: &Database, count: u32) {
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND query LIKE '%pg_notify%' AND state = 'idle'";
    let deadline = Instant::now() + PATIENCE;
    while database.sql(listening) != count.to_string() {
        assert!(Instant::now() < deadline, "there is no listener");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes the calls that another process waits for, until the waiting ends.
async fn notify_until<T: Send + 'static>(
    waiting: impl Future<Output = T> + Send + 'static,
    mut change: impl AsyncFnMut(u32),
) -> T {
    let waiting = tokio::spawn(waiting);
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    // A change before the waiter waits may be missed.
    while !waiting.is_finished() {
        assert!(Instant::now() < deadline, "no change was noticed");
        change(number).await;
        number += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    waiting.await.unwrap()
}

fn waiting(store: &PostgresStore) -> impl Future<Output = ()> + Send + 'static {
    let store = store.clone();
    async move { store.notified().await }
}

#[tokio::test]
async fn a_waiting_worker_learns_of_changes_by_other_processes() {
    let Some(database) = Database::new() else {
        return;
    };
    let (first, second) = (database.open().await, database.open().await);
    let name = registration();
    let [first, second] = [
        first.store(&name).await.unwrap(),
        second.store(&name).await.unwrap(),
    ];
    wait_for_listener(&database, 2).await;
    let nudge = Command::Nudge { md5: md5(1) };
    notify_until(waiting(&first), async |number| {
        second.submit(&format!("a{number}"), &nudge).await.unwrap();
    })
    .await;
    let epoch = lead(&second).await;
    let mut sequence = 0;
    notify_until(waiting(&first), async |_| {
        sequence += 1;
        commit(&second, epoch, sequence).await.unwrap();
    })
    .await;
    notify_until(waiting(&first), async |_| {
        second.release(epoch).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_new_connection_for_notifications_counts_as_a_notification() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    wait_for_listener(&database, 1).await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()";
    notify_until(waiting(&store), async |_| {
        database.sql(terminate);
        tokio::time::sleep(Duration::from_millis(300)).await;
    })
    .await;
}

#[tokio::test]
async fn a_locked_registration_does_not_delay_the_leases_of_others() {
    let Some(database) = Database::new() else {
        return;
    };
    let mut options = PostgresOptions::default();
    options.connections = 2;
    options.lock_timeout = Duration::from_secs(20);
    options.statement_timeout = Duration::from_secs(20);
    options.operation_timeout = Duration::from_secs(20);
    let opened = options.open(&database.url()).await.unwrap();
    let names = [registration(), registration()];
    let locked = opened.store(&names[0]).await.unwrap();
    let other = opened.store(&names[1]).await.unwrap();
    let (locked_epoch, epoch) = (lead(&locked).await, lead(&other).await);
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let lock = "SELECT FROM bakong.registrations WHERE name = $1 FOR UPDATE";
    client.batch_execute("BEGIN").await.unwrap();
    client.execute(lock, &[&names[0].as_str()]).await.unwrap();
    let waiting = tokio::spawn(async move { locked.renew(locked_epoch, TERM).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + PATIENCE;
    while database.sql(waits) != "1" {
        assert!(Instant::now() < deadline, "the renewal does not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other.renew(epoch, TERM).await.unwrap();
    assert!(!waiting.is_finished(), "the other renewal waited, too");
    client.batch_execute("ROLLBACK").await.unwrap();
    waiting.await.unwrap().unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_without_a_connection_keeps_and_acquires_leases() {
    let Some(database) = Database::new() else {
        return;
    };
    let mut options = PostgresOptions::default();
    options.connections = 1;
    options.lock_timeout = Duration::from_secs(20);
    options.statement_timeout = Duration::from_secs(20);
    options.operation_timeout = Duration::from_secs(20);
    let opened = options.open(&database.url()).await.unwrap();
    let [busy, store, dead] = [
        store(&opened).await,
        store(&opened).await,
        store(&opened).await,
    ];
    let epoch = lead(&store).await;
    let dead_epoch = lead(&dead).await;
    dead.expire_lease().await.unwrap();
    let busy_epoch = lead(&busy).await;
    commit(&busy, busy_epoch, 1).await.unwrap();
    // The only connection waits for a lock.
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    client
        .batch_execute("BEGIN; SELECT FROM bakong.payments FOR UPDATE")
        .await
        .unwrap();
    client
        .batch_execute("LOCK TABLE bakong.payments")
        .await
        .unwrap();
    let blocked = tokio::spawn(async move { commit(&busy, busy_epoch, 2).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + PATIENCE;
    while database.sql(waits) != "1" {
        assert!(Instant::now() < deadline, "the other commit does not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let other = store.acknowledged("receipts");
    let other = timeout(Duration::from_millis(100), other).await;
    assert!(other.is_err(), "there is another connection");
    for _ in 0..10 {
        store.renew(epoch, TERM).await.unwrap();
    }
    let acquired = dead.acquire(&WorkerId::new("other"), TERM).await.unwrap();
    assert!(matches!(acquired, Acquired::Leader(epoch) if epoch > dead_epoch));
    client.batch_execute("ROLLBACK").await.unwrap();
    blocked.await.unwrap().unwrap();
    commit(&store, epoch, 1).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_of_many_workers_gets_the_lease() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let name = registration();
    let mut highest = 0;
    for round in 0..10 {
        let attempts = (0..8).map(|worker| {
            let (opened, name) = (opened.clone(), name.clone());
            tokio::spawn(async move {
                let store = opened.store(&name).await.unwrap();
                let worker = WorkerId::new(&format!("worker {round} {worker}"));
                store.acquire(&worker, TERM).await.unwrap()
            })
        });
        let mut leaders = Vec::new();
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Acquired::Leader(epoch) => leaders.push(epoch),
                Acquired::Follower { expires_in } => assert!(expires_in <= TERM),
                other => panic!("{other:?}"),
            }
        }
        let [epoch] = leaders[..] else {
            panic!("{leaders:?}")
        };
        assert!(epoch.get() > highest);
        highest = epoch.get();
        opened
            .store(&name)
            .await
            .unwrap()
            .release(epoch)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_lease_expires_by_the_clock_of_the_server() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let (first, second) = (WorkerId::new("first"), WorkerId::new("second"));
    let Acquired::Leader(epoch) = store.acquire(&first, TERM).await.unwrap() else {
        panic!("the lease is free");
    };
    let id = "name = (SELECT max(name) FROM bakong.registrations)";
    let left = database.sql(&format!(
        "SELECT expires_at - floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM bakong.registrations WHERE {id}"
    ));
    let left: i64 = left.parse().unwrap();
    assert!((0..=30_000).contains(&left), "{left}");
    database.sql(&format!(
        "UPDATE bakong.registrations SET expires_at = expires_at - 30001 WHERE {id}"
    ));
    // An expired lease that nobody acquired can be extended.
    store.renew(epoch, TERM).await.unwrap();
    assert!(matches!(
        store.acquire(&second, TERM).await,
        Ok(Acquired::Follower { .. })
    ));
    database.sql(&format!(
        "UPDATE bakong.registrations SET expires_at = expires_at - 30001 WHERE {id}"
    ));
    assert!(matches!(
        store.acquire(&second, TERM).await,
        Ok(Acquired::Leader(_))
    ));
    let fenced = [
        store.renew(epoch, TERM).await.unwrap_err(),
        commit(&store, epoch, 1).await.unwrap_err(),
    ];
    assert!(
        fenced
            .iter()
            .all(|error| error.kind() == StoreErrorKind::Fenced)
    );
}

#[tokio::test]
async fn a_command_that_is_withdrawn_or_done_by_two_processes_at_once_ends_once() {
    let Some(database) = Database::new() else {
        return;
    };
    let (first, second) = (database.open().await, database.open().await);
    let name = registration();
    let [leader, follower] = [
        first.store(&name).await.unwrap(),
        second.store(&name).await.unwrap(),
    ];
    let epoch = lead(&leader).await;
    let mut withdrawn = 0;
    for number in 1..=60 {
        let open = opened(number, number);
        let bakong_flow::Change::Opened {
            payment, policy, ..
        } = open.clone()
        else {
            panic!("a payment");
        };
        let id = follower
            .submit(&number.to_string(), &Command::Open { payment, policy })
            .await
            .unwrap();
        let (changes, results) = ([open], [(id, CommandResult::Done)]);
        let batch = Batch::new(epoch, number.into())
            .with_changes(&changes)
            .with_results(&results);
        let withdraw = async {
            tokio::time::sleep(Duration::from_micros(u64::from(number) * 60)).await;
            follower.withdraw(id).await.unwrap()
        };
        let (committed, result) = tokio::join!(leader.commit(&batch), withdraw);
        let committed = committed.unwrap();
        let is_open = !leader
            .find(&bakong_flow::store::PaymentKey::Md5(md5(number)))
            .await
            .unwrap()
            .is_empty();
        match result {
            CommandResult::Done => assert!(is_open && committed.rejected.is_empty()),
            CommandResult::Withdrawn => {
                withdrawn += 1;
                assert!(!is_open && committed.rejected.len() == 1);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(leader.result(id).await.unwrap(), Some(result));
    }
    assert!(withdrawn < 60, "the leader never won");
}

#[tokio::test]
async fn a_decision_of_another_process_is_seen_by_the_next_commit() {
    let Some(database) = Database::new() else {
        return;
    };
    let (first, second) = (database.open().await, database.open().await);
    let name = registration();
    let [leader, office] = [
        first.store(&name).await.unwrap(),
        second.store(&name).await.unwrap(),
    ];
    let epoch = lead(&leader).await;
    let commit = async |sequence, changes: &[bakong_flow::Change]| {
        let batch = Batch::new(epoch, sequence).with_changes(changes);
        leader.commit(&batch).await.unwrap().rejected
    };
    let changes = [opened(1, 1), finished(1, 1, needs_review(1)), opened(2, 2)];
    assert_eq!(commit(1, &changes).await, []);
    let resolution = Resolution::new(
        Decision::Accept,
        "ok",
        "sokha",
        bakong_flow::store::contract::sample::after(9),
    );
    office.resolve(&md5(1), &resolution).await.unwrap().unwrap();
    // The order is settled, and so is the transaction.
    let rejected = commit(2, &[opened(3, 1), finished(2, 2, paid(1))]).await;
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    // The numbers of the events continue.
    assert_eq!(commit(3, &[finished(2, 2, paid(2))]).await, []);
    let events = office
        .events_after(bakong_flow::store::EventId::START, 10)
        .await
        .unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id.get()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

/// Opens a store through a proxy that counts round trips.
async fn counted(database: &Database) -> (Proxy, PostgresDatabase) {
    let proxy = Proxy::start(database.cluster.port());
    let mut options = PostgresOptions::default();
    options.connections = 1;
    let url = proxy.url(&database.url(), database.cluster.port());
    let opened = options.open(&url).await.unwrap();
    // Its connection is counted, too.
    wait_for_listener(database, 1).await;
    (proxy, opened)
}

#[tokio::test]
async fn a_commit_takes_one_round_trip() {
    let Some(database) = Database::new() else {
        return;
    };
    let (proxy, connected) = counted(&database).await;
    let store = store(&connected).await;
    let epoch = lead(&store).await;
    for number in 1..30 {
        // Other workers do not wait for this, so no notification is sent, which would be counted.
        let changes = [opened(number, number)];
        let batch = Batch::new(epoch, number.into()).with_changes(&changes);
        let before = proxy.round_trips();
        store.commit(&batch).await.unwrap();
        // The first commit of an epoch reads the row of the registration.
        let expected = if number == 1 { 2 } else { 1 };
        assert_eq!(proxy.round_trips() - before, expected, "commit {number}");
    }
    let before = proxy.round_trips();
    store.renew(epoch, TERM).await.unwrap();
    assert!(
        proxy.round_trips() - before <= 3,
        "connecting, and one round trip"
    );
}

#[tokio::test]
async fn nothing_is_prepared_and_nothing_is_left_in_a_session() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    let error = commit(&store, epoch, 7).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    store
        .load(bakong_flow::store::contract::sample::after(0))
        .await
        .unwrap();
    // A transaction-pooling proxy hands the session to another program. It must find nothing of this store.
    let left = opened.session_state().await.unwrap();
    assert_eq!(
        left,
        [
            "0 prepared statements",
            "0 locks",
            "search_path \"$user\", public",
            "statement_timeout 0"
        ]
    );
}

#[tokio::test]
async fn workers_do_not_block_each_other_forever() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let name = registration();
        let (store, other) = (
            opened.store(&name).await.unwrap(),
            opened.store(&name).await.unwrap(),
        );
        tasks.push(tokio::spawn(async move {
            let epoch = lead(&store).await;
            for number in 1..40 {
                let (key, nudge) = (number.to_string(), Command::Nudge { md5: md5(number) });
                let submit = other.submit(&key, &nudge);
                let through = bakong_flow::store::EventId::new(i64::from(number) - 1);
                let acknowledge = other.acknowledge("receipts", through);
                let renew = store.renew(epoch, TERM);
                let commit = commit(&store, epoch, number);
                let (id, acknowledged, renewed, committed) =
                    tokio::join!(submit, acknowledge, renew, commit);
                acknowledged.unwrap();
                renewed.unwrap();
                committed.unwrap();
                other.withdraw(id.unwrap()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_program_are_written_as_a_whole_and_ignored_by_the_check() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    crate::tables::check(&opened).await;
    assert_eq!(
        opened.version(),
        None,
        "only SQLite has a version of the file"
    );
    let report = PostgresOptions::default().check(&database.url()).await;
    let mut problems = report.unwrap().problems;
    // The shared server does not wait for its disk.
    problems.retain(|problem| problem.contains("schema"));
    assert_eq!(problems, [""; 0]);
}

/// A call that returns at once would make its caller ask the server without a pause.
#[tokio::test]
async fn a_caller_waits_until_something_changes() {
    let Some(database) = Database::new() else {
        return;
    };
    let store = store(&database.open().await).await;
    let mut notified = store.notified();
    let mut context = Context::from_waker(Waker::noop());
    let polled = notified.as_mut().poll(&mut context);
    assert!(polled.is_pending(), "nothing has changed");
}
