//! Workers that are killed and suspended, on connections that are cut, frozen and delayed, with clocks an hour apart.
//!
//! Bakong is in the process of the test. At the end, what Bakong saw is compared with what the store has:
//! - no registration sent more requests than its quota, and each request was counted;
//! - no payment whose code was shown is lost, and each has one outcome and one event;
//! - each order that was paid is settled once;
//! - each registration found a new leader within two terms of the lease.
//!
//! A request whose answer is lost with its worker is spent. So a few payments of a registration whose quota is used up wait
//! for the next day. That day is played too, and then no payment may be open.
//!
//! `cargo xtask chaos` plays a long run. The variables `BAKONG_CHAOS_PAYMENTS` and `BAKONG_CHAOS_SEED` set how many
//! payments, and which disturbances.

mod bakong;
mod leases;
mod oracle;
mod worker;

use std::env;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use bakong_store::PostgresOptions;
use rustix::process::{Pid, Signal, kill_process};

use self::bakong::Bakong;
use self::leases::LeaseWatch;
use self::worker::{MAX_AHEAD, Orders, now_ms};
use super::proxy::Proxy;
use super::{Cluster, Database};

const REGISTRATIONS: usize = 20;
/// The names of the variables for the worker process and for the length of a run.
const ORDERS: &str = "BAKONG_CHAOS_ORDERS";
const PAYMENTS: &str = "BAKONG_CHAOS_PAYMENTS";
const SEED: &str = "BAKONG_CHAOS_SEED";

/// Longer than any payment waits for its final check.
const STANDSTILL: Duration = Duration::from_secs(600);

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

    const fn term(&self) -> Duration {
        Duration::from_millis(self.orders.lease_term_ms)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Disturbs the worker, and ends the disturbance.
    fn disturb(&mut self, way: Disturbance) {
        match way {
            Disturbance::Kill => {
                self.kill();
                self.child = spawn(&self.orders);
            }
            Disturbance::Suspend => {
                self.signal(Signal::STOP);
                thread::sleep(self.term() * 3 / 2);
                self.signal(Signal::CONT);
            }
            Disturbance::Freeze => {
                self.proxy.freeze(true);
                thread::sleep(self.term() * 3 / 2);
                self.proxy.cut();
                self.proxy.freeze(false);
            }
            Disturbance::LoseAnswers => {
                self.proxy.lose_answers(true);
                thread::sleep(Duration::from_millis(300));
                self.proxy.cut();
                self.proxy.lose_answers(false);
            }
            Disturbance::Delay => {
                self.proxy.delay(Duration::from_millis(60));
                thread::sleep(Duration::from_secs(1));
                self.proxy.cut();
                self.proxy.delay(Duration::ZERO);
            }
        }
    }
}

/// What happens to a worker.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// Kills the process, and starts another one.
    Kill,
    /// Stops the process for longer than the lease lasts.
    Suspend,
    /// Keeps the connections to the database, but forwards nothing for longer than the lease lasts.
    Freeze,
    /// Loses answers of the database, and cuts the connections.
    LoseAnswers,
    /// Delays what is sent to the database, and cuts the connections.
    Delay,
}

const DISTURBANCES: [Disturbance; 6] = [
    Disturbance::Kill,
    Disturbance::Suspend,
    Disturbance::LoseAnswers,
    Disturbance::Kill,
    Disturbance::Freeze,
    Disturbance::Delay,
];

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
    run(2, &DISTURBANCES[..3]);
}

#[test]
fn four_workers_survive_chaos() {
    run(4, &DISTURBANCES[3..]);
}

/// The size of a run.
struct Size {
    payments: usize,
    /// Whether the run has the machine for itself.
    is_long: bool,
}

impl Size {
    fn from_environment() -> Self {
        let payments = env::var(PAYMENTS).map(|number| number.parse().unwrap());
        Self {
            is_long: payments.is_ok(),
            payments: payments.unwrap_or(300),
        }
    }

    /// Returns the quota of registration `number`. Every fourth registration does not have enough requests. The others also
    /// open its payments. Each payment needs a request for its final check, so together they have more requests than
    /// payments. Otherwise the run could never end.
    fn limit(&self, number: usize) -> u32 {
        let each = u32::try_from(self.payments / REGISTRATIONS).unwrap();
        if number.is_multiple_of(4) {
            6 + each / 60
        } else {
            40 + each * 3 / 2
        }
    }

    /// Returns the term of the lease. A long run shares the machine with whatever else runs for half an hour.
    const fn term(&self) -> Duration {
        Duration::from_secs(if self.is_long { 10 } else { 4 })
    }

