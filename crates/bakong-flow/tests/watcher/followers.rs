//! What a follower asks its store, and what its handles learn from it.

use bakong_flow::watcher::{Attached, Watched};
use bakong_flow::{Change, Config, MemoryStore, Policy};
use tokio::time::Duration;

use crate::faulty::Fault;
use crate::roles::{Worker, is_leader, md5, wait_for_outcome, worker_with};
use crate::script::*;

/// A configuration with a quota that no test uses up.
fn plenty() -> Config {
    let mut config = Config::DEFAULT;
    config.quota.limit = 10_000;
    config
}

/// Opens `count` payments at once through a worker.
async fn open_many(worker: &Worker, count: usize) -> Vec<Watched> {
    let codes: Vec<String> = (0..count).map(|number| format!("code {number}")).collect();
    let opened = codes
        .iter()
        .map(|code| worker.watcher.watch(payment(code), Policy::COUNTER));
    let opened = futures_util::future::join_all(opened).await;
    opened.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_follower_does_not_grow_with_its_payments() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker_with(plenty(), &script, &store, clock).await;
    let two = worker_with(plenty(), &script, &store, clock).await;
    let watched = open_many(&two, 450).await;
    assert!(is_leader(&one) && !is_leader(&two));
    // Each payment is looked up once when it is opened.
    assert!(two.store.lookups() < 500, "{}", two.store.lookups());
    assert!(
        two.store.result_reads() < 45,
        "{}",
        two.store.result_reads()
    );
    let before = two.store.lookups();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let lookups = two.store.lookups() - before;
    // At first all payments, in three parts. Then one part each second.
    assert!(lookups <= 64, "{lookups} look-ups in a minute");
    for mut watched in watched {
        assert_eq!(outcome_name(&mut watched).await, "expired");
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_learns_what_other_workers_cancel_or_withdraw() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker_with(plenty(), &script, &store, clock).await;
    let two = worker_with(plenty(), &script, &store, clock).await;
    let mut watched = open_many(&two, 450).await;
    let mut withdrawn = watched.remove(0);
    let cancelled = watched.remove(300);
    let other = one.watcher.attach(cancelled.progress().md5).await.unwrap();
    let Attached::Open(other) = other else {
        panic!("{other:?}");
    };
    other.cancel().await.unwrap();
    let md5 = withdrawn.progress().md5;
    assert_eq!(store.apply(&[Change::Withdrawn { md5 }]), []);
    // Three polls look up all payments.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(cancelled.progress().is_cancelled);
    assert!(withdrawn.outcome().await.is_err());
    assert!(
        watched
            .iter()
            .all(|watched| !watched.progress().is_cancelled)
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_misses_no_outcome_while_it_has_no_handle_or_no_store() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let _one = worker_with(plenty(), &script, &store, clock).await;
    let two = worker_with(plenty(), &script, &store, clock).await;
    drop(open_many(&two, 3).await);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let attached = two.watcher.attach(md5("code 1")).await.unwrap();
    let Attached::Open(mut watched) = attached else {
        panic!("{attached:?}");
    };
    two.store.set(Fault::Down);
    assert_eq!(
        wait_for_outcome(&store, "code 1").await.unwrap().name(),
        "expired"
    );
    two.store.set(Fault::None);
    let outcome = tokio::time::timeout(Duration::from_secs(5), outcome_name(&mut watched)).await;
    assert_eq!(outcome.unwrap(), "expired");
}
