//! A web shop that takes payments itself, with a store that survives a restart. A sandbox in this process plays Bakong.
//!
//! ```console
//! $ cargo run -p bakong-store --example axum_shop          # prints where to pay
//! $ curl -X POST localhost:8080/orders                # {"order":"…","qr":"000201…"}
//! $ curl localhost:8080/orders/ORDER                  # open, paid, expired, …
//! $ curl -X POST localhost:8080/orders/ORDER/check    # "I have paid": asks early, and decides nothing
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bakong_flow::bakong_api::khqr_core::{AccountId, Amount, Khqr, KhqrBuilder};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::store::{EventKind, PaymentKey, StoredPayment};
use bakong_flow::{Attached, Clock, OrderId, Outcome, Payment, Policy, SystemClock, Watcher};
use bakong_http::HyperTransport;
use bakong_sandbox::Sandbox;
use bakong_store::{Registration, SqliteDatabase};
use serde_json::{Value, json};

pub(crate) type Shop = Watcher<HyperTransport>;

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
#[allow(clippy::print_stdout, reason = "the example is a command")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let shop = open(Path::new("shop-example.db"), &sandbox).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("pay as a customer at {}/", sandbox.base_url());
    tokio::select! {
        ended = ship(&shop, |order| println!("{order}: ship it")) => ended,
        ended = axum::serve(listener, router(Arc::clone(&shop))) => Ok(ended?),
    }
}

/// Opens the store, and continues with the payments that were open when the shop ended.
pub(crate) async fn open(file: &Path, sandbox: &Sandbox) -> Result<Arc<Shop>, Box<dyn Error>> {
    let base_url = BaseUrl::new(&sandbox.base_url())?;
    let token = AccessToken::new(&sandbox.issue_token("shop@example.com"))?;
    let session = Session::new(HyperTransport::for_watcher().build()?, base_url).with_token(token);
    // The name of one token and its quota. All workers with this token use the same name.
    let registration = Registration::new("sandbox", "shop@example.com")?;
    let database = SqliteDatabase::open(file).await?;
    let store = database.store(&registration).await?;
    Ok(Arc::new(Watcher::start(session, store).await?))
}

/// Ships each paid order. After a restart, events that were not acknowledged arrive again, so `ship` must tolerate a
/// repetition.
pub(crate) async fn ship(shop: &Shop, ship: impl Fn(&str)) -> Result<(), Box<dyn Error>> {
    let mut events = shop.events("shipping");
    while let Some(event) = events.next().await? {
        if let EventKind::Finished(Outcome::Paid { late: false, .. }) = &event.kind {
            ship(event.order.as_str());
        }
        events.acknowledge(event.id).await?;
    }
    Ok(())
}

pub(crate) fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{order}", get(state))
        .route("/orders/{order}/check", post(check))
        .with_state(shop)
}

/// Creates an order for a coffee. The shop sets the price: nothing that a browser sends changes what is owed.
async fn create(State(shop): State<Arc<Shop>>) -> Result<Json<Value>, Failure> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let now = SystemClock.now();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let order = format!("{}-{number}", now.as_millis());
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
        .bill_number(&order)
        .dynamic_code(
            Amount::us_cents(150),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )?
        .to_text();
    let payment = Payment::of_khqr(OrderId::new(&order)?, &Khqr::parse(&code)?)?;
    // Fails if the quota has no request left for the final check. Then the code must not be shown.
    shop.watch(payment, Policy::WEB_SHOP).await?;
    Ok(Json(json!({ "order": order, "qr": code })))
}

async fn state(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Result<Result<&'static str, StatusCode>, Failure> {
    let found = find(&shop, &order).await?.ok_or(StatusCode::NOT_FOUND);
    Ok(found.map(|found| found.finished.map_or("open", |(outcome, _)| outcome.name())))
}

async fn check(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Result<StatusCode, Failure> {
    let Some(found) = find(&shop, &order).await? else {
        return Ok(StatusCode::NOT_FOUND);
    };
    if let Attached::Open(payment) = shop.attach(found.payment.md5).await? {
        payment.nudge().await?;
    }
    Ok(StatusCode::ACCEPTED)
}

async fn find(shop: &Shop, order: &str) -> Result<Option<StoredPayment>, Failure> {
    let Ok(order) = OrderId::new(order) else {
        return Ok(None);
    };
    Ok(shop.find(&PaymentKey::Order(order)).await?.pop())
}

/// Something did not work, and says nothing about a payment. The customer can try again.
struct Failure(Box<dyn Error>);

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0.to_string()).into_response()
    }
}
