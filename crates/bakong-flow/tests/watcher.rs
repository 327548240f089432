//! The watcher over a session whose Bakong is a script, tokio's time held still.

#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, BaseUrl, ErrorClass, Session, Transport};
use bakong_flow::store::{Rejected, Snapshot, StoreError};
use bakong_flow::{
    Change, Clock, Config, Expected, MemoryStore, OpenError, OrderId, Outcome, Payment,
    PaymentStore, Policy, WatchError, Watcher, bakong_api,
};
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Duration, Instant};

/// 2026-11-22 08:00 in Phnom Penh.
const OPENED: Timestamp = Timestamp::from_millis(1_795_309_200_000);
const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#;
const QUOTA: &str = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily"}"#;
const PAID: &str = r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"hash":"8465d722",
    "fromAccountId":"dara@devb","toAccountId":"sokha@devb","currency":"KHR","amount":10000,"createdDateMs":1795309201000}}"#;

/// Tokio's clock, with `OPENED` as its beginning. Paused, it jumps to whatever is slept for.
#[derive(Clone, Copy)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        OPENED.saturating_add(self.0.elapsed())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        tokio::time::sleep(moment.saturating_since(self.now())).await;
    }
}

/// What the scripted Bakong does: an answer's status and body, no answer, or none ever.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16, &'static str),
    Fail(TransportErrorKind),
    Hang,
    Panic,
}

/// A script whose last act repeats, a second an answer.
#[derive(Clone)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            paths: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().rsplit('/').next().unwrap();
        self.paths.lock().unwrap().push(path.to_owned());
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
            Act::Fail(kind) => Err(TransportError::new(kind, "as the script says")),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("as the script says"),
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
    Payment::new(
        OrderId::new(code).unwrap(),
        Md5Handle::of(code),
        expected,
        expires_at,
    )
}

async fn start(
    script: &Script,
    store: impl PaymentStore + 'static,
    clock: TokioClock,
) -> Watcher<Script> {
    let builder = Watcher::builder(session(script), store).clock(clock);
    builder.start().await.unwrap()
}

