//! What goes wrong with a server: a clear error, the right kind, and no harm.

use std::time::Duration;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::{finished, md5, opened, paid};
use bakong_flow::store::{
    Acquired, Batch, Committed, Epoch, LeaderLease, PaymentKey, StoreError, StoreErrorKind,
    WorkerId,
};
use bakong_store::{PostgresOptions, PostgresStore};

use super::proxy::Proxy;
use super::{Cluster, Database, store};

const FATAL: StoreErrorKind = StoreErrorKind::Fatal;
const TRANSIENT: StoreErrorKind = StoreErrorKind::Transient;

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
    let batch = Batch {
        epoch,
        sequence: sequence.into(),
        changes: &changes,
        results: &[],
        exchanges: &[],
    };
    store.commit(&batch).await
}

async fn has(store: &PostgresStore, number: u32) -> bool {
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
fn quick() -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.connections = 2;
    options.lock_timeout = Duration::from_millis(200);
    options.statement_timeout = Duration::from_secs(5);
    options.operation_timeout = Duration::from_secs(10);
    options
}

async fn open_error(url: &str) -> StoreError {
    quick()
        .open(url)
        .await
        .expect_err("the database cannot be used")
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    // Nothing listens on this port.
    let error = open_error("postgres://shop:geheim@127.0.0.1:1/pay").await;
    let words = [
        "\"pay\" at 127.0.0.1:1",
        "cannot be reached",
        "Connection refused",
        "Check",
    ];
    assert_error(&error, TRANSIENT, &words);
    let error = open_error("postgres://shop:geheim@host.invalid/pay").await;
    assert_error(
        &error,
        TRANSIENT,
        &["\"pay\" at host.invalid:5432", "cannot be reached"],
    );
}

#[tokio::test]
async fn users_and_databases_that_do_not_exist_are_named() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url();
    let as_user = |user: &str| url.replace("postgres@", &format!("{user}@"));
    let error = open_error(&as_user("locked:wrong-geheim")).await;
    assert_error(
        &error,
        FATAL,
        &["rejects the password of the user \"locked\"", "Check"],
    );
    let error = open_error(&as_user("locked")).await;
    assert_error(
        &error,
        FATAL,
        &["asks for the password of the user \"locked\"", "Add it"],
    );
    let error = open_error(&as_user("nobody_of_this_name:geheim")).await;
    assert_error(&error, FATAL, &["nobody_of_this_name"]);
    let missing = database.cluster.url("missing_database");
    let error = open_error(&missing).await;
    assert_error(
        &error,
        FATAL,
        &["database \"missing_database\" does not exist", "createdb"],
    );
    let error = open_error(&format!("{url}?sslmode=require")).await;
    assert_error(&error, FATAL, &["TLS failed", "sslmode"]);
}

#[tokio::test]
async fn a_password_is_checked_by_the_server_and_appears_nowhere() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO locked",
        database.name
    ));
    let url = database.url().replace("postgres@", "locked:ge%2Fheim@");
    let opened = quick().open(&url).await.unwrap();
    let store = store(&opened).await;
    for text in [
        format!("{opened:?}"),
        format!("{store:?}"),
        opened.name().into(),
    ] {
        assert!(!text.contains("heim"), "{text}");
    }
}

#[tokio::test]
async fn missing_permissions_are_explained() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url().replace("postgres@", "guest@");
    let error = open_error(&url).await;
    assert_error(
        &error,
        FATAL,
        &["the user \"guest\" lacks a permission", "CREATE SCHEMA"],
    );
    database.open().await;
    let error = open_error(&url).await;
    assert_error(
        &error,
        FATAL,
        &["may not use the schema bakong", "GRANT USAGE"],
    );
    database.sql("GRANT USAGE ON SCHEMA bakong TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA bakong TO guest");
    let opened = quick().open(&url).await.unwrap();
    let error = opened.store(&super::registration()).await.unwrap_err();
    assert_error(&error, FATAL, &["lacks a permission", "registrations"]);
}

#[tokio::test]
async fn a_schema_of_another_program_stays_as_it_is() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE SCHEMA bakong; CREATE TABLE bakong.songs (title TEXT)");
    let error = open_error(&database.url()).await;
    assert_error(
        &error,
        FATAL,
        &["belongs to another program", "Choose another"],
    );
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'bakong'::regnamespace"),
        "1"
    );
}

#[tokio::test]
async fn tables_of_the_shop_are_not_touched() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE TABLE payments (id INT); INSERT INTO payments VALUES (7); CREATE TABLE events (x TEXT)");
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    assert_eq!(database.sql("SELECT id FROM public.payments"), "7");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_as_it_is() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    database.sql("UPDATE bakong.schema_version SET version = 99");
    let words = ["version 99", "up to 1", "Install a newer version"];
    assert_error(&open_error(&database.url()).await, FATAL, &words);
    for error in [
        quick().migrate(&database.url()).await.unwrap_err(),
        quick().check(&database.url()).await.unwrap_err(),
        // A worker that was running while another one migrated.
        commit(&store, epoch, 2).await.unwrap_err(),
        store
            .acquire(&WorkerId::new("worker"), Duration::from_secs(1))
            .await
            .unwrap_err(),
    ] {
        assert_error(&error, FATAL, &words);
    }
    database.sql("UPDATE bakong.schema_version SET version = 0");
    let error = commit(&store, epoch, 2).await.unwrap_err();
    assert_error(
        &error,
        FATAL,
        &["version 0, older than version 1", "migrate"],
    );
    assert_eq!(database.sql("SELECT count(*) FROM bakong.payments"), "1");
}

#[tokio::test]
async fn programs_that_start_at_once_create_the_tables_once() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url();
    let opened = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { quick().migrate(&url).await.unwrap() })
    });
    let mut created = 0;
    for opened in opened.collect::<Vec<_>>() {
        let migrated = opened.await.unwrap();
        created += u32::from(migrated.from == 0);
        assert_eq!(migrated.to, 1);
    }
    assert_eq!(created, 1);
    assert_eq!(
        database.sql("SELECT version FROM bakong.schema_version"),
        "1"
    );
}

#[tokio::test]
async fn too_many_connections_are_transient() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE ROLE crowded LOGIN SUPERUSER CONNECTION LIMIT 0");
    // The limit does not apply to superusers.
    database.sql("ALTER ROLE crowded NOSUPERUSER");
    let error = open_error(&database.url().replace("postgres@", "crowded@")).await;
    assert_error(
        &error,
        TRANSIENT,
        &["too many connections", "max_connections"],
    );
    database.sql("DROP ROLE crowded");
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

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    database.sql("UPDATE bakong.payments SET recipient = ''");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["payments.recipient", "backup"]);
    database.sql("ALTER TABLE bakong.payments ALTER COLUMN opened_at TYPE INT USING 0");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["not those of this program"]);
    database.sql("ALTER TABLE bakong.payments DROP COLUMN opened_at");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["opened_at", "not those of this program"]);
    let problems = quick().check(&database.url()).await.unwrap().problems;
    assert!(
        problems.iter().any(|problem| problem.contains("opened_at")),
        "{problems:?}"
    );
}

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
        let batch = Batch {
            epoch,
            sequence: 7,
            changes: &[],
            results: &[],
            exchanges: &[],
        };
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
async fn a_closed_store_says_so() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    opened.close();
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["was closed", "Open it again"]);
}

#[test]
fn a_backup_names_the_tools_of_postgresql() {
    let error = quick().backup("postgres://shop:geheim@db/pay").unwrap_err();
    assert_error(&error, FATAL, &["pg_dump", "pg_restore"]);
}
