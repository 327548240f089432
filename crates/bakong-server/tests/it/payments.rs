//! The life of a payment.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Method;
use khqr_core::{Khqr, Md5Handle};
use serde_json::{Value, json};

use crate::harness::{EXPIRY, Harness, path};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_paid_once_and_stays_paid() {
    let shop = Harness::start().await;
    let body = json!({
        "amount": 1.5, "currency": "USD", "order_id": "INV-1", "description": "Coffee & cake",
        "metadata": { "table": "7" }, "terminal": "Till 2", "success_url": "https://shop.example/thanks",
    });
    let created = shop.post("/v1/payments", &body).await.expect(201);
    assert_eq!(created["status"], "open");
    assert_eq!(created["amount"], "1.50");
    assert_eq!(created["metadata"], json!({ "table": "7" }));
    assert_eq!(created["test"], true);
    assert_eq!(created["reasons"], json!([]));
    let code = created["qr"].as_str().unwrap();
    assert_eq!(created["md5"], Md5Handle::of(code).to_string());
    let khqr = Khqr::parse(code).unwrap();
    assert_eq!(khqr.bill_number(), Some("INV-1"));
    assert_eq!(khqr.terminal_label(), Some("Till 2"));
    assert_eq!(shop.read(&created).await, created);

    let event = shop.pay_and_wait(&created).await;
    assert_eq!(event["type"], "payment.paid");
    assert_eq!(event["reasons"], json!([]));
    let paid = shop.read(&created).await;
    assert_eq!(event["data"], paid);
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["transaction"]["from_account_id"], "dara@devb");
    assert_eq!(paid["transaction"]["amount"], "1.50");
    let made_at = paid["transaction"]["created_at"].as_str().unwrap();
    made_at.parse::<jiff::Timestamp>().expect("RFC 3339");

    // Nothing takes `paid` away.
    shop.post(&path(&created, "/cancel"), &json!({}))
        .await
        .expect_problem(409, "payment_not_open");
    let problem = shop.post("/v1/payments", &body).await;
    let problem = problem.expect_problem(409, "order_paid");
    assert_eq!(problem["payment"], created["id"]);
    shop.post(&path(&created, "/attempts"), &json!({}))
        .await
        .expect_problem(409, "order_paid");
    shop.advance(100_000);
    assert_eq!(shop.read(&created).await, paid);

    let shop = shop.restart().await;
    assert_eq!(shop.read(&created).await, paid);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_payment_gets_a_new_code_and_never_two_that_can_be_paid() {
    let shop = Harness::start().await;
    let created = shop.create("INV-2").await;
    shop.post(&path(&created, "/attempts"), &json!({}))
        .await
        .expect_problem(409, "payment_open");
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-2" });
    let problem = shop.post("/v1/payments", &body).await;
    problem.expect_problem(409, "order_open");

    let mut events = shop.follow(&created, 0).await;
    // After the expiry and the grace period of the policy.
    shop.advance(600 + 30 + 14 * 60 + 60);
    assert_eq!(events.next().await.kind, "payment.expired");
    let expired = shop.read(&created).await;
    assert_eq!(expired["status"], "expired");

    let attempts = path(&created, "/attempts");
    let attempt = shop.post(&attempts, &json!({ "expires_in": 300 })).await;
    let attempt = attempt.expect(201);
    assert_eq!(attempt["id"], created["id"]);
    assert_eq!(attempt["attempt"], 2);
    assert_eq!(attempt["status"], "open");
    assert_ne!(attempt["md5"], created["md5"]);
    shop.pay_and_wait(&attempt).await;
    assert_eq!(shop.read(&created).await["status"], "paid");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_can_have_the_forms_that_php_writes() {
    let shop = Harness::start().await;
    for (order, metadata, stored) in [
        ("INV-1", json!([]), json!({})),
        (
            "INV-2",
            json!({ "table": 7, "till": -1, "vip": true, "note": "កាហ្វេ" }),
            json!({ "table": "7", "till": "-1", "vip": "true", "note": "កាហ្វេ" }),
        ),
    ] {
        let mut body = json!({ "amount": "1.50", "currency": "USD", "order_id": order });
        body["metadata"] = metadata;
        let created = shop.post("/v1/payments", &body).await.expect(201);
        assert_eq!(created["metadata"], stored);
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_values_are_refused_with_the_name_of_the_field() {
    let shop = Harness::start().await;
    let long = "x".repeat(129);
    for (change, param) in [
        (json!({ "amount": "1.505" }), "amount"),
        (json!({ "amount": "-1" }), "amount"),
        (json!({ "amount": "99999999999999" }), "amount"),
        (json!({ "currency": "EUR" }), "currency"),
        (json!({ "order_id": "" }), "order_id"),
        (json!({ "order_id": long }), "order_id"),
        (json!({ "expires_in": 5 }), "expires_in"),
        (json!({ "description": "a\u{7}b" }), "description"),
        (
            json!({ "metadata": { "note": "x".repeat(501) } }),
            "metadata",
        ),
        (json!({ "terminal": "x".repeat(26) }), "terminal"),
        (
            json!({ "success_url": "javascript:alert(1)" }),
            "success_url",
        ),
        (json!({ "cancel_url": "//evil.example" }), "cancel_url"),
    ] {
        let mut body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-3" });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = shop.post("/v1/payments", &body).await;
        let problem = answer.expect_problem(400, "invalid_parameter");
        assert_eq!(problem["param"], param, "{problem}");
    }
    for (change, param) in [
        (json!({ "expires_in": "600" }), "expires_in"),
        (json!({ "order_id": 2041 }), "order_id"),
        (json!({ "metadata": "table 7" }), "metadata"),
        (json!({ "metadata": ["table 7"] }), "metadata"),
        (json!({ "metadata": { "table": 7.5 } }), "metadata.table"),
        (json!({ "metadata": { "table": null } }), "metadata.table"),
        (json!({ "price": 2 }), "price"),
    ] {
        let mut body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-3" });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = shop.post("/v1/payments", &body).await;
        let problem = answer.expect_problem(400, "invalid_body");
        assert_eq!(problem["param"], param, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.contains("column"), "{detail}");
    }
    for (body, param) in [
        (json!({ "amount": "1" }), json!("currency")),
        (json!([]), Value::Null),
    ] {
        let answer = shop.post("/v1/payments", &body).await;
        let problem = answer.expect_problem(400, "invalid_body");
        assert_eq!(problem["param"], param, "{problem}");
    }
    // Nothing was created.
    assert_eq!(
        shop.get("/v1/payments").await.expect(200)["data"],
        json!([])
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_text_is_refused() {
    let shop = Harness::start().await;
    for path in [
        "/v1/payments/%00",
        "/v1/payments?order_id=a%00b",
        "/pay/%00",
        "/v1/payments/%ff",
        "/pay/%ff",
    ] {
        let answer = shop.get(path).await;
        answer.expect_problem(400, "invalid_parameter");
    }
    let payment = shop.create("INV-1").await;
    let decision = json!({ "decision": "accept", "note": "a\0b" });
    let answer = shop.post(&path(&payment, "/resolve"), &decision).await;
    answer.expect_problem(400, "invalid_parameter");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_an_object_and_an_idempotency_key_is_printable() {
    let shop = Harness::start().await;
    let array = json!(["1.00", "USD", "INV-1", null, null, {}, null, null, null]);
    let answer = shop.post("/v1/payments", &array).await;
    answer.expect_problem(400, "invalid_body");
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1" }).to_string();
    let key = [("idempotency-key", "INV\t1")];
    let answer = shop.call(Method::POST, "/v1/payments", &key, &body).await;
    answer.expect_problem(400, "invalid_parameter");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_is_reported_and_a_payment_that_cannot_be_checked_is_refused() {
    let shop = Harness::start().await;
    let balance = shop.get("/v1/balance_of_requests").await.expect(200);
    assert_eq!(balance["limit"], 100);
    assert_eq!(balance["open_payments"], 0);
    let mut refused = None;
    let mut created = 0;
    for number in 0..110 {
        let order = format!("INV-{number}");
        let body = json!({ "amount": "100", "currency": "KHR", "order_id": order });
        let answer = shop.post("/v1/payments", &body).await;
        if answer.status.as_u16() != 201 {
            refused = Some((order, answer));
            break;
        }
        created += 1;
    }
    let (order, answer) = refused.expect("no payment was refused");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 0);
    answer.expect_problem(429, "no_quota");
    // The requests that are left are needed for the open payments.
    let balance = shop.get("/v1/balance_of_requests").await.expect(200);
    assert_eq!(balance["open_payments"], created, "{balance}");
    // A refused payment does not exist.
    let list = shop.get(&format!("/v1/payments?order_id={order}")).await;
    assert_eq!(list.expect(200)["data"], json!([]));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_show_the_code() {
    let shop = Harness::start().await;
    let created = shop.create("INV-4").await;
    for (name, kind, start) in [
        ("/qr.svg", "image/svg+xml", &b"<svg"[..]),
        ("/qr.png", "image/png", b"\x89PNG"),
        ("/card.svg", "image/svg+xml", b"<svg"),
        ("/card.png", "image/png", b"\x89PNG"),
    ] {
        let image = shop.get(&path(&created, name)).await;
        assert_eq!(image.status.as_u16(), 200);
        assert_eq!(image.header("content-type"), Some(kind));
        assert!(image.body.starts_with(start), "{name}");
    }
    let png = shop.get(&path(&created, "/card.png")).await.body;
    let texts = bakong_sandbox::read_picture(&png).unwrap();
    assert_eq!(texts, [created["qr"].as_str().unwrap()]);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_change_one_payment_at_the_same_time_have_one_effect() {
    let shop = Harness::start().await;
    let created = shop.create("INV-1").await;
    shop.advance(EXPIRY);
    let attempts = path(&created, "/attempts");
    let body = json!({});
    let answers = join_all((0..8).map(|_| shop.post(&attempts, &body))).await;
    // Two requests at the same moment can refuse each other, so that the next one succeeds.
    let last = shop.post(&attempts, &body).await;
    let mut codes = BTreeSet::new();
    for answer in answers.into_iter().chain([last]) {
        if answer.status == 201 {
            codes.insert(answer.json()["qr"].to_string());
        } else {
            assert_eq!(answer.status, 409, "{}", answer.text());
        }
    }
    let read = shop.read(&created).await;
    assert_eq!(read["attempt"], 2);
    assert_eq!(codes, BTreeSet::from([read["qr"].to_string()]));

    let cancel = path(&created, "/cancel");
    let answers = join_all((0..8).map(|_| shop.post(&cancel, &body))).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["status"], "cancelled");
    }
    let events = shop.get("/v1/events").await.expect(200);
    let events = events["data"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["payment.cancelled"]);
    shop.server.shutdown().await;
}
