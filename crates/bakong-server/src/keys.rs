//! API keys: `sk_live_…` and `sk_test_…`. A key is shown once; the database has its SHA-256.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bakong_flow::store::StoreError;
use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::db::{Db, KeyRow, Version};
use crate::ids;
use crate::shop::{Mode, Shop};

/// What a key may do.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Create, check and cancel payments.
    Create,
    /// Read payments, events and statements.
    Read,
    /// Decide on payments under review.
    Resolve,
    /// Everything, and keys and webhook endpoints.
    Admin,
}

impl Scope {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Resolve => "resolve",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Create, Self::Read, Self::Resolve, Self::Admin]
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or(())
    }
}

/// A key. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    /// The minimum length of a key that a person chose.
    pub(crate) const MIN_LEN: usize = 24;

    /// Takes a key that a person chose.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn chosen(text: &str, mode: Mode) -> Result<Self, String> {
        let prefix = mode.key_prefix();
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !text.starts_with(prefix) || text.len() < Self::MIN_LEN || !is_plain {
            return Err(format!(
                "the key must begin with {prefix}, have at least {} characters, and contain only letters, digits and underscores",
                Self::MIN_LEN
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Creates a random key.
    pub(crate) fn random(mode: Mode) -> Result<Self, getrandom::Error> {
        ids::random(mode.key_prefix()).map(Self)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Stores the key of a shop, unless it is stored. Returns its row.
    pub(crate) async fn store(
        &self,
        db: &Db,
        shop: &Shop,
        name: &str,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<KeyRow, StoreError> {
        let hash = hash(&self.0);
        if let Some(row) = db.key(&hash, db.version()).await? {
            return Ok(Arc::unwrap_or_clone(row));
        }
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
        let row = KeyRow {
            id: ids::random("key_").map_err(|error| StoreError::transient(error.to_string()))?,
            shop: shop.id,
            hash,
            name: name.to_owned(),
            scopes: scopes.join(" "),
            created_at: now,
            revoked_at: None,
        };
        db.add_key(&row).await?;
        Ok(row)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

/// Returns the row of a key that is stored and not revoked. The version must be the present one.
pub(crate) async fn find(
    db: &Db,
    text: &str,
    version: Version,
) -> Result<Option<Arc<KeyRow>>, StoreError> {
    let hash = hash(text);
    let row = db.key(&hash, version).await?;
    Ok(row.filter(|row| {
        let is_same: bool = row.hash.as_bytes().ct_eq(hash.as_bytes()).into();
        is_same && row.revoked_at.is_none()
    }))
}

/// Whether a key with these scopes may do something that needs `scope`.
pub(crate) fn allows(scopes: &str, scope: Scope) -> bool {
    scopes
        .split(' ')
        .filter_map(|name| name.parse().ok())
        .any(|granted: Scope| granted == scope || granted == Scope::Admin)
}

/// A key has 130 random bits, so a fast hash without salt suffices.
fn hash(key: &str) -> String {
    ids::sha256(&[key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_admin_allows_everything_and_others_only_themselves() {
        assert!(allows("admin", Scope::Resolve));
        assert!(allows("create read", Scope::Read));
        assert!(!allows("create read", Scope::Resolve));
        assert!(!allows("", Scope::Read));
        assert!(!allows("administrator", Scope::Read));
    }

    #[test]
    fn a_secret_key_is_not_printed() {
        let key = ApiKey::random(Mode::Test).unwrap();
        assert!(!format!("{key:?}").contains(key.expose()));
        assert!(ApiKey::chosen("sk_test_short", Mode::Test).is_err());
        assert!(ApiKey::chosen(key.expose(), Mode::Live).is_err());
        assert!(ApiKey::chosen(key.expose(), Mode::Test).is_ok());
    }
}
