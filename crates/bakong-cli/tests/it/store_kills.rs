//! Commands that are killed with SIGKILL at random moments: at start-up, at the first write, between a request and its
//! answer, at the settlement, and while the receipt is printed.
//!
//! - Each code that was shown is in the store. Each payment of the sandbox is settled once, has one event, and its receipt
//!   is printed. It is printed again only if the command was killed between printing it and recording that.
//! - The stored count of requests is never below the number that the sandbox saw.
//!
//! `cargo xtask kills` plays a long run. `BAKONG_KILLS` sets the number of kills, and `BAKONG_KILLS_SEED` the moments.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::io::Write;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bakong_api::AccessToken;
use bakong_flow::store::{EventId, EventKind, PaymentKey};
use bakong_flow::{Outcome, PaymentStore};
use bakong_sandbox::{Fault, Sandbox};
use bakong_store::{PostgresDatabase, Registration, SqliteDatabase};
use fastrand::Rng;
use khqr_core::{Amount, Currency, Md5Handle};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::store_postgres::database;
use crate::support::{Folder, bakong, dara, dynamic_code, interrupt, row};

/// How long the sandbox waits before it answers.
const LATENCY: Duration = Duration::from_millis(40);
/// How long to wait for the moment of a kill. Another command leads up to ten seconds after a kill.
const PATIENCE: Duration = Duration::from_secs(40);
/// How many shops have commands at the same time.
const SHOPS: usize = 16;
const SHORT_RUN: usize = 6;

/// When a command is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Moment {
    StartUp,
    FirstWrite,
    Request,
    Settlement,
    Receipt,
    AnyTime,
}

const MOMENTS: [Moment; 6] = [
    Moment::StartUp,
    Moment::FirstWrite,
    Moment::Request,
    Moment::Settlement,
    Moment::Receipt,
    Moment::AnyTime,
];

/// What the commands of all shops share.
struct World {
    sandbox: Sandbox,
    store: String,
    /// What happened, for the report.
    counts: Mutex<BTreeMap<String, usize>>,
}

impl World {
    fn count(&self, what: impl Into<String>, number: usize) {
        let mut counts = self.counts.lock().unwrap();
        *counts.entry(what.into()).or_default() += number;
    }

    async fn open_store(&self, id: &str) -> Arc<dyn PaymentStore> {
        let name = Registration::new("127.0.0.1", id).unwrap();
        if self.store.starts_with("postgres") {
            let database = PostgresDatabase::open(&self.store).await.unwrap();
            Arc::new(database.store(&name).await.unwrap())
        } else {
            let database = SqliteDatabase::open(&self.store).await.unwrap();
            Arc::new(database.store(&name).await.unwrap())
        }
    }
}

/// What a command has printed. A line that a kill has cut does not count.
#[derive(Default)]
struct Printed {
    is_connecting: bool,
    /// The codes that a customer may pay.
    shown: Vec<Md5Handle>,
    codes: HashMap<Md5Handle, String>,
    receipts: Vec<Md5Handle>,
    text: String,
}

impl Printed {
    fn read(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.is_connecting |= line.starts_with("Connecting to");
        if let Ok(event) = serde_json::from_str::<Value>(line) {
            let md5 = || event["md5"].as_str().unwrap().parse().unwrap();
            match event["event"].as_str() {
                Some("watching") => self.shown.push(md5()),
                Some("final") if event["status"] == "paid" => self.receipts.push(md5()),
                Some("not_paid_yet" | "no_answer" | "stopped") => {}
                _ => panic!("an unexpected event: {line}"),
            }
        } else if let Some(code) = row([line], "code") {
            let md5 = Md5Handle::of(code);
            self.shown.push(md5);
            self.codes.insert(md5, code.to_owned());
        } else if line == "PAID" {
            self.receipts.extend(self.shown.first());
        }
    }
}

/// A command that runs.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Arc<Mutex<Printed>>,
    readers: [JoinHandle<()>; 2],
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let printed = Arc::default();
        let readers = [
            read(child.stdout.take().unwrap(), &printed),
            read(child.stderr.take().unwrap(), &printed),
        ];
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            printed,
            readers,
        }
    }

    /// Waits until the command has printed something, has ended, or takes too long.
    async fn until(&mut self, condition: impl Fn(&Printed) -> bool) {
        let started = Instant::now();
        while !condition(&self.printed.lock().unwrap())
            && started.elapsed() < PATIENCE
            && self.child.try_wait().unwrap().is_none()
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits for the end. Returns the exit code, or `None` after a kill, and everything that was printed.
    async fn end(mut self) -> (Option<i32>, Printed) {
        drop(self.stdin.take());
        let status = self.child.wait().await.unwrap();
        for reader in self.readers {
            reader.await.unwrap();
        }
        let printed = std::mem::take(&mut *self.printed.lock().unwrap());
        (status.code(), printed)
    }
}

