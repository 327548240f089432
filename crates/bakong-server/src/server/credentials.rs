//! What a first start creates: API keys, and the one-time link of the dashboard.

use std::sync::Arc;
use std::time::Duration;

use khqr_core::Timestamp;

use crate::config::{Config, SecretText};
use crate::db::{Db, LoginSecret};
use crate::error::StartError;
use crate::ids;
use crate::keys::{ApiKey, Scope};
use crate::shop::{Mode, Shop};

/// How long the one-time link of the dashboard is valid.
const LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// An API key that was created at the start. It cannot be read again.
#[derive(Clone)]
pub struct NewKey {
    /// Whether the key belongs to the sandbox.
    pub test: bool,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

/// Creates the one-time link of the dashboard, unless the dashboard has a password.
pub(super) async fn first_link(
    config: &Config,
    db: &Db,
    public_url: &str,
) -> Result<Option<SecretText>, StartError> {
    if config.pages.password_hash.is_some() {
        return Ok(None);
    }
    let secret = ids::random("").map_err(|error| StartError::new(error.to_string()))?;
    let now = Timestamp::now();
    let until = now.saturating_add(LINK_LIFE);
    db.add_secret(LoginSecret::Link, &secret, now, until)
        .await?;
    let link = format!("{public_url}/login?link={secret}");
    Ok(Some(SecretText::new(link)))
}

/// Stores the test key of the configuration, and creates a key for each shop that has none.
pub(super) async fn first_keys(
    config: &Config,
    db: &Db,
    shops: &[Arc<Shop>],
) -> Result<Vec<NewKey>, StartError> {
    let now = Timestamp::now();
    let mut created = Vec::new();
    for shop in shops {
        let test = shop.mode == Mode::Test;
        if test && let Some(text) = &config.test_key {
            let key = ApiKey::chosen(text, Mode::Test)
                .map_err(|error| StartError::new(format!("BAKONG_TEST_KEY: {error}")))?;
            key.store(db, shop, "BAKONG_TEST_KEY", &[Scope::Admin], now)
                .await?;
            continue;
        }
        let keys = db.keys(shop.id).await?;
        if keys.iter().any(|key| key.revoked_at.is_none()) {
            continue;
        }
        let key = ApiKey::random(shop.mode).map_err(|error| StartError::new(error.to_string()))?;
        key.store(db, shop, "first key", &[Scope::Admin], now)
            .await?;
        created.push(NewKey {
            test,
            key: key.expose().to_owned(),
        });
    }
    Ok(created)
}
