//! Payments: create, read, list, and what can be done with one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::{Parameters, RawBody};
use super::idempotency::{Answer, once};
use crate::app::App;
use crate::db::{PaymentCursor, PaymentFilter};
use crate::domain::{Payment, Status};
use crate::keys::Scope;
use crate::problem::{Problem, ProblemBody};
use crate::service::{self, NewDecision, NewPayment, PaymentBody, Requester};

/// The maximum number of payments in a page.
const MAX_PAGE: u32 = 100;

/// Create a payment.
///
/// Show its code to the customer. Send an `Idempotency-Key`, so that a repetition creates no second payment.
///
/// A repetition with the same key gets the stored answer for 24 hours, also after a cancellation. So a new payment for the same
/// order needs a new key, such as `INV-2041-2`. After 400 nothing is stored, and the corrected request can use the same key.
#[utoipa::path(post, path = "/v1/payments", tag = "payments", request_body = NewPayment,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; the answer is stored for 24 hours")),
    responses(
        (status = 201, body = PaymentBody),
        (status = 400, body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "The order is paid or has an open payment, or a request with the same key is in progress", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 422, description = "The key was used for another request", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 429, description = "No check can be reserved; see Retry-After", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    caller.require(Scope::Create)?;
    once(
        app.db(),
        &caller,
        &headers,
        "/v1/payments",
        &body,
        async |claim| {
            let new: NewPayment = body.json()?;
            let shop = &caller.shop;
            let payment = service::create(app.db(), shop, &new, claim).await?;
            let answer = Answer::json(StatusCode::CREATED, &PaymentBody::of(&payment, shop))?;
            Ok(answer.opening(&payment))
        },
    )
    .await
}

/// Read a payment.
///
/// This answer is authoritative: events and pages are hints.
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "payments", params(("id" = String, Path, description = "The payment: `pay_…`")),
    responses((status = 200, body = PaymentBody), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Read)?;
    let (cache, version, shop) = (app.db().cache(), caller.version, &caller.shop);
    if let Some(json) = cache.payment(version, shop.id, &id) {
        return Ok(json_response(json));
    }
    let payment = service::load(app.db(), shop, &id).await?;
    let json = serde_json::to_string(&PaymentBody::of(&payment, shop));
    let json = Bytes::from(json.map_err(Problem::internal)?);
    cache.keep_payment(version, shop.id, &id, &json);
    Ok(json_response(json))
}

fn json_response(json: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], json).into_response()
}

/// Which payments to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// The id of the order.
    order_id: Option<String>,
    /// The status.
    status: Option<Status>,
    /// RFC 3339, such as `2026-11-28T00:00:00Z`.
    created_after: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 by default.
    limit: Option<u32>,
}

/// One page of payments, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct PaymentPage {
    data: Vec<PaymentBody>,
    /// The cursor of the next page; null if there is none.
    next: Option<String>,
}

/// List payments, the newest first.
#[utoipa::path(get, path = "/v1/payments", tag = "payments", params(ListQuery),
    responses((status = 200, body = PaymentPage), (status = 400, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<PaymentPage>, Problem> {
    caller.require(Scope::Read)?;
    let created_after = query.created_after.as_deref().map(|text| {
        let time: Result<jiff::Timestamp, _> = text.parse();
        let millis = time
            .ok()
            .and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let detail = "write a time such as 2026-11-28T00:00:00Z";
        millis
            .map(Timestamp::from_millis)
            .ok_or_else(|| Problem::invalid("created_after", detail))
    });
    let cursor: Option<PaymentCursor> = query
        .cursor
        .as_deref()
        .map(|text| {
            let detail = "pass the `next` of the page before, unchanged";
            text.parse()
                .map_err(|()| Problem::invalid("cursor", detail))
        })
        .transpose()?;
    let limit = query.limit.unwrap_or(20);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::invalid(
            "limit",
            format!("a page has 1 to {MAX_PAGE} payments"),
        ));
    }
    let filter = PaymentFilter {
        order_id: query.order_id,
        status: query.status,
        created_after: created_after.transpose()?,
    };
    let shop = &caller.shop;
    let more = i64::from(limit) + 1;
    shop.opened.written().await;
    let mut payments = app
        .db()
        .payments(shop.id, &filter, cursor.as_ref(), more)
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = payments.len() > limit;
    payments.truncate(limit);
    let last = payments.last().filter(|_| has_more);
    Ok(Json(PaymentPage {
        next: last.map(|last| PaymentCursor::after(last).to_string()),
        data: payments
            .iter()
            .map(|payment| PaymentBody::of(payment, shop))
            .collect(),
    }))
}