fn read(
    stream: impl AsyncRead + Unpin + Send + 'static,
    printed: &Arc<Mutex<Printed>>,
) -> JoinHandle<()> {
    let printed = Arc::clone(printed);
    let mut stream = BufReader::new(stream);
    tokio::spawn(async move {
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).await.unwrap() > 0 {
            if line.pop() == Some(b'\n') {
                printed
                    .lock()
                    .unwrap()
                    .read(std::str::from_utf8(&line).unwrap());
            }
            line.clear();
        }
    })
}

/// A shop with a token of its own, whose commands are killed one after the other.
struct Shop {
    world: Arc<World>,
    random: Rng,
    number: usize,
    email: String,
    token: String,
    store: Arc<dyn PaymentStore>,
    codes: HashMap<Md5Handle, String>,
    shown: BTreeSet<Md5Handle>,
    paid: BTreeSet<Md5Handle>,
    /// How often each receipt was printed.
    receipts: BTreeMap<Md5Handle, usize>,
    /// How often a command was killed after it had printed the receipt.
    killed_after_receipt: BTreeMap<Md5Handle, usize>,
}

impl Shop {
    async fn open(world: Arc<World>, number: usize, seed: u64) -> Self {
        let email = format!("shop-{number}@example.com");
        let token = world.sandbox.issue_token(&email);
        let parsed = AccessToken::new(&token).unwrap();
        let store = world.open_store(parsed.registration_id().unwrap()).await;
        Self {
            world,
            random: Rng::with_seed(seed),
            number,
            email,
            token,
            store,
            codes: HashMap::new(),
            shown: BTreeSet::new(),
            paid: BTreeSet::new(),
            receipts: BTreeMap::new(),
            killed_after_receipt: BTreeMap::new(),
        }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = bakong(&line.split(' ').collect::<Vec<_>>());
        command
            .args(["--base-url", &self.world.sandbox.base_url()])
            .env("BAKONG_TOKEN", &self.token)
            .env("BAKONG_STORE", &self.world.store);
        command
    }

    /// Starts a checkout, or a command that watches new or open payments.
    async fn start(&mut self) -> Running {
        let bill = format!("{}-{}", self.number, self.random.u32(..));
        match self.random.u8(0..6) {
            0 | 1 => {
                let open = self.random.bool() && !self.shown.is_empty();
                let resume = if open { " --resume" } else { "" };
                let mut running = Running::start(self.command(&format!("watch --json{resume} -")));
                let amount = Amount::from_minor_units(10_000, Currency::Khr);
                let code = dynamic_code(self.world.sandbox.now(), &bill, amount);
                self.codes.insert(Md5Handle::of(&code), code.clone());
                let stdin = running.stdin.as_mut().unwrap();
                stdin
                    .write_all(format!("{code}\n").as_bytes())
                    .await
                    .unwrap();
                running
            }
            _ => Running::start(self.command(&format!("checkout --qr none --bill {bill}"))),
        }
    }

    fn used(&self) -> u32 {
        self.world.sandbox.quota_used(&self.email)
    }

    fn pay(&mut self, md5: Md5Handle) {
        // A checkout that was killed before it showed its code is watched by `--resume`, but nobody can pay it.
        if let Some(code) = self.codes.get(&md5)
            && self.paid.insert(md5)
        {
            let _ = dara(&self.world.sandbox).pay(code).unwrap();
        }
    }

    fn pause(&mut self, from: Duration, to: Duration) -> Duration {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap();
        Duration::from_micros(self.random.u64(micros(from)..micros(to)))
    }

    /// Waits until the command shows a code, and pays it.
    async fn pay_shown(&mut self, running: &mut Running) {
        running.until(|printed| !printed.shown.is_empty()).await;
        let code = {
            let printed = running.printed.lock().unwrap();
            self.codes.extend(printed.codes.clone());
            printed.shown.last().copied()
        };
        if let Some(md5) = code {
            self.pay(md5);
        }
    }

