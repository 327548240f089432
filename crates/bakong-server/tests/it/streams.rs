//! Server-sent events.

use http::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{self, Stream};
use crate::harness::{Harness, KEY, path};
use crate::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_stream_continues_after_the_last_event() {
    let shop = Harness::start().await;
    let other = shop.create("INV-0").await;
    let created = shop.create("INV-1").await;
    let mut before = shop.follow(&created, 0).await;
    let mut of_other = shop.follow(&other, 0).await;
    shop.pay_and_wait(&created).await;
    let event = before.next().await;
    assert_eq!(event.kind, "payment.paid");

    // The past is sent again to a client that has not seen it, also after a restart.
    let mut again = shop.follow(&created, 0).await;
    let repeated = again.next().await;
    assert_eq!((repeated.id, &repeated.data), (event.id, &event.data));
    // A stream has the events of its payment only.
    shop.pay_and_wait(&other).await;
    assert_eq!(of_other.next().await.data["data"]["id"], other["id"]);

    let shop = shop.restart().await;
    let mut after = shop.follow(&created, event.id).await;
    let mut all = shop.follow(&created, 0).await;
    assert_eq!(all.next().await.data["id"], event.data["id"]);
    // The streams end when the server stops, and nothing was sent twice.
    shop.server.shutdown().await;
    assert!(after.try_next().await.is_none());
    assert!(all.try_next().await.is_none());
}

/// How many connections send nothing, and how many follow a payment.
const IDLE: usize = 10_000;
const STREAMS: usize = 5_000;

/// Returns how many files a process can open.
fn file_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(256)
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_streams_prevent_no_request_and_each_stream_gets_the_event() {
    let folder = tempfile::tempdir().unwrap();
    // The server and its clients are two processes, because each connection takes a file of both.
    let server = Process::start("kills::killed_process", &folder.path().join("server")).await;
    let address = server.address();
    // With a low limit, the connections are fewer. Other tests of this process open files too.
    let limit = file_limit() / 4 * 3;
    let of_limit = |wanted: usize| wanted.min(wanted * limit / (IDLE + STREAMS));
    let mut idle = Vec::new();
    for number in 0..of_limit(IDLE) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            let start = b"POST /v1/payments HTTP/1.1\r\nhost: ";
            stream.write_all(start).await.unwrap();
        }
        idle.push(stream);
    }
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str())];
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1" }).to_string();
    let created = client::send(address, Method::POST, "/v1/payments", &headers, body).await;
    let payment = created.expect(201);
    let mut streams = Vec::new();
    for _ in 0..of_limit(STREAMS) {
        let events = path(&payment, "/events");
        let stream = client::open(address, Method::GET, &events, &headers, "").await;
        streams.push(Stream::new(stream));
    }
    let cancel = path(&payment, "/cancel");
    let cancelled = client::send(address, Method::POST, &cancel, &headers, "{}").await;
    cancelled.expect(200);
    for mut stream in streams {
        assert_eq!(stream.next().await.kind, "payment.cancelled");
    }
}
