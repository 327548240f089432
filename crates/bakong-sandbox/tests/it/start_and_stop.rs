//! Starting, stopping, and concurrent clients.

use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{Connection, post, post_text};
use crate::{EMAIL, TIMEOUT, builder, customer, dynamic_code, sandbox, usd};

fn verify() -> String {
    post_text("/v1/verify", None, "{}")
}

#[tokio::test]
async fn stopping_waits_for_no_connection() {
    let sandbox = sandbox().await;
    let address = sandbox.address();
    let whole = verify();
    let mut idle = Connection::with(&sandbox, &whole).await;
    idle.receive().await.unwrap();
    let silent = Connection::with(&sandbox, "").await;
    let half_head = Connection::with(&sandbox, "POST /v1/verify HTTP/1.1\r\nHo").await;
    let half_body = Connection::with(&sandbox, &whole[..whole.len() - 1]).await;
    // Sends 50 requests and reads no response.
    let _not_reading = Connection::with(&sandbox, &whole.repeat(50)).await;

    timeout(TIMEOUT, sandbox.stop()).await.unwrap();
    for connection in [idle, silent, half_head, half_body] {
        assert!(timeout(TIMEOUT, connection.ends_empty()).await.unwrap());
    }
    assert!(TcpStream::connect(address).await.is_err());
}

/// Time is paused, so that only a limit of the sandbox can end the wait.
#[tokio::test(start_paused = true)]
async fn idle_half_sent_and_stalled_connections_are_closed() {
    let sandbox = sandbox().await;
    let whole = verify();
    let silent = "";
    let half_head = "POST /v1/verify HTTP/1.1\r\nHo";
    let half_body = &whole[..whole.len() - 1];
    for text in [silent, half_head, half_body] {
        let start = Instant::now();
        let connection = Connection::with(&sandbox, text).await;
        assert!(connection.ends_empty().await, "{text}");
        assert_eq!(start.elapsed().as_secs(), 60, "{text}");
    }
    let start = Instant::now();
    let mut idle = Connection::with(&sandbox, &whole).await;
    idle.receive().await.unwrap().json(200);
    assert!(idle.ends_empty().await);
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn stopping_waits_for_no_response_in_flight() {
    let hour = Duration::from_secs(3600);
    for (fault, is_silent) in [
        (Fault::own_answer().delayed(hour), true),
        (Fault::own_answer().dripped(hour), false),
        (Fault::hang(), true),
    ] {
        let sandbox = sandbox().await;
        sandbox.fault(fault);
        let connection = Connection::with(&sandbox, &verify()).await;
        while sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        timeout(TIMEOUT, sandbox.stop()).await.unwrap();
        if is_silent {
            assert!(timeout(TIMEOUT, connection.ends_empty()).await.unwrap());
        }
    }
}

#[tokio::test]
async fn dropping_the_sandbox_stops_it() {
    let sandbox = sandbox().await;
    let mut connection = Connection::with(&sandbox, &verify()).await;
    connection.receive().await.unwrap();
    drop(sandbox);
    assert!(timeout(TIMEOUT, connection.ends_empty()).await.unwrap());
}

#[tokio::test]
async fn a_customer_outlives_the_sandbox() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    sandbox.stop().await;
    customer.pay(&dynamic_code(usd(100))).unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let sandbox = sandbox().await;
    let port = sandbox.address().port();
    assert_eq!(sandbox.base_url(), format!("http://127.0.0.1:{port}"));
    assert!(Sandbox::builder().port(port).start().await.is_err());
    sandbox.stop().await;
    let again = Sandbox::builder().port(port).start().await.unwrap();
    post(&again, "/v1/verify", None, "{}").await.json(200);
}

#[tokio::test]
async fn a_seed_repeats_a_run_and_is_not_in_debug_output() {
    let run = async || {
        let sandbox = sandbox().await;
        let payment = customer(&sandbox).pay(&dynamic_code(usd(100))).unwrap();
        (sandbox.issue_token(EMAIL), payment.hash().to_owned())
    };
    assert_eq!(run().await, run().await);
    let debug = format!("{:?}", builder());
    assert!(!debug.contains("42, 42"), "{debug}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_clients_all_get_responses() {
    let sandbox = sandbox().await;
    let address = sandbox.address();
    let clients: Vec<_> = (0..32)
        .map(|_| {
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                for _ in 0..20 {
                    connection.send(verify().as_bytes()).await;
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
