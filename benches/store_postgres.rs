//! The PostgreSQL store, beside tokio-postgres that writes the same rows.
//!
//! A round of a caller opens a payment and settles it, in two commits, as a counter does. The callers of a group have a
//! registration each. `bare` has as many connections as the store, prepares its statements once, and sends each
//! transaction in one round trip. Both take turns, once with a server that waits for its disk and once with one that does
//! not.

#![allow(
    missing_docs,
    reason = "criterion's macros generate functions without docs"
)]
#![allow(clippy::expect_used, reason = "a failed bench panics")]
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

// The server of the tests.
#[path = "../crates/bakong-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests")]
mod cluster;
#[allow(dead_code, reason = "shared with the other store")]
mod rounds;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bakong_flow::PaymentStore;
use bakong_flow::store::PaymentKey;
use bakong_store::{PostgresDatabase, PostgresOptions, PostgresStore};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use cluster::Cluster;
use rounds::{
    BareRow, GROUPS, OPEN, START_MILLIS, STORED, Worker, at, bare_row, fill, payment, play,
    registration, rounds_of,
};

/// The connections of a store with default options.
const CONNECTIONS: usize = 8;

async fn worker(database: &PostgresDatabase, number: u64) -> Worker<PostgresStore> {
    let store = database.store(&registration(number)).await;
    Worker::start(store.expect("the store works")).await
}

/// Creates a database with the tables and `callers` registrations.
async fn workers(url: &str, callers: u64) -> Vec<Worker<PostgresStore>> {
    let database = PostgresOptions::default().open(url).await.expect("open");
    let mut workers = Vec::new();
    for number in 1..=callers {
        workers.push(worker(&database, number).await);
    }
    workers
}

/// A connection with prepared statements.
struct Bare {
    client: Client,
    open: Statement,
    finish: Statement,
    event: Statement,
    number: Statement,
}

impl Bare {
    async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connect");
        tokio::spawn(connection);
        let set = client.batch_execute("SET search_path = bakong");
        set.await.expect("a setting");
        let prepare = async |sql| client.prepare(sql).await.expect("prepare");
        Self {
            open: prepare(
                "INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, \
                 policy, code, bill_number, terminal_label, metadata) VALUES ($1, $2, $3, 450, 'USD', 'sokha@devb', $4, $4, \
                 'counter', $5, $3, 'Till 2', '{\"till\":2,\"cashier\":\"bopha\"}')",
            )
            .await,
            finish: prepare(
                "UPDATE payments SET status = 'paid', outcome = $3, finished_at = $4, finish_event = $5, \
                 settled_order = order_id, settled_hash = $6 WHERE registration = $1 AND md5 = $2",
            )
            .await,
            event: prepare(
                "INSERT INTO events (registration, id, md5, order_id, kind, at) VALUES ($1, $2, $3, $4, 'finished', $5)",
            )
            .await,
            number: prepare(
                "UPDATE registrations SET last_sequence = $2, last_event = $3, last_result = '{\"rejected\":[]}' WHERE id = $1",
            )
            .await,
            client,
        }
    }

    /// Writes one round of a caller, in two transactions.
    async fn play(&self, registration: i64, index: i64, row: &BareRow) {
        let Self { client, .. } = self;
        let at = START_MILLIS + index;
        let md5 = &row.md5.as_bytes()[..];
        let (sequence, event) = (2 * index + 1, index + 1);
        let opened: [&(dyn ToSql + Sync); 5] = [&registration, &md5, &row.order, &at, &row.code];
        let numbered: [&(dyn ToSql + Sync); 3] = [&registration, &sequence, &index];
        // Polled in order, so that one round trip has all statements.
        let (begin, open, number, end) = futures_util::join!(
            client.batch_execute("BEGIN"),
            client.execute(&self.open, &opened),
            client.execute(&self.number, &numbered),
            client.batch_execute("COMMIT"),
        );
        begin.and(end).expect("a transaction");
        open.and(number).expect("a row");
        let sequence = sequence + 1;
        let finished: [&(dyn ToSql + Sync); 6] =
            [&registration, &md5, &row.outcome, &at, &event, &row.hash];
        let emitted: [&(dyn ToSql + Sync); 5] = [&registration, &event, &md5, &row.order, &at];
        let numbered: [&(dyn ToSql + Sync); 3] = [&registration, &sequence, &event];
        let (begin, finish, inserted, number, end) = futures_util::join!(
            client.batch_execute("BEGIN"),
            client.execute(&self.finish, &finished),
            client.execute(&self.event, &emitted),
            client.execute(&self.number, &numbered),
            client.batch_execute("COMMIT"),
        );
        begin.and(end).expect("a transaction");
        finish.and(inserted).and(number).expect("a row");
    }
}

