//! Workers on PostgreSQL that are killed under load. Without PostgreSQL, the test reports that it did not run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use bakong_sandbox::{QuotaLimit, Sandbox};
use bakong_server::{Config, Server};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use khqr_core::AccountId;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Stream;
use crate::cluster::Cluster;
use crate::process::{self, Process};

/// The variable with the number of kills of a long run.
const KILLS: &str = "BAKONG_SERVER_KILLS";
/// How long an order may take, with all kills in between.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs in a process of its own, which the test below kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that another test kills"]
async fn killed_worker() {
    let Some(file) = process::config() else {
        return;
    };
    let mut config = Config::load(Some(&file), []).unwrap();
    config.lease_term = Duration::from_secs(1);
    let server = Server::start(&config).await.unwrap();
    let key = server.new_keys().first().map(|new| new.key.clone());
    let about = json!({ "address": server.address(), "key": key });
    process::run_until_killed(&file, &about).await;
}

async fn start(config: &Path) -> Process {
    Process::start("cluster_kills::killed_worker", config).await
}

/// What the shop and its chat have received.
#[derive(Default)]
struct Inbox {
    /// The ids of the events, by order.
    webhooks: BTreeMap<String, BTreeSet<String>>,
    /// The texts of the chat.
    chat: Vec<String>,
}

type SharedInbox = Arc<Mutex<Inbox>>;

async fn receive(State(inbox): State<SharedInbox>, headers: HeaderMap, body: String) {
    let event: Value = serde_json::from_str(&body).unwrap();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    assert_eq!(event["id"], id);
    if event["type"] == "payment.paid" {
        let order = event["data"]["order_id"].as_str().unwrap().to_owned();
        inbox
            .lock()
            .unwrap()
            .webhooks
            .entry(order)
            .or_default()
            .insert(id);
    }
}

async fn chat(State(inbox): State<SharedInbox>, body: String) -> String {
    let message: Value = serde_json::from_str(&body).unwrap();
    let mut inbox = inbox.lock().unwrap();
    inbox
        .chat
        .push(message["text"].as_str().unwrap().to_owned());
    json!({ "ok": true, "result": { "message_id": inbox.chat.len() } }).to_string()
}

/// A load balancer: each call goes to the next worker, and to another one if that one dies.
struct Balancer {
    workers: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    key: String,
}

impl Balancer {
    fn address(&self) -> SocketAddr {
        let workers = self.workers.lock().unwrap();
        workers[self.next.fetch_add(1, Ordering::SeqCst) % workers.len()]
    }

    async fn open(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<http::Response<hyper::body::Incoming>> {
        let stream = TcpStream::connect(self.address()).await.ok()?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.ok()?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "pay.example")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(bytes::Bytes::from(body.to_owned()));
        sender.send_request(request.body(body).unwrap()).await.ok()
    }

