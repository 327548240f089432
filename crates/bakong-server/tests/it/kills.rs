//! A server that is killed, at different moments of the creation of payments.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bakong_server::{Config, Server};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::KEY;
use crate::process::{self, Process};

/// Runs in a process of its own, which the test below kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that another test kills"]
async fn killed_process() {
    let Some(file) = process::config() else {
        return;
    };
    let mut config = Config::sandbox("127.0.0.1:0".parse().unwrap(), file.parent().unwrap());
    config.test_key = Some(KEY.to_owned());
    config.lease_term = Duration::from_secs(1);
    let server = Server::start(&config).await.unwrap();
    let sandbox = server.sandbox().unwrap().address();
    let about = json!({ "address": server.address(), "sandbox": sandbox });
    process::run_until_killed(&file, &about).await;
}

async fn start(folder: &Path) -> Process {
    Process::start("kills::killed_process", &folder.join("server")).await
}

/// Sends a request. Returns `None` if the process dies first.
async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    key: &str,
    body: String,
) -> Option<(u16, Value)> {
    let stream = TcpStream::connect(address).await.ok()?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.ok()?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Full::new(bytes::Bytes::from(body)))
        .unwrap();
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).ok()?))
}

async fn create(address: SocketAddr, order: usize) -> Option<(u16, Value)> {
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": format!("INV-{order}") });
    let key = format!("key {order}");
    send(
        address,
        Method::POST,
        "/v1/payments",
        &key,
        body.to_string(),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_creates_no_second_payment_and_loses_no_sale() {
    const ROUNDS: usize = 3;
    const ORDERS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    // The ids that were answered, by order.
    let mut answered: BTreeMap<usize, String> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut process = start(folder.path()).await;
        let address = process.address();
        // The lease of the killed process lasts for a second.
        while create(address, round * ORDERS).await.unwrap().0 != 201 {}
        let orders = round * ORDERS..(round + 1) * ORDERS;
        let mut requests = tokio::task::JoinSet::new();
        for order in orders {
            requests.spawn(async move { (order, create(address, order).await) });
        }
        // Kills the process after a different number of answers, while the others are in progress.
        for _ in 0..2 * round {
            if let Some(Ok((order, Some((201, payment))))) = requests.join_next().await {
                answered.insert(order, payment["id"].as_str().unwrap().to_owned());
            }
        }
        process.kill().await;
        while let Some(ended) = requests.join_next().await {
            if let (order, Some((201, payment))) = ended.unwrap() {
                answered.insert(order, payment["id"].as_str().unwrap().to_owned());
            }
        }
    }

    let mut process = start(folder.path()).await;
    let mut payments = Vec::new();
    for order in 0..ROUNDS * ORDERS {
        let payment = loop {
            match create(process.address(), order).await.unwrap() {
                (201, payment) => break payment,
                // The lease of the killed process lasts for a second.
                (503, _) => tokio::time::sleep(Duration::from_millis(100)).await,
                // A killed request has its key for a few seconds.
                (409, problem) if problem["code"] == "idempotency_in_progress" => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                (status, body) => panic!("{status}: {body}"),
            }
        };
        if let Some(id) = answered.get(&order) {
            assert_eq!(payment["id"], *id);
        }
        payments.push(payment);
    }
    let list = send(
        process.address(),
        Method::GET,
        "/v1/payments?limit=100",
        "",
        String::new(),
    );
    let list = list.await.unwrap().1;
    assert_eq!(list["data"].as_array().unwrap().len(), ROUNDS * ORDERS);

    // The customer pays, and the server is killed before or after it finds the money.
    let code = payments[0]["qr"].as_str().unwrap();
    let pay = json!({ "qr": code, "from": "dara@devb" }).to_string();
    let paid = send(
        process.address_of("sandbox"),
        Method::POST,
        "/sandbox/pay",
        "",
        pay,
    )
    .await;
    assert_eq!(paid.unwrap().0, 200);
    let path = format!("/v1/payments/{}", payments[0]["id"].as_str().unwrap());
    let check = format!("{path}/check");
    send(process.address(), Method::POST, &check, "", "{}".to_owned()).await;
    process.kill().await;
    let mut process = start(folder.path()).await;
    loop {
        let read = send(process.address(), Method::GET, &path, "", String::new()).await;
        let (_, payment) = read.unwrap();
        if payment["status"] == "paid" {
            break;
        }
        send(process.address(), Method::POST, &check, "", "{}".to_owned()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process.kill().await;
}
