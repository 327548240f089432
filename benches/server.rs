//! bakong-server under load, compared with the bare store and with an empty handler. Prints ratios and checks nothing.
//!
//! The server runs in a process of its own, with a sandbox outside it as Bakong. The callers, the sandbox and the bare
//! store are in this process. Both share the machine. The arguments `create`, `read`, `latency` and `streams` choose parts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed bench panics"
)]
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use bakong_flow::bakong_api::khqr_core::{AccountId, Timestamp};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::{Config as Tracker, Policy, Watcher};
use bakong_http::HyperTransport;
use bakong_sandbox::{QuotaLimit, Sandbox};
use bakong_server::{Config, Server};
use bakong_store::{Registration, SqliteDatabase};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

#[path = "rounds.rs"]
#[allow(dead_code, reason = "this bench needs only the payments")]
mod rounds;

/// The variable with the configuration of the server's process.
const CONFIG: &str = "BAKONG_BENCH_CONFIG";
const CALLERS: usize = 16;
const ROUNDS: usize = 5;
const CREATIONS: usize = 3_200;
const READS: usize = 40_000;
const STREAMS: usize = 10_000;
/// How many connections send nothing.
const IDLE: usize = 9_900;
const OPEN: usize = 1_000;
const SALES: usize = 200;
const REQUESTS_PER_DAY: u32 = 1_000_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match std::env::var_os(CONFIG) {
        Some(path) => runtime.block_on(serve(&PathBuf::from(path))),
        None => runtime.block_on(run()),
    }
}

/// The process of the server. It also serves an empty handler.
async fn serve(path: &Path) {
    let config = Config::load(Some(path), []).unwrap();
    let server = Server::start(&config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let started = json!({
        "server": server.address(),
        "empty": listener.local_addr().unwrap(),
        "key": server.new_keys()[0].key,
    });
    std::fs::write(path.with_extension("starting"), started.to_string()).unwrap();
    std::fs::rename(
        path.with_extension("starting"),
        path.with_extension("started"),
    )
    .unwrap();
    let router = Router::new().route("/", get(|| async { "ok" }));
    axum::serve(listener, router).await.unwrap();
}

struct Process {
    child: Child,
    server: SocketAddr,
    empty: SocketAddr,
    key: String,
}

impl Process {
    fn start(config: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .env(CONFIG, config)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let started = config.with_extension("started");
        while !started.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let info: Value = serde_json::from_str(&std::fs::read_to_string(started).unwrap()).unwrap();
        let address = |name: &str| info[name].as_str().unwrap().parse().unwrap();
        Self {
            child,
            server: address("server"),
            empty: address("empty"),
            key: info["key"].as_str().unwrap().to_owned(),
        }
    }

    /// The resident memory in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Sender = SendRequest<Full<Bytes>>;

async fn connect(address: SocketAddr) -> Sender {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(method: &Method, path: &str, key: &str, body: String) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "pay.example")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

async fn call(sender: &mut Sender, method: Method, path: &str, key: &str, body: String) -> Value {
    sender.ready().await.unwrap();
    let response = sender
        .send_request(request(&method, path, key, body))
        .await
        .unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap_or(Value::Null)
}

fn order(number: usize) -> String {
    json!({ "amount": "4.50", "currency": "USD", "order_id": format!("INV-{number:08}") })
        .to_string()
}

/// Returns how many calls a second the callers make together.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    calls: usize,
    caller: impl Fn(Arc<AtomicUsize>) -> F,
) -> u64 {
    let left = Arc::new(AtomicUsize::new(calls));
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(caller(Arc::clone(&left))))
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let micros = started.elapsed().as_micros();
    u64::try_from(calls as u128 * 1_000_000 / micros.max(1)).unwrap()
}

