//! The SQLite store, beside rusqlite that writes the same rows.
//!
//! A round of a caller opens a payment and settles it, in two commits, as a counter does. The callers of a group have a
//! registration each, and wait for each other's disk. `bare` does the work of all callers of a group in one
//! transaction: the best that the engine can do.

#![allow(
    missing_docs,
    reason = "criterion's macros generate functions without docs"
)]
#![allow(clippy::expect_used, reason = "a failed bench panics")]
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

mod rounds;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use bakong_flow::store::PaymentKey;
use bakong_flow::{Change, PaymentStore};
use bakong_store::{SqliteDatabase, SqliteOptions, SqliteStore};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

use rounds::{
    BareRow, GROUPS, OPEN, START_MILLIS, STORED, Worker, at, bare_row, fill, payment, play,
    registration, rounds_of,
};

async fn worker(database: &SqliteDatabase, number: u64) -> Worker<SqliteStore> {
    let store = database.store(&registration(number)).await;
    Worker::start(store.expect("the store works")).await
}

/// The statements that the store executes for the same rows.
fn play_bare(connection: &Connection, rounds: &[Vec<[[Change; 1]; 2]>]) -> Duration {
    let rows: Vec<Vec<_>> = rounds
        .iter()
        .map(|rounds| rounds.iter().map(|[[open], _]| bare_row(open)).collect())
        .collect();
    let count = rows.first().map_or(0, Vec::len);
    let started = Instant::now();
    for (index, number) in (0..count).zip(0i64..) {
        for step in [open_bare, finish_bare] {
            connection.execute_batch("BEGIN IMMEDIATE").expect("begin");
            for (registration, rows) in (1i64..).zip(&rows) {
                step(connection, registration, number, &rows[index]);
            }
            connection.execute_batch("COMMIT").expect("commit");
        }
    }
    started.elapsed()
}

fn open_bare(connection: &Connection, registration: i64, index: i64, row: &BareRow) {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, \
             policy, code, bill_number, terminal_label, metadata) \
             VALUES (?1, ?2, ?3, 450, 'USD', 'sokha@devb', ?4, ?4, 'counter', ?5, ?3, 'Till 2', '{\"till\":2,\"cashier\":\"bopha\"}')",
        )
        .expect("insert");
    let opened_at = START_MILLIS + index;
    let inserted = statement.execute(params![
        registration,
        row.md5.as_bytes(),
        row.order,
        opened_at,
        row.code
    ]);
    inserted.expect("insert");
    number_bare(connection, registration, 2 * index + 1, index);
}

fn finish_bare(connection: &Connection, registration: i64, index: i64, row: &BareRow) {
    let mut statement = connection
        .prepare_cached(
            "UPDATE payments SET status = 'paid', outcome = ?3, finished_at = ?4, finish_event = ?5, \
             settled_order = order_id, settled_hash = ?6 WHERE registration = ?1 AND md5 = ?2",
        )
        .expect("update");
    let at = START_MILLIS + index;
    let event = index + 1;
    let updated = statement.execute(params![
        registration,
        row.md5.as_bytes(),
        row.outcome,
        at,
        event,
        row.hash
    ]);
    updated.expect("update");
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO events (registration, id, md5, order_id, kind, at) VALUES (?1, ?2, ?3, ?4, 'finished', ?5)",
        )
        .expect("insert");
    let inserted = statement.execute(params![
        registration,
        event,
        row.md5.as_bytes(),
        row.order,
        at
    ]);
    inserted.expect("insert");
    number_bare(connection, registration, 2 * index + 2, event);
}

fn number_bare(connection: &Connection, registration: i64, sequence: i64, event: i64) {
    let mut statement = connection
        .prepare_cached(
            "UPDATE registrations SET last_sequence = ?2, last_event = ?3, last_result = '{\"rejected\":[]}' WHERE id = ?1",
        )
        .expect("update");
    let updated = statement.execute(params![registration, sequence, event]);
    updated.expect("update");
}

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("open");
    for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL")] {
        let set = connection.pragma_update(None, name, value);
        set.expect("a pragma");
    }
    connection.set_prepared_statement_cache_capacity(64);
    connection
}

fn commits(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for callers in GROUPS {
        let mut group = criterion.benchmark_group(format!("open and settle, {callers} callers"));
        group.sample_size(10);
        group.throughput(Throughput::Elements(callers));
        // One iteration is one payment of each caller.
        group.bench_function("store", |bencher| {
            bencher.iter_custom(|times| {
                let folder = tempfile::tempdir().expect("a folder");
                let workers = runtime.block_on(async {
                    let database = SqliteDatabase::open(folder.path().join("payments.db")).await;
                    let database = database.expect("open");
                    let mut workers = Vec::new();
                    for number in 1..=callers {
                        workers.push(worker(&database, number).await);
                    }
                    workers
                });
                play(&runtime, workers, rounds_of(callers, times))
            });
        });
        group.bench_function("bare", |bencher| {
            bencher.iter_custom(|times| {
                let folder = tempfile::tempdir().expect("a folder");
                let path = folder.path().join("payments.db");
                runtime.block_on(async {
                    let database = SqliteDatabase::open(&path).await.expect("open");
                    for number in 1..=callers {
                        worker(&database, number).await;
                    }
                    database.close().await;
                });
                let connection = connect(&path);
                play_bare(&connection, &rounds_of(callers, times))
            });
        });
        group.finish();
    }
}

fn million(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("payments.db");
    runtime.block_on(fill_file(&path));
    let size = std::fs::metadata(&path).expect("the file").len();
    println!("{STORED} payments: {} bytes each", size / STORED);
    let name = registration(1);
    // The last 5,000 final payments are those that a tracker still needs.
    let since = at(STORED - 2 * OPEN);
    let mut group = criterion.benchmark_group("1,000,000 payments, 5,000 open");
    group.sample_size(10);
    group.bench_function("open the file and load", |bencher| {
        bencher.iter(|| {
            let loaded = runtime.block_on(async {
                let database = SqliteDatabase::open(&path).await?;
                let store = database.store(&name).await?;
                let loaded = store.load(since).await?;
                Ok::<_, bakong_flow::store::StoreError>(loaded)
            });
            let loaded = loaded.expect("load");
            assert_eq!(loaded.open.len() as u64, OPEN);
            assert_eq!(loaded.finished.len() as u64, OPEN);
            loaded
        });
    });
    let store = runtime.block_on(async {
        let database = SqliteDatabase::open(&path).await.expect("open");
        database.store(&name).await.expect("a store")
    });
    let mut number = 0;
    let mut next = || {
        number = (number + 7_919) % STORED;
        payment(number)
    };
    group.bench_function("find by MD5", |bencher| {
        bencher.iter_batched(
            || PaymentKey::Md5(next().md5),
            |key| runtime.block_on(store.find(black_box(&key))).expect("find"),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("find by order", |bencher| {
        bencher.iter_batched(
            || PaymentKey::Order(next().order),
            |key| runtime.block_on(store.find(black_box(&key))).expect("find"),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Stores the payments without waiting for the disk.
async fn fill_file(path: &Path) {
    let mut options = SqliteOptions::default();
    options.sync = false;
    let database = options.open(path).await.expect("open");
    let mut worker = worker(&database, 1).await;
    fill(&mut worker).await;
    database.close().await;
    // Moves the log into the file.
    drop((worker, database));
    let connection = Connection::open(path).expect("open");
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    moved.expect("a checkpoint");
}

criterion_group!(benches, commits, million);
criterion_main!(benches);
