//! Lists, statements, checks and copies.

use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Khqr, KhqrBuilder, Timestamp};
use bakong_flow::store::PaymentKey;
use bakong_flow::store::contract::sample::{after, finished, opened, order, paid};
use bakong_flow::{Change, Payment, PaymentStore, Policy};
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