fn take(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn ratio(ours: u64, theirs: u64) -> String {
    let percent = ours * 100 / theirs.max(1);
    format!("{ours} and {theirs} a second: {percent} %")
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.set_quota(QuotaLimit::unlimited());
    let token = sandbox.issue_token("shop@example.com");
    std::fs::write(folder.path().join("token"), &token).unwrap();
    let config = folder.path().join("server.toml");
    let text = format!(
        "bind = \"127.0.0.1:0\"\nstore = \"server.db\"\nallow_private_webhooks = true\npolicy = \"invoice\"\nexpires_in = 86400\n\
         sandbox = false\n[bakong]\nbase_url = \"{}\"\ntoken_file = \"token\"\nrequests_per_day = {REQUESTS_PER_DAY}\n\
         [merchant]\naccount = \"sokha@devb\"\nname = \"Sokha Coffee\"\n",
        sandbox.base_url()
    );
    std::fs::write(&config, text).unwrap();
    let process = Process::start(&config);
    if wants("create") {
        creations(&process, &sandbox, folder.path(), &token).await;
    }
    if wants("read") {
        reads(&process).await;
    }
    if wants("latency") {
        latencies(&process, &sandbox).await;
    }
    if wants("streams") {
        streams(&process).await;
    }
}

/// Whether the arguments name this part, or none.
fn wants(part: &str) -> bool {
    let mut parts = std::env::args().skip(1).filter(|it| !it.starts_with('-'));
    let first = parts.next();
    first.is_none() || first.as_deref() == Some(part) || parts.any(|it| it == part)
}

/// Payments that are created, compared with a watcher that opens the same payments in a store of its own.
async fn creations(process: &Process, sandbox: &Sandbox, folder: &Path, token: &str) {
    let database = SqliteDatabase::open(folder.join("bare.db")).await.unwrap();
    let registration = Registration::new("bakong.example", "shop").unwrap();
    let store = database.store(&registration).await.unwrap();
    let transport = HyperTransport::for_watcher().no_proxy().build().unwrap();
    let base_url = BaseUrl::new(&sandbox.base_url()).unwrap();
    let session = Session::new(transport, base_url).with_token(AccessToken::new(token).unwrap());
    let mut tracker = Tracker::DEFAULT;
    tracker.quota.limit = REQUESTS_PER_DAY;
    let watcher = Watcher::builder(session, store)
        .config(tracker)
        .start()
        .await
        .unwrap();
    let watcher = Arc::new(watcher);
    let numbers = Arc::new(AtomicUsize::new(0));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (address, key, next) = (process.server, process.key.clone(), Arc::clone(&numbers));
        ours.push(
            rate(CREATIONS, move |left| {
                let (key, next) = (key.clone(), Arc::clone(&next));
                async move {
                    let mut sender = connect(address).await;
                    while take(&left) {
                        let body = order(next.fetch_add(1, Ordering::SeqCst));
                        call(&mut sender, Method::POST, "/v1/payments", &key, body).await;
                    }
                }
            })
            .await,
        );
        let (watcher, next) = (Arc::clone(&watcher), Arc::clone(&numbers));
        bare.push(
            rate(CREATIONS, move |left| {
                let (watcher, next) = (Arc::clone(&watcher), Arc::clone(&next));
                async move {
                    while take(&left) {
                        let number = u64::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap();
                        let mut payment = rounds::payment(number);
                        payment.expires_at =
                            Timestamp::now().saturating_add(Duration::from_secs(86_400));
                        watcher.watch(payment, Policy::INVOICE).await.unwrap();
                    }
                }
            })
            .await,
        );
    }
    println!(
        "create, {CALLERS} callers, compared with the bare store: {}",
        ratio(median(ours), median(bare))
    );
    watcher.shutdown().await;
}

async fn reads(process: &Process) {
    let mut sender = connect(process.server).await;
    let created = call(
        &mut sender,
        Method::POST,
        "/v1/payments",
        &process.key,
        order(99_999_999),
    )
    .await;
    let path = format!("/v1/payments/{}", created["id"].as_str().unwrap());
    let (mut ours, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (address, path, rates) in [
            (process.server, path.as_str(), &mut ours),
            (process.empty, "/", &mut empty),
        ] {
            let (path, key) = (path.to_owned(), process.key.clone());
            rates.push(
                rate(READS, move |left| {
                    let (path, key) = (path.clone(), key.clone());
                    async move {
                        let mut sender = connect(address).await;
                        while take(&left) {
                            let sent = sender.send_request(request(
                                &Method::GET,
                                &path,
                                &key,
                                String::new(),
                            ));
                            let response = sent.await.unwrap();
                            assert!(response.status().is_success());
                            response.into_body().collect().await.unwrap();
                        }
                    }
                })
                .await,
            );
        }
    }
    println!(
        "read, {CALLERS} callers, compared with an empty handler: {}",
        ratio(median(ours), median(empty))
    );
}

