//! Webhooks, received over real sockets and verified by the library `standardwebhooks`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakong_store::SqliteDatabase;
use bakong_store::tables::{Statement, Tables as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::client::PATIENCE;
use crate::harness::{Harness, path};

/// A message as it arrived.
#[derive(Debug)]
pub(crate) struct Received {
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }

    fn verify(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).unwrap();
        webhook.verify(self.body.as_bytes(), &self.headers).is_ok()
    }
}

/// A receiver that gives the answers in order, and then 200.
pub(crate) struct Receiver {
    pub(crate) url: String,
    messages: UnboundedReceiver<Received>,
}

impl Receiver {
    pub(crate) async fn start(answers: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?shop=1", listener.local_addr().unwrap());
        let (sender, messages) = unbounded_channel();
        let mut answers = answers.into_iter();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut reader = BufReader::new(&mut stream);
                let mut headers = HeaderMap::new();
                let mut line = String::new();
                reader.read_line(&mut line).await.unwrap();
                assert!(line.starts_with("POST /hooks?shop=1 "), "{line}");
                loop {
                    line.clear();
                    reader.read_line(&mut line).await.unwrap();
                    let Some((name, value)) = line.trim_end().split_once(": ") else {
                        break;
                    };
                    let name = HeaderName::try_from(name).unwrap();
                    headers.insert(name, HeaderValue::from_str(value).unwrap());
                }
                let length = headers["content-length"].to_str().unwrap();
                let mut body = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut body).await.unwrap();
                let body = String::from_utf8(body).unwrap();
                let _ = sender.send(Received { headers, body });
                let answer = answers.next().unwrap_or("200 OK\r\n");
                let answer = format!("HTTP/1.1 {answer}content-length: 2\r\n\r\nok");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, messages }
    }

    pub(crate) async fn next(&mut self) -> Received {
        let next = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
        next.expect("no message arrived").unwrap()
    }
}

