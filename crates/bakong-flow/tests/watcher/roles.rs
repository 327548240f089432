//! Several watchers on one store: leader, followers, and the change of roles.

use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::{CommandQueue, Event, EventKind, PaymentKey};
use bakong_flow::watcher::{Attached, CommandError, EndReason, Role, StoreHealth};
use bakong_flow::{
    Clock as _, Config, Events, MemoryStore, OpenError, OrderId, Outcome, Policy, WatchError,
    Watcher,
};
use tokio::time::{Duration, Instant};

use crate::faulty::{Fault, Faulty};
use crate::script::*;

const TERM: Duration = Duration::from_secs(30);

/// A worker with its own connection to the store, and the requests of all workers.
pub(crate) struct Worker {
    pub(crate) store: Faulty,
    pub(crate) watcher: Watcher<Script>,
}

async fn worker(script: &Script, store: &MemoryStore, clock: TokioClock) -> Worker {
    worker_with(Config::DEFAULT, script, store, clock).await
}

pub(crate) async fn worker_with(
    config: Config,
    script: &Script,
    store: &MemoryStore,
    clock: TokioClock,
) -> Worker {
    let store = Faulty::of(store);
    let builder = Watcher::builder(session(script), store.clone()).config(config);
    let watcher = builder.clock(clock).start().await.unwrap();
    Worker { store, watcher }
}

pub(crate) fn is_leader(worker: &Worker) -> bool {
    matches!(worker.watcher.health().role, Role::Leader { .. })
}

pub(crate) fn md5(code: &str) -> Md5Handle {
    Md5Handle::of(code)
}

