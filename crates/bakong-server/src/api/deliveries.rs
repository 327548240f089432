//! Stored events and their deliveries.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::Parameters;
use crate::app::App;
use crate::db::{DeliveryRow, EventRow};
use crate::keys::Scope;
use crate::problem::{Problem, ProblemBody};
use crate::service::{EventBody, rfc3339};

/// The maximum number of events in a page.
const MAX_PAGE: u32 = 100;

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// The `next` of the page before.
    cursor: Option<i64>,
    /// 1 to 100; 20 by default.
    limit: Option<u32>,
}

/// One page of events, the oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    #[schema(value_type = Vec<EventBody<'static>>)]
    data: Vec<Box<RawValue>>,
    /// The cursor for later events. Keep it to continue.
    next: i64,
}

/// List events, the oldest first.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery), responses((status = 200, body = EventPage)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<EventsQuery>,
) -> Result<Json<EventPage>, Problem> {
    caller.require(Scope::Read)?;
    let limit = query.limit.unwrap_or(20);
    if !(1..=MAX_PAGE).contains(&limit) {
        let detail = format!("a page has 1 to {MAX_PAGE} events");
        return Err(Problem::invalid("limit", detail));
    }
    let after = query.cursor.unwrap_or(0);
    let rows = app
        .db()
        .events_after(caller.shop.id, after, i64::from(limit));
    let rows = rows.await?;
    Ok(Json(EventPage {
        next: rows.last().map_or(after, |row| row.number),
        data: rows.iter().map(body).collect::<Result<_, _>>()?,
    }))
}

/// Read an event.
#[utoipa::path(get, path = "/v1/events/{id}", tag = "events", params(("id" = String, Path, description = "The event: `evt_…`")),
    responses((status = 200, body = EventBody<'static>), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Box<RawValue>>, Problem> {
    caller.require(Scope::Read)?;
    Ok(Json(body(&find(&app, &caller, &id).await?)?))
}

/// The deliveries of an event.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryList {
    data: Vec<DeliveryBody>,
}

/// The delivery of an event to an endpoint.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryBody {
    /// The id of the endpoint.
    endpoint: String,
    /// `pending`, `delivered` or `failed`.
    status: String,
    /// When the next attempt is due, if the delivery is pending.
    #[schema(format = "date-time")]
    next_attempt_at: Option<String>,
    attempts: Vec<AttemptBody>,
}

/// An attempt to deliver.
#[derive(Serialize, ToSchema)]
pub(super) struct AttemptBody {
    #[schema(format = "date-time")]
    at: String,
    duration_ms: u128,
    /// The HTTP status; null if there was no answer.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
    /// The first bytes of the answer.
    answer: Option<String>,
}

impl DeliveryBody {
    fn of(row: DeliveryRow) -> Self {
        let is_pending = row.status == "pending";
        let attempts = row.attempts.into_iter().map(|attempt| AttemptBody {
            at: rfc3339(attempt.at),
            duration_ms: attempt.duration.as_millis(),
            status: attempt.status,
            error: attempt.error,
            answer: attempt.answer,
        });
        Self {
            endpoint: row.endpoint,
            status: row.status,
            next_attempt_at: is_pending.then(|| rfc3339(row.next_at)),
            attempts: attempts.collect(),
        }
    }
}

/// List the deliveries of an event to webhook endpoints.
#[utoipa::path(get, path = "/v1/events/{id}/deliveries", tag = "events", params(("id" = String, Path, description = "The event: `evt_…`")),
    responses((status = 200, body = DeliveryList)))]
pub(super) async fn deliveries(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<DeliveryList>, Problem> {
    caller.require(Scope::Read)?;
    let event = find(&app, &caller, &id).await?;
    let rows = app.db().deliveries(caller.shop.id, event.number).await?;
    let data = rows.into_iter().map(DeliveryBody::of).collect();
    Ok(Json(DeliveryList { data }))
}

/// Deliver an event again to all enabled webhook endpoints.
#[utoipa::path(post, path = "/v1/events/{id}/replay", tag = "events", params(("id" = String, Path, description = "The event: `evt_…`")), responses((status = 202)))]
pub(super) async fn replay(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    if !app.db().replay(caller.shop.id, &id).await? {
        return Err(missing());
    }
    app.feed().wake();
    Ok(StatusCode::ACCEPTED)
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<EventRow, Problem> {
    let row = app.db().event(caller.shop.id, id).await?;
    row.ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("event")
}

fn body(row: &EventRow) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(row.body.clone()).map_err(Problem::internal)
}