    async fn until_requests(&self, running: &mut Running, more: u32) {
        let before = self.used();
        running.until(|_| self.used() >= before + more).await;
    }

    /// Runs a command and kills it. Returns whether it was killed: it may have ended before.
    async fn kill_one(&mut self, moment: Moment) -> bool {
        let mut running = self.start().await;
        let ms = Duration::from_millis;
        match moment {
            Moment::StartUp => tokio::time::sleep(self.pause(ms(0), ms(60))).await,
            Moment::FirstWrite => {
                running
                    .until(|printed| printed.is_connecting || !printed.shown.is_empty())
                    .await;
                tokio::time::sleep(self.pause(ms(0), ms(50))).await;
            }
            Moment::Request => {
                if self.random.bool() {
                    self.pay_shown(&mut running).await;
                }
                let more = self.random.u32(1..=3);
                self.until_requests(&mut running, more).await;
                tokio::time::sleep(self.pause(ms(0), LATENCY)).await;
            }
            Moment::Settlement => {
                self.pay_shown(&mut running).await;
                self.until_requests(&mut running, 1).await;
                tokio::time::sleep(self.pause(LATENCY * 3 / 4, LATENCY * 2)).await;
            }
            Moment::Receipt => {
                self.pay_shown(&mut running).await;
                running.until(|printed| !printed.receipts.is_empty()).await;
                tokio::time::sleep(self.pause(ms(0), ms(4))).await;
            }
            Moment::AnyTime => {
                if self.random.bool() {
                    self.pay_shown(&mut running).await;
                }
                tokio::time::sleep(self.pause(ms(0), ms(5_000))).await;
            }
        }
        running.child.start_kill().unwrap();
        let (code, printed) = running.end().await;
        let is_killed = code.is_none();
        assert!(matches!(code, None | Some(0)), "{code:?}: {}", printed.text);
        if is_killed {
            for md5 in &printed.receipts {
                *self.killed_after_receipt.entry(*md5).or_default() += 1;
            }
        }
        self.note(printed);
        self.check_count().await;
        // Most customers pay.
        for md5 in self.shown.clone() {
            if self.random.u8(0..5) > 0 {
                self.pay(md5);
            }
        }
        is_killed
    }

    fn note(&mut self, printed: Printed) {
        self.codes.extend(printed.codes);
        self.shown.extend(printed.shown);
        for md5 in printed.receipts {
            assert!(self.paid.contains(&md5), "{md5} was not paid");
            *self.receipts.entry(md5).or_default() += 1;
        }
    }

    /// The stored count of requests is not below what the sandbox saw.
    async fn check_count(&self) {
        let seen = self.used();
        let snapshot = self.store.load(self.world.sandbox.now()).await.unwrap();
        let stored = snapshot.usage.map_or(0, |usage| usage.requests);
        assert!(
            stored >= seen,
            "{stored} requests are stored, {seen} were seen"
        );
    }

    /// Returns the payments that are open in the store.
    async fn open_payments(&self) -> BTreeSet<Md5Handle> {
        let snapshot = self.store.load(self.world.sandbox.now()).await.unwrap();
        snapshot.open.iter().map(|open| open.payment.md5).collect()
    }

    /// Resumes until all payments are taken up and all of `receipts` are printed. The command ends by itself if no payment
    /// is open. Otherwise it is interrupted, but not before it has started.
    async fn resume(&self, receipts: &BTreeSet<Md5Handle>) -> Printed {
        let open = self.open_payments().await;
        let mut running = Running::start(self.command("watch --resume --json"));
        let is_done = |printed: &Printed| {
            let is_printed = |md5: &Md5Handle| printed.receipts.contains(md5);
            let is_taken_up = |md5: &Md5Handle| printed.shown.contains(md5) || is_printed(md5);
            open.iter().all(is_taken_up) && receipts.iter().all(is_printed)
        };
        running
            .until(|printed| !open.is_empty() && is_done(printed))
            .await;
        let has_ended = running.child.try_wait().unwrap().is_some();
        if !has_ended {
            interrupt(&running.child);
        }
        let (code, printed) = running.end().await;
        assert!(matches!(code, Some(0 | 130)), "{code:?}: {}", printed.text);
        assert!(is_done(&printed), "{receipts:?}: {}", printed.text);
        printed
    }

