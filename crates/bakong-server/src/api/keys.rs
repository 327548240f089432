//! API keys.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::RawBody;
use crate::app::App;
use crate::db::KeyRow;
use crate::keys::{ApiKey, Scope};
use crate::problem::{Problem, ProblemBody};
use crate::service::rfc3339;
use crate::shop::Shop;

/// The maximum length of a name in bytes.
const MAX_NAME: usize = 100;

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// What the key is for.
    name: String,
    /// What the key may do.
    scopes: Vec<Scope>,
}

/// A key.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyBody {
    id: String,
    name: String,
    scopes: Vec<String>,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    revoked_at: Option<String>,
    /// The key itself. Only the answer that creates the key has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl KeyBody {
    fn of(row: KeyRow, key: Option<&ApiKey>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scopes: row.scopes.split(' ').map(str::to_owned).collect(),
            created_at: rfc3339(row.created_at),
            revoked_at: row.revoked_at.map(rfc3339),
            key: key.map(|key| key.expose().to_owned()),
        }
    }
}

/// Create an API key of the same mode. The key is shown once.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = NewKey, responses((status = 201, body = KeyBody)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: RawBody,
) -> Result<(StatusCode, Json<KeyBody>), Problem> {
    caller.require(Scope::Admin)?;
    let new: NewKey = body.json()?;
    let (row, key) = add(&app, &caller.shop, &new.name, &new.scopes).await?;
    Ok((StatusCode::CREATED, Json(KeyBody::of(row, Some(&key)))))
}

/// Creates a key of a shop and stores its hash.
pub(crate) async fn add(
    app: &App,
    shop: &Shop,
    name: &str,
    scopes: &[Scope],
) -> Result<(KeyRow, ApiKey), Problem> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
        let detail = format!("a name has 1 to {MAX_NAME} bytes and no control characters");
        return Err(Problem::invalid("name", detail));
    }
    if scopes.is_empty() {
        let detail = "name at least one of create, read, resolve, admin";
        return Err(Problem::invalid("scopes", detail));
    }
    let key = ApiKey::random(shop.mode)?;
    let row = key
        .store(app.db(), shop, name, scopes, Timestamp::now())
        .await?;
    Ok((row, key))
}

/// All keys of a mode.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyList {
    data: Vec<KeyBody>,
}

/// List the API keys of the same mode.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", responses((status = 200, body = KeyList)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<KeyList>, Problem> {
    caller.require(Scope::Admin)?;
    let rows = app.db().keys(caller.shop.id).await?.into_iter();
    let data = rows.map(|row| KeyBody::of(row, None)).collect();
    Ok(Json(KeyList { data }))
}

/// Revoke an API key.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path, description = "The key: `key_…`")),
    responses((status = 204), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    let now = Timestamp::now();
    if app.db().revoke_key(caller.shop.id, &id, now).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("API key"))
    }
}
