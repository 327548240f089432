//! A web shop that takes payments itself, with a store that survives a restart. A sandbox in this process plays Bakong.
//!
//! ```console
//! $ cargo run -p bakong-store --example shop          # prints the next commands
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
use axum::routing::{get, post};
use axum::{Json, Router};
use bakong_flow::bakong_api::khqr_core::{AccountId, Amount, Khqr, KhqrBuilder};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::store::{PaymentKey, StoredPayment};
use bakong_flow::{
    Attached, Clock, OrderId, Outcome, Payment, Policy, SystemClock, WatchError, Watcher,
};
use bakong_http::HyperTransport;
use bakong_sandbox::Sandbox;
use bakong_store::{Registration, SqliteDatabase};
use serde_json::{Value, json};

pub(crate) type Shop = Watcher<HyperTransport>;
type Answer<T> = Result<T, (StatusCode, String)>;

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
#[allow(clippy::print_stdout, reason = "the example is a command")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::builder().start().await?;
    let shop = open(Path::new("shop-example.db"), &sandbox).await?;
    println!(
        "shop: http://127.0.0.1:8080/orders; pay as a customer at {}/",
        sandbox.base_url()
    );
    let shipping = ship(&shop, |order| println!("{order}: ship it"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let pages = axum::serve(listener, router(Arc::clone(&shop)));
    tokio::select! {
        ended = shipping => ended?,
        ended = pages => ended?,
    }
    Ok(())
}

/// Opens the store, and continues with the payments that were open when the shop ended.
pub(crate) async fn open(file: &Path, sandbox: &Sandbox) -> Result<Arc<Shop>, Box<dyn Error>> {
    let base_url = BaseUrl::new(&sandbox.base_url())?;
    let token = AccessToken::new(&sandbox.issue_token("shop@example.com"))?;
    let session = Session::new(HyperTransport::for_watcher().build()?, base_url).with_token(token);
    // The name of one token and its quota. All workers with this token use the same name.
    let registration = Registration::new("sandbox", "shop@example.com")?;
    let store = SqliteDatabase::open(file)
        .await?
        .store(&registration)
        .await?;
    Ok(Arc::new(Watcher::start(session, store).await?))
}

/// Ships each paid order. An event arrives again after a restart until it is acknowledged, so `ship` must tolerate a
/// repetition.
pub(crate) async fn ship(shop: &Shop, ship: impl Fn(&str)) -> Result<(), Box<dyn Error>> {
    let mut events = shop.events("shipping");
    while let Some(event) = events.next().await? {
        use bakong_flow::store::EventKind::Finished;
        if let Finished(Outcome::Paid { late: false, .. }) = &event.kind {
            ship(event.order.as_str());
        }
        events.acknowledge(event.id).await?;
    }
    Ok(())
}

pub(crate) fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/orders", post(order))
        .route("/orders/{order}", get(state))
        .route("/orders/{order}/check", post(check))
        .with_state(shop)
}

/// Creates an order for a coffee. The price is the shop's: nothing that a browser sends changes what is owed.
async fn order(State(shop): State<Arc<Shop>>) -> Answer<Json<Value>> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let now = SystemClock.now();
    let order = format!(
        "{}-{}",
        now.as_millis(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let (payment, code) = payment(&order, Amount::us_cents(150)).map_err(unexpected)?;
    match shop.watch(payment, Policy::WEB_SHOP).await {
        Ok(_) => Ok(Json(json!({ "order": order, "qr": code }))),
        // The code is not shown: without a request for its final check, the shop would not learn of the payment.
        Err(error @ (WatchError::Refused(_) | WatchError::StoreUnavailable)) => {
            Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
        }
        Err(error) => Err(unexpected(error)),
    }
}

fn payment(order: &str, amount: Amount) -> Result<(Payment, String), Box<dyn Error>> {
    let now = SystemClock.now();
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
        .bill_number(order)
        .dynamic_code(amount, now, now.saturating_add(Duration::from_secs(600)))?
        .to_text();
    Ok((
        Payment::of_khqr(OrderId::new(order)?, &Khqr::parse(&code)?)?,
        code,
    ))
}

async fn state(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Answer<&'static str> {
    let finished = find(&shop, &order).await?.finished;
    Ok(finished.map_or("open", |(outcome, _)| outcome.name()))
}

async fn check(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Answer<StatusCode> {
    let md5 = find(&shop, &order).await?.payment.md5;
    if let Attached::Open(payment) = shop.attach(md5).await.map_err(unexpected)? {
        payment.nudge().await.map_err(unexpected)?;
    }
    Ok(StatusCode::ACCEPTED)
}

async fn find(shop: &Shop, order: &str) -> Answer<StoredPayment> {
    let order = OrderId::new(order).map_err(|error| (StatusCode::NOT_FOUND, error.to_string()))?;
    let found = shop
        .find(&PaymentKey::Order(order))
        .await
        .map_err(unexpected)?;
    found
        .into_iter()
        .next_back()
        .ok_or((StatusCode::NOT_FOUND, "no such order".to_owned()))
}

fn unexpected(error: impl Into<Box<dyn Error>>) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.into().to_string())
}
