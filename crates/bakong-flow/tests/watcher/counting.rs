//! Each request is counted in the store before it is sent. So a process that is killed at any moment has counted it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::transport::TransportError;
use bakong_api::{AccessToken, BaseUrl, Session, Transport};
use bakong_flow::{MemoryStore, Policy, Watcher, bakong_api};
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Duration;

use crate::faulty::{Fault, Faulty};
use crate::script::*;

const RENEWED: &str = r#"{"data":{"token":"eyJhbGciOiJIUzI1NiJ9.e30.bmV3"},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}"#;

/// A Bakong that looks at the store whenever a request arrives, as if the process were killed then.
#[derive(Clone)]
struct Auditor {
    script: Script,
    store: MemoryStore,
    /// The path of each request, and how many requests the store had counted when it arrived.
    seen: Arc<Mutex<Vec<(String, u32)>>>,
    /// The connection to the store that fails when the first request arrives.
    fails: Option<Faulty>,
}

impl Auditor {
    fn new(script: Script, store: &MemoryStore) -> Self {
        Self {
            script,
            store: store.clone(),
            seen: Arc::default(),
            fails: None,
        }
    }

    fn session(&self) -> Session<Self> {
        let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
        let url = BaseUrl::new("http://127.0.0.1").unwrap();
        let renewal = RenewToken::new("till@example.com").unwrap();
        Session::new(self.clone(), url)
            .with_token(token)
            .with_renewal(renewal)
    }

    fn counted(&self) -> u32 {
        let usage = self.store.snapshot().usage;
        usage.map_or(0, |usage| usage.requests)
    }

    /// Requires that each request was counted when it arrived, and counted once. Returns the paths.
    fn check(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        for (number, (path, counted)) in (1..).zip(&*seen) {
            assert!(
                *counted >= number,
                "{path} is request {number} of {counted}"
            );
        }
        assert_eq!(self.counted() as usize, seen.len(), "{seen:?}");
        seen.iter().map(|(path, _)| path.clone()).collect()
    }
}

#[async_trait]
impl Transport for Auditor {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        self.seen.lock().unwrap().push((path, self.counted()));
        if let Some(store) = &self.fails {
            store.set(Fault::Down);
        }
        self.script.send(request).await
    }
}

/// Bakong rejects the token of the first check.
fn rejecting() -> Script {
    Script::new([
        Act::Answer(401, UNAUTHORIZED),
        Act::Answer(200, RENEWED),
        Act::Answer(200, NOT_FOUND),
        Act::Answer(200, PAID),
    ])
}

const CHECK: &str = "/v1/check_transaction_by_md5";
const RENEWAL: &str = "/v1/renew_token";

#[tokio::test(start_paused = true)]
async fn a_renewal_and_the_repeated_check_are_counted_before_they_are_sent() {
    let store = MemoryStore::new();
    let auditor = Auditor::new(rejecting(), &store);
    let builder = Watcher::builder(auditor.session(), store).clock(TokioClock::start());
    // Neither output has the token.
    assert!(format!("{builder:?}").starts_with("WatcherBuilder { settings"));
    let watcher = builder.start().await.unwrap();
    assert_eq!(format!("{watcher:?}"), "Watcher { .. }");
    let mut watched = watcher.watch(payment("a"), Policy::COUNTER).await.unwrap();
    assert_eq!(outcome_name(&mut watched).await, "paid");
    assert_eq!(auditor.check(), [CHECK, RENEWAL, CHECK, CHECK]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_for_another_request_is_counted_before_it_is_sent() {
    let store = MemoryStore::new();
    let auditor = Auditor::new(rejecting(), &store);
    let builder = Watcher::builder(auditor.session(), store).clock(TokioClock::start());
    let watcher = builder.start().await.unwrap();
    let check = CheckTransactionByMd5::new(Md5Handle::of("a"));
    watcher.send(&check).await.unwrap().unwrap();
    watcher.shutdown().await;
    assert_eq!(auditor.check(), [CHECK, RENEWAL, CHECK]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_cannot_be_counted_is_not_sent() {
    let store = MemoryStore::new();
    let faulty = Faulty::of(&store);
    let auditor = Auditor {
        fails: Some(faulty.clone()),
        ..Auditor::new(rejecting(), &store)
    };
    let builder = Watcher::builder(auditor.session(), faulty).clock(TokioClock::start());
    let watcher = builder.start().await.unwrap();
    let check = CheckTransactionByMd5::new(Md5Handle::of("a"));
    watcher.send(&check).await.unwrap().unwrap_err();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(auditor.check(), [CHECK]);
}
