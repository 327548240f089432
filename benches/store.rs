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

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use bakong_flow::bakong_api::Transaction;
use bakong_flow::bakong_api::khqr_core::{
    AccountIdBuf, Amount, Khqr, KhqrBuilder, Md5Handle, Timestamp,
};
use bakong_flow::store::{Acquired, Batch, Epoch, LeaderLease, PaymentKey, WorkerId};
use bakong_flow::{Change, OrderId, Outcome, Payment, PaymentStore, Policy};
use bakong_store::{Registration, SqliteDatabase, SqliteOptions, SqliteStore};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

const START: u64 = 1_795_000_000_000;
const START_MILLIS: i64 = 1_795_000_000_000;
const GROUPS: [u64; 3] = [1, 16, 64];

fn at(number: u64) -> Timestamp {
    Timestamp::from_millis(START + number)
}

/// A payment of a shop, with its code and a till's data.
fn payment(number: u64) -> Payment {
    let account = AccountIdBuf::new("sokha@devb").expect("valid account");
    let bill = format!("INV-{number:08}");
    let text = KhqrBuilder::individual(account.as_id(), "Sokha Coffee")
        .bill_number(&bill)
        .terminal_label("Till 2")
        .dynamic_code(Amount::us_cents(450), at(number), at(number + 600_000))
        .expect("a valid code")
        .to_string();
    let khqr = Khqr::parse(&text).expect("a valid code");
    let order = OrderId::new(&bill).expect("valid order id");
    let mut payment = Payment::of_khqr(order, &khqr).expect("a dynamic code");
    if let Some(details) = &mut payment.details {
        details.metadata = Some(r#"{"till":2,"cashier":"bopha"}"#.into());
    }
    payment
}

fn paid(number: u64) -> Outcome {
    let json = format!(
        r#"{{"hash":"{number:064x}","fromAccountId":"bopha@devb","toAccountId":"sokha@devb","currency":"USD","amount":4.5,"description":"","createdDateMs":{START}.0,"acknowledgedDateMs":{START}.0,"trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"instructionRef":null,"externalRef":"100FT{number:011}"}}"#
    );
    Outcome::Paid {
        transaction: Box::new(Transaction::from_json(&json).expect("a transaction")),
        late: false,
    }
}

/// The changes of one round: open, then settle.
fn round(number: u64) -> [[Change; 1]; 2] {
    let payment = payment(number);
    let finished = Change::Finished {
        md5: payment.md5,
        order: payment.order.clone(),
        outcome: paid(number),
        at: at(number),
    };
    let opened = Change::Opened {
        payment: Box::new(payment),
        policy: Policy::COUNTER,
        at: at(number),
    };
    [[opened], [finished]]
}

/// A worker that leads a registration.
struct Worker {
    store: SqliteStore,
    epoch: Epoch,
    sequence: u64,
}

impl Worker {
    async fn start(database: &SqliteDatabase, number: u64) -> Self {
        let name = Registration::new("api.example", &format!("shop {number}"));
        let store = database.store(&name.expect("a valid name")).await;
        let store = store.expect("the store works");
        let id = WorkerId::new("bench");
        let acquired = store.acquire(&id, Duration::from_secs(3_600)).await;
        let Ok(Acquired::Leader(epoch)) = acquired else {
            unreachable!("the lease is free");
        };
        Self {
            store,
            epoch,
            sequence: 0,
        }
    }

    async fn commit(&mut self, changes: &[Change]) {
        self.sequence += 1;
        let batch = Batch {
            epoch: self.epoch,
            sequence: self.sequence,
            changes,
            results: &[],
            exchanges: &[],
        };
        let committed = self.store.commit(&batch).await.expect("the store works");
        assert!(committed.rejected.is_empty());
    }
}

/// Runs `rounds` rounds of each of the workers at the same time.
fn play(runtime: &Runtime, workers: Vec<Worker>, rounds: Vec<Vec<[[Change; 1]; 2]>>) -> Duration {
    let started = Instant::now();
    runtime.block_on(async {
        let workers = workers.into_iter().zip(rounds);
        let tasks = workers.map(|(mut worker, rounds)| {
            tokio::spawn(async move {
                for changes in rounds.iter().flatten() {
                    worker.commit(changes).await;
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("a worker");
        }
    });
    started.elapsed()
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

struct BareRow {
    md5: Md5Handle,
    order: String,
    code: String,
    outcome: String,
    hash: String,
}

fn bare_row(open: &Change) -> BareRow {
    let Change::Opened { payment, at, .. } = open else {
        unreachable!("a round begins with a payment");
    };
    let number = at.as_millis() - START;
    let details = payment.details.as_ref();
    let code = details.and_then(|details| details.code.as_deref());
    let transaction = paid(number);
    let json = transaction.transaction().map(Transaction::as_json);
    BareRow {
        md5: payment.md5,
        order: payment.order.to_string(),
        code: code.unwrap_or_default().to_owned(),
        outcome: json.unwrap_or_default().to_owned(),
        hash: format!("{number:064x}"),
    }
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

/// Returns `rounds` rounds for each of the callers.
fn rounds_of(group: u64, rounds: u64) -> Vec<Vec<[[Change; 1]; 2]>> {
    let of_caller = |_| (0..rounds).map(round).collect();
    (0..group).map(of_caller).collect()
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
                        workers.push(Worker::start(&database, number).await);
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
                        Worker::start(&database, number).await;
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

const STORED: u64 = 1_000_000;
const OPEN: u64 = 5_000;

fn million(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("payments.db");
    runtime.block_on(fill(&path));
    let size = std::fs::metadata(&path).expect("the file").len();
    println!("{STORED} payments: {} bytes each", size / STORED);
    let name = Registration::new("api.example", "shop 1").expect("a valid name");
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

/// Stores the payments through the store itself, without waiting for the disk.
async fn fill(path: &Path) {
    let mut options = SqliteOptions::default();
    options.sync = false;
    let database = options.open(path).await.expect("open");
    let mut worker = Worker::start(&database, 1).await;
    const PART: u64 = 10_000;
    for start in (0..STORED).step_by(usize::try_from(PART).expect("a small number")) {
        let numbers = start..start + PART;
        let changes = numbers.flat_map(|number| {
            let [[opened], [finished]] = round(number);
            let is_open = number >= STORED - OPEN;
            [Some(opened), Some(finished).filter(|_| !is_open)]
        });
        let changes: Vec<_> = changes.flatten().collect();
        worker.commit(&changes).await;
    }
    database.close().await;
    // Moves the log into the file.
    drop((worker, database));
    let connection = Connection::open(path).expect("open");
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    moved.expect("a checkpoint");
}

criterion_group!(benches, commits, million);
criterion_main!(benches);
