//! What goes wrong with a server while a store is used: the right kind of error, and no harm.

use std::time::Duration;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::md5;
use bakong_flow::store::{Batch, PaymentKey};

use super::proxy::Proxy;
use super::setup::{FATAL, TRANSIENT, assert_error, commit, has, lead, quick};
use super::{Cluster, Database, store};

#[tokio::test]
async fn a_server_that_crashes_loses_nothing_that_was_committed() {
    let Some(cluster) = Cluster::start("") else {
        return;
    };
    let name = cluster.create_database();
    let opened = quick().open(&cluster.url(&name)).await.unwrap();
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    for round in 2..5 {
        cluster.crash();
        commit(&store, epoch, round)
            .await
            .expect_err("the server is away");
        cluster.restart();
        // The connections were lost with the server, so the first attempts may fail.
        let committed = async {
            while commit(&store, epoch, round).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        committed.await;
        for number in 1..=round {
            assert!(has(&store, number).await, "{number}");
        }
    }
    let report = quick().check(&cluster.url(&name)).await.unwrap();
    assert_eq!((report.payments, &*report.problems), (4, &[][..]));
}

#[tokio::test]
async fn a_replica_is_refused_as_read_only() {
    let Some(cluster) = Cluster::start("wal_level = replica\n") else {
        return;
    };
    let name = cluster.create_database();
    let opened = quick().open(&cluster.url(&name)).await.unwrap();
    let first = store(&opened).await;
    let epoch = lead(&first).await;
    commit(&first, epoch, 1).await.unwrap();
    let replica = cluster.replica();
    let error = quick().open(&replica.url("postgres")).await.unwrap_err();
    assert_error(&error, FATAL, &["read-only replica", "primary"]);
    let opened = quick().open(&replica.url(&name)).await.unwrap();
    let names = opened.registrations().await.unwrap();
    let (host, owner) = names[0].split_once('/').unwrap();
    let name = bakong_store::Registration::new(host, owner).unwrap();
    let store = opened.store(&name).await.unwrap();
    assert!(has(&store, 1).await);
    let error = commit(&store, epoch, 2).await.unwrap_err();
    assert_error(&error, TRANSIENT, &["read-only", "primary"]);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_repeated_without_effect() {
    let Some(database) = Database::new() else {
        return;
    };
    let proxy = Proxy::start(database.cluster.port());
    let url = proxy.url(&database.url(), database.cluster.port());
    let mut options = quick();
    options.operation_timeout = Duration::from_millis(500);
    let opened = options.open(&url).await.unwrap();
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    for number in [2, 4, 6] {
        // After this commit, the next one takes one round trip.
        commit(&store, epoch, number - 1).await.unwrap();
        proxy.lose_answers(true);
        let error = commit(&store, epoch, number).await.unwrap_err();
        assert_error(&error, TRANSIENT, &["did not answer within 500 ms"]);
        let stored = database.sql("SELECT count(*) FROM bakong.payments");
        assert_eq!(stored, number.to_string());
        proxy.cut();
        proxy.lose_answers(false);
        for _ in 0..2 {
            let committed = commit(&store, epoch, number).await.unwrap();
            assert_eq!(committed.rejected, []);
        }
    }
    assert_eq!(database.sql("SELECT count(*) FROM bakong.events"), "6");
}

#[tokio::test]
async fn connections_that_are_cut_or_frozen_are_replaced() {
    let Some(database) = Database::new() else {
        return;
    };
    let proxy = Proxy::start(database.cluster.port());
    let url = proxy.url(&database.url(), database.cluster.port());
    let mut options = quick();
    options.operation_timeout = Duration::from_millis(500);
    options.connect_timeout = Duration::from_millis(300);
    let opened = options.open(&url).await.unwrap();
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    for number in 1..4 {
        proxy.cut();
        // A connection that was idle may only now turn out to be closed.
        if commit(&store, epoch, number).await.is_err() {
            commit(&store, epoch, number).await.unwrap();
        }
        proxy.freeze(true);
        let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
        assert_eq!(error.kind(), TRANSIENT, "{error}");
        proxy.freeze(false);
        assert!(has(&store, number).await);
    }
}

#[tokio::test]
async fn a_slow_operation_closes_no_other_connection_while_the_server_answers() {
    let Some(database) = Database::new() else {
        return;
    };
    let mut options = quick();
    options.connections = 3;
    options.lock_timeout = Duration::from_secs(20);
    options.statement_timeout = Duration::from_secs(20);
    options.operation_timeout = Duration::from_secs(1);
    let opened = options.open(&database.url()).await.unwrap();
    let [slow, other] = [store(&opened).await, store(&opened).await];
    let epoch = lead(&slow).await;
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let lock = "BEGIN; SELECT FROM bakong.registrations FOR UPDATE";
    client.batch_execute(lock).await.unwrap();
    let slow = tokio::spawn(async move { commit(&slow, epoch, 1).await });
    let sessions = "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity \
        WHERE application_name = 'bakong-store' AND datname = current_database() AND state = 'idle' \
        AND query = 'COMMIT'";
    let mut idle = String::new();
    while !slow.is_finished() {
        assert!(!has(&other, 1).await);
        idle = database.sql(sessions);
    }
    let error = slow.await.unwrap().unwrap_err();
    assert_error(&error, TRANSIENT, &["did not answer within 1000 ms"]);
    assert!(!idle.is_empty());
    assert!(!has(&other, 1).await);
    assert_eq!(database.sql(sessions), idle);
    client.batch_execute("ROLLBACK").await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_open_transaction() {
    let Some(database) = Database::new() else {
        return;
    };
    let proxy = Proxy::start(database.cluster.port());
    let url = proxy.url(&database.url(), database.cluster.port());
    let opened = quick().open(&url).await.unwrap();
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    proxy.delay(Duration::from_millis(3));
    for wait in 0..30 {
        // The call ends at some moment between its first and its last statement.
        let batch = Batch::new(epoch, 7);
        let commit = store.commit(&batch);
        let _ = tokio::time::timeout(Duration::from_micros(wait * 500), commit).await;
    }
    proxy.delay(Duration::ZERO);
    commit(&store, epoch, 1).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL \
        AND pid <> pg_backend_pid()";
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while database.sql(open) != "0" {
        assert!(
            std::time::Instant::now() < deadline,
            "a transaction stays open"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn errors_of_the_server_have_the_right_kind_and_commit_nothing() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    database.sql(
        "CREATE TABLE public.code (code TEXT); CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = (SELECT code FROM public.code); END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON bakong.payments FOR EACH ROW EXECUTE FUNCTION public.fail()",
    );
    for (code, kind, word) in [
        ("53100", TRANSIENT, "disk of the server is full"),
        ("53200", TRANSIENT, "53200"),
        ("40001", TRANSIENT, "40001"),
        ("40P01", TRANSIENT, "40P01"),
        ("25006", TRANSIENT, "read-only"),
        ("57P01", TRANSIENT, "shuts down"),
        ("57014", TRANSIENT, "took too long"),
        ("58030", TRANSIENT, "58030"),
        ("XX001", FATAL, "corrupt"),
        ("42501", FATAL, "permission"),
        ("42703", FATAL, "not those of this program"),
        ("22012", FATAL, "Report"),
    ] {
        database.sql(&format!(
            "DELETE FROM public.code; INSERT INTO public.code VALUES ('{code}')"
        ));
        // First in one round trip, then with reads.
        for _ in 0..2 {
            let error = commit(&store, epoch, 2).await.unwrap_err();
            assert_error(&error, kind, &[word]);
        }
        assert!(!has(&store, 2).await);
    }
    database.sql("DROP TRIGGER fail ON bakong.payments");
    commit(&store, epoch, 2).await.unwrap();
    assert!(has(&store, 2).await);
}

#[tokio::test]
async fn a_lock_of_another_session_is_waited_for_and_then_reported() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = quick().open(&database.url()).await.unwrap();
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    client
        .batch_execute("BEGIN; SELECT FROM bakong.registrations FOR UPDATE")
        .await
        .unwrap();
    for _ in 0..2 {
        let error = commit(&store, epoch, 2).await.unwrap_err();
        assert_error(
            &error,
            TRANSIENT,
            &["locked the registration", "tries again"],
        );
    }
    // Readers need no lock.
    assert!(!has(&store, 2).await);
    client.batch_execute("ROLLBACK").await.unwrap();
    commit(&store, epoch, 2).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}
