//! A shop that sells coffee for 1.50 USD. The README.md of this folder says how to run it.
#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::HashSet;
use std::env::var;
use std::error::Error;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const PAGE: &str =
    r#"<form method="post" action="/buy"><button>Buy coffee for 1.50 USD</button></form>"#;

/// The orders that are fulfilled. A real shop uses a table with a unique column.
static FULFILLED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Creates the payment of an order. The key makes a repetition return the same payment.
fn create_payment(order: &str) -> Result<Value, Box<dyn Error>> {
    let shop = format!("http://127.0.0.1:{}", var("PORT")?);
    let request = ureq::post(format!("{}/v1/payments", var("BAKONG_URL")?))
        .header("authorization", format!("Bearer {}", var("BAKONG_KEY")?))
        .header("idempotency-key", order);
    let mut answer = request.send_json(json!({
        "amount": "1.50",
        "currency": "USD",
        "order_id": order,
        "description": "Coffee",
        "success_url": format!("{shop}/orders/{order}"),
    }))?;
    Ok(answer.body_mut().read_json()?)
}

async fn buy() -> Result<Redirect, StatusCode> {
    let order = format!("RUST-{:016x}", fastrand::u64(..));
    let payment = tokio::task::spawn_blocking(move || create_payment(&order).ok()).await;
    let payment = payment.ok().flatten().unwrap_or_default();
    let url = payment["checkout_url"].as_str();
    Ok(Redirect::to(url.ok_or(StatusCode::BAD_GATEWAY)?))
}

async fn webhook(headers: HeaderMap, body: String) -> StatusCode {
    let webhook = Webhook::new(&var("WEBHOOK_SECRET").unwrap_or_default());
    let is_genuine = webhook.is_ok_and(|it| it.verify(body.as_bytes(), &headers).is_ok());
    let event: Value = serde_json::from_str(&body).unwrap_or_default();
    if !is_genuine {
        return StatusCode::BAD_REQUEST;
    }
    let order = event["data"]["order_id"].as_str().unwrap_or_default();
    let mut fulfilled = FULFILLED.lock().unwrap_or_else(PoisonError::into_inner);
    // A message can arrive twice, so the order is fulfilled once.
    if event["type"] == "payment.paid" && fulfilled.insert(order.to_owned()) {
        println!("fulfil {order}");
    }
    StatusCode::OK
}

async fn order(Path(order): Path<String>) -> &'static str {
    let is_paid = FULFILLED.lock().is_ok_and(|it| it.contains(&order));
    ["waiting for the payment", "paid"][usize::from(is_paid)]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/buy", post(buy))
        .route("/webhook", post(webhook))
        .route("/orders/{order}", get(order));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", var("PORT")?)).await?;
    Ok(axum::serve(listener, router).await?)
}
