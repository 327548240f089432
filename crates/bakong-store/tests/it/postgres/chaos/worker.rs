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
use tokio::task::JoinSet;

use super::bakong::Call;

/// How long the quota of the test lasts. Longer than any run of the test takes by the fast clock.
const DAY: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// The time of the first day at which the test begins, in milliseconds since 1970. A day begins shortly before.
pub(super) const START: u64 = 231 * 90 * 24 * 60 * 60 * 1_000 + 1_000;
/// How long a code can be paid. The clocks of the workers are up to an hour apart, so it is longer.
const LIFETIME: Duration = Duration::from_secs(90 * 60);
/// Returns how many seconds of the watchers a real second has.
///
/// A watcher does not send a request whose commit took longer than a minute. On a busy machine a commit can take a large part
/// of a second, so the clock of a long run must not run much faster. A short run needs codes that expire soon.
fn speed() -> u32 {
    if std::env::var_os(super::PAYMENTS).is_some() {
        60
    } else {
        480
    }
}

/// How much the clock of the last worker is ahead of the first, in seconds.
pub(super) const MAX_AHEAD: u64 = 3_600;
/// How many orders a till opens at once.
const AT_ONCE: usize = 8;
/// How long a till waits if the quota has no request left, in milliseconds.
const REFUSED_PAUSE_MS: u64 = 2_000;

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
    /// How many days of the quota have passed.
    pub(super) day: u32,
    /// How much the clock of this worker is ahead, in seconds.
    pub(super) ahead: u64,
    pub(super) lease_term_ms: u64,
    /// How long a till waits before it opens the next orders.
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

/// Returns the time of the first day by a clock that is `ahead` seconds ahead.
pub(super) fn fast_time(started: u64, ahead: u64) -> Timestamp {
    let elapsed = now_ms().saturating_sub(started);
    Timestamp::from_millis(START + elapsed * u64::from(speed()) + ahead * 1_000)
}

/// A clock that runs fast, and ahead of the other workers.
#[derive(Clone, Debug)]
struct FastClock(Arc<Orders>);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        fast_time(self.0.started, self.0.ahead).saturating_add(DAY * self.0.day)
    }

    async fn sleep_until(&self, moment: Timestamp) {
        let left = moment.saturating_since(self.now());
        tokio::time::sleep(left / speed()).await;
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
    // An operation that hangs must leave time to renew the lease.
    let term = Duration::from_millis(orders.lease_term_ms);
    options.connect_timeout = term / 4;
    options.lock_timeout = term / 8;
    options.statement_timeout = term / 4;
    options.operation_timeout = term * 3 / 8;
    let database = retry(|| options.open(&orders.url)).await;
    let mut watchers = Vec::new();
    for number in 0..orders.limits.len() {
        watchers.push(Arc::new(start(&orders, &database, number).await));
    }
    // On the second day, the workers only finish what is open.
    let tills = watchers.iter().enumerate().filter(|_| orders.day == 0);
    for (number, watcher) in tills {
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
    config.quota.window = QuotaWindow::new(DAY, Duration::ZERO);
    let name = registration(number);
    let store = retry(|| database.store(&name)).await;
    retry(|| {
        let session = Session::new(line.clone(), BaseUrl::new("http://127.0.0.1").unwrap());
        Watcher::builder(session.with_token(token.clone()), store.clone())
            .clock(FastClock(Arc::clone(orders)))
            .config(config)
            .timeout(Duration::from_secs(5))
            .store_timeout(Duration::from_millis(orders.lease_term_ms / 2))
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

/// Opens orders until Bakong has seen enough.
async fn till(orders: Arc<Orders>, number: usize, watcher: Arc<Watcher<Line>>) {
    let process = std::process::id();
    for round in 0.. {
        let mut opening = JoinSet::new();
        for count in round * AT_ONCE..(round + 1) * AT_ONCE {
            let (orders, watcher) = (Arc::clone(&orders), Arc::clone(&watcher));
            let order = format!("{number}-{process}-{count}");
            // Each fifth order gets two codes, and the customer pays both.
            let codes = if count % 5 == 0 { 2 } else { 1 };
            let is_paid = codes == 2 || count % 2 == 0;
            opening.spawn(async move {
                let mut next = Next::Continue;
                for code in 0..codes {
                    next = next.max(open(&orders, number, &watcher, &order, code, is_paid).await);
                }
                next
            });
        }
        let next = opening.join_all().await.into_iter().max();
        let pause = match next {
            Some(Next::Stop) => return,
            // A till without quota does not try again at once.
            Some(Next::Pause) => orders.pause_ms.max(REFUSED_PAUSE_MS),
            _ => orders.pause_ms,
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// What a till does next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Continue,
    /// The quota has no request left.
    Pause,
    /// Bakong has seen enough payments.
    Stop,
}

async fn open(
    orders: &Arc<Orders>,
    number: usize,
    watcher: &Watcher<Line>,
    order: &str,
    code: usize,
    is_paid: bool,
) -> Next {
    let clock = FastClock(Arc::clone(orders));
    let md5 = Md5Handle::of(&format!("{order}-{code}"));
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
    let expires_at = clock.now().saturating_add(LIFETIME);
    let payment = Payment::new(OrderId::new(order).unwrap(), md5, expected, expires_at);
    let (call, next) = match watcher.watch(payment, Policy::COUNTER).await {
        Ok(_) => {
            let call = Call::Shown {
                registration: number,
                md5: md5.to_string(),
                order: order.to_owned(),
                expires_at: expires_at.as_millis(),
                is_paid,
            };
            (call, Next::Continue)
        }
        Err(WatchError::Refused(OpenError::NoQuota { .. })) => {
            let registration = number;
            (Call::Refused { registration }, Next::Pause)
        }
        // The first code was paid in between, or the store or the leader is away.
        Err(
            WatchError::Refused(OpenError::OrderSettled)
            | WatchError::NoLeader { .. }
            | WatchError::StoreUnavailable,
        ) => {
            return Next::Continue;
        }
        Err(error) => panic!("{error:?}"),
    };
    match say(orders.bakong, &call).await {
        Ok(reply) if reply == "stop" => Next::Stop,
        _ => next,
    }
}
