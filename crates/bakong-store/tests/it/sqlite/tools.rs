//! Lists, statements, checks and copies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Khqr, KhqrBuilder, Timestamp};
use bakong_flow::store::PaymentKey;
use bakong_flow::store::contract::sample::{after, finished, opened, order, paid};
use bakong_flow::{Change, Payment, PaymentStore, Policy};
use bakong_store::tables::{Statement, Tables};
use bakong_store::{Registration, SqliteDatabase, SqliteOptions, SqliteStore};
use rusqlite::Connection;

use super::Folder;
use crate::books::{DAMAGES, commit, damage_rows, exchange};

async fn two_registrations() -> Option<([SqliteStore; 2], Folder)> {
    let folder = Folder::new();
    let database = SqliteDatabase::open(folder.file()).await.unwrap();
    let names = ["a", "b"].map(|owner| Registration::new("api.example", owner).unwrap());
    let stores = [
        database.store(&names[0]).await.unwrap(),
        database.store(&names[1]).await.unwrap(),
    ];
    let listed = database.registrations().await.unwrap();
    assert_eq!(listed, ["api.example/a", "api.example/b"]);
    Some((stores, folder))
}

crate::books::all_books_tests!(two_registrations);

#[tokio::test]
async fn the_columns_have_what_the_code_says() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let account = AccountIdBuf::new("sokha@devb").unwrap();
    let text = KhqrBuilder::individual(account.as_id(), "Sokha")
        .bill_number("INV-7")
        .store_label("Riverside")
        .terminal_label("Till 2")
        .dynamic_code(Amount::us_cents(150), after(0), after(600))
        .unwrap()
        .to_string();
    let khqr = Khqr::parse(&text).unwrap();
    let payment = Payment::of_khqr(order(1), &khqr).unwrap();
    let opened = Change::Opened {
        payment: Box::new(payment.clone()),
        policy: Policy::COUNTER,
        at: after(0),
    };
    commit(&store, &[opened], &[]).await;
    let found = store.find(&PaymentKey::Md5(khqr.md5())).await.unwrap();
    assert_eq!(found[0].payment, payment);
    let connection = Connection::open(folder.file()).unwrap();
    let columns: [String; 7] = connection
        .query_row(
            "SELECT code, bill_number, store_label, terminal_label, policy, currency, amount || '' FROM payments",
            [],
            |row| {
                let mut columns = <[String; 7]>::default();
                for (index, column) in columns.iter_mut().enumerate() {
                    *column = row.get(index)?;
                }
                Ok(columns)
            },
        )
        .unwrap();
    let expected = [
        &*text,
        "INV-7",
        "Riverside",
        "Till 2",
        "counter",
        "USD",
        "150",
    ];
    assert_eq!(columns, expected);
}

#[tokio::test]
async fn a_backup_has_everything_and_overwrites_nothing() {
    let folder = Folder::new();
    let options = SqliteOptions::default();
    let store = folder.open(&options).await;
    let changes = [opened(1, 1), opened(2, 2), finished(1, 1, paid(1))];
    commit(&store, &changes, &[exchange(1)]).await;
    let copy = folder.file().with_file_name("copy.db");
    options.backup(folder.file(), &copy).await.unwrap();
    let before = std::fs::read(&copy).unwrap();
    let error = options.backup(folder.file(), &copy).await.unwrap_err();
    assert!(error.to_string().contains("never overwritten"), "{error}");
    assert_eq!(std::fs::read(&copy).unwrap(), before);
    let database = options.open(&copy).await.unwrap();
    let restored = super::store(&database).await;
    let start = Timestamp::from_millis(0);
    assert_eq!(
        restored.load(start).await.unwrap(),
        store.load(start).await.unwrap()
    );
    let report = options.check(&copy).await.unwrap();
    let counts = [
        report.registrations,
        report.payments,
        report.open,
        report.events,
        report.exchanges,
    ];
    assert_eq!((counts, report.version), ([1, 2, 1, 1, 1], 2));
    assert_eq!(report.problems, [""; 0]);
    let missing = folder.file().with_file_name("missing.db");
    let unused = folder.file().with_file_name("unused.db");
    let error = options.backup(&missing, &unused).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(!unused.exists() && !missing.exists());
    let error = options.check(&missing).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn a_check_finds_rows_that_break_a_rule() {
    let folder = Folder::new();
    let options = SqliteOptions::default();
    let store = folder.open(&options).await;
    damage_rows(&store).await;
    let added = ("CREATE TABLE extra (x)", "was added");
    for (sql, problem) in DAMAGES.iter().chain([&added]) {
        // A copy, because the statements damage the store.
        let copy = folder.file().with_file_name("damaged.db");
        options.backup(folder.file(), &copy).await.unwrap();
        let damaged = Connection::open(&copy).unwrap();
        damaged.execute_batch(sql).unwrap();
        drop(damaged);
        let report = options.check(&copy).await.unwrap();
        let found = report.problems.iter().any(|found| found.contains(problem));
        assert!(found, "{sql}: {:?}", report.problems);
        for suffix in ["db", "db-wal", "db-shm"] {
            let _ = std::fs::remove_file(copy.with_extension(suffix));
        }
    }
    let report = options.check(folder.file()).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
}

#[tokio::test]
async fn tables_of_another_program_are_written_as_a_whole_and_ignored_by_the_check() {
    let folder = Folder::new();
    let database = SqliteDatabase::open(folder.file()).await.unwrap();
    crate::tables::check(&database).await;
    database.close().await;
    let report = SqliteOptions::default().check(folder.file()).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_changes_with_each_commit_of_any_process_and_not_without_one() {
    const STEPS: &[&str] = &["CREATE TABLE server_notes (id BIGINT PRIMARY KEY)"];
    let folder = Folder::new();
    let database = SqliteDatabase::open(folder.file()).await.unwrap();
    database.prepare(STEPS).await.unwrap();
    // A database of its own, as another process has it.
    let other = SqliteDatabase::open(folder.file()).await.unwrap();
    let insert = |id| Statement::new("INSERT INTO server_notes (id) VALUES ($1)").integer(id);
    for id in 0..20 {
        let before = database.version().unwrap();
        assert_eq!(database.version(), Some(before));
        let writer = if id % 2 == 0 { &database } else { &other };
        writer.write(vec![insert(id)]).await.unwrap().unwrap();
        assert!(database.version().unwrap() > before);
    }

    // Threads that use several connections agree: what one has seen at a version is what another one sees.
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (database, seen) = (database.clone(), Arc::clone(&seen));
        readers.spawn(async move {
            loop {
                let version = database.version().unwrap();
                let count = Statement::new("SELECT count(*) FROM server_notes");
                let rows = database.find(count).await.unwrap();
                let count = rows[0].clone().integer().unwrap();
                if database.version() == Some(version) {
                    let mut seen = seen.lock().unwrap();
                    assert_eq!(*seen.entry(version).or_insert(count), count);
                }
                if count == 220 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for id in 20..220 {
        let writer = if id % 2 == 0 { &database } else { &other };
        writer.write(vec![insert(id)]).await.unwrap().unwrap();
    }
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
}
