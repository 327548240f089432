//! `/demo`: a shop that shows what a shop does. Only with the sandbox.
//!
//! It buys as a shop's program would: it creates a payment, sends the customer to the checkout, and learns of the money by a webhook, whose
//! signature it verifies.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use khqr_core::Timestamp;
use serde::Deserialize;

use super::cookie;
use super::form::Form;
use super::live::{self, Subject};
use super::page::{Base, PageError, render};
use super::session::{csrf, forged, is_csrf};
use crate::api::body::RawBody;
use crate::app::App;
use crate::ids;
use crate::problem::{Code, Problem};
use crate::service::{self, NewPayment};
use crate::shop::{Mode, Shop};
use crate::site::{Demo, Received};

/// The cookie whose secret protects the form.
const COOKIE: &str = "demo";
/// How many seconds the cookie is kept.
const LIFE: u64 = 24 * 60 * 60;
/// How far the time of a message may differ, in seconds.
const TOLERANCE: u64 = 5 * 60;

/// What the shop sells.
const PRODUCTS: &[Product] = &[
    Product {
        id: "iced",
        name: "Iced coffee",
        khmer: "កាហ្វេទឹកកក",
        amount: "6000",
        currency: "KHR",
    },
    Product {
        id: "latte",
        name: "Latte",
        khmer: "ឡាតេ",
        amount: "1.75",
        currency: "USD",
    },
    Product {
        id: "beans",
        name: "Coffee beans, 250 g",
        khmer: "គ្រាប់កាហ្វេ 250 ក្រាម",
        amount: "8.50",
        currency: "USD",
    },
];

#[derive(Debug)]
struct Product {
    id: &'static str,
    name: &'static str,
    khmer: &'static str,
    amount: &'static str,
    currency: &'static str,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/demo", get(show))
        .route("/demo/buy", post(buy))
        .route("/demo/events", get(events))
        .route("/demo/webhook", post(receive))
}

#[derive(Template)]
#[template(path = "demo.html")]
struct DemoPage<'a> {
    base: Base,
    csrf: String,
    products: &'static [Product],
    /// The token of a payment to open in a dialog.
    pay: Option<&'a str>,
    is_back: bool,
    version: u64,
    messages: Vec<Message>,
    sandbox_url: &'a str,
}

/// What the page shows of a message.
struct Message {
    id: String,
    kind: String,
    order: String,
    amount: String,
    body: String,
}

/// The fields of an event that this shop uses.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: EventData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventData {
    order_id: String,
    amount: String,
    currency: String,
}

impl Message {
    fn of(received: Received) -> Option<Self> {
        let event: Event = serde_json::from_str(&received.body).ok()?;
        Some(Self {
            id: received.id,
            kind: event.kind,
            order: event.data.order_id,
            amount: format!("{} {}", event.data.amount, event.data.currency),
            body: received.body,
        })
    }
}

impl Product {
    fn name(&self, base: &Base) -> &'static str {
        if base.t.code == "km" {
            self.khmer
        } else {
            self.name
        }
    }
}

async fn show(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, PageError> {
    let (demo, _) = find(&app)?;
    let secret = match cookie::find(&headers, COOKIE) {
        Some(secret) => secret.to_owned(),
        None => ids::random("").map_err(Problem::from)?,
    };
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let is_token = |token: &&str| token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let page = DemoPage {
        base: Base::new(),
        csrf: csrf(&secret),
        products: PRODUCTS,
        pay: parameter("pay=").filter(is_token),
        is_back: parameter("back=").is_some(),
        version: demo.version(),
        messages: demo
            .received()
            .into_iter()
            .filter_map(Message::of)
            .collect(),
        sandbox_url: app.site().sandbox_url.as_deref().unwrap_or_default(),
    };
    let mut response = render(&page);
    let cookie = cookie::strict(COOKIE, &secret, "/demo", LIFE, app.site().is_https)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Creates a payment and sends the customer to the checkout.
async fn buy(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Result<Redirect, PageError> {
    let (_, shop) = find(&app)?;
    let secret = cookie::find(&headers, COOKIE).unwrap_or_default();
    if secret.is_empty() || !is_csrf(secret, form.get("csrf")) {
        return Err(forged());
    }
    let product = PRODUCTS
        .iter()
        .find(|product| product.id == form.get("product"));
    let product = product.ok_or_else(PageError::not_found)?;
    let random: String = ids::random("")
        .map_err(Problem::from)?
        .chars()
        .take(8)
        .collect();
    let order = format!("COFFEE-{random}");
    let back = format!("{}/demo?back=1", shop.public_url);
    let new = NewPayment::sale(&order, product.amount, product.currency)?
        .with_page(product.name(&Base::new()), &back);
    let payment = service::create(app.db(), &shop, &new, None).await?;
    let token = payment.checkout_token;
    Ok(Redirect::to(&if form.get("dialog").is_empty() {
        format!("/pay/{token}")
    } else {
        format!("/demo?pay={token}")
    }))
}

/// Tells the page when to fetch itself again.
async fn events(State(app): State<App>) -> Result<impl IntoResponse, PageError> {
    let (demo, _) = find(&app)?;
    Ok(live::stream(app, Subject::Demo(demo)))
}

/// Receives a webhook, as the receiver of a shop does.
async fn receive(
    State(app): State<App>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<StatusCode, PageError> {
    let (demo, _) = find(&app)?;
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (id, time, signatures) = (
        text("webhook-id"),
        text("webhook-timestamp"),
        text("webhook-signature"),
    );
    let now = Timestamp::now().as_millis() / 1_000;
    let is_recent = time
        .parse::<u64>()
        .is_ok_and(|time| time.abs_diff(now) <= TOLERANCE);
    let body = String::from_utf8(body.0.to_vec()).unwrap_or_default();
    if !is_recent || !demo.secret.has_signed(signatures, id, time, &body) {
        let detail = "the signature or the time of the message is wrong";
        return Err(Problem::new(Code::WrongSignature, detail).into());
    }
    let id = id.to_owned();
    demo.add(Received { id, body });
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the demo shop, if this server has one.
fn find(app: &App) -> Result<(Arc<Demo>, Arc<Shop>), PageError> {
    let demo = app.site().demo.as_ref();
    let shop = app.shops().iter().find(|shop| shop.mode == Mode::Test);
    let (demo, shop) = demo.zip(shop).ok_or_else(PageError::not_found)?;
    Ok((Arc::clone(demo), Arc::clone(shop)))
}
