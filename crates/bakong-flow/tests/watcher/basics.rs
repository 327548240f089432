//! One watcher: what a shop sees.

use std::collections::HashSet;
use std::sync::Arc;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::khqr_core::Md5Handle;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{AccessToken, ErrorClass};
use bakong_flow::watcher::Attached;
use bakong_flow::{
    Change, CommandError, Config, MemoryStore, OpenError, Outcome, Policy, TestClock, WatchError,
    Watcher, bakong_api,
};
use tokio::time::Duration;

use crate::faulty::Faulty;
use crate::script::*;

#[tokio::test(start_paused = true)]
async fn a_payment_is_watched_until_it_is_final() {
    let script = Script::of_bodies([NOT_FOUND, PAID]);
    let (watcher, mut watched, _) = watch(&script).await;
    let mut changes = watcher.subscribe();
    assert_eq!(watched.progress().checks, 0);
    assert_eq!(watcher.open_payments().await.unwrap(), [Md5Handle::of("a")]);

    let mut steps = Vec::new();
    while let Some(progress) = watched.changed().await {
        let is_final = progress.outcome.is_some();
        steps.push((progress.checks, progress.is_asking, is_final));
    }
    let expected = [
        (1, true, false),
        (1, false, false),
        (2, true, false),
        (2, false, true),
    ];
    assert_eq!(steps, expected);
    let outcome = watched.outcome().await.unwrap();
    assert!(matches!(outcome, Outcome::Paid { late: false, .. }));
    let attached = watcher.attach(Md5Handle::of("a")).await.unwrap();
    assert!(matches!(attached, Attached::Final(Outcome::Paid { .. })));
    let attached = watcher.attach(Md5Handle::of("b")).await.unwrap();
    assert!(matches!(attached, Attached::Unknown));
    watcher.shutdown().await;
    drop(watcher);
    assert_eq!(script.requests(), 2);

    let mut counted = 0;
    while let Ok(change) = changes.recv().await {
        if let Change::Quota(usage) = change {
            counted = usage.requests;
        }
    }
    assert_eq!(counted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_not_watched_has_a_reason() {
    let script = Script::of_bodies([QUOTA]);
    let mut config = Config::DEFAULT;
    config.quota.limit = 3;
    let builder = Watcher::builder(session(&script), MemoryStore::new()).config(config);
    let builder = builder.clock(TokioClock::start());
    let watcher = builder.start().await.unwrap();
    let _watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let known = watcher.watch(payment("a"), Policy::COUNTER).await;
    assert_eq!(known.unwrap_err(), WatchError::Refused(OpenError::Known));
    // Of three requests, two are for renewals and one is reserved.
    let refused = watcher.watch(payment("b"), Policy::COUNTER).await;
    assert!(refused.unwrap_err().until().unwrap() > OPENED);
}

#[tokio::test(start_paused = true)]
async fn failures_are_reported_and_retried() {
    let script = Script::new([
        Act::Fail(TransportErrorKind::Connect),
        Act::Answer(503, "<html>"),
        Act::Answer(200, "{"),
        Act::Hang,
        Act::Panic,
        Act::Answer(200, PAID),
    ]);
    let (_watcher, mut watched, _) = watch(&script).await;
    let mut failures = Vec::new();
    while let Some(progress) = watched.changed().await {
        assert!(progress.outcome.is_none() || progress.last_error.is_none());
        if let (false, Some(error)) = (progress.is_asking, &progress.last_error) {
            failures.push(error.class());
        }
    }
    let expected = [
        ErrorClass::Transport(TransportErrorKind::Connect),
        ErrorClass::Unavailable { retry_after: None },
        ErrorClass::Malformed,
        ErrorClass::Transport(TransportErrorKind::Timeout),
        ErrorClass::Transport(TransportErrorKind::Timeout),
    ];
    assert_eq!(failures, expected);
    assert_eq!(outcome_name(&mut watched).await, "paid");
    assert_eq!(script.requests(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_unpaid_code_expires_after_its_deadline() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (_watcher, mut watched, clock) = watch(&script).await;
    assert_eq!(outcome_name(&mut watched).await, "expired");
    // The request is sent at the deadline and takes a second.
    assert_eq!(clock.elapsed(), Duration::from_secs(631));
    assert!((5..=20).contains(&script.requests()));
}

#[tokio::test(start_paused = true)]
async fn a_nudge_makes_a_check_due_and_a_cancelled_order_needs_a_review() {
    let script = Script::of_bodies([NOT_FOUND, PAID]);
    let clock = TokioClock::start();
    let watcher = start(&script, MemoryStore::new(), clock).await;
    let mut policy = Policy::COUNTER;
    policy.schedule.first = Duration::from_secs(300);
    let mut watched = watcher.watch(payment("a"), policy).await.unwrap();
    watched.nudge().await.unwrap();
    watched.changed().await.unwrap();
    assert!(watched.progress().is_asking);
    assert!(clock.elapsed() < Duration::from_secs(1));
    watched.cancel().await.unwrap();
    assert_eq!(outcome_name(&mut watched).await, "needs_review");
    assert!(watched.progress().is_cancelled);
}

#[tokio::test(start_paused = true)]
async fn open_payments_continue_after_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let usage = || store.snapshot().usage.unwrap().requests;
    let clock = TokioClock::start();
    let silent = Script::new([Act::Hang]);
    let watcher = start(&silent, Arc::clone(&store), clock).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    while silent.requests() == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The request in flight gets no answer before the shutdown times out.
    watcher.shutdown().await;
    assert!(watched.outcome().await.is_err());
    assert!(watched.nudge().await.is_err());
    assert_eq!(store.snapshot().open.len(), 1);
    assert_eq!(usage(), 1);

    let script = Script::of_bodies([PAID]);
    let watcher = start(&script, Arc::clone(&store), clock).await;
    let attached = watcher.attach(Md5Handle::of("a")).await.unwrap();
    let Attached::Open(mut watched) = attached else {
        panic!("{attached:?}");
    };
    assert_eq!(outcome_name(&mut watched).await, "paid");
    watcher.shutdown().await;
    assert_eq!(usage(), 2);
    assert_eq!(store.outcome(&Md5Handle::of("a")).unwrap().name(), "paid");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_watcher_stops_it() {
    let script = Script::of_bodies([NOT_FOUND]);
    let (watcher, mut watched, _) = watch(&script).await;
    drop(watcher);
    assert!(watched.outcome().await.is_err());
    assert_eq!(script.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn other_requests_of_the_session_count() {
    let script = Script::of_bodies([NOT_FOUND]);
    let store = Arc::new(MemoryStore::new());
    let watcher = start(&script, Arc::clone(&store), TokioClock::start()).await;
    let _watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    for _ in 0..3 {
        let check = CheckTransactionByMd5::new(Md5Handle::of("b"));
        watcher.session().send(&check).await.unwrap();
    }
    watcher.open_payments().await.unwrap();
    watcher.shutdown().await;
    let counted = store.snapshot().usage.unwrap().requests;
    assert_eq!(counted, script.requests());
    assert!(counted >= 3, "{counted}");
}

/// A process may be killed between the request and its answer.
#[tokio::test(start_paused = true)]
async fn a_request_of_the_caller_is_counted_before_it_is_sent() {
    let script = Script::new([Act::Answer(200, NOT_FOUND), Act::Hang]);
    let store = Arc::new(MemoryStore::new());
    let watcher = start(&script, Arc::clone(&store), TokioClock::start()).await;
    let check = CheckTransactionByMd5::new(Md5Handle::of("b"));
    watcher.send(&check).await.unwrap().unwrap();
    let in_flight = tokio::time::timeout(Duration::from_secs(1), watcher.send(&check));
    in_flight.await.unwrap_err();
    assert_eq!(script.requests(), 2);
    assert_eq!(store.snapshot().usage.unwrap().requests, 2);
    watcher.shutdown().await;
    assert_eq!(store.snapshot().usage.unwrap().requests, 2);
}

#[tokio::test(start_paused = true)]
async fn simultaneous_requests_of_callers_leave_the_reserved_ones() {
    let script = Script::new([Act::Answer(200, NOT_FOUND)]);
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals, config.lists) = (8, 0, false);
    let builder = Watcher::builder(session(&script), MemoryStore::new());
    let builder = builder.clock(TokioClock::start()).config(config);
    let watcher = builder.start().await.unwrap();
    let mut policy = Policy::COUNTER;
    policy.schedule.first = Duration::from_secs(300);
    for name in ["a", "b", "c"] {
        watcher.watch(payment(name), policy).await.unwrap();
    }
    let check = CheckTransactionByMd5::new(Md5Handle::of("d"));
    let sent = (0..20).map(|_| watcher.send_spare(&check));
    let sent = futures_util::future::join_all(sent).await;
    let (sent, refused): (Vec<_>, Vec<_>) = sent.into_iter().partition(Result::is_ok);
    assert_eq!((sent.len(), script.requests()), (5, 5));
    for refused in refused {
        assert!(
            matches!(refused, Err(CommandError::NoQuota { .. })),
            "{refused:?}"
        );
    }
    watcher.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn payments_wait_while_the_token_is_rejected() {
    let script = Script::new([Act::Answer(401, UNAUTHORIZED)]);
    let (watcher, mut watched, clock) = watch(&script).await;
    while watched.changed().await.unwrap().last_error.is_none() {}
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(watched.progress().outcome.is_none());
    let requests = script.requests();
    assert!(requests <= 8, "{requests} requests with a rejected token");
    *script.acts.lock().unwrap() = [Act::Answer(200, PAID)].into();
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.bmV3").unwrap();
    watcher.set_token(token).await.unwrap();
    assert_eq!(outcome_name(&mut watched).await, "paid");
    assert!(clock.elapsed() < Duration::from_secs(3_700));
}

#[tokio::test]
async fn a_test_clock_plays_a_day_without_waiting() {
    let script = Script::immediate(NOT_FOUND);
    let clock = TestClock::at(OPENED);
    let builder = Watcher::builder(session(&script), MemoryStore::new()).clock(clock.clone());
    let watcher = builder.start().await.unwrap();
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    clock.advance(Duration::from_secs(629)).await;
    let before = script.requests();
    assert!(before > 1);
    assert_eq!(watched.progress().outcome, None);
    assert_eq!(watched.progress().checks, before);
    // The final check is due 30 seconds after the expiry.
    clock.advance(Duration::from_secs(1)).await;
    assert_eq!(script.requests(), before + 1);
    assert_eq!(outcome_name(&mut watched).await, "expired");
    let watched = watcher.watch(payment("b"), Policy::COUNTER).await.unwrap();
    clock.advance(Duration::from_secs(24 * 60 * 60)).await;
    assert!(watched.progress().outcome.is_some());
}

#[tokio::test(start_paused = true)]
async fn every_request_is_recorded() {
    let script = Script::new([
        Act::Fail(TransportErrorKind::Connect),
        Act::Answer(503, "<html>"),
        Act::Answer(200, NOT_FOUND),
        Act::Hang,
        Act::Answer(200, PAID),
    ]);
    let store = Faulty::default();
    let watcher = start(&script, store.clone(), TokioClock::start()).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let check = CheckTransactionByMd5::new(Md5Handle::of("b"));
    watcher.session().send(&check).await.unwrap_err();
    assert_eq!(outcome_name(&mut watched).await, "paid");
    watcher.shutdown().await;
    let exchanges = store.exchanges();
    assert_eq!(exchanges.len(), 5, "{exchanges:#?}");
    let ids: HashSet<_> = exchanges
        .iter()
        .map(|exchange| &exchange.request_id)
        .collect();
    assert_eq!(ids.len(), 5);
    let own = exchanges.iter().filter(|exchange| exchange.md5.is_some());
    let own: Vec<_> = own
        .map(|exchange| (exchange.status, exchange.response_code, exchange.error_code))
        .collect();
    let expected = [
        (Some(503), None, None),
        (Some(200), Some(1), Some(1)),
        (None, None, None),
        (Some(200), Some(0), None),
    ];
    assert_eq!(own, expected);
    for exchange in &exchanges {
        assert_eq!(&*exchange.endpoint, "check_transaction_by_md5");
        assert_eq!(exchange.attempt, 1);
        let seconds = exchange.duration.as_secs();
        assert_eq!(
            seconds,
            if exchange.status.is_none() && exchange.md5.is_some() {
                90
            } else {
                1
            }
        );
        assert!(exchange.sent_at >= OPENED);
    }
}