    /// Calls until a worker answers with a status below 500.
    async fn call(&self, method: Method, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [("idempotency-key", key)];
        let headers = if key.is_empty() { &[][..] } else { &headers };
        let call = async {
            loop {
                if let Some(response) = self.open(&method, path, headers, &text).await
                    && let status = response.status().as_u16()
                    && let Ok(body) = response.into_body().collect().await
                {
                    let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
                    let is_locked = body["code"] == "idempotency_in_progress";
                    if status < 500 && !is_locked {
                        return (status, body);
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, call)
            .await
            .expect("no worker answers")
    }

    /// Follows a payment until it is paid, over the deaths of workers. Returns the id of the event.
    async fn follow_until_paid(&self, payment: &str) -> String {
        let path = format!("/v1/payments/{payment}/events");
        let last = "0".to_owned();
        let follow = async {
            loop {
                let headers = [("last-event-id", last.as_str())];
                if let Some(response) = self.open(&Method::GET, &path, &headers, "").await
                    && response.status() == 200
                {
                    let mut stream = Stream::new(response);
                    while let Some(event) = stream.try_next().await {
                        if event.kind == "payment.paid" {
                            return event.data["id"].as_str().unwrap().to_owned();
                        }
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, follow)
            .await
            .expect("no event arrived")
    }
}

/// One sale: a customer buys, pays, and the shop learns of it.
async fn sell(balancer: Arc<Balancer>, sandbox: Arc<Sandbox>, order: String) -> (String, String) {
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": order });
    let (status, payment) = balancer
        .call(Method::POST, "/v1/payments", &order, &body)
        .await;
    assert_eq!(status, 201, "{payment}");
    let id = payment["id"].as_str().unwrap().to_owned();
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    customer.pay(payment["qr"].as_str().unwrap()).unwrap();
    let follow = {
        let (balancer, id) = (Arc::clone(&balancer), id.clone());
        tokio::spawn(async move { balancer.follow_until_paid(&id).await })
    };
    while !follow.is_finished() {
        let check = format!("/v1/payments/{id}/check");
        balancer.call(Method::POST, &check, "", &json!({})).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Each worker shows the same payment.
    for _ in 0..4 {
        let path = format!("/v1/payments/{id}");
        let (_, read) = balancer.call(Method::GET, &path, "", &Value::Null).await;
        assert_eq!(read["status"], "paid", "{read}");
    }
    (id, follow.await.unwrap())
}

async fn run(workers: usize, kills: usize) {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    sandbox.set_quota(QuotaLimit::unlimited());
    let inbox = SharedInbox::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/hook", post(receive))
        .fallback(chat)
        .with_state(Arc::clone(&inbox));
    tokio::spawn(async move { axum::serve(listener, router).await });

    std::fs::write(
        folder.path().join("token"),
        sandbox.issue_token("shop@example.com"),
    )
    .unwrap();
    std::fs::write(folder.path().join("bot"), "123:ABC").unwrap();
    let database = cluster.url(&cluster.create_database());
    let configs: Vec<_> = (0..workers)
        .map(|number| {
            let text = format!(
                "bind = \"127.0.0.1:0\"\nstore = \"{database}\"\nallow_private_webhooks = true\npolicy = \"counter\"\n\
                 [bakong]\nbase_url = \"{}\"\ntoken_file = \"token\"\nrequests_per_day = 100000\n\
                 [merchant]\naccount = \"sokha@devb\"\nname = \"Sokha Coffee\"\n\
                 [telegram]\nbot_token_file = \"bot\"\nchat_id = \"1\"\napi_url = \"{receiver}\"\n",
                sandbox.base_url()
            );
            let path = folder.path().join(format!("worker-{number}.toml"));
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let mut processes = Vec::new();
    for config in &configs {
        processes.push(start(config).await);
    }
    let key = processes
        .iter()
        .find_map(|worker| Some(worker.about["key"].as_str()?.to_owned()))
        .unwrap();
    let balancer = Arc::new(Balancer {
        workers: Mutex::new(processes.iter().map(Process::address).collect()),
        next: AtomicUsize::new(0),
        key,
    });
    let endpoint = json!({ "url": format!("{receiver}/hook") });
    let (status, _) = balancer
        .call(Method::POST, "/v1/webhook_endpoints", "", &endpoint)
        .await;
    assert_eq!(status, 201);

    // Four customers at a time, until the last kill.
    let done = Arc::new(AtomicBool::new(false));
    let mut shoppers = Vec::new();
    for shopper in 0..4 {
        let (balancer, sandbox, done) = (
            Arc::clone(&balancer),
            Arc::clone(&sandbox),
            Arc::clone(&done),
        );
        shoppers.push(tokio::spawn(async move {
            let mut sold = BTreeMap::new();
            while !done.load(Ordering::SeqCst) {
                let order = format!("INV-{shopper}-{}", sold.len());
                let sale = sell(Arc::clone(&balancer), Arc::clone(&sandbox), order.clone());
                sold.insert(order, sale.await);
            }
            sold
        }));
    }
    for kill in 0..kills {
        // The moments are spread over what a sale does.
        tokio::time::sleep(Duration::from_millis(40 + 137 * (kill as u64 % 7))).await;
        let victim = kill % workers;
        processes[victim].kill().await;
        processes[victim] = start(&configs[victim]).await;
        balancer.workers.lock().unwrap()[victim] = processes[victim].address();
    }
    done.store(true, Ordering::SeqCst);
    let mut sold = BTreeMap::new();
    for shopper in shoppers {
        sold.extend(shopper.await.unwrap());
    }

    // Each message arrives at least once, with one id for each sale.
    let arrived = async {
        loop {
            {
                let inbox = inbox.lock().unwrap();
                let has_webhooks = sold.keys().all(|order| inbox.webhooks.contains_key(order));
                let line = |order: &String| format!("Order: {order}\n");
                let in_chat = |order| inbox.chat.iter().any(|text| text.contains(&line(order)));
                if has_webhooks && sold.keys().all(in_chat) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // A killed worker has its deliveries for a minute.
    tokio::time::timeout(Duration::from_secs(120), arrived)
        .await
        .expect("a message is missing");
    for (order, (_, event)) in &sold {
        let ids = inbox.lock().unwrap().webhooks[order].clone();
        assert_eq!(ids, BTreeSet::from([event.clone()]), "{order}");
    }
    // No key created two payments, and each order has one payment.
    for (order, (id, _)) in &sold {
        let path = format!("/v1/payments?order_id={order}");
        let (_, list) = balancer.call(Method::GET, &path, "", &Value::Null).await;
        let ids: Vec<_> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["id"])
            .collect();
        assert_eq!(ids, [id]);
    }
    #[allow(clippy::print_stdout, reason = "the result of a long run")]
    {
        println!("{} sales, {kills} kills of {workers} workers", sold.len());
    }
}

fn kills(default: usize) -> usize {
    let text = std::env::var(KILLS).ok();
    text.map_or(default, |text| text.parse::<usize>().unwrap().div_ceil(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_are_killed_lose_and_repeat_nothing() {
    run(2, kills(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_that_are_killed_lose_and_repeat_nothing() {
    run(4, kills(5)).await;
}