    /// Compares what the sandbox knows with what the store has and what was printed.
    async fn check(&mut self) {
        for md5 in self.shown.clone() {
            if self.random.u8(0..10) > 0 {
                self.pay(md5);
            }
        }
        let missing = self.paid.iter().copied();
        let missing = missing.filter(|md5| !self.receipts.contains_key(md5));
        let first = self.resume(&missing.collect()).await;
        self.note(first);
        let again = self.resume(&BTreeSet::new()).await;
        assert_eq!(again.receipts, [], "a receipt was printed again");
        self.check_count().await;
        let events = self
            .store
            .events_after(EventId::START, 10_000)
            .await
            .unwrap();
        let mut settled = BTreeMap::<Md5Handle, usize>::new();
        for event in &events {
            let EventKind::Finished(Outcome::Paid { .. }) = &event.kind else {
                panic!("an unexpected event: {event:?}");
            };
            *settled.entry(event.md5).or_default() += 1;
        }
        let expected: BTreeMap<_, _> = self.paid.iter().map(|md5| (*md5, 1)).collect();
        assert_eq!(settled, expected, "each payment is settled once");
        for md5 in &self.shown {
            let found = self.store.find(&PaymentKey::Md5(*md5)).await.unwrap();
            assert_eq!(found.len(), 1, "{md5} is lost");
            assert_eq!(
                found[0].finished.is_some(),
                self.paid.contains(md5),
                "{md5}"
            );
        }
        for md5 in &self.paid {
            let printed = self.receipts.get(md5).copied().unwrap_or(0);
            let killed = self.killed_after_receipt.get(md5).copied().unwrap_or(0);
            assert!(
                (1..=1 + killed).contains(&printed),
                "{md5}: {printed} receipts, {killed} kills"
            );
            self.world.count("receipts printed twice", printed - 1);
        }
        self.world.count("codes shown", self.shown.len());
        self.world.count("payments settled", self.paid.len());
        self.world.count("requests", self.used() as usize);
    }
}

/// Kills commands of many shops, and checks what each has left.
async fn survive_kills(store: String, kills: usize) {
    let seed = env::var("BAKONG_KILLS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::own_answer().delayed(LATENCY).always());
    let world = Arc::new(World {
        sandbox,
        store,
        counts: Mutex::default(),
    });
    let started = Instant::now();
    let mut random = Rng::with_seed(seed);
    let permits = Arc::new(Semaphore::new(SHOPS));
    let mut shops = JoinSet::new();
    let (mut planned, mut number) = (0, 0);
    while planned < kills {
        // A command takes over up to ten seconds after a kill, so a short run has few kills in a row.
        let longest = if kills > SHORT_RUN { 4 } else { 2 };
        let mine = random.usize(1..=longest).min(kills - planned);
        let moments: Vec<_> = (0..mine)
            .map(|index| MOMENTS[(planned + index) % MOMENTS.len()])
            .collect();
        planned += mine;
        number += 1;
        let (world, permits, seed) = (Arc::clone(&world), Arc::clone(&permits), random.u64(..));
        shops.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            let mut shop = Shop::open(Arc::clone(&world), number, seed).await;
            for moment in moments {
                while !shop.kill_one(moment).await {
                    world.count("commands that ended before the kill", 1);
                }
                world.count(format!("kills at {moment:?}"), 1);
            }
            shop.check().await;
        });
    }
    while let Some(shop) = shops.join_next().await {
        shop.unwrap();
    }
    let mut check = bakong(&["store", "check"]);
    let checked = check
        .env("BAKONG_STORE", &world.store)
        .output()
        .await
        .unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    let problems = checked.lines().filter(|line| line.starts_with("problem:"));
    // The PostgreSQL server of the tests does not wait for its disk.
    let problems: Vec<_> = problems.filter(|line| !line.contains("fsync")).collect();
    assert_eq!(problems, [""; 0]);
    // `print!` would be captured.
    let counts = world.counts.lock().unwrap();
    let mut report = format!(
        "{kills} kills with seed {seed} in {} s:",
        started.elapsed().as_secs()
    );
    for (what, number) in &*counts {
        report.push_str(&format!("\n  {number:>5} {what}"));
    }
    let _ = writeln!(std::io::stderr().lock(), "{report}");
}

fn kills() -> usize {
    env::var("BAKONG_KILLS").map_or(SHORT_RUN, |kills| kills.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_are_killed_lose_no_payment() {
    let folder = Folder::new();
    survive_kills(folder.file("payments.db"), kills()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_are_killed_lose_no_payment_on_postgresql() {
    let Some((_, url)) = database() else { return };
    survive_kills(url, kills().div_ceil(5)).await;
}
