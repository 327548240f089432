//! A web shop on axum that takes payments itself. Its payments are in `shop.db`, so it continues after a restart.
//!
//! ```console
//! $ cargo run -p bakong --example axum_shop --features card,http,sandbox,sqlite,watch
//! ```
//!
//! starts a sandbox in the same process. To kill the shop and pay meanwhile, start `bakong sandbox` in another terminal,
//! and pass its address and its token:
//!
//! ```console
//! $ export BAKONG_BASE_URL=http://127.0.0.1:4717 BAKONG_TOKEN=…
//! ```

use std::error::Error;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bakong::api::endpoint::CheckTransactionByMd5;
use bakong::api::{Reading, Remedy, Transaction};
use bakong::card::BareCode;
use bakong::khqr::Md5Handle;
use bakong::prelude::*;

pub(crate) type Shop = Watcher<HyperTransport>;

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
#[allow(clippy::print_stdout, reason = "the example is a command")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variables = ["BAKONG_BASE_URL", "BAKONG_TOKEN"].map(|name| std::env::var(name).ok());
    let mut own_sandbox = None;
    let (base_url, token) = match variables {
        [Some(base_url), Some(token)] => (base_url, token),
        [None, None] => {
            let sandbox = own_sandbox.insert(Sandbox::start().await?);
            (sandbox.base_url(), sandbox.issue_token("shop@example.com"))
        }
        _ => return Err("set both BAKONG_BASE_URL and BAKONG_TOKEN, or neither".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let shop = open(Path::new("shop.db"), &base_url, &token).await?;
    println!("the shop is at http://127.0.0.1:8080/, and Bakong at {base_url}");

    let serving = axum::serve(listener, router(Arc::clone(&shop)));
    let ended = tokio::select! {
        ended = serving.with_graceful_shutdown(stop_signal()) => ended.map_err(Into::into),
        ended = ship(&shop, |order| println!("{order}: ship it")) => match ended {
            // The watcher has ended, for example because the disk failed.
            Ok(()) => Err(shop.closed().await.to_string().into()),
            failed => failed,
        },
    };
    // Releases the lease. Without this, the next process can open payments only after the lease expires.
    shop.shutdown().await;
    ended
}

/// Opens the store, and continues with the payments that were open when the shop ended.
pub(crate) async fn open(
    file: &Path,
    base_url: &str,
    token: &str,
) -> Result<Arc<Shop>, Box<dyn Error>> {
    let (base_url, token) = (BaseUrl::new(base_url)?, AccessToken::new(token)?);
    let database = SqliteDatabase::open(file).await?;
    let store = database
        .store(&Registration::of(&base_url, &token)?)
        .await?;
    let session = Session::new(HyperTransport::for_watcher().build()?, base_url).with_token(token);
    let shop = Watcher::builder(session, store)
        // After a kill, the lease of the dead process expires within ten seconds. A new order waits for that.
        .lease_term(Duration::from_secs(10))
        .store_timeout(Duration::from_secs(15))
        .start()
        .await?;
    if let Err(error) = check_token(&shop).await {
        shop.shutdown().await;
        return Err(error);
    }
    Ok(Arc::new(shop))
}

/// Sends one request, so that a shop with a wrong token or address shows no code. During an outage, the shop starts.
async fn check_token(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let check = CheckTransactionByMd5::new(Md5Handle::of("not a code of this shop"));
    match shop.session().send(&check).await {
        Err(error) => match error.class().remedy() {
            Remedy::AskAgain | Remedy::NextDay => Ok(()),
            Remedy::NewToken | Remedy::Attention => {
                Err(format!("the token or the address does not work: {error}").into())
            }
        },
        Ok(_) => Ok(()),
    }
}

/// Ships each paid order. After a restart, events that were not acknowledged arrive again, so `ship` must tolerate a
/// repetition.
pub(crate) async fn ship(shop: &Shop, ship: impl Fn(&str)) -> Result<(), Box<dyn Error>> {
    // The store knows by this name what was acknowledged. With another name, all orders would be shipped again.
    let mut events = shop.events("shipping");
    while let Some(event) = events.next().await? {
        if let EventKind::Finished(Outcome::Paid { late: false, .. }) = &event.kind {
            ship(event.order.as_str());
        }
        events.acknowledge(event.id).await?;
    }
    Ok(())
}

/// Waits for Ctrl-C, or for the signal of a service manager.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

pub(crate) fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/orders", post(create))
        .route("/orders/{order}", get(show))
        .route("/orders/{order}/check", post(check))
        .with_state(shop)
}

async fn front() -> Html<String> {
    page("<form method=post action=/orders><button>Buy a coffee for 1.50 USD</button></form>")
}

/// Creates an order for a coffee. The shop sets the price: nothing that a browser sends changes what is owed.
async fn create(State(shop): State<Arc<Shop>>) -> Result<Redirect, Failure> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let now = SystemClock.now();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let order = format!("{now}-{number}");
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
    Ok(Redirect::to(&format!("/orders/{order}")))
}

/// The code of an open order, or its receipt. The browser may ask often: this only reads the store.
async fn show(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Result<Response, Failure> {
    let Some(found) = find(&shop, &order).await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let content = match &found.finished {
        None => open_order(&found)?,
        Some((
            Outcome::Paid {
                transaction,
                late: false,
            },
            _,
        )) => receipt(transaction),
        Some((outcome, _)) => format!("<p>This order is {}. Ask the shop.", outcome.name()),
    };
    Ok(page(&content).into_response())
}

fn open_order(found: &StoredPayment) -> Result<String, Box<dyn Error>> {
    let order = &found.payment.order;
    let details = found.payment.details.as_deref();
    let code = details.and_then(|details| details.code.as_deref());
    let code = code.ok_or("the order has no code")?;
    let picture = BareCode::new(&Khqr::parse(code)?).width(240).to_svg()?;
    // The text is for the page of the sandbox, where you are the customer. A real shop does not show it.
    Ok(format!(
        "<meta http-equiv=refresh content=3><p>Scan to pay 1.50 USD<p>{picture}<pre>{}</pre>
        <form method=post action=/orders/{order}/check><button>I have paid</button></form>",
        escaped(code),
    ))
}

fn receipt(transaction: &Transaction) -> String {
    let paid_at = transaction.acknowledged_at.known();
    format!(
        "<p>Paid: {}<br>by: {}<br>at: {}",
        reading(&transaction.amount),
        reading(&transaction.from_account_id),
        paid_at.map_or_else(|| "unknown".to_owned(), |time| time.rfc3339().to_string()),
    )
}

/// What Bakong reported. A field that cannot be read does not make a payment unpaid.
fn reading<T: Display>(reading: &Reading<T>) -> String {
    let known = reading.known();
    known.map_or_else(|| "unknown".to_owned(), |value| escaped(&value.to_string()))
}

fn page(content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Sokha Coffee</title>{content}"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Asks Bakong early, if a request is free. Only Bakong's answer decides.
async fn check(
    State(shop): State<Arc<Shop>>,
    UrlPath(order): UrlPath<String>,
) -> Result<Response, Failure> {
    let Some(found) = find(&shop, &order).await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    if let Attached::Open(payment) = shop.attach(found.payment.md5).await? {
        payment.nudge().await?;
    }
    Ok(Redirect::to(&format!("/orders/{}", found.payment.order)).into_response())
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
