//! Starting, stopping, and what holds while both happen.

use std::time::Duration;

use bakong_sandbox::{Sandbox, SandboxClock};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Connection, post, post_text};
use crate::{NOW, customer, dynamic_code, sandbox, usd};

/// Far longer than anything here takes, so that a hang is an error and not a stuck run.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn stopping_waits_for_nobody() {
    let sandbox = sandbox().await;
    let address = sandbox.address();
    let whole = post_text("/v1/verify", None, "{}");
    let mut idle = Connection::open(address).await;
    idle.send(whole.as_bytes()).await;
    idle.receive().await.unwrap();
    let mut silent = Connection::open(address).await;
    silent.send(b"").await;
    let mut half_head = Connection::open(address).await;
    half_head.send(b"POST /v1/verify HTTP/1.1\r\nHo").await;
    let mut half_body = Connection::open(address).await;
    half_body.send(&whole.as_bytes()[..whole.len() - 1]).await;
    let mut deaf = Connection::open(address).await;
    deaf.send(whole.repeat(50).as_bytes()).await;

    timeout(PATIENCE, sandbox.stop()).await.unwrap();
    for connection in [idle, silent, half_head, half_body] {
        assert!(timeout(PATIENCE, connection.ends_empty()).await.unwrap());
    }
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn dropping_stops_too() {
    let sandbox = sandbox().await;
    let address = sandbox.address();
    let mut connection = Connection::open(address).await;
    connection
        .send(post_text("/v1/verify", None, "{}").as_bytes())
        .await;
    connection.receive().await.unwrap();
    drop(sandbox);
    assert!(timeout(PATIENCE, connection.ends_empty()).await.unwrap());
}

#[tokio::test]
async fn a_customer_outlives_the_sandbox_s_handle() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    sandbox.stop().await;
    customer.pay(&dynamic_code(usd(100))).unwrap();
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let sandbox = sandbox().await;
    let port = sandbox.address().port();
    assert_eq!(sandbox.base_url(), format!("http://127.0.0.1:{port}"));
    assert!(Sandbox::builder().port(port).start().await.is_err());
    sandbox.stop().await;
    let again = Sandbox::builder().port(port).start().await.unwrap();
    post(&again, "/v1/verify", None, "{}").await.json(200);
}

#[tokio::test]
async fn a_seed_repeats_a_run_and_its_debug_keeps_the_secret() {
    let run = async || {
        let sandbox = sandbox().await;
        let payment = customer(&sandbox).pay(&dynamic_code(usd(100))).unwrap();
        (
            sandbox.issue_token("dev@example.com"),
            payment.hash().to_owned(),
        )
    };
    assert_eq!(run().await, run().await);
    let builder = Sandbox::builder()
        .seed([42; 32])
        .clock(SandboxClock::frozen_at(NOW));
    assert!(!format!("{builder:?}").contains("42, 42"), "{builder:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_are_all_answered() {
    let sandbox = sandbox().await;
    let address = sandbox.address();
    let text = post_text("/v1/verify", None, "{}");
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let text = text.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                for _ in 0..20 {
                    connection.send(text.as_bytes()).await;
                    connection.receive().await.unwrap().json(200);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(sandbox.requests().len(), 32 * 20);
}
