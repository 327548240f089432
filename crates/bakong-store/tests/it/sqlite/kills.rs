//! A process that is killed at a random moment. What it acknowledged is stored, and no batch is stored in part.
//!
//! The process is this test program, started again for one test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::store::contract::sample::{finished, md5, opened, paid};
use bakong_flow::store::{Acquired, Batch, EventId, LeaderLease, PaymentKey, WorkerId};
use bakong_flow::{Change, PaymentStore};
use bakong_store::{Registration, SqliteDatabase, SqliteOptions, SqliteStore};

use super::Folder;

/// Names the file for the process that is killed.
const FILE: &str = "BAKONG_STORE_KILL_FILE";
const KILLS: u32 = 120;
/// The registrations, whose workers write at the same time.
const WORKERS: u32 = 4;

async fn open(database: &SqliteDatabase, worker: u32) -> SqliteStore {
    let name = Registration::new("api.example", &format!("shop {worker}")).unwrap();
    database.store(&name).await.unwrap()
}

/// Batch `number` opens a payment and settles the payment of the batch before.
fn batch(number: u32) -> Vec<Change> {
    let mut changes = vec![opened(number, number)];
    if number > 1 {
        changes.push(finished(number - 1, number - 1, paid(number)));
    }
    changes
}

/// Returns the number of the last batch that is stored, and fails if any batch is stored in part.
async fn last_batch(store: &SqliteStore) -> u32 {
    let events = store
        .events_after(EventId::START, usize::MAX)
        .await
        .unwrap();
    let last = u32::try_from(events.len()).unwrap() + 1;
    let find = async |number| {
        let found = store.find(&PaymentKey::Md5(md5(number))).await.unwrap();
        found.into_iter().next()
    };
    let (after, newest) = (find(last + 1).await, find(last).await);
    assert_eq!(after, None, "a payment was opened, but none settled");
    let Some(newest) = newest else {
        assert_eq!(last, 1, "a payment was settled, but none opened");
        return 0;
    };
    assert_eq!(newest.finished, None);
    for (index, event) in (1..).zip(&events) {
        assert_eq!(event.md5, md5(index));
    }
    last
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = Folder::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut acknowledged = [0u32; WORKERS as usize];
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sqlite::kills::write_until_killed",
                "--nocapture",
            ])
            .env(FILE, folder.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |lines: &mut dyn Iterator<Item = std::io::Result<String>>| {
            let line = lines.next()?.ok()?;
            // A kill can cut the last line.
            if let Some((worker, number)) = line
                .strip_prefix("batch ")
                .and_then(|line| line.strip_suffix('.')?.split_once(' '))
            {
                let worker: usize = worker.parse().unwrap();
                acknowledged[worker] = number.parse().unwrap();
            }
            Some(())
        };
        // Some kills come before the first batch.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let lines_before = (random >> 33) % 12;
        for _ in 0..lines_before {
            if read(&mut lines).is_none() {
                break;
            }
        }
        std::thread::sleep(Duration::from_micros((random >> 40) % 3_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success(), "the child ended by itself");
        while read(&mut lines).is_some() {}
        runtime.block_on(async {
            let database = SqliteDatabase::open(folder.file()).await.unwrap();
            for worker in 0..WORKERS {
                let stored = last_batch(&open(&database, worker).await).await;
                let last = &mut acknowledged[worker as usize];
                assert!(
                    stored == *last || stored == *last + 1,
                    "kill {kill}, worker {worker}: {last} batches were acknowledged, {stored} are stored"
                );
                // The next process continues from here.
                *last = stored;
            }
        });
    }
    assert!(
        acknowledged.iter().all(|&number| number > KILLS / 4),
        "{acknowledged:?}"
    );
    let report = runtime.block_on(SqliteOptions::default().check(folder.file()));
    assert_eq!(report.unwrap().problems, [""; 0]);
}

/// Stops the store before each statement of a commit in turn, and after the last one.
#[tokio::test]
async fn a_commit_that_stops_at_any_statement_is_stored_whole_or_not_at_all() {
    let changes = [opened(1, 1), finished(1, 1, paid(7)), opened(2, 2)];
    let mut stored_but_not_answered = 0;
    let mut statements = 0;
    loop {
        let folder = Folder::new();
        let mut options = SqliteOptions::default();
        options.sync = false;
        let store = folder.open(&options).await;
        let worker = WorkerId::new("worker");
        let acquired = store.acquire(&worker, Duration::from_secs(60)).await;
        let Ok(Acquired::Leader(epoch)) = acquired else {
            panic!("{acquired:?}");
        };
        let batch = Batch::new(epoch, 1).with_changes(&changes);
        options.fuse.stop_after(statements);
        let result = store.commit(&batch).await;
        let after_restart = folder.open(&SqliteOptions::default()).await;
        let (sequence, committed) = after_restart.last_batch().await.unwrap();
        let open = after_restart.load(Timestamp::from_millis(0)).await;
        let events = after_restart.events_after(EventId::START, 10).await;
        let counts = (open.unwrap().open.len(), events.unwrap().len());
        let expected = if sequence == 1 { (1, 1) } else { (0, 0) };
        assert_eq!(counts, expected, "{statements}");
        assert_eq!(committed.rejected, []);
        let Err(error) = result else {
            assert_eq!(sequence, 1);
            options.fuse.stop_after(0);
            options.fuse.cancel();
            assert_eq!(store.commit(&batch).await.unwrap().rejected, []);
            break;
        };
        assert!(error.to_string().contains("the test stopped"), "{error}");
        let error = store.commit(&batch).await.unwrap_err();
        assert!(error.to_string().contains("was closed"), "{error}");
        stored_but_not_answered += sequence;
        statements += 1;
    }
    assert!(statements > 5, "the store was stopped {statements} times");
    assert_eq!(stored_but_not_answered, 1);
}

/// The process that is killed. Does nothing in a usual run of the tests.
#[test]
fn write_until_killed() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let database = SqliteDatabase::open(Path::new(&file)).await.unwrap();
        let workers = (0..WORKERS).map(|worker| {
            let database = database.clone();
            tokio::spawn(async move {
                let store = open(&database, worker).await;
                let id = WorkerId::new(&format!("process {}", std::process::id()));
                store.expire_lease().await.unwrap();
                let acquired = store.acquire(&id, Duration::from_secs(60)).await.unwrap();
                let Acquired::Leader(epoch) = acquired else {
                    panic!("the lease has expired");
                };
                let last = last_batch(&store).await;
                for (sequence, number) in (1..).zip(last + 1..) {
                    let changes = batch(number);
                    let batch = Batch::new(epoch, sequence).with_changes(&changes);
                    let committed = store.commit(&batch).await.unwrap();
                    assert_eq!(committed.rejected, []);
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "batch {worker} {number}.").unwrap();
                    out.flush().unwrap();
                }
            })
        });
        let workers: Vec<_> = workers.collect();
        for worker in workers {
            worker.await.unwrap();
        }
    });
}