fn play_bare(runtime: &Runtime, connections: Vec<Bare>, callers: u64, rounds: u64) -> Duration {
    let rows: Vec<Vec<BareRow>> = rounds_of(callers, rounds)
        .iter()
        .map(|rounds| rounds.iter().map(|[[open], _]| bare_row(open)).collect())
        .collect();
    // The callers of a connection take turns.
    let count = connections.len();
    let mut parts: Vec<Vec<(i64, Vec<BareRow>)>> = Vec::new();
    parts.resize_with(count, Vec::new);
    for (number, rows) in rows.into_iter().enumerate() {
        let registration = i64::try_from(number + 1).expect("a small number");
        parts[number % count].push((registration, rows));
    }
    let started = Instant::now();
    runtime.block_on(async {
        let connections = connections.into_iter().zip(parts);
        let tasks = connections.map(|(bare, callers)| {
            tokio::spawn(async move {
                let rounds = usize::try_from(rounds).expect("a small number");
                for (index, number) in (0..rounds).zip(0i64..) {
                    for (registration, rows) in &callers {
                        bare.play(*registration, number, &rows[index]).await;
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("a connection");
        }
    });
    started.elapsed()
}

/// How often the store and the bare driver take turns.
const TURNS: usize = 5;
/// How many payments a turn has.
const PAYMENTS: u64 = 2_560;

/// Prints how many payments a second are opened and settled, as medians, and the median of the ratios of the turns: other
/// programs on the machine slow both sides of a turn down.
fn commits(cluster: &Cluster, disk: &str) {
    let runtime = Runtime::new().expect("a runtime");
    for callers in GROUPS {
        let rounds = PAYMENTS / callers;
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            let url = cluster.url(&cluster.create_database());
            let workers = runtime.block_on(workers(&url, callers));
            let store = play(&runtime, workers, rounds_of(callers, rounds));
            let url = cluster.url(&cluster.create_database());
            let connections = runtime.block_on(connections(&url, callers));
            let bare = play_bare(&runtime, connections, callers, rounds);
            turns.push((store, bare));
        }
        let rate = |time: Duration| PAYMENTS * 1_000_000 / micros(time);
        let store = median(turns.iter().map(|(store, _)| rate(*store)));
        let bare = median(turns.iter().map(|(_, bare)| rate(*bare)));
        let percent = turns
            .iter()
            .map(|(store, bare)| 100 * micros(*bare) / micros(*store));
        println!(
            "{disk}, {callers} callers: store {store} payments/s, bare {bare} payments/s, {} %",
            median(percent)
        );
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Connects as often as the store does, to a database with the same registrations.
async fn connections(url: &str, callers: u64) -> Vec<Bare> {
    drop(workers(url, callers).await);
    let callers = usize::try_from(callers).expect("a small number");
    let mut connections = Vec::new();
    for _ in 0..callers.min(CONNECTIONS) {
        connections.push(Bare::connect(url).await);
    }
    connections
}

fn million(criterion: &mut Criterion, cluster: &Cluster) {
    let runtime = Runtime::new().expect("a runtime");
    let name = cluster.create_database();
    let url = cluster.url(&name);
    let mut options = PostgresOptions::default();
    // A batch of the size that fills the database takes longer than any commit of a worker.
    options.statement_timeout = Duration::from_secs(60);
    options.operation_timeout = Duration::from_secs(60);
    let started = Instant::now();
    let store = runtime.block_on(async {
        let database = options.open(&url).await.expect("open");
        let mut worker = worker(&database, 1).await;
        fill(&mut worker).await;
        database.store(&registration(1)).await.expect("a store")
    });
    let filled = started.elapsed();
    cluster.sql(&name, "VACUUM ANALYZE");
    let size = cluster.sql(
        &name,
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'bakong'::regnamespace AND relkind = 'r'",
    );
    let size: u64 = size.parse().expect("a number");
    println!(
        "{STORED} payments: {} bytes each, stored in {filled:?}",
        size / STORED
    );
    // The last 5,000 final payments are those that a tracker still needs.
    let since = at(STORED - 2 * OPEN);
    let mut group = criterion.benchmark_group("1,000,000 payments, 5,000 open");
    group.sample_size(10);
    group.bench_function("connect and load", |bencher| {
        bencher.iter(|| {
            let loaded = runtime.block_on(async {
                let database = PostgresDatabase::open(&url).await?;
                let store = database.store(&registration(1)).await?;
                let loaded = store.load(since).await?;
                Ok::<_, bakong_flow::store::StoreError>(loaded)
            });
            let loaded = loaded.expect("load");
            assert_eq!(loaded.open.len() as u64, OPEN);
            assert_eq!(loaded.finished.len() as u64, OPEN);
            loaded
        });
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

fn all(criterion: &mut Criterion) {
    // As large as a small server has it.
    let configuration = "max_wal_size = 4GB\n";
    let Some(cluster) = Cluster::start(configuration) else {
        return;
    };
    commits(&cluster, "fsync on");
    if let Some(fast) = Cluster::start(&format!("{configuration}fsync = off\n")) {
        commits(&fast, "fsync off");
    }
    million(criterion, &cluster);
}

criterion_group!(benches, all);
criterion_main!(benches);
