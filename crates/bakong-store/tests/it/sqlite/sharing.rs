//! Several workers on one file.

use std::time::Duration;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::{md5, opened};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandQueue, CommandResult, EventId, LeaderLease, StoreErrorKind,
    WorkerId,
};
use bakong_store::{Registration, SqliteOptions};
use rusqlite::Connection;

use super::Folder;

const TERM: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_waiting_worker_learns_of_changes_in_its_own_process() {
    let folder = Folder::new();
    let mut options = SqliteOptions::default();
    // Too long for a test, so that only the notification can end it.
    options.poll_interval = Duration::from_secs(3_600);
    let store = folder.open(&options).await;
    let name = Registration::new("api.example", "other").unwrap();
    let other = store.database().store(&name).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.notified().await }
    });
    tokio::task::yield_now().await;
    // A change of another registration does not concern the worker.
    let nudge = Command::Nudge { md5: md5(1) };
    other.submit("key", &nudge).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    store.submit("key", &nudge).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_waiting_worker_learns_of_changes_by_other_processes() {
    let folder = Folder::new();
    let mut options = SqliteOptions::default();
    options.poll_interval = Duration::from_millis(5);
    let store = folder.open(&options).await;
    // A database of its own, as another process has it.
    let other = folder.open(&options).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            // The first poll only notes the state of the file.
            store.notified().await;
            store.notified().await;
        }
    });
    // A change before the call of `notified` may be missed, so the other process makes several changes.
    let nudge = Command::Nudge { md5: md5(1) };
    for number in 0..1_000 {
        if waiting.is_finished() {
            return;
        }
        other.submit(&number.to_string(), &nudge).await.unwrap();
        tokio::time::sleep(options.poll_interval).await;
    }
    panic!("no change was noticed");
}

#[tokio::test]
async fn a_command_crosses_from_one_process_to_another() {
    let folder = Folder::new();
    let options = SqliteOptions::default();
    let (leader, follower) = (folder.open(&options).await, folder.open(&options).await);
    let worker = WorkerId::new("leader");
    let Ok(Acquired::Leader(epoch)) = leader.acquire(&worker, TERM).await else {
        panic!("the lease is free");
    };
    let id = follower
        .submit("key", &Command::Nudge { md5: md5(1) })
        .await
        .unwrap();
    assert_eq!(
        follower
            .submit("key", &Command::Cancel { md5: md5(1) })
            .await
            .unwrap(),
        id
    );
    let pending = leader.pending(10).await.unwrap();
    assert_eq!(pending, [(id, Command::Nudge { md5: md5(1) })]);
    let results = [(id, CommandResult::Done)];
    let batch = Batch::new(epoch, 1).with_results(&results);
    leader.commit(&batch).await.unwrap();
    assert_eq!(
        follower.result(id).await.unwrap(),
        Some(CommandResult::Done)
    );
}

#[tokio::test]
async fn old_commands_are_removed_and_their_ids_are_not_used_again() {
    let folder = Folder::new();
    let mut options = SqliteOptions::default();
    options.sync = false;
    let store = folder.open(&options).await;
    let Ok(Acquired::Leader(epoch)) = store.acquire(&WorkerId::new("leader"), TERM).await else {
        panic!("the lease is free");
    };
    let nudge = Command::Nudge { md5: md5(1) };
    let pending = store.submit("first", &nudge).await.unwrap();
    let mut results = Vec::new();
    for number in 0..1_100 {
        let id = store.submit(&number.to_string(), &nudge).await.unwrap();
        results.push((id, CommandResult::Done));
    }
    let batch = Batch::new(epoch, 1).with_results(&results);
    store.commit(&batch).await.unwrap();
    let (oldest, newest) = (results[0].0, results[1_099].0);
    let error = store.result(oldest).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    assert_eq!(
        store.result(newest).await.unwrap(),
        Some(CommandResult::Done)
    );
    assert_eq!(
        store.result(pending).await.unwrap(),
        None,
        "it has no result"
    );
    assert!(store.submit("new", &nudge).await.unwrap() > newest);
}

#[tokio::test]
async fn a_clock_that_was_set_back_leaves_no_registration_without_a_leader() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let Ok(Acquired::Leader(first)) = store.acquire(&WorkerId::new("first"), TERM).await else {
        panic!("the lease is free");
    };
    // The lease was granted when the clock was an hour ahead.
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .execute(
            "UPDATE registrations SET expires_at = expires_at + 3600000",
            [],
        )
        .unwrap();
    let Ok(Acquired::Leader(second)) = store.acquire(&WorkerId::new("second"), TERM).await else {
        panic!("the lease does not count");
    };
    // The earlier leader may live, and cannot harm.
    let changes = [opened(1, 1)];
    let batch = Batch::new(first, 1).with_changes(&changes);
    let error = store.commit(&batch).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fenced);
    let batch = Batch::new(second, 1).with_changes(&changes);
    store.commit(&batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_several_processes_lose_no_change() {
    const EACH: u32 = 30;
    let folder = Folder::new();
    let options = SqliteOptions::default();
    let mut writers = Vec::new();
    for writer in 0..4 {
        let database = options.open(folder.file()).await.unwrap();
        writers.push(tokio::spawn(async move {
            let name = Registration::new("api.example", &format!("shop {writer}")).unwrap();
            let store = database.store(&name).await.unwrap();
            let worker = WorkerId::new("worker");
            let Ok(Acquired::Leader(epoch)) = store.acquire(&worker, TERM).await else {
                panic!("the lease is free");
            };
            for number in 1..=EACH {
                let changes = [opened(number, number)];
                let batch = Batch::new(epoch, number.into()).with_changes(&changes);
                store.commit(&batch).await.unwrap();
                let consumer = format!("consumer {}", number % 3);
                store.acknowledge(&consumer, EventId::START).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let report = options.check(folder.file()).await.unwrap();
    assert_eq!(report.payments, u64::from(EACH * 4));
    assert_eq!(report.problems, [""; 0]);
}
