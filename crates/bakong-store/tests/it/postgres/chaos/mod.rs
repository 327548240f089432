//! Workers that are killed and suspended, on connections that are cut, frozen and delayed, with clocks an hour apart.
//!
//! Bakong is in the process of the test. At the end, what Bakong saw is compared with what the store has:
//! - no registration sent more requests than its quota, and each request was counted;
//! - no payment whose code was shown is lost, and each has one outcome and one event;
//! - no order is settled twice;
//! - each registration found a new leader within two terms of the lease.
//!
//! `cargo xtask chaos` plays a long run: `BAKONG_CHAOS_PAYMENTS` sets how many payments.

mod bakong;
mod leases;
mod worker;

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use bakong_store::PostgresOptions;
use rustix::process::{Pid, Signal, kill_process};

use self::bakong::{Account, Bakong};
use self::leases::LeaseWatch;
use self::worker::{Orders, now_ms, registration};
use super::proxy::Proxy;
use super::{Cluster, Database};

const REGISTRATIONS: usize = 20;
/// The names of the variables for the worker process and for the length of a run.
const ORDERS: &str = "BAKONG_CHAOS_ORDERS";
const PAYMENTS: &str = "BAKONG_CHAOS_PAYMENTS";
const TERM: Duration = Duration::from_secs(4);
/// How many seconds of the watchers a real second has.
const SPEED: u32 = 480;

/// A worker process behind its own proxy.
struct Worker {
    orders: Orders,
    proxy: Proxy,
    child: Child,
}