    fn database(&self) -> Option<Database> {
        // Only a long run needs a server that waits for its disk.
        let own = if self.is_long {
            Cluster::start("max_wal_size = 2GB\n")
        } else {
            None
        };
        let own: Option<&'static Cluster> = own.map(|cluster| &*Box::leak(Box::new(cluster)));
        let cluster = own.or_else(Cluster::shared)?;
        let name = cluster.create_database();
        Some(Database { cluster, name })
    }
}

/// Plays a run with at least the disturbances `first`.
fn run(workers: usize, first: &[Disturbance]) {
    // Two runs at once would slow each other down.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let size = Size::from_environment();
    let Some(database) = size.database() else {
        return;
    };
    let limits: Vec<u32> = (0..REGISTRATIONS)
        .map(|number| size.limit(number))
        .collect();
    let started = now_ms();
    let bakong = Bakong::start(limits.clone(), workers, size.payments, started);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(PostgresOptions::default().migrate(&database.url()))
        .unwrap();
    let worker = |worker: usize| Orders {
        url: String::new(),
        bakong: bakong.port,
        worker,
        limits: limits.clone(),
        started,
        day: 0,
        ahead: u64::try_from(worker).unwrap() * MAX_AHEAD / (u64::try_from(workers).unwrap() - 1),
        lease_term_ms: u64::try_from(size.term().as_millis()).unwrap(),
        pause_ms: if size.is_long { 0 } else { 1_500 },
    };
    let mut processes: Vec<_> = (0..workers)
        .map(|number| Worker::start(worker(number), &database))
        .collect();
    for number in 0..workers {
        bakong.wait_until_healthy(number);
    }
    let leases = LeaseWatch::start(&database.url(), REGISTRATIONS, size.term() * 2);
    let seed = env::var(SEED).map_or(0, |seed| seed.parse().unwrap());
    let mut random = Random(seed ^ u64::try_from(workers).unwrap());
    let (mut disturbances, mut rounds) = (first.iter(), 0);
    let began = Instant::now();
    let (mut shown, mut shown_at) = (0, began);
    while bakong.shown() < size.payments || disturbances.len() > 0 {
        if bakong.shown() > shown {
            (shown, shown_at) = (bakong.shown(), Instant::now());
        }
        assert!(
            shown_at.elapsed() < STANDSTILL,
            "no payment was opened for {STANDSTILL:?}, after {shown}"
        );
        let victim = random.below(workers);
        let way = disturbances.next().copied();
        let way = way.unwrap_or_else(|| DISTURBANCES[random.below(DISTURBANCES.len())]);
        if size.is_long {
            let (at, shown) = (began.elapsed(), bakong.shown());
            say(&format!(
                "{at:.1?}: {shown} payments; {way:?} worker {victim}"
            ));
        }
        processes[victim].disturb(way);
        // One worker at a time: while all others are well, each registration must find a leader.
        bakong.wait_until_healthy(victim);
        leases.wait_until_all_are_held();
        rounds += 1;
    }
    let gap = leases.stop();
    let played = began.elapsed();
    // A short run goes on to the next day at once.
    let waiting = if size.is_long {
        oracle::wait_until_final_or_spent(&database, &bakong, &limits, rounds)
    } else {
        0
    };
    for process in &mut processes {
        process.kill();
    }
    oracle::compare_usage(&database, &bakong.requests(), &limits);
    bakong.begin_next_day();
    // The killed workers keep no lease.
    database.sql("UPDATE bakong.registrations SET expires_at = 0");
    for process in &mut processes {
        process.orders.day += 1;
        process.child = spawn(&process.orders);
    }
    oracle::wait_until_final(&database, REGISTRATIONS);
    drop(processes);
    oracle::compare_usage(&database, &bakong.requests(), &limits);
    let accounts = bakong.take_accounts();
    for (number, account) in accounts.iter().enumerate() {
        oracle::compare_payments(&database, number, account);
    }
    let shown: usize = accounts.iter().map(|account| account.shown.len()).sum();
    let refused: u32 = accounts.iter().map(|account| account.refused).sum();
    let requests = accounts.iter().map(|account| account.earlier_requests);
    let requests: u32 = requests.sum();
    say(&format!(
        "{workers} workers, seed {seed}: {rounds} disturbances and {shown} payments in {played:.1?}; {requests} requests, \
         {refused} payments refused, {waiting} final on the next day only; at most {:?} without a leader (term {:?})",
        gap.length,
        size.term()
    ));
    assert!(gap.length <= size.term() * 2, "no leader: {gap:?}");
    if size.is_long {
        assert!(refused > 0, "the quota of no registration was used up");
    }
    let report = runtime
        .block_on(PostgresOptions::default().check(&database.url()))
        .unwrap();
    let mut problems = report.problems;
    problems.retain(|problem| !problem.contains("fsync"));
    assert_eq!(problems, [""; 0]);
}

/// A linear congruential generator, so that a seed repeats the disturbances.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
