//! Calls of `watch` that are dropped at any moment, and random faults of the stores of several workers.

use std::collections::HashMap;

use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::{CommandQueue, EventKind};
use bakong_flow::{Config, Events, MemoryStore, OpenError, Policy, WatchError, Watcher};
use proptest::prelude::*;
use tokio::time::Duration;

use crate::faulty::{Fault, Faulty};
use crate::script::*;

/// How often a future is polled before it is dropped, or how long it may run.
#[derive(Clone, Copy, Debug)]
enum DroppedAfter {
    Polls(u8),
    Millis(u64),
}

fn run<F: Future>(test: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// Drives `future` until the moment, and drops it. Returns whether it had a result before.
async fn drop_after<F: Future>(future: F, moment: DroppedAfter) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match moment {
        DroppedAfter::Polls(polls) => {
            let mut left = polls;
            std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(None);
                }
                left -= 1;
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
                    std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            })
            .await
        }
        DroppedAfter::Millis(millis) => tokio::time::timeout(Duration::from_millis(millis), future)
            .await
            .ok(),
    }
}

fn dropped_after() -> impl Strategy<Value = DroppedAfter> {
    prop_oneof![
        (0u8..5).prop_map(DroppedAfter::Polls),
        (0u64..1_500).prop_map(DroppedAfter::Millis),
    ]
}

async fn start_worker(
    store: &Faulty,
    script: &Script,
    clock: TokioClock,
    config: Config,
) -> Watcher<Script> {
    let builder = Watcher::builder(session(script), store.clone());
    builder.config(config).clock(clock).start().await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A call that is dropped leaves no open payment, and the same code can be opened again.
    #[test]
    fn a_dropped_call_leaves_nothing_behind(
        moments in proptest::collection::vec(dropped_after(), 1..6),
        is_follower: bool,
        delay in 0u64..300,
    ) {
        run(async {
            let (shared, clock) = (MemoryStore::new(), TokioClock::start());
            let script = Script::of_bodies([NOT_FOUND]);
            let mut store = Faulty::of(&shared);
            store.delay = Duration::from_millis(delay);
            let leader = start_worker(&store, &script, clock, Config::DEFAULT).await;
            let follower = start_worker(&store, &script, clock, Config::DEFAULT).await;
            let watcher = if is_follower { &follower } else { &leader };
            for moment in moments {
                let watch = watcher.watch(payment("a"), Policy::COUNTER);
                if let Some(result) = drop_after(watch, moment).await {
                    prop_assert!(result.is_ok(), "{result:?}");
                    return Ok(());
                }
            }
            // Without another call, nothing is left.
            tokio::time::sleep(Duration::from_secs(3)).await;
            prop_assert!(shared.snapshot().open.is_empty());
            prop_assert!(shared.pending(10).await.unwrap().is_empty());
            prop_assert_eq!(leader.health().open_payments, Some(0));
            let watched = watcher.watch(payment("a"), Policy::COUNTER).await;
            prop_assert!(watched.is_ok(), "{watched:?}");
            Ok(())
        })?;
    }

    /// A call directly after a dropped call is never told that its own payment is known.
    #[test]
    fn the_next_call_does_not_find_its_own_payment(
        moment in dropped_after(),
        is_follower: bool,
        delay in 0u64..300,
    ) {
        run(async {
            let (shared, clock) = (MemoryStore::new(), TokioClock::start());
            let script = Script::of_bodies([NOT_FOUND]);
            let mut store = Faulty::of(&shared);
            store.delay = Duration::from_millis(delay);
            let leader = start_worker(&store, &script, clock, Config::DEFAULT).await;
            let follower = start_worker(&store, &script, clock, Config::DEFAULT).await;
            let watcher = if is_follower { &follower } else { &leader };
            let first = watcher.watch(payment("a"), Policy::COUNTER);
            if drop_after(first, moment).await.is_none() {
                let watched = watcher.watch(payment("a"), Policy::COUNTER).await;
                prop_assert!(watched.is_ok(), "{watched:?}");
                tokio::time::sleep(Duration::from_secs(3)).await;
                prop_assert_eq!(shared.snapshot().open.len(), 1);
            }
            Ok(())
        })?;
    }
}