fn clock() -> TokioClock {
    TokioClock(Instant::now())
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_followed_to_its_end() {
    let script = Script::new([Act::Answer(200, NOT_FOUND), Act::Answer(200, PAID)]);
    let watcher = start(&script, MemoryStore::new(), clock()).await;
    let mut changes = watcher.subscribe();
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    assert_eq!(watched.progress().checks, 0);
    assert_eq!(watcher.open_payments().await.unwrap(), [Md5Handle::of("a")]);

    let mut seen = Vec::new();
    while let Some(progress) = watched.changed().await {
        seen.push((
            progress.checks,
            progress.is_asking,
            progress.outcome.is_some(),
        ));
    }
    let steps = [
        (1, true, false),
        (1, false, false),
        (2, true, false),
        (2, false, true),
    ];
    assert_eq!(seen, steps);
    let outcome = watched.outcome().await.unwrap();
    assert!(
        matches!(outcome, Outcome::Paid { late: false, .. }),
        "{outcome:?}"
    );
    assert!(watcher.attach(Md5Handle::of("a")).await.unwrap().is_none());
    watcher.shutdown().await;
    drop(watcher);
    assert_eq!(script.asked().len(), 2);

    let mut spent = 0;
    while let Ok(change) = changes.recv().await {
        if let Change::Quota(now) = change {
            spent = now.requests;
        }
    }
    assert_eq!(spent, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_watched_is_told_why() {
    let script = Script::new([Act::Answer(200, QUOTA)]);
    let mut config = Config::DEFAULT;
    config.quota.limit = 3;
    let builder = Watcher::builder(session(&script), MemoryStore::new());
    let watcher = builder.config(config).clock(clock()).start().await.unwrap();
    let _watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let known = watcher.watch(payment("a"), Policy::COUNTER).await;
    assert_eq!(known.unwrap_err(), WatchError::Refused(OpenError::Known));
    // Of three requests, two are for renewals and one is promised.
    let refused = watcher
        .watch(payment("b"), Policy::COUNTER)
        .await
        .unwrap_err();
    assert!(refused.until().unwrap() > OPENED, "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn trouble_is_told_and_waited_out() {
    let script = Script::new([
        Act::Fail(TransportErrorKind::Connect),
        Act::Answer(503, "<html>"),
        Act::Answer(200, "{"),
        Act::Hang,
        Act::Panic,
        Act::Answer(200, PAID),
    ]);
    let watcher = start(&script, MemoryStore::new(), clock()).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let mut troubles = Vec::new();
    while let Some(progress) = watched.changed().await {
        assert!(progress.outcome.is_none() || progress.trouble.is_none());
        if let (false, Some(trouble)) = (progress.is_asking, &progress.trouble) {
            troubles.push(trouble.class());
        }
    }
    let expected = [
        ErrorClass::Transport(TransportErrorKind::Connect),
        ErrorClass::Unavailable { retry_after: None },
        ErrorClass::Malformed,
        ErrorClass::Transport(TransportErrorKind::Timeout),
        ErrorClass::Transport(TransportErrorKind::Timeout),
    ];
    assert_eq!(troubles, expected);
    assert!(matches!(
        watched.outcome().await.unwrap(),
        Outcome::Paid { .. }
    ));
    assert_eq!(script.asked().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_pays_expires_after_its_deadline() {
    let script = Script::new([Act::Answer(200, NOT_FOUND)]);
    let clock = clock();
    let watcher = start(&script, MemoryStore::new(), clock).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    assert_eq!(watched.outcome().await.unwrap(), Outcome::Expired);
    let deadline = OPENED.saturating_add(Duration::from_secs(630));
    let after = clock.now().saturating_since(deadline);
    assert_eq!(
        after,
        Duration::from_secs(1),
        "asked at the deadline, a second an answer"
    );
    assert!(
        (5..=20).contains(&script.asked().len()),
        "{:?}",
        script.asked()
    );
}

#[tokio::test(start_paused = true)]
async fn a_nudge_asks_now_and_a_cancelled_order_needs_a_person() {
    let script = Script::new([Act::Answer(200, NOT_FOUND), Act::Answer(200, PAID)]);
    let clock = clock();
    let watcher = start(&script, MemoryStore::new(), clock).await;
    let mut policy = Policy::COUNTER;
    policy.schedule.first = Duration::from_secs(300);
    let mut watched = watcher.watch(payment("a"), policy).await.unwrap();
    watched.nudge().await.unwrap();
    watched.changed().await.unwrap();
    assert!(watched.progress().is_asking);
    assert!(clock.now().saturating_since(OPENED) < Duration::from_secs(1));
    watched.cancel().await.unwrap();
    let outcome = watched.outcome().await.unwrap();
    assert_eq!(outcome.name(), "needs_review");
    assert!(watched.progress().is_cancelled);
}

#[tokio::test(start_paused = true)]
async fn what_is_open_goes_on_after_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let clock = clock();
    let silent = Script::new([Act::Hang]);
    let watcher = start(&silent, Arc::clone(&store), clock).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    while silent.asked().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Its request is out; the answer is waited for, in vain.
    watcher.shutdown().await;
    assert!(watched.outcome().await.is_err());
    assert!(watched.nudge().await.is_err());
    assert_eq!(store.snapshot().open.len(), 1);
    assert_eq!(store.snapshot().spent.unwrap().requests, 1);

    let script = Script::new([Act::Answer(200, PAID)]);
    let watcher = start(&script, Arc::clone(&store), clock).await;
    let mut watched = watcher.attach(Md5Handle::of("a")).await.unwrap().unwrap();
    assert_eq!(watched.outcome().await.unwrap().name(), "paid");
    watcher.shutdown().await;
    assert_eq!(store.snapshot().spent.unwrap().requests, 2);
    assert_eq!(store.outcome(&Md5Handle::of("a")).unwrap().name(), "paid");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_is_dropped_stops() {
    let script = Script::new([Act::Answer(200, NOT_FOUND)]);
    let watcher = start(&script, MemoryStore::new(), clock()).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    drop(watcher);
    assert!(watched.outcome().await.is_err());
    assert_eq!(script.asked().len(), 0);
}

/// A store that fails for a while, and counts.
#[derive(Default)]
struct Flaky {
    inner: MemoryStore,
    broken: AtomicBool,
    failures: AtomicU32,
}

#[async_trait]
impl PaymentStore for Flaky {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.inner.load().await
    }

    async fn keep(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::new("the disk is full"));
        }
        self.inner.keep(changes).await
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_that_is_not_kept() {
    let script = Script::new([Act::Answer(200, PAID)]);
    let store = Arc::new(Flaky::default());
    let watcher = Arc::new(start(&script, Arc::clone(&store), clock()).await);
    store.broken.store(true, Ordering::Relaxed);
    let watching = tokio::spawn({
        let watcher = Arc::clone(&watcher);
        async move { watcher.watch(payment("a"), Policy::COUNTER).await }
    });
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(!watching.is_finished(), "the code would be shown");
    assert!(script.asked().is_empty());
    let failures = store.failures.load(Ordering::Relaxed);
    assert!((10..30).contains(&failures), "{failures}");
    store.broken.store(false, Ordering::Relaxed);
    let mut watched = watching.await.unwrap().unwrap();
    assert_eq!(watched.outcome().await.unwrap().name(), "paid");
}

#[tokio::test(start_paused = true)]
async fn another_worker_that_was_first_is_believed() {
    let script = Script::new([Act::Answer(200, NOT_FOUND)]);
    let store = Arc::new(MemoryStore::new());
    let clock = clock();
    let slow = start(&script, Arc::clone(&store), clock).await;
    let mut watched = slow.watch(payment("a"), Policy::COUNTER).await.unwrap();
    let paid = Script::new([Act::Answer(200, PAID)]);
    let fast = start(&paid, Arc::clone(&store), clock).await;
    let mut same = fast.attach(Md5Handle::of("a")).await.unwrap().unwrap();
    assert_eq!(same.outcome().await.unwrap().name(), "paid");
    // The slow one thinks that it has expired, and learns better.
    assert_eq!(watched.outcome().await.unwrap().name(), "paid");
    let refused = slow.watch(payment("a"), Policy::COUNTER).await.unwrap_err();
    assert_eq!(refused, WatchError::Refused(OpenError::Known));
}

#[tokio::test(start_paused = true)]
async fn what_else_is_sent_counts() {
    let script = Script::new([Act::Answer(200, NOT_FOUND)]);
    let store = Arc::new(MemoryStore::new());
    let watcher = start(&script, Arc::clone(&store), clock()).await;
    let _watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    for _ in 0..3 {
        let check = bakong_api::endpoint::CheckTransactionByMd5::new(Md5Handle::of("b"));
        watcher.session().send(&check).await.unwrap();
    }
    watcher.open_payments().await.unwrap();
    watcher.shutdown().await;
    let spent = store.snapshot().spent.unwrap().requests;
    assert_eq!(spent as usize, script.asked().len());
    assert!(spent >= 3, "{spent}");
}

#[tokio::test(start_paused = true)]
async fn payments_wait_while_the_token_is_refused() {
    let refused = r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"no"}"#;
    let script = Script::new([Act::Answer(401, refused)]);
    let clock = clock();
    let watcher = start(&script, MemoryStore::new(), clock).await;
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    while watched.changed().await.unwrap().trouble.is_none() {}
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(
        watched.progress().outcome.is_none(),
        "a refusal says nothing of the payment"
    );
    let asked = script.asked().len();
    assert!(
        asked <= 8,
        "{asked} requests in an hour with a token that is no good"
    );
    *script.acts.lock().unwrap() = [Act::Answer(200, PAID)].into();
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.bmV3").unwrap();
    watcher.set_token(token).await.unwrap();
    assert_eq!(watched.outcome().await.unwrap().name(), "paid");
    let waited = clock.now().saturating_since(OPENED);
    assert!(waited < Duration::from_secs(3_700), "{waited:?}");
}