pub(crate) async fn endpoint(shop: &Harness, body: &Value) -> (String, String) {
    let created = shop.post("/v1/webhook_endpoints", body).await.expect(201);
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Waits until the event has an attempt with another number than before, and returns its only delivery.
async fn delivery(shop: &Harness, event: &str, is_done: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/events/{event}/deliveries");
    let wait = async {
        loop {
            let list = shop.get(&path).await.expect(200);
            let delivery = &list["data"][0];
            if is_done(delivery) {
                return delivery.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the delivery did not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_verified_by_an_independent_library_and_has_the_stored_text() {
    let shop = Harness::start().await;
    let mut receiver = Receiver::start(vec![]).await;
    let url = receiver.url.clone();
    let (id, secret) = endpoint(&shop, &json!({ "url": url })).await;
    // The secret is shown once.
    assert!(
        !shop
            .get("/v1/webhook_endpoints")
            .await
            .text()
            .contains(&secret)
    );

    let created = shop.create("INV-1").await;
    let event = shop.pay_and_wait(&created).await;
    let message = receiver.next().await;
    assert!(message.verify(&secret));
    assert_eq!(message.json(), event);
    assert_eq!(message.id(), event["id"]);
    let mut forged = message;
    forged.body = forged.body.replace("1.50", "9.50");
    assert!(!forged.verify(&secret));

    let stored = shop
        .get(&format!("/v1/events/{}", event["id"].as_str().unwrap()))
        .await;
    assert_eq!(stored.expect(200), event);
    let list = shop.get("/v1/events?limit=1").await.expect(200);
    assert_eq!(list["data"], json!([event]));
    let next = shop
        .get(&format!("/v1/events?cursor={}", list["next"]))
        .await;
    assert_eq!(next.expect(200)["data"], json!([]));

    // After a rotation, both secrets verify.
    let path = format!("/v1/webhook_endpoints/{id}/rotate");
    let rotated = shop.post(&path, &json!({})).await.expect(200);
    let new_secret = rotated["secret"].as_str().unwrap();
    let path = format!("/v1/webhook_endpoints/{id}/ping");
    let ping = shop.post(&path, &json!({})).await.expect(202);
    let message = receiver.next().await;
    assert_eq!(message.id(), ping["event"]);
    assert_eq!(message.json()["type"], "ping");
    assert!(message.verify(&secret) && message.verify(new_secret));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delivery_is_repeated_with_the_same_id_and_a_redirect_is_a_failure() {
    let shop = Harness::start().await;
    let redirect = "302 Found\r\nlocation: http://127.0.0.1:1/\r\n";
    let mut receiver = Receiver::start(vec![redirect, "500 Oops\r\n"]).await;
    let (id, _) = endpoint(&shop, &json!({ "url": receiver.url })).await;
    let path = format!("/v1/webhook_endpoints/{id}/ping");
    let ping = shop.post(&path, &json!({})).await.expect(202);
    let event = ping["event"].as_str().unwrap();
    let first = receiver.next().await;
    let failed = delivery(&shop, event, |it| it["attempts"][0].is_object()).await;
    assert_eq!(failed["status"], "pending");
    assert_eq!(failed["attempts"][0]["status"], 302);
    assert_eq!(failed["attempts"][0]["answer"], "ok");

    // A replay does not wait for the schedule.
    let replay = format!("/v1/events/{event}/replay");
    let answer = shop.post(&replay, &json!({})).await;
    assert_eq!(answer.status.as_u16(), 202);
    let second = receiver.next().await;
    delivery(&shop, event, |it| it["attempts"][1]["status"] == 500).await;
    shop.post(&replay, &json!({})).await;
    let third = receiver.next().await;
    let delivered = delivery(&shop, event, |it| it["status"] == "delivered").await;
    assert_eq!(delivered["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(delivered["next_attempt_at"], Value::Null);
    assert_eq!([first.id(), second.id(), third.id()], [event; 3]);
    assert_eq!(first.body, third.body);
    shop.post("/v1/events/evt_0/replay", &json!({}))
        .await
        .expect_problem(404, "not_found");
    for limit in [0, 101] {
        let list = shop.get(&format!("/v1/events?limit={limit}")).await;
        list.expect_problem(400, "invalid_parameter");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_its_types_until_it_is_gone_or_deleted() {
    let shop = Harness::start().await;
    let mut gone = Receiver::start(vec!["410 Gone\r\n"]).await;
    let mut other = Receiver::start(vec![]).await;
    let (id, _) = endpoint(&shop, &json!({ "url": gone.url })).await;
    let body = json!({ "url": other.url, "types": ["payment.paid"] });
    let (other_id, _) = endpoint(&shop, &body).await;

    let cancelled = shop.create("INV-1").await;
    let path = path(&cancelled, "/cancel");
    shop.post(&path, &json!({})).await.expect(200);
    assert_eq!(gone.next().await.json()["type"], "payment.cancelled");
    let event = shop.get("/v1/events").await.expect(200)["data"][0]["id"].clone();
    let event = event.as_str().unwrap();
    delivery(&shop, event, |it| it["status"] == "failed").await;
    loop {
        let list = shop.get("/v1/webhook_endpoints").await.expect(200);
        let first = &list["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["id"] == id)
            .unwrap()
            .clone();
        if first["enabled"] == false {
            assert!(first["disabled_reason"].as_str().unwrap().contains("410"));
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let paid = shop.create("INV-2").await;
    shop.pay_and_wait(&paid).await;
    // The other endpoint gets only the type that it wants, and the disabled one gets nothing.
    assert_eq!(other.next().await.json()["type"], "payment.paid");
    assert!(gone.messages.try_recv().is_err());

    let path = format!("/v1/webhook_endpoints/{id}/enable");
    assert_eq!(
        shop.post(&path, &json!({})).await.expect(200)["enabled"],
        true
    );
    let path = format!("/v1/webhook_endpoints/{other_id}");
    let deleted = shop.call(Method::DELETE, &path, &[], "").await;
    assert_eq!(deleted.status.as_u16(), 204);
    let again = shop.call(Method::DELETE, &path, &[], "").await;
    again.expect_problem(404, "not_found");
    for (body, code) in [
        (json!({ "url": "file:///etc/passwd" }), "invalid_parameter"),
        (
            json!({ "url": "https://a:b@shop.example/" }),
            "invalid_parameter",
        ),
        (
            json!({ "url": "https://shop.example/", "types": ["all"] }),
            "invalid_body",
        ),
    ] {
        let answer = shop.post("/v1/webhook_endpoints", &body).await;
        answer.expect_problem(400, code);
    }
    shop.server.shutdown().await;
}

/// A receiver that reads each message and never answers. Returns its address and how many connections it has accepted.
async fn silent_receiver() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, accepted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_does_not_delay_the_others() {
    // More than the deliveries that can be in progress at once.
    const PINGS: usize = 80;
    let shop = Harness::start().await;
    let (silent, accepted) = silent_receiver().await;
    let (id, _) = endpoint(&shop, &json!({ "url": silent })).await;
    let mut receiver = Receiver::start(vec![]).await;
    let url = receiver.url.clone();
    endpoint(
        &shop,
        &json!({ "url": url, "types": ["payment.cancelled"] }),
    )
    .await;
    for _ in 0..PINGS {
        let ping = format!("/v1/webhook_endpoints/{id}/ping");
        shop.post(&ping, &json!({})).await.expect(202);
    }
    let payment = shop.create("INV-1").await;
    let cancel = path(&payment, "/cancel");
    shop.post(&cancel, &json!({})).await.expect(200);
    assert_eq!(receiver.next().await.json()["type"], "payment.cancelled");
    // The limit of one endpoint. An attempt that ended, after 15 seconds, would have been followed by another one.
    let accepted = accepted.load(Ordering::SeqCst);
    assert!((1..=8).contains(&accepted), "{accepted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_has_failed_for_five_days_is_disabled_and_the_owner_is_told() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let mut receiver = Receiver::start(vec!["500 Oops\r\n"; 9]).await;
    let (id, _) = endpoint(&shop, &json!({ "url": receiver.url })).await;
    let mut other = Receiver::start(vec![]).await;
    let alerts = json!({ "url": other.url, "types": ["alert"] });
    endpoint(&shop, &alerts).await;
    let ping = format!("/v1/webhook_endpoints/{id}/ping");
    let first = shop.post(&ping, &json!({})).await.expect(202);
    let first = first["event"].as_str().unwrap();
    receiver.next().await;
    delivery(&shop, first, |it| it["attempts"][0].is_object()).await;
    // The first of the failures in a row was six days ago.
    let database = SqliteDatabase::open(folder.join("payments.db"))
        .await
        .unwrap();
    let age = "UPDATE server_endpoints SET failing_since = failing_since - 518400000";
    let age = vec![Statement::new(age)];
    database.write(age).await.unwrap().unwrap();
    shop.post(&ping, &json!({})).await.expect(202);
    receiver.next().await;
    let alert = other.next().await.json();
    let detail = alert["data"]["detail"].as_str().unwrap();
    assert!(detail.contains("five days"), "{detail}");
    assert_eq!(alert["data"]["object"], id);
    let list = shop.get("/v1/webhook_endpoints").await.expect(200);
    let list = list["data"].as_array().unwrap();
    let disabled = list.iter().find(|it| it["id"] == id).unwrap();
    assert_eq!(disabled["enabled"], false);
    // What waits for the next attempt ends at that time.
    let due = "UPDATE server_deliveries SET next_at = 0 WHERE status = 'pending'";
    let due = vec![Statement::new(due)];
    database.write(due).await.unwrap().unwrap();
    let ended = delivery(&shop, first, |it| it["status"] == "failed").await;
    let last = ended["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["error"], "the endpoint is disabled");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_during_the_last_attempt_is_not_lost() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Reads the start of a message. The answer ends the attempt.
    let message = async || {
        let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await;
        let (mut stream, _) = accepted.expect("no message arrived").unwrap();
        stream.read_u8().await.unwrap();
        stream
    };
    let answer = async |mut stream: tokio::net::TcpStream, status: &str| {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        // A reset would discard the answer.
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let (id, _) = endpoint(&shop, &json!({ "url": url })).await;
    let ping = format!("/v1/webhook_endpoints/{id}/ping");
    let event = shop.post(&ping, &json!({})).await.expect(202);
    let event = event["event"].as_str().unwrap();
    answer(message().await, "500 Oops").await;
    delivery(&shop, event, |it| it["attempts"][0].is_object()).await;
    // The next attempt is the last one.
    let database = SqliteDatabase::open(folder.join("payments.db"))
        .await
        .unwrap();
    let last = "UPDATE server_deliveries SET retries = 9, next_at = 0";
    let last = vec![Statement::new(last)];
    database.write(last).await.unwrap().unwrap();
    let attempt = message().await;
    let replay = format!("/v1/events/{event}/replay");
    assert_eq!(shop.post(&replay, &json!({})).await.status, 202);
    answer(attempt, "500 Oops").await;
    answer(message().await, "200 OK").await;
    let delivered = delivery(&shop, event, |it| it["status"] == "delivered").await;
    assert_eq!(delivered["attempts"].as_array().unwrap().len(), 3);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_has_a_limited_number_of_endpoints() {
    let shop = Harness::start().await;
    let body = json!({ "url": "https://shop.example/", "types": ["payment.paid"] });
    let mut created = 0;
    let refused = loop {
        let answer = shop.post("/v1/webhook_endpoints", &body).await;
        if answer.status != 201 {
            break answer;
        }
        created += 1;
        assert!(created <= 100, "there is no limit");
    };
    refused.expect_problem(409, "too_many_endpoints");
    let list = shop.get("/v1/webhook_endpoints").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), created);
    shop.server.shutdown().await;
}
