//! Keys, limits and errors.

use std::path::PathBuf;

use bakong_store::SqliteDatabase;
use bakong_store::tables::{Statement, Tables as _};
use http::Method;
use serde_json::json;

use crate::client::send;
use crate::harness::{Harness, KEY, path};

/// The second connection stands for another process, such as a second worker.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_changes_is_seen_at_once() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let created = shop.create("INV-1").await;
    // The payment and the key are kept after the first read.
    for _ in 0..2 {
        let body = shop.get(&path(&created, "")).await.expect(200);
        assert_eq!(body["description"], created["description"]);
    }
    let other = SqliteDatabase::open(folder.join("payments.db"))
        .await
        .unwrap();
    let describe = Statement::new("UPDATE server_payments SET description = $1").text("changed");
    other.write(vec![describe]).await.unwrap().unwrap();
    let body = shop.get(&path(&created, "")).await.expect(200);
    assert_eq!(body["description"], "changed");
    let revoke = Statement::new("UPDATE server_keys SET revoked_at = $1").integer(1);
    other.write(vec![revoke]).await.unwrap().unwrap();
    let answer = shop.get(&path(&created, "")).await;
    answer.expect_problem(401, "wrong_key");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_its_scopes_say_until_it_is_revoked() {
    let shop = Harness::start().await;
    let created = shop.create("INV-1").await;
    let body = json!({ "name": "website", "scopes": ["create"] });
    let key = shop.post("/v1/keys", &body).await.expect(201);
    let text = key["key"].as_str().unwrap().to_owned();
    assert!(text.starts_with("sk_test_"));
    // The list does not show keys.
    let list = shop.get("/v1/keys").await;
    assert!(!list.text().contains(&text) && !list.text().contains(KEY));
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 2);

    let bearer = format!("Bearer {text}");
    let call = |method: Method, path: String, body: &'static str| {
        let (address, bearer) = (shop.server.address(), bearer.clone());
        async move {
            let headers = [("authorization", bearer.as_str())];
            send(address, method, &path, &headers, body).await
        }
    };
    let body = r#"{"amount":"1","currency":"USD","order_id":"INV-2"}"#;
    let answer = call(Method::POST, "/v1/payments".to_owned(), body).await;
    answer.expect(201);
    for (method, path) in [
        (Method::GET, path(&created, "")),
        (Method::GET, path(&created, "/events")),
        (Method::GET, path(&created, "/qr.svg")),
        (Method::GET, "/v1/payments".to_owned()),
        (Method::GET, "/v1/statement".to_owned()),
        (Method::GET, "/v1/balance_of_requests".to_owned()),
        (Method::GET, "/v1/keys".to_owned()),
        (Method::POST, "/v1/keys".to_owned()),
        (Method::POST, path(&created, "/resolve")),
        (Method::DELETE, "/v1/keys/key_0".to_owned()),
    ] {
        let answer = call(method, path, "{}").await;
        answer.expect_problem(403, "missing_scope");
    }
    let revoke = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    let revoked = shop.call(Method::DELETE, &revoke, &[], "").await;
    assert_eq!(revoked.status.as_u16(), 204);
    let answer = call(Method::POST, "/v1/payments".to_owned(), body).await;
    answer.expect_problem(401, "wrong_key");
    let unknown = shop.call(Method::DELETE, "/v1/keys/key_0", &[], "").await;
    unknown.expect_problem(404, "not_found");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_can_be_read_or_changed() {
    let shop = Harness::start().await;
    let created = shop.create("INV-1").await;
    let address = shop.server.address();
    for header in [
        "",
        "Bearer",
        "Bearer sk_test_unknown",
        "Basic c2s6",
        "Bearer \u{e9}",
    ] {
        for path in [path(&created, ""), "/v1/payments".to_owned()] {
            let headers: &[(&str, &str)] = match header {
                "" => &[],
                header => &[("authorization", header)],
            };
            let answer = send(address, Method::GET, &path, headers, "").await;
            assert_eq!(answer.status.as_u16(), 401, "{header}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert!(answer.text().contains("request_id"));
        }
    }
    shop.get("/v1/payments/pay_0")
        .await
        .expect_problem(404, "not_found");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_with_the_id_of_the_request() {
    let shop = Harness::start().await;
    shop.get("/v1/nothing")
        .await
        .expect_problem(404, "no_such_path");
    let answer = shop.call(Method::DELETE, "/v1/payments", &[], "").await;
    answer.expect_problem(405, "wrong_method");
    let large = format!("{{\"amount\":\"{}\"}}", "1".repeat(70_000));
    let answer = shop.call(Method::POST, "/v1/payments", &[], &large).await;
    answer.expect_problem(413, "body_too_large");
    let answer = shop
        .call(Method::POST, "/v1/payments", &[], "{\"amount\":")
        .await;
    answer.expect_problem(400, "invalid_body");
    let hostile = shop.get("/v1/%1b%5b31m").await;
    assert!(!hostile.text().contains('\u{1b}'));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_say_what_prevents_payments() {
    let shop = Harness::start().await;
    let address = shop.server.address();
    let health = send(address, Method::GET, "/healthz", &[], "").await;
    assert_eq!(health.status.as_u16(), 200);
    let ready = send(address, Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.expect(200), json!({ "ready": true, "problems": [] }));

    // The next check learns that the token is rejected.
    let created = shop.create("INV-1").await;
    shop.sandbox().revoke_tokens();
    shop.check(&created).await;
    let problems = loop {
        let ready = send(address, Method::GET, "/readyz", &[], "").await;
        if ready.status.as_u16() == 503 {
            break ready.json()["problems"].to_string();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(problems.contains("token"), "{problems}");
    shop.server.shutdown().await;
}
