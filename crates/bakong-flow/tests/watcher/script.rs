//! A scripted Bakong, and tokio's paused time as the clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, BaseUrl, Session, Transport};
use bakong_flow::{
    Clock, Expected, MemoryStore, OrderId, Payment, PaymentStore, Policy, Watched, Watcher,
    bakong_api,
};
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Duration, Instant};

/// 2026-11-22 08:00 in Phnom Penh.
pub(crate) const OPENED: Timestamp = Timestamp::from_millis(1_795_309_200_000);
pub(crate) const NOT_FOUND: &str =
    r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#;
pub(crate) const QUOTA: &str =
    r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily"}"#;
pub(crate) const UNAUTHORIZED: &str =
    r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"no"}"#;
pub(crate) const PAID: &str = r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"hash":"8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9",
    "fromAccountId":"dara@devb","toAccountId":"sokha@devb","currency":"KHR","amount":10000,"createdDateMs":1795309201000}}"#;

/// Tokio's clock, starting at `OPENED`. While paused, it jumps to the end of the next sleep.
#[derive(Clone, Copy)]
pub(crate) struct TokioClock(pub(crate) Instant);

impl TokioClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
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
pub(crate) enum Act {
    Answer(u16, &'static str),
    Fail(TransportErrorKind),
    Hang,
    Panic,
}

/// A Bakong that repeats its last act.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) acts: Arc<Mutex<VecDeque<Act>>>,
    requests: Arc<AtomicU32>,
    /// How long each request takes.
    delay: Duration,
}

impl Script {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            requests: Arc::default(),
            delay: Duration::from_secs(1),
        }
    }

    /// Answers every request with this body, at once.
    pub(crate) fn immediate(body: &'static str) -> Self {
        Self {
            delay: Duration::ZERO,
            ..Self::of_bodies([body])
        }
    }

    /// Answers with these bodies and status 200.
    pub(crate) fn of_bodies<const N: usize>(bodies: [&'static str; N]) -> Self {
        Self::new(bodies.map(|body| Act::Answer(200, body)))
    }

    pub(crate) fn requests(&self) -> u32 {
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
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
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

pub(crate) fn session(script: &Script) -> Session<Script> {
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    Session::new(script.clone(), BaseUrl::new("http://127.0.0.1").unwrap()).with_token(token)
}

pub(crate) fn payment(code: &str) -> Payment {
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
    let expires_at = OPENED.saturating_add(Duration::from_secs(600));
    let order = OrderId::new(code).unwrap();
    Payment::new(order, Md5Handle::of(code), expected, expires_at)
}

pub(crate) async fn start(
    script: &Script,
    store: impl PaymentStore + 'static,
    clock: TokioClock,
) -> Watcher<Script> {
    let builder = Watcher::builder(session(script), store).clock(clock);
    builder.start().await.unwrap()
}

/// Starts a watcher with an empty store, and watches payment "a".
pub(crate) async fn watch(script: &Script) -> (Watcher<Script>, Watched, TokioClock) {
    let clock = TokioClock::start();
    let watcher = start(script, MemoryStore::new(), clock).await;
    let watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    (watcher, watched, clock)
}

pub(crate) async fn outcome_name(watched: &mut Watched) -> &'static str {
    watched.outcome().await.unwrap().name()
}
