//! Who calls: the key in the header `Authorization: Bearer sk_…`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::app::App;
use crate::db::{KeyRow, Version};
use crate::keys::{self, Scope};
use crate::problem::{Code, Problem};
use crate::shop::Shop;

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) shop: Arc<Shop>,
    pub(crate) key: Arc<KeyRow>,
    /// The version of the database at which the key was valid.
    pub(crate) version: Version,
}

impl Caller {
    /// Fails unless the key has the scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if keys::allows(&self.key.scopes, scope) {
            return Ok(());
        }
        let (id, scope) = (&self.key.id, scope.name());
        let detail = format!("the API key {id} lacks the scope {scope}");
        Err(Problem::new(Code::MissingScope, detail))
    }

    /// Returns the caller with this key.
    pub(crate) async fn of_key(app: &App, key: &str) -> Result<Self, Problem> {
        let version = app.db().version();
        let found = keys::find(app.db(), key, version).await?;
        let key = found.ok_or_else(wrong_key)?;
        let shop = app.shop(key.shop).ok_or_else(|| {
            Problem::new(Code::WrongMode,
                "this server does not serve the shop of the API key: another mode (sk_live_ or sk_test_), or its token now belongs to another registration",
            )
        })?;
        Ok(Self {
            shop: Arc::clone(shop),
            key,
            version,
        })
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Some(key) = bearer(&parts.headers) else {
            let detail = "send the API key in the header `Authorization: Bearer sk_…`";
            return Err(Problem::new(Code::MissingKey, detail));
        };
        Self::of_key(app, key).await
    }
}

/// Returns the key in the header `Authorization`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

fn wrong_key() -> Problem {
    Problem::new(Code::WrongKey, "the API key is unknown or was revoked")
}
