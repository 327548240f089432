//! The checkout page.

use bakong_sandbox::TransferOptions;
use http::Method;
use khqr_core::Amount;
use serde_json::{Value, json};

use crate::client::{Answer, Stream, open, send};
use crate::harness::{EXPIRY, Harness, path};

/// Returns the path of the checkout of a payment.
fn checkout(payment: &Value, rest: &str) -> String {
    let url = payment["checkout_url"].as_str().unwrap();
    let start = url.find("/pay/").expect("no checkout_url");
    format!("{}{rest}", &url[start..])
}

async fn page(shop: &Harness, payment: &Value, headers: &[(&str, &str)]) -> Answer {
    let path = checkout(payment, "");
    send(shop.server.address(), Method::GET, &path, headers, "").await
}

async fn new_code(shop: &Harness, payment: &Value) -> Answer {
    let path = checkout(payment, "/code");
    send(shop.server.address(), Method::POST, &path, &[], "").await
}

/// Asks for a new code whenever the last one has expired, until the server refuses. Returns the number of codes.
///
/// An answer that the sandbox sent before its clock moved can arrive after that, and sets the server's estimate of Bakong's
/// time back. The request then changes nothing.
async fn codes_until_refused(shop: &Harness, payment: &Value) -> Value {
    for _ in 0..50 {
        shop.advance(EXPIRY);
        let answer = new_code(shop, payment).await;
        if answer.status.as_u16() == 409 {
            return shop.read(payment).await["attempt"].clone();
        }
        assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    }
    panic!("no request was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_token_sees_the_payment_and_nothing_else() {
    let shop = Harness::start().await;
    let body = json!({ "amount": "10000", "currency": "KHR", "order_id": "INV-1", "description": "Two coffees",
        "metadata": { "note": "internal" }, "cancel_url": "https://shop.example.com/cart" });
    let payment = shop.post("/v1/payments", &body).await.expect(201);
    let answer = page(&shop, &payment, &[]).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.ends_with("frame-ancestors 'self'"));
    assert!(!policy.contains("unsafe"));
    let text = answer.text();
    for shown in [
        "10,000 KHR",
        "INV-1",
        "Two coffees",
        "Sokha Coffee",
        "012 345 678",
        "https://shop.example.com/cart",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
    assert!(!text.contains("internal"));

    let card = checkout(&payment, "/card.svg");
    let card = send(shop.server.address(), Method::GET, &card, &[], "").await;
    assert!(card.text().contains("KHQR: Sokha Coffee, 10,000 KHR"));

    shop.pay_and_wait(&payment).await;
    let paid = page(&shop, &payment, &[]).await.text();
    assert!(paid.contains("data-view=\"paid\"") && !paid.contains("card.svg"));
    // The account of the payer is nobody's business but the shop's.
    assert!(!paid.contains("dara@devb"));

    for wrong in [
        "/pay/unknown",
        "/pay/",
        "/pay/unknown/card.svg",
        "/pay/unknown/events",
    ] {
        let answer = send(shop.server.address(), Method::GET, wrong, &[], "").await;
        assert_eq!(answer.status.as_u16(), 404, "{wrong}");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_the_shop_are_escaped_and_script_addresses_are_refused() {
    let shop = Harness::start().await;
    let hostile = "\"><img src=x onerror=alert(1)><script>alert(1)</script>";
    let body = json!({ "amount": "1", "currency": "USD", "order_id": hostile, "description": hostile,
        "metadata": { hostile: hostile }, "success_url": "https://shop.example.com/?a=\"><script>" });
    shop.post("/v1/payments", &body)
        .await
        .expect_problem(400, "invalid_parameter");
    let body = json!({ "amount": "1", "currency": "USD", "order_id": hostile, "description": hostile, "metadata": { hostile: hostile } });
    let payment = shop.post("/v1/payments", &body).await.expect(201);
    let text = page(&shop, &payment, &[]).await.text();
    assert!(text.contains("&#60;img src=x"), "{text}");
    assert!(!text.contains("<img src=x") && !text.contains("<script>alert"));
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "ftp://a/",
        "/relative",
        "https://",
    ] {
        for field in ["success_url", "cancel_url"] {
            let body = json!({ "amount": "1", "currency": "USD", "order_id": "INV-2", field: url });
            let problem = shop.post("/v1/payments", &body).await;
            let problem = problem.expect_problem(400, "invalid_parameter");
            assert_eq!(problem["param"], field, "{url}");
        }
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_gets_a_new_code_only_when_the_order_can_be_paid_and_the_old_code_cannot() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    // A forged or repeated request changes nothing while the code can be paid.
    let answer = new_code(&shop, &payment).await;
    assert_eq!(answer.status.as_u16(), 303);
    assert_eq!(
        answer.header("location"),
        Some(checkout(&payment, "").as_str())
    );
    assert_eq!(shop.read(&payment).await["attempt"], 1);

    shop.advance(EXPIRY);
    let expired = page(&shop, &payment, &[]).await.text();
    assert!(
        expired.contains("data-view=\"expired\"") && expired.contains("/code\""),
        "{expired}"
    );
    assert_eq!(new_code(&shop, &payment).await.status.as_u16(), 303);
    let renewed = shop.read(&payment).await;
    assert_eq!(
        (&renewed["attempt"], &renewed["status"]),
        (&json!(2), &json!("open"))
    );
    assert_eq!(renewed["amount"], payment["amount"]);
    assert!(
        page(&shop, &payment, &[])
            .await
            .text()
            .contains("data-view=\"open\"")
    );

    // The shop has closed the payment, so only the shop can open it again.
    let cancelled = shop.post(&path(&payment, "/cancel"), &json!({})).await;
    cancelled.expect(200);
    assert!(!page(&shop, &payment, &[]).await.text().contains("/code\""));
    assert_eq!(codes_until_refused(&shop, &payment).await, 2);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_cannot_use_up_the_quota_with_new_codes() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    assert_eq!(codes_until_refused(&shop, &payment).await, 10);
    assert!(!page(&shop, &payment, &[]).await.text().contains("/code\""));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_tells_the_page_when_to_fetch_itself_again() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    let other = shop.create("INV-2").await;
    let address = shop.server.address();
    let events = checkout(&payment, "/events");
    let mut stream = Stream::new(open(address, Method::GET, &events, &[], "").await);
    let first = stream.next_data().await;
    assert!(
        page(&shop, &payment, &[])
            .await
            .text()
            .contains(&format!("data-version=\"{first}\""))
    );
    shop.pay_and_wait(&other).await;
    shop.pay_and_wait(&payment).await;
    let second = stream.next_data().await;
    assert_ne!(first, second);
    let text = page(&shop, &payment, &[]).await.text();
    assert!(
        text.contains(&format!("data-version=\"{second}\"")) && text.contains("data-view=\"paid\"")
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn showing_a_page_sends_no_request_to_bakong() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    // The expiry and the grace period have passed, so the watcher itself has no reason to check.
    let mut events = shop.follow(&payment, 0).await;
    shop.advance(3_600);
    assert_eq!(events.next().await.kind, "payment.expired");
    let before = shop.sandbox().requests().len();
    for rest in ["", "/card.svg", "", "?lang=km"] {
        let path = checkout(&payment, rest);
        let answer = send(shop.server.address(), Method::GET, &path, &[], "").await;
        assert_eq!(answer.status.as_u16(), 200);
    }
    assert_eq!(shop.sandbox().requests().len(), before);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_the_language_that_was_chosen_or_that_the_browser_prefers() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    let khmer = page(&shop, &payment, &[("accept-language", "km-KH,en;q=0.5")])
        .await
        .text();
    assert!(khmer.contains("lang=\"km\"") && khmer.contains("1.50 USD"));
    let chosen = checkout(&payment, "?lang=en");
    let chosen = send(
        shop.server.address(),
        Method::GET,
        &chosen,
        &[("accept-language", "km")],
        "",
    )
    .await;
    assert!(chosen.text().contains("<html lang=\"en\">"));
    let cookie = chosen.header("set-cookie").unwrap();
    assert!(cookie.starts_with("language=en;") && cookie.contains("SameSite=Lax"));
    let kept = page(
        &shop,
        &payment,
        &[("cookie", "a=b; language=en"), ("accept-language", "km")],
    )
    .await;
    assert!(kept.text().contains("<html lang=\"en\">"));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_money_does_not_match_is_told_to_contact_the_shop() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    let mut events = shop.follow(&payment, 0).await;
    shop.pay_with(
        &payment,
        &TransferOptions::new().amount(Amount::us_cents(100)),
    );
    shop.check(&payment).await;
    assert_eq!(events.next().await.kind, "payment.needs_review");
    let text = page(&shop, &payment, &[]).await.text();
    assert!(text.contains("data-view=\"review\"") && text.contains("Do not pay again"));
    assert!(!text.contains("card.svg") && !text.contains("/code\""));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_has_a_deep_link_if_the_configuration_wants_one() {
    let shop = Harness::start_with(|config, _| config.deeplinks = true).await;
    let payment = shop.create("INV-1").await;
    let link = payment["deeplink"].as_str().unwrap();
    assert!(link.starts_with("http"), "{link}");
    let page = page(&shop, &payment, &[]).await;
    assert!(page.text().contains(link));
    assert_eq!(shop.read(&payment).await["deeplink"], link);
    shop.server.shutdown().await;

    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    assert!(payment["deeplink"].is_null());
    assert_eq!(shop.sandbox().requests().len(), 0);
    shop.server.shutdown().await;
}