/// The time from a question to Bakong until the event is on the page's stream and at the shop.
async fn latencies(process: &Process, sandbox: &Sandbox) {
    let (sent, mut messages) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let receive = move |body: String| {
        let sent = sent.clone();
        async move {
            let event: Value = serde_json::from_str(&body).unwrap();
            let _ = sent.send((
                event["data"]["id"].as_str().unwrap().to_owned(),
                Instant::now(),
            ));
        }
    };
    let router = Router::new().route("/", post(receive));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut sender = connect(process.server).await;
    let endpoint = json!({ "url": url, "types": ["payment.paid"] }).to_string();
    call(
        &mut sender,
        Method::POST,
        "/v1/webhook_endpoints",
        &process.key,
        endpoint,
    )
    .await;
    let mut payments = Vec::new();
    for number in 0..OPEN {
        payments.push(
            call(
                &mut sender,
                Method::POST,
                "/v1/payments",
                &process.key,
                order(50_000_000 + number),
            )
            .await,
        );
    }
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let (mut page, mut shop) = (Vec::new(), Vec::new());
    for payment in payments.iter().take(SALES) {
        let id = payment["id"].as_str().unwrap();
        let mut stream = connect(process.server).await;
        let events = request(
            &Method::GET,
            &format!("/v1/payments/{id}/events"),
            &process.key,
            String::new(),
        );
        let mut events = stream.send_request(events).await.unwrap().into_body();
        customer.pay(payment["qr"].as_str().unwrap()).unwrap();
        let started = Instant::now();
        call(
            &mut sender,
            Method::POST,
            &format!("/v1/payments/{id}/check"),
            &process.key,
            "{}".to_owned(),
        )
        .await;
        let mut text = String::new();
        while !text.contains("payment.paid") {
            let frame = events.frame().await.unwrap().unwrap();
            text.push_str(&String::from_utf8_lossy(
                &frame.into_data().unwrap_or_default(),
            ));
        }
        page.push(started.elapsed());
        let (of, at) = messages.recv().await.unwrap();
        assert_eq!(of, id);
        shop.push(at.duration_since(started));
    }
    for (name, mut times) in [("page", page), ("webhook", shop)] {
        times.sort_unstable();
        let (middle, late) = (times[SALES / 2], times[SALES * 99 / 100]);
        println!(
            "paid until the {name}, {OPEN} open payments: {middle:?} in the median, {late:?} at the 99th percentile"
        );
    }
}

async fn streams(process: &Process) {
    let mut sender = connect(process.server).await;
    let created = call(
        &mut sender,
        Method::POST,
        "/v1/payments",
        &process.key,
        order(88_888_888),
    )
    .await;
    let path = format!("/v1/payments/{}/events", created["id"].as_str().unwrap());
    let before = process.memory();
    let open = Arc::new(Mutex::new(Vec::new()));
    let (address, key, kept) = (process.server, process.key.clone(), Arc::clone(&open));
    rate(STREAMS, move |left| {
        let (path, key, kept) = (path.clone(), key.clone(), Arc::clone(&kept));
        async move {
            while take(&left) {
                let mut sender = connect(address).await;
                let response = sender
                    .send_request(request(&Method::GET, &path, &key, String::new()))
                    .await
                    .unwrap();
                assert!(response.status().is_success());
                kept.lock().unwrap().push((sender, response));
            }
        }
    })
    .await;
    let after = process.memory();
    println!(
        "{STREAMS} streams: {} MiB in all, {} MiB before",
        after / 1_024,
        before / 1_024
    );
    open.lock().unwrap().clear();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(process.server).await.unwrap());
    }
    let started = Instant::now();
    let mut sender = connect(process.server).await;
    let body = order(77_777_777);
    call(
        &mut sender,
        Method::POST,
        "/v1/payments",
        &process.key,
        body,
    )
    .await;
    println!(
        "{IDLE} connections that send nothing: a payment is created in {:?}",
        started.elapsed()
    );
}
