//! API keys. Only their hashes are stored.

use std::sync::Arc;

use bakong_flow::store::StoreError;
use bakong_store::tables::{Row, Statement};
use khqr_core::Timestamp;

use super::{Db, Version, millis, time};

/// A stored key.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    pub(crate) shop: i64,
    pub(crate) hash: String,
    pub(crate) name: String,
    pub(crate) scopes: String,
    pub(crate) created_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, shop, hash, name, scopes, created_at, revoked_at FROM server_keys ",
            $condition
        )
    };
}

impl KeyRow {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text()?,
            shop: row.integer()?,
            hash: row.text()?,
            name: row.text()?,
            scopes: row.text()?,
            created_at: time(row.integer()?),
            revoked_at: row.optional_integer()?.map(time),
        })
    }
}

impl Db {
    /// Adds a key.
    pub(crate) async fn add_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let insert = Statement::new(
            "INSERT INTO server_keys (id, shop, hash, name, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let insert = insert
            .text(&*key.id)
            .integer(key.shop)
            .text(&*key.hash)
            .text(&*key.name)
            .text(&*key.scopes)
            .integer(millis(key.created_at));
        self.change(insert).await.map(drop)
    }

    /// Returns the key with this hash, also if it is revoked. The version must be the present one.
    pub(crate) async fn key(
        &self,
        hash: &str,
        version: Version,
    ) -> Result<Option<Arc<KeyRow>>, StoreError> {
        if let Some(key) = self.cache().key(version, hash) {
            return Ok(Some(key));
        }
        let select = Statement::new(select!("WHERE hash = $1"));
        let row = self.find(select.text(hash)).await?.pop();
        let key = row.map(KeyRow::read).transpose()?.map(Arc::new);
        if let Some(key) = &key {
            self.cache().keep_key(version, key);
        }
        Ok(key)
    }

    /// Returns the keys of a shop, the oldest first.
    pub(crate) async fn keys(&self, shop: i64) -> Result<Vec<KeyRow>, StoreError> {
        let select = Statement::new(select!("WHERE shop = $1 ORDER BY created_at, id"));
        let rows = self.select(select.integer(shop)).await?;
        rows.into_iter().map(KeyRow::read).collect()
    }

    /// Revokes a key. Returns whether the shop has it.
    pub(crate) async fn revoke_key(
        &self,
        shop: i64,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = Statement::new(
            "UPDATE server_keys SET revoked_at = coalesce(revoked_at, $3) WHERE shop = $1 AND id = $2 RETURNING id",
        );
        let update = update.integer(shop).text(id).integer(millis(now));
        Ok(!self.change(update).await?.is_empty())
    }
}
