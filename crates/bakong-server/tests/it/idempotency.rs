//! The header `Idempotency-Key`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bakong_sandbox::{ApiEndpoint, Fault};
use bakong_store::SqliteDatabase;
use bakong_store::tables::{Statement, Tables as _};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, path};

fn order(id: &str) -> String {
    json!({ "amount": "1.50", "currency": "USD", "order_id": id }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_gets_the_first_answer_and_another_body_is_refused() {
    let shop = Harness::start().await;
    let key = [("idempotency-key", "order 1")];
    let post = |body: String| {
        let shop = &shop;
        async move { shop.call(Method::POST, "/v1/payments", &key, &body).await }
    };
    let first = post(order("INV-1")).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    let second = post(order("INV-1")).await;
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(second.status.as_u16(), 201);
    assert_eq!(first.body, second.body);
    post(order("INV-2"))
        .await
        .expect_problem(422, "idempotency_mismatch");

    // The key belongs to a path, too.
    let cancel = path(&first.json(), "/cancel");
    let answer = shop.call(Method::POST, &cancel, &key, "").await;
    answer.expect_problem(422, "idempotency_mismatch");

    // A refusal that no correction changes is stored as well.
    let key = [("idempotency-key", "order 2")];
    for replayed in [None, Some("true")] {
        let unknown = "/v1/payments/pay_unknown/cancel";
        let answer = shop.call(Method::POST, unknown, &key, "").await;
        assert_eq!(answer.header("idempotent-replayed"), replayed);
        assert_eq!(answer.expect(404)["code"], "not_found");
    }
    let long = "k".repeat(256);
    let key = [("idempotency-key", long.as_str())];
    let third = order("INV-3");
    let answer = shop.call(Method::POST, "/v1/payments", &key, &third);
    answer.await.expect_problem(400, "invalid_parameter");

    let first = first.body;
    let shop = shop.restart().await;
    let key = [("idempotency-key", "order 1")];
    let body = order("INV-1");
    let after = shop.call(Method::POST, "/v1/payments", &key, &body);
    assert_eq!(after.await.body, first);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_request_can_use_the_key_of_an_invalid_one() {
    let shop = Harness::start().await;
    let key = [("idempotency-key", "order 1")];
    let post = |body: String| {
        let shop = &shop;
        async move { shop.call(Method::POST, "/v1/payments", &key, &body).await }
    };
    for (body, code) in [
        (r#"{"amount":"1.50"}"#.to_owned(), "invalid_body"),
        (order("INV-1").replace("1.50", "1,50"), "invalid_parameter"),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.header("idempotent-replayed"), None);
        assert_eq!(answer.expect(400)["code"], code);
    }
    let created = post(order("INV-1")).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.text());
    let repeated = post(order("INV-1")).await;
    assert_eq!(repeated.header("idempotent-replayed"), Some("true"));
    assert_eq!(repeated.body, created.body);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_key_create_one_payment() {
    let shop = Harness::start().await;
    let key = [("idempotency-key", "order 1")];
    let body = order("INV-1");
    let requests = (0..12).map(|_| shop.call(Method::POST, "/v1/payments", &key, &body));
    let answers = futures_util::future::join_all(requests).await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        match answer.status.as_u16() {
            201 => {
                ids.insert(answer.json()["id"].as_str().unwrap().to_owned());
            }
            409 => {
                answer.expect_problem(409, "idempotency_in_progress");
            }
            _ => panic!("{}", answer.text()),
        }
    }
    assert_eq!(ids.len(), 1);
    let list = shop.get("/v1/payments").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_for_one_order_create_one_payment() {
    let shop = Harness::start().await;
    let body = order("INV-1");
    let requests = (0..12).map(|_| shop.call(Method::POST, "/v1/payments", &[], &body));
    let answers = futures_util::future::join_all(requests).await;
    // Two requests at the same moment can refuse each other, so that the next one succeeds.
    let last = shop.call(Method::POST, "/v1/payments", &[], &body).await;
    let mut created = BTreeSet::new();
    for answer in answers.into_iter().chain([last]) {
        match answer.status.as_u16() {
            201 => created.insert(answer.json()["id"].clone().to_string()),
            status => {
                assert_eq!(status, 409, "{}", answer.text());
                continue;
            }
        };
    }
    assert_eq!(created.len(), 1);
    let list = shop.get("/v1/payments").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_keeps_its_key_and_a_payment_needs_no_deep_link() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|config, data| {
        folder = data.to_owned();
        config.deeplinks = true;
    })
    .await;
    shop.sandbox()
        .fault(Fault::hang().on(ApiEndpoint::GenerateDeeplinkByQr));
    let key = [("idempotency-key", "order 1")];
    let body = order("INV-1");
    // The server waits for the link for five seconds, and extends the time of the key after two.
    let slow = shop.call(Method::POST, "/v1/payments", &key, &body).await;
    assert_eq!(slow.expect(201)["deeplink"], Value::Null);
    let database = SqliteDatabase::open(folder.join("payments.db"))
        .await
        .unwrap();
    let lock = Statement::new("SELECT locked_until - created_at FROM server_idempotency");
    let lock = database.find(lock).await.unwrap()[0].integer().unwrap();
    assert!(lock >= 8_000, "{lock}");
    shop.server.shutdown().await;
}
