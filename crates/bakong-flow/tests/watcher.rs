//! The watcher with a scripted Bakong and tokio's paused time.

#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, BaseUrl, ErrorClass, Session, Transport};
use bakong_flow::store::{Rejected, Snapshot, StoreError};
use bakong_flow::{
    Change, Clock, Config, Expected, MemoryStore, OpenError, OrderId, Outcome, Payment,
    PaymentStore, Policy, WatchError, Watched, Watcher, bakong_api,
};
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Duration, Instant};

/// 2026-11-22 08:00 in Phnom Penh.
const OPENED: Timestamp = Timestamp::from_millis(1_795_309_200_000);
const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#;
const QUOTA: &str = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily"}"#;
const UNAUTHORIZED: &str = r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"no"}"#;
const PAID: &str = r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"hash":"8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9",
    "fromAccountId":"dara@devb","toAccountId":"sokha@devb","currency":"KHR","amount":10000,"createdDateMs":1795309201000}}"#;

/// Tokio's clock, starting at `OPENED`. While paused, it jumps to the end of the next sleep.
#[derive(Clone, Copy)]
struct TokioClock(Instant);

impl TokioClock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        OPENED.saturating_add(self.elapsed())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        tokio::time::sleep(moment.saturating_since(self.now())).await;
    }
}

/// How the scripted Bakong handles a request.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16, &'static str),
    Fail(TransportErrorKind),
    Hang,
    Panic,
}

/// A fake Bakong that takes one second per request and repeats its last response.
#[derive(Clone)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    requests: Arc<AtomicU32>,
}

impl Script {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            requests: Arc::default(),
        }
    }

    /// Answers with these bodies and status 200.
    fn of_bodies<const N: usize>(bodies: [&'static str; N]) -> Self {
        Self::new(bodies.map(|body| Act::Answer(200, body)))
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let act = {
            let mut acts = self.acts.lock().unwrap();
            if acts.len() > 1 {
                acts.pop_front()
            } else {
                acts.front().cloned()
            }
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        match act.unwrap() {
            Act::Answer(status, body) => {
                let mut response = Response::new(Bytes::from(body));
                *response.status_mut() = status.try_into().unwrap();
                Ok(response)
            }
            Act::Fail(kind) => Err(TransportError::new(kind, "scripted failure")),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("scripted panic"),
        }
    }
}

fn session(script: &Script) -> Session<Script> {
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    Session::new(script.clone(), BaseUrl::new("http://127.0.0.1").unwrap()).with_token(token)
}

fn payment(code: &str) -> Payment {
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
    let expires_at = OPENED.saturating_add(Duration::from_secs(600));
    let order = OrderId::new(code).unwrap();
    Payment::new(order, Md5Handle::of(code), expected, expires_at)
}

async fn start(
    script: &Script,
    store: impl PaymentStore + 'static,
    clock: TokioClock,
) -> Watcher<Script> {
    let builder = Watcher::builder(session(script), store).clock(clock);
    builder.start().await.unwrap()
}

/// Starts a watcher with an empty store, and watches payment "a".
async fn watch(script: &Script) -> (Watcher<Script>, Watched, TokioClock) {
    let clock = TokioClock::start();
    let watcher = start(script, MemoryStore::new(), clock).await;
    let watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    (watcher, watched, clock)
}

async fn outcome_name(watched: &mut Watched) -> &'static str {
    watched.outcome().await.unwrap().name()
}

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
    assert!(watcher.attach(Md5Handle::of("a")).await.unwrap().is_none());
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
    let mut watched = watcher.attach(Md5Handle::of("a")).await.unwrap().unwrap();
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

/// A store that can fail, and counts its failures.
#[derive(Default)]
struct Flaky {
    inner: MemoryStore,
    is_broken: AtomicBool,
    failures: AtomicU32,
}

#[async_trait]
impl PaymentStore for Flaky {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.inner.load().await
    }

    async fn persist(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        if self.is_broken.load(Ordering::Relaxed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::new("the disk is full"));
        }
        self.inner.persist(changes).await
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_is_sent_before_its_changes_are_persisted() {
    let script = Script::of_bodies([PAID]);
    let store = Arc::new(Flaky::default());
    let watcher = start(&script, Arc::clone(&store), TokioClock::start()).await;
    let watcher = Arc::new(watcher);
    store.is_broken.store(true, Ordering::Relaxed);
    let watching = tokio::spawn({
        let watcher = Arc::clone(&watcher);
        async move { watcher.watch(payment("a"), Policy::COUNTER).await }
    });
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(!watching.is_finished(), "the code must not be shown");
    assert_eq!(script.requests(), 0);
    let failures = store.failures.load(Ordering::Relaxed);
    assert!((10..30).contains(&failures), "{failures}");
    store.is_broken.store(false, Ordering::Relaxed);
    let mut watched = watching.await.unwrap().unwrap();
    assert_eq!(outcome_name(&mut watched).await, "paid");
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_another_worker_counts_if_it_was_first() {
    let script = Script::of_bodies([NOT_FOUND]);
    let store = Arc::new(MemoryStore::new());
    let clock = TokioClock::start();
    let slow = start(&script, Arc::clone(&store), clock).await;
    let mut watched = slow.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let paid = Script::of_bodies([PAID]);
    let fast = start(&paid, Arc::clone(&store), clock).await;
    let mut same = fast.attach(Md5Handle::of("a")).await.unwrap().unwrap();
    assert_eq!(outcome_name(&mut same).await, "paid");
    // The slow worker finds nothing, but the store has the other outcome.
    assert_eq!(outcome_name(&mut watched).await, "paid");
    let refused = slow.watch(payment("a"), Policy::COUNTER).await.unwrap_err();
    assert_eq!(refused, WatchError::Refused(OpenError::Known));
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
