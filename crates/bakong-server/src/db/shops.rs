//! Shops: the registrations that the server takes payments for.

use bakong_flow::store::StoreError;
use bakong_store::tables::Statement;

use super::{Db, corrupt};

/// How often to try to add a shop while other workers add others.
const ATTEMPTS: usize = 10;

impl Db {
    /// Returns the id of the shop of a registration. Adds the shop if it is new.
    pub(crate) async fn shop(&self, name: &str) -> Result<i64, StoreError> {
        for _ in 0..ATTEMPTS {
            let select = Statement::new("SELECT id FROM server_shops WHERE name = $1");
            if let Some(mut row) = self.select(select.text(name)).await?.pop() {
                return row.integer();
            }
            let insert = Statement::new(
                "INSERT INTO server_shops (id, name) SELECT coalesce(max(id), 0) + 1, $1 FROM server_shops",
            );
            // Another worker may have added this shop, or another one with the same id.
            let _ = self.0.write(vec![insert.text(name)]).await?;
        }
        Err(corrupt("a shop cannot be added"))
    }

    /// Returns a text that differs after each new payment, event and attempt to deliver of a shop.
    pub(crate) async fn books_version(&self, shop: i64) -> Result<String, StoreError> {
        let select = Statement::new(
            "SELECT last_event, \
             (SELECT coalesce(max(created_at), 0) FROM server_payments WHERE shop = $1 AND status <> 'opening'), \
             (SELECT count(*) FROM server_payments WHERE shop = $1 AND status IN ('opening', 'open') AND status = 'open'), \
             (SELECT coalesce(max(at), 0) FROM server_delivery_attempts WHERE shop = $1 AND event > last_event - 50) \
             FROM server_shops WHERE id = $1",
        );
        let mut text = String::new();
        for mut row in self.select(select.integer(shop)).await? {
            for _ in 0..4 {
                text.push_str(&row.integer()?.to_string());
                text.push('.');
            }
        }
        Ok(text)
    }
}
