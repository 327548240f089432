//! The checkout: `/pay/{token}`.
//!
//! The token is random and only the shop and its customer know it. Whoever has it can see the payment, and can get a new code when the
//! old one cannot be paid any more. It is therefore also what protects the form against requests that other sites forge.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::format;
use super::live::{self, Subject};
use super::page::{Base, PageError, render};
use super::text::{Texts, texts};
use crate::api::images::card_svg_with;
use crate::app::App;
use crate::domain::{Payment, Status};
use crate::problem::{Code, Problem};
use crate::service::{self, MAX_CODES, Requester};
use crate::shop::{Mode, Shop};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/pay/{token}", get(show))
        .route("/pay/{token}/card.svg", get(card))
        .route("/pay/{token}/events", get(events))
        .route("/pay/{token}/code", post(new_code))
}

/// What the customer sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// The code can be paid.
    Open,
    /// The code cannot be paid. The server may still look for money.
    Expired,
    Paid,
    Review,
    Cancelled,
    Failed,
}

impl View {
    pub(super) fn of(payment: &Payment, shop: &Shop) -> Self {
        match payment.status {
            Status::Paid => Self::Paid,
            Status::NeedsReview => Self::Review,
            Status::Cancelled => Self::Cancelled,
            Status::Failed => Self::Failed,
            Status::Expired => Self::Expired,
            Status::Opening | Status::Open if payment.attempt.expires_at <= shop.now() => {
                Self::Expired
            }
            Status::Opening | Status::Open => Self::Open,
        }
    }

    /// Returns the name for the script and the style sheet.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Paid => "paid",
            Self::Review => "review",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Returns the title for the customer.
    pub(super) const fn title(self, t: &Texts) -> &'static str {
        match self {
            Self::Open => t.waiting,
            Self::Expired => t.expired,
            Self::Paid => t.paid,
            Self::Review => t.review,
            Self::Cancelled => t.cancelled,
            Self::Failed => t.failed,
        }
    }
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage<'a> {
    base: Base,
    payment: &'a Payment,
    shop: &'a Shop,
    view: View,
    title: &'static str,
    amount: String,
    /// How many milliseconds the code is valid.
    expires_in: u128,
    can_renew: bool,
    paid_at: Option<String>,
    hash: Option<&'a str>,
    /// Where a test payment is paid.
    sandbox_url: Option<String>,
    embedders: &'a str,
}

/// Shows a payment.
async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, PageError> {
    let (shop, payment) = find(&app, &token).await?;
    let base = Base::new();
    let view = View::of(&payment, &shop);
    let site = app.site();
    let page = CheckoutPage {
        view,
        title: view.title(base.t),
        amount: format::amount(payment.amount),
        expires_in: payment
            .attempt
            .expires_at
            .saturating_since(shop.now())
            .as_millis(),
        can_renew: view == View::Expired && payment.attempt.number < MAX_CODES,
        paid_at: payment.paid_at.map(format::time),
        hash: payment
            .transaction
            .as_ref()
            .and_then(|it| it.hash.as_deref()),
        sandbox_url: sandbox_url(site.sandbox_url.as_deref(), &shop, &payment),
        embedders: &site.embedders,
        base,
        payment: &payment,
        shop: &shop,
    };
    let mut response = render(&page);
    let policy = site.checkout_policy.clone();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Returns the page of the sandbox that reads the code of a test payment.
pub(super) fn sandbox_url(base: Option<&str>, shop: &Shop, payment: &Payment) -> Option<String> {
    let base = base.filter(|_| shop.mode == Mode::Test)?;
    let code: String = form_urlencoded::byte_serialize(payment.attempt.code.as_bytes()).collect();
    Some(format!("{base}/?code={code}"))
}

/// Draws the card of the newest code.
async fn card(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<impl IntoResponse, PageError> {
    let (_, payment) = find(&app, &token).await?;
    let svg = card_svg_with(&payment.attempt.code, texts().valid_until);
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("image/svg+xml"),
    )];
    Ok((
        kind,
        svg.ok_or_else(|| Problem::internal("a code cannot be drawn"))?,
    ))
}

/// Tells the page when to fetch itself again.
async fn events(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<impl IntoResponse, PageError> {
    let (shop, payment) = find(&app, &token).await?;
    let subject = Subject::Payment {
        shop: shop.id,
        id: payment.id,
    };
    Ok(live::stream(app, subject))
}

/// Creates a new code, if the old one cannot be paid any more and the order can.
async fn new_code(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Redirect, PageError> {
    let (shop, payment) = find(&app, &token).await?;
    let renewed =
        service::new_attempt(app.db(), &shop, &payment.id, None, Requester::Customer).await;
    match renewed {
        Ok(_) => {}
        // Someone was faster, or the page was old. The page shows what is true now.
        Err(problem)
            if matches!(
                problem.code,
                Code::PaymentOpen | Code::PaymentChanged | Code::OrderPaid | Code::OrderNeedsReview
            ) => {}
        Err(problem) => return Err(problem.into()),
    }
    Ok(Redirect::to(&format!("/pay/{token}")))
}

/// Returns the payment with this token. A payment that is being opened does not exist yet.
async fn find(app: &App, token: &str) -> Result<(Arc<Shop>, Payment), PageError> {
    let found = app.db().payment_by_token(token).await?;
    let (shop, payment) = found.ok_or_else(PageError::not_found)?;
    let shop = app.shop(shop).ok_or_else(PageError::not_found)?;
    let payment = service::as_shown(app.db(), shop, payment).await?;
    let payment = payment.ok_or_else(PageError::not_found)?;
    Ok((Arc::clone(shop), payment))
}
