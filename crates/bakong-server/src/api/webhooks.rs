//! Webhook endpoints.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::RawBody;
use crate::app::App;
use crate::db::{EndpointKind, EndpointRow, StoredSecret};
use crate::domain::EventType;
use crate::ids;
use crate::keys::Scope;
use crate::outbound::check_url;
use crate::problem::{Code, Problem, ProblemBody};
use crate::service::{self, rfc3339};
use crate::webhooks::Secret;

/// The maximum number of endpoints of a shop.
const MAX_ENDPOINTS: usize = 20;
/// How long messages are signed with the old secret too.
const ROTATION: Duration = Duration::from_secs(24 * 60 * 60);

/// An endpoint to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEndpoint {
    /// Where to send events: an address with `https://`.
    url: String,
    /// Which events to send. Empty or absent for all.
    #[serde(default)]
    types: Vec<EventType>,
}

/// An endpoint.
#[derive(Serialize, ToSchema)]
pub(super) struct EndpointBody {
    id: String,
    url: String,
    /// Empty for all.
    types: Vec<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    /// When the first of the failures in a row happened.
    #[schema(format = "date-time")]
    failing_since: Option<String>,
    #[schema(format = "date-time")]
    created_at: String,
    /// The secret for verifying signatures. Only answers that create a secret have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl EndpointBody {
    fn of(row: EndpointRow, secret: Option<&Secret>) -> Self {
        Self {
            id: row.id,
            url: row.url,
            types: row.types.split_whitespace().map(str::to_owned).collect(),
            enabled: row.is_enabled,
            disabled_reason: row.disabled_reason,
            failing_since: row.failing_since.map(rfc3339),
            created_at: rfc3339(row.created_at),
            secret: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

/// Create a webhook endpoint. Its secret is shown once.
///
/// Messages follow the Standard Webhooks specification: verify them with a library from standardwebhooks.com. An event can
/// arrive twice; its `webhook-id` is the same.
#[utoipa::path(post, path = "/v1/webhook_endpoints", tag = "webhooks", request_body = NewEndpoint,
    responses((status = 201, body = EndpointBody), (status = 400, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: RawBody,
) -> Result<(StatusCode, Json<EndpointBody>), Problem> {
    caller.require(Scope::Admin)?;
    let new: NewEndpoint = body.json()?;
    check_url(&new.url, app.sender().allows_private())
        .map_err(|detail| Problem::invalid("url", detail))?;
    let shop = caller.shop.id;
    if app.db().endpoints(shop).await?.len() >= MAX_ENDPOINTS {
        let detail = format!("a shop has at most {MAX_ENDPOINTS} endpoints; delete one first");
        return Err(Problem::new(Code::TooManyEndpoints, detail));
    }
    let secret = Secret::random()?;
    let types: Vec<_> = new.types.iter().map(|kind| kind.name()).collect();
    let row = EndpointRow {
        id: ids::random("we_")?,
        kind: EndpointKind::Webhook,
        url: new.url,
        types: types.join(" "),
        secret: StoredSecret(secret.expose().to_owned()),
        previous_secret: None,
        is_enabled: true,
        disabled_reason: None,
        failing_since: None,
        created_at: Timestamp::now(),
    };
    app.db().add_endpoint(shop, &row).await?;
    Ok((
        StatusCode::CREATED,
        Json(EndpointBody::of(row, Some(&secret))),
    ))
}

/// All endpoints of a mode.
#[derive(Serialize, ToSchema)]
pub(super) struct EndpointList {
    data: Vec<EndpointBody>,
}

/// List the webhook endpoints.
#[utoipa::path(get, path = "/v1/webhook_endpoints", tag = "webhooks", responses((status = 200, body = EndpointList)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<EndpointList>, Problem> {
    caller.require(Scope::Admin)?;
    let rows = app.db().endpoints(caller.shop.id).await?.into_iter();
    let data = rows.map(|row| EndpointBody::of(row, None)).collect();
    Ok(Json(EndpointList { data }))
}

/// Delete a webhook endpoint. Its pending deliveries end.
#[utoipa::path(delete, path = "/v1/webhook_endpoints/{id}", tag = "webhooks", params(("id" = String, Path, description = "The endpoint: `we_…`")),
    responses((status = 204), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    if app.db().delete_endpoint(caller.shop.id, &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing())
    }
}

/// Enable a webhook endpoint that was disabled. Use replay for events that it missed.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/enable", tag = "webhooks", params(("id" = String, Path, description = "The endpoint: `we_…`")),
    responses((status = 200, body = EndpointBody)))]
pub(super) async fn enable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<EndpointBody>, Problem> {
    caller.require(Scope::Admin)?;
    app.db().enable_endpoint(caller.shop.id, &id).await?;
    Ok(Json(EndpointBody::of(
        find(&app, &caller, &id).await?,
        None,
    )))
}

/// Replace the secret. For a day, messages have two signatures: one by the new secret and one by the old.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/rotate", tag = "webhooks", params(("id" = String, Path, description = "The endpoint: `we_…`")),
    responses((status = 200, body = EndpointBody)))]
pub(super) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<EndpointBody>, Problem> {
    caller.require(Scope::Admin)?;
    let secret = Secret::random()?;
    let stored = StoredSecret(secret.expose().to_owned());
    let until = Timestamp::now().saturating_add(ROTATION);
    let shop = caller.shop.id;
    app.db().rotate_secret(shop, &id, &stored, until).await?;
    let row = find(&app, &caller, &id).await?;
    Ok(Json(EndpointBody::of(row, Some(&secret))))
}

/// The event that a ping caused.
#[derive(Serialize, ToSchema)]
pub(super) struct PingBody {
    /// `evt_…`
    event: String,
}

/// Send an event of the type `ping` to a webhook endpoint.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/ping", tag = "webhooks", params(("id" = String, Path, description = "The endpoint: `we_…`")),
    responses((status = 202, body = PingBody)))]
pub(super) async fn ping(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<PingBody>), Problem> {
    caller.require(Scope::Admin)?;
    let endpoint = find(&app, &caller, &id).await?;
    let event = service::ping(caller.shop.now())?;
    let shop = caller.shop.id;
    app.db().add_ping(shop, &endpoint.id, &event).await?;
    app.feed().wake();
    Ok((StatusCode::ACCEPTED, Json(PingBody { event: event.id })))
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<EndpointRow, Problem> {
    let row = app.db().endpoint(caller.shop.id, id).await?;
    row.filter(|row| row.kind == EndpointKind::Webhook)
        .ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("webhook endpoint")
}
