//! Endpoints that get events: webhooks and chats.

use bakong_flow::store::StoreError;
use bakong_store::tables::{Row, Statement};
use khqr_core::Timestamp;

use super::{Db, millis, time};

/// A stored endpoint.
#[derive(Clone)]
pub(crate) struct EndpointRow {
    pub(crate) id: String,
    pub(crate) kind: EndpointKind,
    pub(crate) url: String,
    /// The types of the events, separated by spaces; empty for all.
    pub(crate) types: String,
    pub(crate) secret: StoredSecret,
    pub(crate) previous_secret: Option<(StoredSecret, Timestamp)>,
    pub(crate) is_enabled: bool,
    pub(crate) disabled_reason: Option<String>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

/// How an endpoint gets its messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EndpointKind {
    Webhook,
    Telegram,
}

/// The text of a secret. Without `Debug`, so that nothing logs it.
#[derive(Clone)]
pub(crate) struct StoredSecret(pub(crate) String);

macro_rules! endpoints {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, url, types, secret, previous_secret, previous_until, status, disabled_reason, failing_since, \
             created_at FROM server_endpoints ",
            $rest
        )
    };
}

impl EndpointRow {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        let id = row.text()?;
        let kind = match row.text()?.as_str() {
            "telegram" => EndpointKind::Telegram,
            _ => EndpointKind::Webhook,
        };
        let (url, types) = (row.text()?, row.text()?);
        let secret = StoredSecret(row.text()?);
        let previous = row.optional_text()?.map(StoredSecret);
        let until = row.optional_integer()?.map(time);
        Ok(Self {
            id,
            kind,
            url,
            types,
            secret,
            previous_secret: previous.zip(until),
            is_enabled: row.text()? == "enabled",
            disabled_reason: row.optional_text()?,
            failing_since: row.optional_integer()?.map(time),
            created_at: time(row.integer()?),
        })
    }
}

impl Db {
    /// Adds an endpoint.
    pub(crate) async fn add_endpoint(
        &self,
        shop: i64,
        endpoint: &EndpointRow,
    ) -> Result<(), StoreError> {
        let insert = Statement::new(
            "INSERT INTO server_endpoints (id, shop, url, types, secret, status, created_at) \
             VALUES ($1, $2, $3, $4, $5, 'enabled', $6)",
        );
        let insert = insert
            .text(&*endpoint.id)
            .integer(shop)
            .text(&*endpoint.url)
            .text(&*endpoint.types)
            .text(&*endpoint.secret.0)
            .integer(millis(endpoint.created_at));
        self.change(insert).await.map(drop)
    }

    /// Returns the webhook endpoints of a shop, the oldest first.
    pub(crate) async fn endpoints(&self, shop: i64) -> Result<Vec<EndpointRow>, StoreError> {
        let select = Statement::new(endpoints!(
            "WHERE shop = $1 AND kind = 'webhook' ORDER BY created_at, id"
        ));
        let rows = self.select(select.integer(shop)).await?;
        rows.into_iter().map(EndpointRow::read).collect()
    }

    /// Returns an endpoint of a shop.
    pub(crate) async fn endpoint(
        &self,
        shop: i64,
        id: &str,
    ) -> Result<Option<EndpointRow>, StoreError> {
        let select = Statement::new(endpoints!("WHERE shop = $1 AND id = $2"));
        let row = self.select(select.integer(shop).text(id)).await?.pop();
        row.map(EndpointRow::read).transpose()
    }

    /// Deletes an endpoint. Returns whether the shop had it. Its deliveries stay as a record, and the pending ones end.
    pub(crate) async fn delete_endpoint(&self, shop: i64, id: &str) -> Result<bool, StoreError> {
        let delete = "DELETE FROM server_endpoints WHERE shop = $1 AND id = $2 AND kind = 'webhook' RETURNING id";
        let end = "UPDATE server_deliveries SET status = 'failed' \
            WHERE shop = $1 AND endpoint = $2 AND status = 'pending'";
        let statement = |sql| Statement::new(sql).integer(shop).text(id);
        let written = self
            .0
            .write(vec![statement(delete).required(), statement(end)]);
        Ok(written.await?.is_ok())
    }

    /// Replaces the secret of an endpoint. Until `until`, messages are signed with the old one too.
    pub(crate) async fn rotate_secret(
        &self,
        shop: i64,
        id: &str,
        secret: &StoredSecret,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = Statement::new(
            "UPDATE server_endpoints SET previous_secret = secret, previous_until = $4, secret = $3 \
             WHERE shop = $1 AND id = $2 AND kind = 'webhook' RETURNING id",
        );
        let update = update
            .integer(shop)
            .text(id)
            .text(&*secret.0)
            .integer(millis(until));
        Ok(!self.change(update).await?.is_empty())
    }

    /// Enables an endpoint that was disabled.
    pub(crate) async fn enable_endpoint(&self, shop: i64, id: &str) -> Result<bool, StoreError> {
        let update = Statement::new(
            "UPDATE server_endpoints SET status = 'enabled', disabled_reason = NULL, failing_since = NULL \
             WHERE shop = $1 AND id = $2 AND kind = 'webhook' RETURNING id",
        );
        let rows = self.change(update.integer(shop).text(id)).await?;
        Ok(!rows.is_empty())
    }

    /// Disables an endpoint.
    pub(crate) async fn disable_endpoint(
        &self,
        shop: i64,
        id: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let update = Statement::new(
            "UPDATE server_endpoints SET status = 'disabled', disabled_reason = $3 WHERE shop = $1 AND id = $2",
        );
        let update = update.integer(shop).text(id).text(reason);
        self.change(update).await.map(drop)
    }
}
