//! Telegram chats as endpoints, and the messages in them.

use bakong_flow::store::StoreError;
use bakong_store::tables::Statement;
use khqr_core::Timestamp;

use super::{Db, corrupt, millis};

impl Db {
    /// Makes `address` the chat of a shop, with the events of these types. `None` ends its deliveries.
    pub(crate) async fn set_chat(
        &self,
        shop: i64,
        chat: Option<(&str, &str)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = format!("tg_{shop}");
        let Some((address, types)) = chat else {
            let reason = "the configuration has no section [telegram]";
            return self.disable_endpoint(shop, &id, reason).await;
        };
        let upsert = Statement::new(
            "INSERT INTO server_endpoints (id, shop, kind, url, types, secret, status, created_at) \
             VALUES ($1, $2, 'telegram', $3, $4, '', 'enabled', $5) ON CONFLICT (id) DO UPDATE SET \
             url = excluded.url, types = excluded.types, status = 'enabled', disabled_reason = NULL, failing_since = NULL",
        );
        let upsert = upsert
            .text(&*id)
            .integer(shop)
            .text(address)
            .text(types)
            .integer(millis(now));
        // The numbers of messages are those of the old chat.
        let forget = Statement::new(
            "DELETE FROM server_telegram_messages WHERE shop = $1 AND endpoint = $2 \
             AND EXISTS (SELECT 1 FROM server_endpoints WHERE id = $2 AND url <> $3)",
        );
        let forget = forget.integer(shop).text(&*id).text(address);
        let written = self.0.write(vec![forget, upsert]).await?;
        written
            .map(drop)
            .map_err(|_| corrupt("a change was rejected"))
    }

    /// Returns the number of a payment's message in a chat.
    pub(crate) async fn telegram_message(
        &self,
        shop: i64,
        endpoint: &str,
        payment: &str,
    ) -> Result<Option<i64>, StoreError> {
        let select = Statement::new(
            "SELECT message FROM server_telegram_messages WHERE shop = $1 AND endpoint = $2 AND payment = $3",
        );
        let select = select.integer(shop).text(endpoint).text(payment);
        let row = self.select(select).await?.pop();
        row.map(|mut row| row.integer()).transpose()
    }

    /// Stores the number of a payment's message in a chat.
    pub(crate) async fn set_telegram_message(
        &self,
        shop: i64,
        endpoint: &str,
        payment: &str,
        message: i64,
    ) -> Result<(), StoreError> {
        let upsert = Statement::new(
            "INSERT INTO server_telegram_messages (shop, endpoint, payment, message) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (shop, endpoint, payment) DO UPDATE SET message = excluded.message",
        );
        let upsert = upsert.integer(shop).text(endpoint).text(payment);
        self.change(upsert.integer(message)).await.map(drop)
    }
}