/// A step of a random test.
#[derive(Clone, Copy, Debug)]
enum Step {
    Watch { worker: usize, patience: u64 },
    Fault { worker: usize, fault: Fault },
    LoseAnswers { worker: usize, count: u32 },
    Wait(u64),
    Restart { worker: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0usize..3;
    let fault = prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::Down),
        1 => Just(Fault::LosesAnswers),
        1 => Just(Fault::Hangs),
    ];
    prop_oneof![
        4 => (worker.clone(), prop_oneof![Just(10_000u64), 0u64..6_000])
            .prop_map(|(worker, patience)| Step::Watch { worker, patience }),
        3 => (worker.clone(), fault).prop_map(|(worker, fault)| Step::Fault { worker, fault }),
        1 => (worker.clone(), 1u32..4).prop_map(|(worker, count)| Step::LoseAnswers { worker, count }),
        3 => (0u64..90).prop_map(Step::Wait),
        1 => worker.prop_map(|worker| Step::Restart { worker }),
    ]
}

const LIMIT: u32 = 30;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Three workers with random faults: the quota holds, no caller is told that its new payment is known, and each
    /// payment whose code was shown becomes final and is published once.
    #[test]
    fn random_faults_lose_nothing(steps in proptest::collection::vec(step(), 1..25)) {
        run(async {
            let (shared, clock) = (MemoryStore::new(), TokioClock::start());
            let script = Script::of_bodies([NOT_FOUND]);
            let mut config = Config::DEFAULT;
            (config.quota.limit, config.quota.renewals) = (LIMIT, 0);
            let stores: Vec<Faulty> = (0..3).map(|_| Faulty::of(&shared)).collect();
            let mut workers = Vec::new();
            for store in &stores {
                workers.push(start_worker(store, &script, clock, config).await);
            }
            let mut shown = HashMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Watch { worker, patience } => {
                        let code = format!("code {number}");
                        let watch = workers[worker].watch(payment(&code), Policy::COUNTER);
                        match drop_after(watch, DroppedAfter::Millis(patience)).await {
                            Some(Ok(watched)) => {
                                shown.insert(Md5Handle::of(&code), watched);
                            }
                            Some(Err(WatchError::Refused(OpenError::NoQuota { .. }) | WatchError::NoLeader { .. } | WatchError::StoreUnavailable)) | None => {}
                            Some(Err(error)) => prop_assert!(false, "{error}"),
                        }
                    }
                    Step::Fault { worker, fault } => stores[worker].set(fault),
                    Step::LoseAnswers { worker, count } => stores[worker].lose_answers(count),
                    Step::Wait(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                    Step::Restart { worker } => {
                        stores[worker].set(Fault::None);
                        stores[worker].lose_answers(0);
                        workers[worker] = start_worker(&stores[worker], &script, clock, config).await;
                    }
                }
                let counted = shared.snapshot().usage.map_or(0, |usage| usage.requests);
                prop_assert!(script.requests() <= counted, "{} > {counted}", script.requests());
            }
            for store in &stores {
                store.set(Fault::None);
                store.lose_answers(0);
            }
            tokio::time::sleep(Duration::from_secs(1_800)).await;
            prop_assert!(shared.snapshot().open.is_empty());
            prop_assert!(script.requests() <= LIMIT, "{} requests", script.requests());
            let mut published = HashMap::new();
            let mut events = Events::of_store(shared.clone(), "test");
            for _ in 0..shared.snapshot().finished.len() {
                let event = events.next().await.unwrap().unwrap();
                if let EventKind::Finished(outcome) = event.kind {
                    prop_assert!(published.insert(event.md5, outcome).is_none());
                }
            }
            for md5 in shown.keys() {
                prop_assert!(published.contains_key(md5), "a payment was lost");
            }
            Ok(())
        })?;
    }
}
