//! Server-sent events.

use serde_json::json;

use crate::harness::{Harness, path};

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

/// Returns how many connections a test can open. Each takes two files of this process.
fn connections(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let files: usize = soft.unwrap_or(256);
    // Other tests run in the same process.
    wanted.min(files / 4)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_send_nothing_do_not_prevent_a_payment() {
    let shop = Harness::start().await;
    let mut idle = Vec::new();
    for _ in 0..connections(2_000) {
        let stream = tokio::net::TcpStream::connect(shop.server.address()).await;
        idle.push(stream.unwrap());
    }
    let payment = shop.create("INV-1").await;
    assert_eq!(payment["status"], "open");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_streams_gets_the_event() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    let mut streams = Vec::new();
    for _ in 0..connections(500) {
        streams.push(shop.follow(&payment, 0).await);
    }
    let cancel = path(&payment, "/cancel");
    shop.post(&cancel, &json!({})).await.expect(200);
    for mut stream in streams {
        assert_eq!(stream.next().await.kind, "payment.cancelled");
    }
}