impl Worker {
    fn start(mut orders: Orders, database: &Database) -> Self {
        let proxy = Proxy::start(database.cluster.port());
        orders.url = proxy.url(&database.url(), database.cluster.port());
        let child = spawn(&orders);
        Self {
            orders,
            proxy,
            child,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Disturbs the worker in way number `way`, and ends the disturbance.
    fn disturb(&mut self, way: u64) {
        match way % 6 {
            0 | 1 => {
                self.kill();
                self.child = spawn(&self.orders);
            }
            2 => {
                // Longer than the lease.
                self.signal(Signal::STOP);
                thread::sleep(TERM * 3 / 2);
                self.signal(Signal::CONT);
            }
            3 => {
                self.proxy.freeze(true);
                thread::sleep(TERM * 3 / 2);
                self.proxy.cut();
                self.proxy.freeze(false);
            }
            4 => {
                self.proxy.lose_answers(true);
                thread::sleep(Duration::from_millis(300));
                self.proxy.cut();
                self.proxy.lose_answers(false);
            }
            _ => {
                self.proxy.delay(Duration::from_millis(60));
                thread::sleep(Duration::from_secs(1));
                self.proxy.cut();
                self.proxy.delay(Duration::ZERO);
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(orders: &Orders) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres::chaos::work_until_killed",
            "--nocapture",
        ])
        .env(ORDERS, serde_json::to_string(orders).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The worker process. Does nothing in a usual run of the tests.
#[test]
fn work_until_killed() {
    let Ok(orders) = env::var(ORDERS) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(worker::run(serde_json::from_str(&orders).unwrap()));
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "chaos: {text}");
}

#[test]
fn two_workers_survive_chaos() {
    run(2);
}

#[test]
fn four_workers_survive_chaos() {
    run(4);
}

fn run(workers: usize) {
    // Two runs at once would slow each other down.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let payments = env::var(PAYMENTS).map(|number| number.parse().unwrap());
    let is_long = payments.is_ok();
    let payments = payments.unwrap_or(400);
    // Only the long run has the machine for itself, and needs a server that waits for its disk.
    let own = if is_long {
        Cluster::start("max_wal_size = 2GB\n")
    } else {
        None
    };
    let own: Option<&'static Cluster> = own.map(|cluster| &*Box::leak(Box::new(cluster)));
    let Some(cluster) = own.or_else(Cluster::shared) else {
        return;
    };
    let name = cluster.create_database();
    let database = Database { cluster, name };
    let each = u32::try_from(payments / REGISTRATIONS).unwrap();
    // A list has up to fifty payments. Every fourth registration does not have enough requests.
    let limit = |number| {
        if number % 4 == 0 {
            6 + each / 25
        } else {
            40 + each
        }
    };
    let limits: Vec<u32> = (0..REGISTRATIONS).map(limit).collect();
    let bakong = Bakong::start(limits.clone(), workers, payments);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(PostgresOptions::default().migrate(&database.url()))
        .unwrap();
    let started = now_ms();
    let worker = |worker: usize| Orders {
        url: String::new(),
        bakong: bakong.port,
        worker,
        limits: limits.clone(),
        started,
        speed: SPEED,
        // The first and the last are an hour apart.
        ahead: u64::try_from(worker * 3_600 / (workers - 1)).unwrap(),
        lease_term_ms: u64::try_from(TERM.as_millis()).unwrap(),
        pause_ms: if is_long { 0 } else { 1_500 },
    };
    let mut processes: Vec<_> = (0..workers)
        .map(|number| Worker::start(worker(number), &database))
        .collect();
    for number in 0..workers {
        bakong.wait_until_healthy(number);
    }
    let leases = LeaseWatch::start(&database.url(), REGISTRATIONS);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::try_from(workers).unwrap();
    let mut rounds = 0;
    let began = Instant::now();
    // At least one disturbance of each kind.
    while bakong.shown() < payments || rounds < 6 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let victim = usize::try_from(random >> 33).unwrap() % workers;
        let way = if rounds < 6 {
            rounds
        } else {
            (random >> 40) % 6
        };
        processes[victim].disturb(way);
        // One worker at a time: while all others are well, each registration must find a leader.
        bakong.wait_until_healthy(victim);
        leases.wait_until_all_are_held();
        rounds += 1;
        if is_long && rounds % 10 == 0 {
            let shown = bakong.shown();
            say(&format!(
                "{rounds} disturbances, {shown} payments, {:?}",
                began.elapsed()
            ));
        }
    }
    let gap = leases.stop();
    wait_until_final(&database, &limits);
    drop(processes);
    let accounts = bakong.take_accounts();
    for (number, account) in accounts.iter().enumerate() {
        compare(&database, number, limits[number], account);
    }
    let (shown, requests, refused) = accounts.iter().fold((0, 0, 0), |sum, account| {
        let Account {
            requests,
            refused,
            shown,
        } = account;
        (sum.0 + shown.len(), sum.1 + requests, sum.2 + refused)
    });
    assert!(refused > 0, "the quota of no registration was used up");
    say(&format!(
        "{workers} workers, {rounds} disturbances, {shown} payments in {:?}: {requests} requests, {refused} payments refused, \
         at most {gap:?} without a leader (term {TERM:?})",
        began.elapsed()
    ));
    assert!(gap <= TERM * 2, "a registration had no leader for {gap:?}");
    let report = runtime
        .block_on(PostgresOptions::default().check(&database.url()))
        .unwrap();
    let mut problems = report.problems;
    problems.retain(|problem| !problem.contains("fsync"));
    assert_eq!(problems, [""; 0]);
}

/// Waits until no payment is open, except where the quota is used up: a request whose answer was lost with its worker is
/// spent, so the payment waits for the next window.
fn wait_until_final(database: &Database, limits: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let rows = database.sql(
            "SELECT right(name, 2), quota_usage::json ->> 'requests', count(*) FROM bakong.registrations r \
             JOIN bakong.payments p ON p.registration = r.id WHERE status = 'open' GROUP BY 1, 2",
        );
        let waits = |row: &&str| {
            let columns: Vec<usize> = row
                .split('|')
                .map(|column| column.parse().unwrap())
                .collect();
            columns[1] < usize::try_from(limits[columns[0]]).unwrap()
        };
        if !rows.lines().any(|row| waits(&row)) {
            return;
        }
        assert!(Instant::now() < deadline, "payments stay open: {rows}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Compares what Bakong saw with what the store has.
fn compare(database: &Database, number: usize, limit: u32, account: &Account) {
    let Account {
        requests, shown, ..
    } = account;
    assert!(
        *requests <= limit,
        "registration {number} sent {requests} of {limit} requests"
    );
    let id = format!(
        "(SELECT id FROM bakong.registrations WHERE name = '{}')",
        registration(number)
    );
    let counted = database.sql(&format!(
        "SELECT (quota_usage::json ->> 'requests')::int FROM bakong.registrations WHERE id = {id}"
    ));
    let counted: u32 = if counted.is_empty() {
        0
    } else {
        counted.parse().unwrap()
    };
    assert!(
        counted >= *requests,
        "registration {number} counted {counted} of {requests} requests"
    );
    let rows = database.sql(&format!(
        "SELECT encode(p.md5, 'hex'), p.status, p.settled_order IS NOT NULL, \
         (SELECT count(*) FROM bakong.events e WHERE e.registration = p.registration AND e.md5 = p.md5 AND e.kind = 'finished') \
         FROM bakong.payments p WHERE p.registration = {id}"
    ));
    let rows: BTreeMap<&str, Vec<&str>> = rows
        .lines()
        .map(|row| {
            let (md5, rest) = row.split_once('|').unwrap();
            (md5, rest.split('|').collect())
        })
        .collect();
    let mut settled: BTreeMap<&str, u32> = BTreeMap::new();
    for (md5, payment) in shown {
        let row = rows
            .get(&**md5)
            .unwrap_or_else(|| panic!("payment {md5} is lost"));
        let [status, settles, events] = row[..] else {
            panic!("{row:?}");
        };
        if status == "open" {
            assert!(counted >= limit, "{md5} stays open: {row:?}");
            continue;
        }
        assert_eq!(events, "1", "{md5} {row:?}");
        if payment.is_paid {
            // A second payment of an order needs a person.
            assert!(["paid", "needs_review"].contains(&status), "{md5} {row:?}");
            *settled.entry(&payment.order).or_default() += u32::from(settles == "t");
        } else {
            assert_eq!(status, "expired", "{md5} {row:?}");
        }
    }
    for (order, count) in settled {
        let is_spent = counted >= limit && count == 0;
        assert!(
            count == 1 || is_spent,
            "order {order} was settled {count} times"
        );
    }
    for (md5, row) in &rows {
        let is_unshown = !shown.contains_key(*md5);
        assert!(
            !is_unshown || ["expired", "open"].contains(&row[0]),
            "nobody paid {md5}, which was never shown: {row:?}"
        );
    }
}
