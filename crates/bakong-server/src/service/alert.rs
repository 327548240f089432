//! Alerts: what the owner of the shop must learn, besides payments.

use bakong_flow::bakong_api::token::TokenState;
use bakong_flow::store::StoreError;
use khqr_core::Timestamp;

use super::render;
use crate::db::Db;
use crate::domain::Alert;
use crate::ids;
use crate::problem::Problem;
use crate::shop::Shop;

/// Stores an alert and its deliveries, unless the same alert was stored today.
pub(crate) async fn alert(
    db: &Db,
    shop: i64,
    alert: Alert<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const DAY: u64 = 24 * 60 * 60 * 1_000;
    let (shop_id, day) = (shop.to_string(), (now.as_millis() / DAY).to_string());
    let parts = [&*shop_id, alert.code, alert.object, &*day];
    // Every worker computes the same id, so the alert of a day is stored once.
    let hash = ids::sha256(&parts.map(str::as_bytes));
    let id = format!("evt_{}", hash.get(..26).unwrap_or(&hash));
    let event =
        render::alert(id, alert, now).map_err(|error| StoreError::fatal(error.to_string()))?;
    if db.add_alert(shop, &event).await? {
        tracing::error!(code = alert.code, object = alert.object, "{}", alert.detail);
    }
    Ok(())
}

/// Looks whether the owner must act, for example because the token ends.
pub(crate) async fn watch_health(db: &Db, shop: &Shop) -> Result<(), Problem> {
    let health = shop.watcher.health();
    let token = match health.token {
        TokenState::Rejected => Some((
            "token_rejected",
            "Bakong rejects the token of the server, so no payment is seen. Request a new token",
        )),
        TokenState::Expired => Some((
            "token_expired",
            "The token of the server has expired, so no payment is seen. Renew it with: bakong token renew",
        )),
        TokenState::DueForRenewal if !shop.renews_token => Some((
            "token_expires_soon",
            "The token of the server expires within three days. Renew it with: bakong token renew",
        )),
        _ => None,
    };
    let is_closed = health.usage.is_some_and(|usage| usage.closed_at.is_some());
    let quota = is_closed.then_some((
        "quota_exhausted",
        "Bakong reports that the requests of the day are used up. Payments are found tomorrow",
    ));
    for (code, detail) in token.into_iter().chain(quota) {
        let object = "";
        let found = Alert {
            code,
            object,
            detail,
        };
        alert(db, shop.id, found, shop.now()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bakong_store::SqliteDatabase;

    use super::*;

    #[tokio::test]
    async fn an_alert_is_stored_once_a_day_for_each_object() {
        let folder = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(folder.path().join("payments.db"));
        let db = Db::open(Arc::new(database.await.unwrap())).await.unwrap();
        let shop = db.shop("shop").await.unwrap();
        const HOUR: u64 = 60 * 60 * 1_000;
        for (object, hour, stored) in [
            ("we_1", 0, 1),
            ("we_1", 23, 1),
            ("we_2", 23, 2),
            ("we_1", 24, 3),
        ] {
            let found = Alert {
                code: "webhook_endpoint_disabled",
                object,
                detail: "Repair the receiver",
            };
            alert(&db, shop, found, Timestamp::from_millis(hour * HOUR))
                .await
                .unwrap();
            let events = db.events_after(shop, 0, 10).await.unwrap();
            assert_eq!(events.len(), stored, "{object} {hour}");
        }
    }
}