#[tokio::test(start_paused = true)]
async fn a_follower_opens_payments_and_learns_outcomes() {
    let script = Script::of_bodies([NOT_FOUND, PAID]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    assert!(is_leader(&one) && !is_leader(&two));
    assert_eq!(two.watcher.health().open_payments, None);

    let mut watched = two
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    assert_eq!(one.watcher.health().open_payments, Some(1));
    assert_eq!(two.watcher.open_payments().await.unwrap(), [md5("a")]);
    let known = two.watcher.watch(payment("a"), Policy::COUNTER).await;
    assert_eq!(known.unwrap_err(), WatchError::Refused(OpenError::Known));

    watched.nudge().await.unwrap();
    assert_eq!(outcome_name(&mut watched).await, "paid");
    let attached = two.watcher.attach(md5("a")).await.unwrap();
    assert!(matches!(attached, Attached::Final(Outcome::Paid { .. })));
    let order = PaymentKey::Order(OrderId::new("a").unwrap());
    assert_eq!(two.watcher.find(&order).await.unwrap().len(), 1);
    assert!(
        two.watcher
            .find(&PaymentKey::Md5(md5("b")))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_cancels_a_payment() {
    let script = Script::of_bodies([PAID]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let _open = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    let attached = two.watcher.attach(md5("a")).await.unwrap();
    let Attached::Open(mut watched) = attached else {
        panic!("{attached:?}");
    };
    watched.cancel().await.unwrap();
    assert!(store.snapshot().open[0].is_cancelled);
    assert_eq!(outcome_name(&mut watched).await, "needs_review");
}

#[tokio::test(start_paused = true)]
async fn a_follower_leads_at_once_if_the_leader_shuts_down() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let mut watched = two
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    one.watcher.shutdown().await;
    assert!(matches!(one.watcher.closed().await, EndReason::Shutdown));
    let before = Instant::now();
    while !is_leader(&two) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        before.elapsed() < Duration::from_secs(3),
        "{:?}",
        before.elapsed()
    );
    // The handle of the follower works for the leader, too.
    assert_eq!(outcome_name(&mut watched).await, "expired");
    assert!(watched.progress().checks > 0);
}

#[tokio::test(start_paused = true)]
async fn a_follower_leads_within_two_terms_after_the_leader_died() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let three = worker(&script, &store, clock).await;
    let mut lost = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    let mut kept = two
        .watcher
        .watch(payment("b"), Policy::COUNTER)
        .await
        .unwrap();
    // From the store's view, a worker that cannot reach it is dead.
    one.store.set(Fault::Hangs);
    tokio::time::sleep(TERM * 2).await;
    assert!(is_leader(&two) || is_leader(&three));
    let waiting = script.requests();
    assert_eq!(outcome_name(&mut kept).await, "expired");
    assert!(script.requests() > waiting);
    let stored = store.outcome(&md5("a"));
    let stored = stored.or(wait_for_outcome(&store, "a").await);
    assert_eq!(stored.unwrap().name(), "expired");
    let usage = store.snapshot().usage.unwrap();
    assert!(script.requests() <= usage.requests, "{usage:?}");

    // The old leader is fenced, and its handle learns the outcome as a follower.
    one.store.set(Fault::None);
    assert_eq!(outcome_name(&mut lost).await, "expired");
    assert!(!is_leader(&one));
}

pub(crate) async fn wait_for_outcome(store: &MemoryStore, code: &str) -> Option<Outcome> {
    for _ in 0..3_600 {
        if let Some(outcome) = store.outcome(&md5(code)) {
            return Some(outcome);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_leader_without_a_lease_sends_nothing() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let _watched = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Commits work, but the lease cannot be renewed, and no other worker exists.
    one.store.set(Fault::Down);
    tokio::time::sleep(TERM).await;
    let sent = script.requests();
    tokio::time::sleep(Duration::from_secs(1_200)).await;
    assert_eq!(script.requests(), sent);
    assert!(matches!(
        one.watcher.health().store,
        StoreHealth::Failing { .. }
    ));
    one.store.set(Fault::None);
    let outcome = wait_for_outcome(&store, "a").await;
    assert_eq!(outcome.unwrap().name(), "expired");
    assert_eq!(one.watcher.health().store, StoreHealth::Working);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_suspended_is_fenced_and_sends_nothing() {
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    // Each worker has its own Bakong, to tell their requests apart.
    let (silent, script) = (
        Script::of_bodies([NOT_FOUND]),
        Script::of_bodies([NOT_FOUND]),
    );
    let one = worker(&silent, &store, clock).await;
    let mut watched = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    let two = worker(&script, &store, clock).await;
    let sent = silent.requests();
    one.store.set(Fault::Hangs);
    // The suspended worker has a commit under way, and a nudge makes it want to send.
    watched.nudge().await.unwrap();
    tokio::time::sleep(TERM * 2).await;
    assert!(is_leader(&two));
    one.store.set(Fault::None);
    assert_eq!(outcome_name(&mut watched).await, "expired");
    assert_eq!(silent.requests(), sent);
    assert!(!is_leader(&one));
    assert!(script.requests() > 0);
}

#[tokio::test(start_paused = true)]
async fn two_tills_never_show_a_code_without_a_reserved_check() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals) = (10, 0);
    config.lists = false;
    let one = worker_with(config, &script, &store, clock).await;
    let two = worker_with(config, &script, &store, clock).await;
    let mut opened = Vec::new();
    for number in 0..12 {
        for (till, worker) in [&one, &two].into_iter().enumerate() {
            let code = format!("{till} {number}");
            match worker.watcher.watch(payment(&code), Policy::COUNTER).await {
                Ok(watched) => opened.push(watched),
                Err(error) => assert!(error.until().is_some(), "{error}"),
            }
        }
    }
    assert!((8..=10).contains(&opened.len()), "{}", opened.len());
    for watched in &mut opened {
        assert_eq!(outcome_name(watched).await, "expired");
    }
    assert!(script.requests() <= 10, "{} requests", script.requests());
    assert_eq!(store.snapshot().open.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_follower_gives_up_when_nobody_leads_and_withdraws() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    one.store.set(Fault::Hangs);
    let before = Instant::now();
    let asked_at = clock.now();
    let refused = two.watcher.watch(payment("a"), Policy::COUNTER).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, WatchError::NoLeader { .. }), "{error:?}");
    // The error names the end of the lease.
    let until = error.until().unwrap();
    assert!(
        until > clock.now() && until <= asked_at.saturating_add(TERM),
        "{until}"
    );
    // One second of the five is for the withdrawal.
    assert_eq!(before.elapsed().as_secs(), 4);
    assert!(
        store.pending(10).await.unwrap().is_empty(),
        "the command is withdrawn"
    );
    tokio::time::sleep(TERM * 2).await;
    assert!(store.snapshot().open.is_empty());
    two.watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_never_reported_as_known() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    one.store.lose_answers(3);
    one.watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    two.store.lose_answers(2);
    two.watcher
        .watch(payment("b"), Policy::COUNTER)
        .await
        .unwrap();

    // The caller gives up before the answer arrives, and tries again.
    one.store.set(Fault::LosesAnswers);
    let refused = one.watcher.watch(payment("c"), Policy::COUNTER).await;
    assert_eq!(refused.unwrap_err(), WatchError::StoreUnavailable);
    let (again, ()) = tokio::join!(one.watcher.watch(payment("c"), Policy::COUNTER), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        one.store.set(Fault::None);
    });
    again.unwrap();
    assert_eq!(store.snapshot().open.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_commit_was_lost_with_the_lease_is_not_known() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let store_of_one = Faulty::of(&store);
    let builder = Watcher::builder(session(&script), store_of_one.clone()).clock(clock);
    let one = builder.store_timeout(TERM * 4).start().await.unwrap();
    let two = worker(&script, &store, clock).await;
    store_of_one.set(Fault::LosesAnswers);
    let opening = tokio::spawn(async move {
        let watched = one.watch(payment("a"), Policy::COUNTER).await;
        (one, watched)
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(store.snapshot().open.len(), 1);
    // The leader cannot reach the store any more, and another one takes over.
    store_of_one.set(Fault::Down);
    tokio::time::sleep(TERM * 2).await;
    assert!(is_leader(&two));
    store_of_one.set(Fault::None);
    let (_one, watched) = opening.await.unwrap();
    assert_eq!(outcome_name(&mut watched.unwrap()).await, "expired");
}

#[tokio::test(start_paused = true)]
async fn no_call_hangs_while_the_store_hangs() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let watched = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    for worker in [&one, &two] {
        worker.store.set(Fault::Hangs);
    }
    for watcher in [&one.watcher, &two.watcher] {
        let before = Instant::now();
        let refused = watcher.watch(payment("b"), Policy::COUNTER).await;
        assert_eq!(refused.unwrap_err(), WatchError::StoreUnavailable);
        let unavailable = CommandError::StoreUnavailable;
        assert_eq!(watcher.open_payments().await.unwrap_err(), unavailable);
        assert_eq!(watcher.attach(md5("b")).await.unwrap_err(), unavailable);
        assert!(before.elapsed() <= Duration::from_secs(16));
    }
    assert_eq!(watched.cancel().await, Err(CommandError::StoreUnavailable));
    let learned = watched.learn(None, None).await;
    assert_eq!(learned, Err(CommandError::StoreUnavailable));
    let before = Instant::now();
    one.watcher.shutdown().await;
    assert!(before.elapsed() < Duration::from_secs(60));
    assert_eq!(watched.nudge().await, Err(CommandError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn payments_can_be_opened_soon_after_the_store_works_again() {
    for minutes in 1..20 {
        let script = Script::of_bodies([NOT_FOUND]);
        let (store, clock) = (MemoryStore::new(), TokioClock::start());
        let one = worker(&script, &store, clock).await;
        one.store.set(Fault::Down);
        let failed = one.watcher.watch(payment("a"), Policy::COUNTER).await;
        assert_eq!(failed.unwrap_err(), WatchError::StoreUnavailable);
        // The pauses between two commits grow meanwhile.
        tokio::time::sleep(Duration::from_secs(minutes * 61)).await;
        one.store.set(Fault::None);
        // Longer than the pause between two renewals of the lease.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let opened = one.watcher.watch(payment("b"), Policy::COUNTER).await;
        assert!(opened.is_ok(), "after {minutes} minutes: {opened:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_watcher_ends_if_the_store_is_broken() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let mut watched = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    let mut changes = one.watcher.subscribe();
    for worker in [&one, &two] {
        worker.store.set(Fault::Broken);
    }
    for worker in [&one, &two] {
        let end = worker.watcher.closed().await;
        assert!(matches!(&end, EndReason::StoreFailed(_)), "{end}");
        assert!(end.to_string().contains("broken"), "{end}");
        assert_eq!(worker.watcher.health().role, Role::Ended);
    }
    assert!(watched.outcome().await.is_err());
    while changes.recv().await.is_ok() {}
    let refused = one.watcher.watch(payment("b"), Policy::COUNTER).await;
    assert_eq!(refused.unwrap_err(), WatchError::Stopped);
    assert_eq!(
        one.watcher.open_payments().await,
        Err(CommandError::Stopped)
    );
}

#[tokio::test(start_paused = true)]
async fn many_calls_at_once_cost_one_commit() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let mut config = Config::DEFAULT;
    config.quota.limit = 1_000;
    let one = worker_with(config, &script, &store, clock).await;
    let calls = (0..64).map(|number| {
        let payment = payment(&format!("{number}"));
        one.watcher.watch(payment, Policy::COUNTER)
    });
    for watched in futures_util::future::join_all(calls).await {
        watched.unwrap();
    }
    assert_eq!(one.store.commits(), 1);
}

/// Reads the events that the store has.
async fn events(events: &mut Events, count: usize) -> Vec<Event> {
    let mut read = Vec::new();
    while read.len() < count {
        read.push(events.next().await.unwrap().unwrap());
    }
    read
}

#[tokio::test(start_paused = true)]
async fn events_arrive_at_least_once_and_in_order() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    for code in ["a", "b", "c"] {
        two.watcher
            .watch(payment(code), Policy::COUNTER)
            .await
            .unwrap();
    }
    // A follower receives the events, too.
    let mut receipts = two.watcher.events("receipts");
    let first = events(&mut receipts, 3).await;
    assert!(
        first
            .iter()
            .all(|event| matches!(&event.kind, EventKind::Finished(Outcome::Expired)))
    );
    assert!(first.is_sorted_by_key(|event| event.id));
    receipts.acknowledge(first[0].id).await.unwrap();
    // The consumer restarts, and receives again what it did not acknowledge.
    drop(receipts);
    let mut receipts = one.watcher.events("receipts");
    assert_eq!(events(&mut receipts, 2).await, first[1..]);
    assert_eq!(
        events(&mut Events::of_store(store, "other"), 3).await,
        first
    );
    one.watcher.shutdown().await;
    assert_eq!(receipts.next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_opens_no_payment() {
    const UNAUTHORIZED: &str =
        r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"no"}"#;
    let script = Script::new([Act::Answer(401, UNAUTHORIZED)]);
    let (store, clock) = (MemoryStore::new(), TokioClock::start());
    let one = worker(&script, &store, clock).await;
    let two = worker(&script, &store, clock).await;
    let mut watched = one
        .watcher
        .watch(payment("a"), Policy::COUNTER)
        .await
        .unwrap();
    while watched.changed().await.unwrap().last_error.is_none() {}
    for watcher in [&one.watcher, &two.watcher] {
        let refused = watcher.watch(payment("b"), Policy::COUNTER).await;
        let rejected = WatchError::Refused(OpenError::TokenRejected);
        assert_eq!(refused.unwrap_err(), rejected);
    }
}
