//! A shop that sells coffee for 1.50 USD. Run it with: PORT=8080 cargo run --example shop
//!
//! BAKONG_URL, BAKONG_KEY and WEBHOOK_SECRET are described in README.md.

use std::collections::HashSet;
use std::env::var;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// The orders that are fulfilled. A real shop uses a table with a unique column.
type Fulfilled = Arc<Mutex<HashSet<String>>>;

/// Creates the payment of an order. The key makes a repetition return the same payment.
fn create_payment(order: &str) -> Result<Value, Box<dyn Error>> {
    let url = format!("{}/v1/payments", var("BAKONG_URL")?);
    let port = var("PORT")?;
    let body = json!({
        "amount": "1.50",
        "currency": "USD",
        "order_id": order,
        "description": "Coffee",
        "success_url": format!("http://127.0.0.1:{port}/orders/{order}"),
    });
    let request = ureq::post(url)
        .header("authorization", format!("Bearer {}", var("BAKONG_KEY")?))
        .header("idempotency-key", order);
    Ok(request.send_json(&body)?.body_mut().read_json()?)
}

async fn buy() -> Result<Redirect, StatusCode> {
    let order = format!("RUST-{:016x}", fastrand::u64(..));
    let payment = tokio::task::spawn_blocking(move || create_payment(&order).ok());
    let payment = payment.await.ok().flatten().ok_or(StatusCode::BAD_GATEWAY)?;
    let url = payment["checkout_url"].as_str().ok_or(StatusCode::BAD_GATEWAY)?;
    Ok(Redirect::to(url))
}

async fn webhook(State(fulfilled): State<Fulfilled>, headers: HeaderMap, body: String) -> StatusCode {
    let secret = var("WEBHOOK_SECRET").unwrap_or_default();
    let verified = Webhook::new(&secret).map(|it| it.verify(body.as_bytes(), &headers));
    let (Ok(Ok(())), Ok(event)) = (verified, serde_json::from_str::<Value>(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    if let (Some("payment.paid"), Some(order)) = (event["type"].as_str(), event["data"]["order_id"].as_str())
        // A message can arrive twice, so the order is fulfilled once.
        && fulfilled.lock().is_ok_and(|mut fulfilled| fulfilled.insert(order.to_owned()))
    {
        println!("fulfil {order}");
    }
    StatusCode::OK
}

async fn order(State(fulfilled): State<Fulfilled>, Path(order): Path<String>) -> &'static str {
    let is_paid = fulfilled.lock().is_ok_and(|fulfilled| fulfilled.contains(&order));
    if is_paid { "paid" } else { "waiting for the payment" }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let page = r#"<form method="post" action="/buy"><button>Buy coffee for 1.50 USD</button></form>"#;
    let router = Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/buy", post(buy))
        .route("/webhook", post(webhook))
        .route("/orders/{order}", get(order))
        .with_state(Fulfilled::default());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", var("PORT")?)).await?;
    Ok(axum::serve(listener, router).await?)
}