/// What a further attempt needs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAttempt {
    /// How many seconds the code is valid. Defaults to the setting of the server.
    expires_in: Option<u64>,
}

/// Create a new code for a payment whose code cannot be paid any more.
#[utoipa::path(post, path = "/v1/payments/{id}/attempts", tag = "payments", params(("id" = String, Path, description = "The payment: `pay_…`")), request_body = NewAttempt,
    responses((status = 201, body = PaymentBody), (status = 409, description = "The payment is paid, or its code can still be paid", body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn new_attempt(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    caller.require(Scope::Create)?;
    let path = format!("/v1/payments/{id}/attempts");
    once(app.db(), &caller, &headers, &path, &body, async |_| {
        let new: NewAttempt = body.json()?;
        let shop = &caller.shop;
        let requester = Requester::Shop;
        let payment = service::new_attempt(app.db(), shop, &id, new.expires_in, requester).await?;
        Answer::json(StatusCode::CREATED, &PaymentBody::of(&payment, shop))
    })
    .await
}

/// Ask for an early check, for example because the customer says that the payment is made.
///
/// The server checks when its quota allows it. Returns the payment as it is now.
#[utoipa::path(post, path = "/v1/payments/{id}/check", tag = "payments", params(("id" = String, Path, description = "The payment: `pay_…`")),
    responses((status = 202, body = PaymentBody), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn check(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<PaymentBody>), Problem> {
    caller.require(Scope::Create)?;
    let payment = find(&app, &caller, &id).await?;
    service::check(&caller.shop, payment.attempt.md5).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(PaymentBody::of(&payment, &caller.shop)),
    ))
}

/// Cancel an open payment.
///
/// A customer who has the code can still pay it until it expires. The server finds such money after the expiry, and the payment
/// then needs a review.
#[utoipa::path(post, path = "/v1/payments/{id}/cancel", tag = "payments", params(("id" = String, Path, description = "The payment: `pay_…`")),
    responses((status = 200, body = PaymentBody), (status = 409, description = "The payment is not open", body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    caller.require(Scope::Create)?;
    let path = format!("/v1/payments/{id}/cancel");
    once(app.db(), &caller, &headers, &path, &body, async |_| {
        let payment = service::cancel(app.db(), &caller.shop, &id).await?;
        app.feed().wake();
        Answer::json(StatusCode::OK, &PaymentBody::of(&payment, &caller.shop))
    })
    .await
}

/// Decide on a payment that needs a review.
#[utoipa::path(post, path = "/v1/payments/{id}/resolve", tag = "payments", params(("id" = String, Path, description = "The payment: `pay_…`")), request_body = NewDecision,
    responses((status = 200, body = PaymentBody), (status = 409, description = "The payment needs no decision, or cannot be accepted", body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    caller.require(Scope::Resolve)?;
    let path = format!("/v1/payments/{id}/resolve");
    once(app.db(), &caller, &headers, &path, &body, async |_| {
        let decision: NewDecision = body.json()?;
        let shop = &caller.shop;
        let payment = service::resolve(app.db(), shop, &id, decision, &caller.key.id).await?;
        app.feed().wake();
        Answer::json(StatusCode::OK, &PaymentBody::of(&payment, shop))
    })
    .await
}

/// Returns a payment that the caller may read.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Payment, Problem> {
    caller.require(Scope::Read)?;
    service::load(app.db(), &caller.shop, id).await
}
