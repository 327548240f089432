//! A worker: a process with a watcher for each registration, and tills that open payments.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session, Transport};
use bakong_flow::quota::QuotaWindow;
use bakong_flow::tracker::Config;
use bakong_flow::watcher::{StoreHealth, WatchError};
use bakong_flow::{Clock, Expected, OpenError, OrderId, Payment, Policy, Watcher};
use bakong_store::{PostgresDatabase, PostgresOptions, Registration};
use bytes::Bytes;
use http::{Request, Response};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::bakong::Call;

/// 2026-11-22 08:00 in Phnom Penh.
const START: u64 = 1_795_309_200_000;
/// How long a code can be paid. The clocks of the workers are up to an hour apart, so it is longer.
const LIFETIME: Duration = Duration::from_secs(90 * 60);

/// What a worker must know, as JSON in the environment.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(super) struct Orders {
    pub(super) url: String,
    pub(super) bakong: u16,
    pub(super) worker: usize,
    /// The quota of each registration.
    pub(super) limits: Vec<u32>,
    /// When the run began, in milliseconds since 1970.
    pub(super) started: u64,
    /// How many seconds of the watchers a real second has.
    pub(super) speed: u32,
    /// How much the clock of this worker is ahead, in seconds.
    pub(super) ahead: u64,
    pub(super) lease_term_ms: u64,
    /// How long a till waits between two payments.
    pub(super) pause_ms: u64,
}

/// The name of registration `number`.
pub(super) fn registration(number: usize) -> Registration {
    Registration::new("api.example", &format!("shop {number:02}")).unwrap()
}

/// Returns the time in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A clock that runs fast, and ahead of the other workers.
#[derive(Clone, Debug)]
struct FastClock(Arc<Orders>);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let elapsed = now_ms().saturating_sub(self.0.started);
        Timestamp::from_millis(START + elapsed * u64::from(self.0.speed) + self.0.ahead * 1_000)
    }

    async fn sleep_until(&self, moment: Timestamp) {
        let left = moment.saturating_since(self.now());
        tokio::time::sleep(left / self.0.speed).await;
    }
}

/// Sends the requests of one registration to the Bakong of the test.
#[derive(Clone, Debug)]
struct Line {
    bakong: u16,
    registration: usize,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let call = Call::Request {
            registration: self.registration,
            path: request.uri().path().into(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        };
        let failed = |_| TransportError::new(TransportErrorKind::Interrupted, "the line is cut");
        let reply = say(self.bakong, &call).await.map_err(failed)?;
        Ok(Response::new(reply.into()))
    }
}

/// Sends one line and returns the answer.
async fn say(port: u16, call: &Call) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let line = serde_json::to_string(call)?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).await?;
    Ok(reply.trim().into())
}

/// Runs until the process is killed.
pub(super) async fn run(orders: Orders) {
    let orders = Arc::new(orders);
    let mut options = PostgresOptions::default();
    options.connect_timeout = Duration::from_secs(1);
    options.lock_timeout = Duration::from_millis(500);
    options.statement_timeout = Duration::from_secs(1);
    options.operation_timeout = Duration::from_millis(1_500);
    let database = retry(|| options.open(&orders.url)).await;
    let mut watchers = Vec::new();
    for number in 0..orders.limits.len() {
        watchers.push(Arc::new(start(&orders, &database, number).await));
    }
    for (number, watcher) in watchers.iter().enumerate() {
        tokio::spawn(till(Arc::clone(&orders), number, Arc::clone(watcher)));
    }
    loop {
        let healthy = watchers.iter().filter(|watcher| {
            let ended = watcher.health().role == bakong_flow::watcher::Role::Ended;
            assert!(!ended, "a watcher has ended");
            watcher.health().store == StoreHealth::Working
        });
        let call = Call::Healthy {
            worker: orders.worker,
            watchers: healthy.count(),
        };
        let _ = say(orders.bakong, &call).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn start(orders: &Arc<Orders>, database: &PostgresDatabase, number: usize) -> Watcher<Line> {
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    let line = Line {
        bakong: orders.bakong,
        registration: number,
    };
    let mut config = Config::DEFAULT;
    config.quota.limit = orders.limits[number];
    config.quota.renewals = 0;
    // The run takes less than a window.
    let window = Duration::from_secs(90 * 24 * 60 * 60);
    config.quota.window = QuotaWindow::new(window, Duration::ZERO);
    let name = registration(number);
    let store = retry(|| database.store(&name)).await;
    retry(|| {
        let session = Session::new(line.clone(), BaseUrl::new("http://127.0.0.1").unwrap());
        Watcher::builder(session.with_token(token.clone()), store.clone())
            .clock(FastClock(Arc::clone(orders)))
            .config(config)
            .timeout(Duration::from_secs(5))
            .store_timeout(Duration::from_secs(2))
            .lease_term(Duration::from_millis(orders.lease_term_ms))
            .start()
    })
    .await
}

/// Tries again while the proxy disturbs the connection.
async fn retry<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(call: impl Fn() -> F) -> T {
    for _ in 0..600 {
        match call().await {
            Ok(value) => return value,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    panic!("the database stays away");
}

/// Opens payments until Bakong has seen enough.
async fn till(orders: Arc<Orders>, number: usize, watcher: Arc<Watcher<Line>>) {
    let clock = FastClock(Arc::clone(&orders));
    let process = std::process::id();
    for count in 0.. {
        // Each fifth order gets two codes, and the customer pays both.
        let has_two = count % 5 == 0;
        let order = format!("{number}-{process}-{count}");
        for code in 0..=usize::from(has_two) {
            let md5 = Md5Handle::of(&format!("{order}-{code}"));
            let amount = Amount::from_minor_units(10_000, Currency::Khr);
            let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
            let expires_at = clock.now().saturating_add(LIFETIME);
            let payment = Payment::new(OrderId::new(&order).unwrap(), md5, expected, expires_at);
            let call = match watcher.watch(payment, Policy::COUNTER).await {
                Ok(_) => Call::Shown {
                    registration: number,
                    md5: md5.to_string(),
                    order: order.clone(),
                    is_paid: has_two || count % 2 == 0,
                },
                Err(WatchError::Refused(OpenError::NoQuota { .. })) => Call::Refused {
                    registration: number,
                },
                // The first code was paid in between, or the store is away.
                Err(
                    WatchError::Refused(OpenError::OrderSettled) | WatchError::StoreUnavailable,
                ) => {
                    continue;
                }
                Err(error) => panic!("{error:?}"),
            };
            if say(orders.bakong, &call)
                .await
                .is_ok_and(|reply| reply == "stop")
            {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(orders.pause_ms)).await;
    }
}
