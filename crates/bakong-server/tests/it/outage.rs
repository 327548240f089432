//! A database that is away, or whose events cannot be read, for a while. Without PostgreSQL, the first test reports that it did not run.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bakong_server::{SecretText, StoreLocation};
use bakong_store::tables::Statement;
use http::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use crate::client::{PATIENCE, send};
use crate::cluster::Cluster;
use crate::harness::{Harness, path};
use crate::interrupted::write;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_that_its_database_is_away_and_continues_when_it_is_back() {
    let Some(cluster) = Cluster::start("fsync = off\n") else {
        return;
    };
    let url = cluster.url(&cluster.create_database());
    let shop = Harness::start_with(|config, _| {
        config.store = StoreLocation::Postgres(SecretText::new(url));
        config.lease_term = Duration::from_secs(1);
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, mut messages) = unbounded_channel();
    let router = Router::new().route(
        "/",
        post(async move |body: String| sender.send(body).unwrap()),
    );
    tokio::spawn(async { axum::serve(listener, router).await });
    let endpoint = json!({ "url": receiver, "types": ["payment.paid"] });
    shop.post("/v1/webhook_endpoints", &endpoint)
        .await
        .expect(201);
    let payment = shop.create("INV-1").await;

    cluster.crash();
    shop.pay(&payment);
    let address = shop.server.address();
    let ready = send(address, Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("the store cannot be read"),
        "{}",
        ready.text()
    );
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-2" });
    let refused = shop.post("/v1/payments", &body).await;
    assert!(refused.header("retry-after").is_some());
    refused.expect_problem(503, "store_unavailable");
    let checkout = payment["checkout_url"].as_str().unwrap();
    let checkout = &checkout[checkout.find("/pay/").unwrap()..];
    let page = send(address, Method::GET, checkout, &[], "").await;
    assert_eq!(page.status, 503);
    assert!(page.header("retry-after").is_some());
    let failing = async {
        loop {
            let ready = send(address, Method::GET, "/readyz", &[], "").await.text();
            if ready.contains("the store of the payments fails") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, failing).await.unwrap();
    let health = send(address, Method::GET, "/healthz", &[], "").await;
    assert_eq!(health.status, 200);
    // Programs that use Bakong's form must not read this as "not paid".
    let question = json!({ "md5": payment["md5"] });
    let answer = shop
        .post("/bakong/v1/check_transaction_by_md5", &question)
        .await;
    assert_eq!(answer.status, 503);

    cluster.restart();
    // The sale that happened meanwhile is found, and each later one is possible.
    let paid = async {
        loop {
            shop.post(&path(&payment, "/check"), &json!({})).await;
            let read = shop.get(&path(&payment, "")).await;
            if read.status == 200 && read.json()["status"] == "paid" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, paid).await.unwrap();
    let message = tokio::time::timeout(PATIENCE, messages.recv()).await;
    assert!(message.unwrap().unwrap().contains("INV-1"));
    let ready =
        async { while send(address, Method::GET, "/readyz", &[], "").await.status != 200 {} };
    tokio::time::timeout(PATIENCE, ready).await.unwrap();
    let created = shop.post("/v1/payments", &body).await.expect(201);
    shop.pay_and_wait(&created).await;
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_delays_its_payment_until_it_is_repaired() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let payment = shop.create("INV-1").await;
    let break_events = "CREATE TRIGGER broken AFTER INSERT ON events BEGIN \
        UPDATE events SET kind = 'broken' WHERE registration = new.registration AND id = new.id; END";
    write(&folder, vec![Statement::new(break_events)]).await;
    let mut events = shop.follow(&payment, 0).await;
    shop.pay(&payment);
    shop.check(&payment).await;
    let unready = async {
        loop {
            let ready = shop.get("/readyz").await;
            if ready.status == 503 {
                return ready.json();
            }
        }
    };
    let problems = tokio::time::timeout(PATIENCE, unready).await.unwrap();
    assert!(problems.to_string().contains("events"), "{problems}");
    assert_eq!(shop.read(&payment).await["status"], "open");

    let repair = ["DROP TRIGGER broken", "UPDATE events SET kind = 'finished'"];
    write(&folder, repair.map(Statement::new).into()).await;
    assert_eq!(events.next().await.kind, "payment.paid");
    assert_eq!(shop.get("/readyz").await.status, 200);
    shop.server.shutdown().await;
}
