//! What the log says about a request that failed. A program of its own, because the subscriber belongs to the process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test panics"
)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, Once};

use bakong_server::{SecretText, StoreLocation};
use bakong_store::SqliteDatabase;
use bakong_store::tables::{Statement, Tables as _};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, path};

#[allow(dead_code, reason = "these tests need less of it")]
#[path = "it/client.rs"]
mod client;
#[cfg(unix)]
#[allow(dead_code, reason = "these tests need less of it")]
#[path = "../../bakong-store/tests/it/postgres/cluster.rs"]
mod cluster;
#[allow(dead_code, reason = "these tests need less of it")]
#[path = "it/harness.rs"]
mod harness;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the log of this process from the first call on.
fn keep_log() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(|| Writer)
            .init();
    });
}

/// Returns the log so far.
fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// Returns the only line about a request.
fn line_of(request_id: &str) -> Value {
    let log = log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines
        .filter(|line: &Value| line["request_id"] == request_id)
        .collect();
    let [line] = &lines[..] else {
        panic!("not one line about {request_id}: {log}");
    };
    line.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_error_is_logged_with_its_reason_and_the_id_that_the_client_got() {
    keep_log();
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let payment = shop.create("INV-1").await;
    let database = SqliteDatabase::open(folder.join("payments.db"));
    let database = database.await.unwrap();
    let broken = Statement::new("UPDATE server_payments SET currency = 'shells'");
    database.write(vec![broken]).await.unwrap().unwrap();
    let answer = shop.get(&path(&payment, "")).await;
    let problem = answer.expect_problem(500, "internal_error");
    assert!(!problem.to_string().contains("currency"), "{problem}");
    let line = line_of(problem["request_id"].as_str().unwrap());
    assert_eq!(line["level"], "ERROR");
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.contains("a currency is unknown") && reason.contains("Restore a backup"),
        "{reason}"
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_that_a_key_of_the_drop_in_lacks_is_logged_without_the_key() {
    keep_log();
    let shop = Harness::start().await;
    let reader = json!({ "name": "reader", "scopes": ["read"] });
    let reader = shop.post("/v1/keys", &reader).await.expect(201);
    let [id, key] = ["id", "key"].map(|name| reader[name].as_str().unwrap());
    let bearer = format!("Bearer {key}");
    let answer = client::send(
        shop.server.address(),
        Method::POST,
        "/bakong/v1/check_transaction_by_md5",
        &[("authorization", &*bearer)],
        json!({ "md5": "0".repeat(32) }).to_string(),
    )
    .await;
    assert_eq!(answer.json()["errorCode"], 6);
    let line = line_of(answer.header("request-id").unwrap());
    assert_eq!(line["level"], "WARN");
    let reason = format!("the API key {id} lacks the scope create");
    assert_eq!(line["reason"], reason);
    assert!(!log().contains(key));
    shop.server.shutdown().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_logged_with_the_id_that_the_client_got_and_without_its_password() {
    keep_log();
    let Some(cluster) = cluster::Cluster::start("fsync = off\n") else {
        return;
    };
    let url = cluster.url(&cluster.create_database());
    let url = url.replace("postgres@", "postgres:hunter2@");
    let shop = Harness::start_with(|config, _| {
        config.store = StoreLocation::Postgres(SecretText::new(url));
    })
    .await;
    cluster.crash();
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1" });
    let answer = shop.post("/v1/payments", &body).await;
    let problem = answer.expect_problem(503, "store_unavailable");
    let line = line_of(problem["request_id"].as_str().unwrap());
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "the store failed");
    assert!(line["error"].is_string(), "{line}");
    assert!(!log().contains("hunter2"));
    shop.server.shutdown().await;
}
