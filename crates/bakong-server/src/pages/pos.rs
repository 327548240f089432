//! `/pos`: takes payments at a counter.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::checkout::{View, sandbox_url};
use super::form::StaffForm;
use super::format;
use super::page::{Base, PageError, render};
use super::session::{Bar, Staff, forged};
use crate::app::App;
use crate::db::PaymentFilter;
use crate::domain::Payment;
use crate::ids;
use crate::problem::Problem;
use crate::service::{self, NewPayment};
use crate::shop::Shop;

/// How many sales the list shows.
const MAX_SALES: i64 = 10;
/// How the order ids of this page begin.
const ORDER: &str = "POS-";
/// The maximum length of the part of an order id that the form contains. With the rest, the id fits into a code.
const MAX_ORDER: usize = 20;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/pos", get(show).post(sell))
        .route("/pos/{id}", get(code))
        .route("/pos/{id}/cancel", post(cancel))
}

#[derive(Template)]
#[template(path = "pos.html")]
struct Pos<'a> {
    base: Base,
    bar: Bar,
    version: String,
    /// The id of the order that the form creates. A form that is sent twice creates one payment.
    order: String,
    amount: &'a str,
    is_khr: bool,
    error: Option<String>,
    sales: Vec<Sale>,
}

/// A line of the last sales.
struct Sale {
    order: String,
    amount: String,
    at: String,
    class: &'static str,
    status: &'static str,
    link: String,
}

async fn show(State(app): State<App>, staff: Staff, uri: Uri) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default();
    let is_khr = query.split('&').any(|pair| pair == "currency=KHR");
    keypad(&app, &staff, "", is_khr, None).await
}

async fn keypad(
    app: &App,
    staff: &Staff,
    amount: &str,
    is_khr: bool,
    error: Option<String>,
) -> Result<Response, PageError> {
    let base = Base::new();
    let shop = &staff.shop;
    let filter = PaymentFilter::default();
    shop.opened.written().await;
    let payments = app.db().payments(shop.id, &filter, None, MAX_SALES).await?;
    let random: String = ids::random("")
        .map_err(Problem::from)?
        .chars()
        .take(12)
        .collect();
    let page = Pos {
        bar: staff.bar.clone(),
        version: app.db().books_version(shop.id).await?,
        order: format!("{ORDER}{random}"),
        amount,
        is_khr,
        error,
        sales: payments
            .iter()
            .map(|payment| Sale::of(payment, shop, staff, &base))
            .collect(),
        base,
    };
    Ok(render(&page))
}

impl Sale {
    fn of(payment: &Payment, shop: &Shop, staff: &Staff, base: &Base) -> Self {
        let t = base.t;
        let (class, status) = match View::of(payment, shop) {
            View::Open => ("wait", t.is_open),
            View::Expired => ("bad", t.is_expired),
            View::Paid => ("good", t.paid),
            View::Review => ("wait", t.under_review),
            View::Cancelled => ("bad", t.was_cancelled),
            View::Failed => ("bad", t.not_delivered),
        };
        Self {
            order: payment.order_id.clone(),
            amount: format::amount(payment.amount),
            at: format::time(payment.created_at),
            class,
            status,
            link: staff.link(&format!("/pos/{}", payment.id)),
        }
    }
}

/// Creates a payment and shows its code.
async fn sell(
    State(app): State<App>,
    StaffForm { staff, form }: StaffForm,
) -> Result<Response, PageError> {
    let (order, amount, currency) = (
        form.get("order"),
        form.get("amount").trim(),
        form.get("currency"),
    );
    let is_plain = order
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !order.starts_with(ORDER) || order.len() > MAX_ORDER || !is_plain {
        return Err(forged());
    }
    // A cashier who goes back and enters another amount gets another code, not the first one again.
    let digest = ids::sha256(&[amount.as_bytes(), currency.as_bytes()]);
    let order = format!("{order}-{}", digest.get(..4).unwrap_or_default());
    let new = NewPayment::sale(&order, amount, currency)?;
    let id = match service::create(app.db(), &staff.shop, &new, None).await {
        Ok(payment) => payment.id,
        // The form was sent twice.
        Err(Problem {
            payment: Some(id), ..
        }) => id,
        Err(problem) if problem.param.as_deref() == Some("amount") => {
            let is_khr = currency == "KHR";
            let page = keypad(&app, &staff, amount, is_khr, Some(problem.detail)).await?;
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
        Err(problem) => return Err(problem.into()),
    };
    Ok(Redirect::to(&staff.link(&format!("/pos/{id}"))).into_response())
}

#[derive(Template)]
#[template(path = "pos_code.html")]
struct Code<'a> {
    base: Base,
    bar: Bar,
    payment: &'a Payment,
    shop: &'a Shop,
    view: View,
    title: &'static str,
    amount: String,
    expires_in: u128,
    sandbox_url: Option<String>,
}

/// Shows the code of a payment on the customer's screen.
async fn code(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let shop = &staff.shop;
    let payment = service::load(app.db(), shop, &id).await?;
    let base = Base::new();
    let view = View::of(&payment, shop);
    let left = payment.attempt.expires_at.saturating_since(shop.now());
    let page = Code {
        title: view.title(base.t),
        amount: format::amount(payment.amount),
        expires_in: left.as_millis(),
        sandbox_url: sandbox_url(app.site().sandbox_url.as_deref(), shop, &payment),
        view,
        base,
        bar: staff.bar.clone(),
        payment: &payment,
        shop,
    };
    Ok(render(&page))
}

/// Cancels a payment.
async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    StaffForm { staff, .. }: StaffForm,
) -> Result<Redirect, PageError> {
    service::cancel(app.db(), &staff.shop, &id).await?;
    app.feed().wake();
    Ok(Redirect::to(&staff.link("/pos")))
}
