//! Deliveries of events to endpoints, and the attempts to deliver.

use std::time::Duration;

use bakong_flow::store::StoreError;
use bakong_store::tables::Statement;
use khqr_core::Timestamp;

use super::events::NewEvent;
use super::{Db, corrupt, millis, time};

/// How long a worker has a delivery for itself. An attempt takes less time.
const LOCK: Duration = Duration::from_secs(60);

/// A delivery that this worker has for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DueDelivery {
    pub(crate) shop: i64,
    pub(crate) event: i64,
    pub(crate) endpoint: String,
    /// How many attempts have ended.
    pub(crate) attempts: i64,
    /// How many of them count for the schedule.
    pub(crate) retries: i64,
}

/// An endpoint with a delivery that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DueEndpoint {
    pub(crate) id: String,
    /// Whether its last attempt failed.
    pub(crate) is_failing: bool,
}

/// A delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DeliveryRow {
    pub(crate) endpoint: String,
    pub(crate) status: String,
    pub(crate) next_at: Timestamp,
    pub(crate) attempts: Vec<AttemptRow>,
}

/// An attempt to deliver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AttemptRow {
    pub(crate) at: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) answer: Option<String>,
}

/// A delivery in the list of the newest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RecentDelivery {
    /// `evt_…`
    pub(crate) event: String,
    pub(crate) kind: String,
    pub(crate) payment: String,
    pub(crate) created_at: Timestamp,
    /// The address of the endpoint; `None` if it was deleted.
    pub(crate) url: Option<String>,
    pub(crate) status: String,
    pub(crate) attempts: i64,
    /// The HTTP status of the last attempt.
    pub(crate) last_status: Option<i64>,
    /// Why the last attempt had no answer.
    pub(crate) last_error: Option<String>,
}

/// What follows an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Delivered,
    RetryAt(Timestamp),
    Failed,
}

impl Db {
    /// Adds an event without a payment, for one endpoint. Returns its number.
    pub(crate) async fn add_ping(
        &self,
        shop: i64,
        endpoint: &str,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        let [next, insert] = event.insert(shop, "");
        let deliver = Statement::new(
            "INSERT INTO server_deliveries (shop, event, endpoint, status, attempts, retries, next_at, locked_until) \
             SELECT shop, number, $2, 'pending', 0, 0, 0, 0 FROM server_events WHERE id = $1",
        );
        let deliver = deliver.text(&*event.id).text(endpoint);
        self.0.write(vec![next, insert, deliver]).await.map(drop)
    }

    /// Delivers an event again to all endpoints that want its type. Returns `false` if the
    /// shop has no such event.
    pub(crate) async fn replay(&self, shop: i64, event: &str) -> Result<bool, StoreError> {
        let sql = "SELECT number FROM server_events WHERE shop = $1 AND id = $2";
        let exists = Statement::new(sql).integer(shop).text(event).required();
        let again = Statement::new(
            "INSERT INTO server_deliveries (shop, event, endpoint, status, attempts, retries, next_at, locked_until) \
             SELECT e.shop, e.number, w.id, 'pending', 0, 0, 0, 0 FROM server_events e \
             JOIN server_endpoints w ON w.shop = e.shop WHERE e.shop = $1 AND e.id = $2 AND w.status = 'enabled' \
             AND (w.types = '' OR ' ' || w.types || ' ' LIKE '% ' || e.type || ' %') \
             ON CONFLICT (shop, event, endpoint) DO UPDATE SET status = 'pending', retries = 0, next_at = 0",
        );
        let again = again.integer(shop).text(event);
        Ok(self.0.write(vec![exists, again]).await?.is_ok())
    }

    /// Returns the endpoints with a delivery that is due and that no worker has.
    pub(crate) async fn due_endpoints(
        &self,
        now: Timestamp,
    ) -> Result<Vec<DueEndpoint>, StoreError> {
        let select = Statement::new(
            "SELECT w.id, w.failing_since FROM server_endpoints w WHERE EXISTS (SELECT 1 FROM server_deliveries d \
             WHERE d.endpoint = w.id AND d.status = 'pending' AND d.next_at <= $1 AND d.locked_until <= $1) ORDER BY w.id",
        );
        let rows = self.select(select.integer(millis(now))).await?;
        let endpoints = rows.into_iter().map(|mut row| {
            Ok(DueEndpoint {
                id: row.text()?,
                is_failing: row.optional_integer()?.is_some(),
            })
        });
        endpoints.collect()
    }

    /// Takes deliveries that are due: for each endpoint up to the given number. No other worker takes them before the lock
    /// ends.
    pub(crate) async fn take_deliveries(
        &self,
        now: Timestamp,
        endpoints: &[(String, i64)],
    ) -> Result<Vec<DueDelivery>, StoreError> {
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let take = |(endpoint, limit): &(String, i64)| {
            let update = Statement::new(
                "UPDATE server_deliveries SET locked_until = $2 WHERE status = 'pending' AND next_at <= $1 \
                 AND locked_until <= $1 AND endpoint = $4 AND (shop, event) IN (SELECT shop, event FROM server_deliveries \
                 WHERE endpoint = $4 AND status = 'pending' AND next_at <= $1 AND locked_until <= $1 \
                 ORDER BY next_at LIMIT $3) RETURNING shop, event, endpoint, attempts, retries",
            );
            update
                .integer(millis(now))
                .integer(millis(now.saturating_add(LOCK)))
                .integer(*limit)
                .text(endpoint.as_str())
        };
        let written = self.0.write(endpoints.iter().map(take).collect()).await?;
        let rows = written.map_err(|_| corrupt("a change was rejected"))?;
        let deliveries = rows.into_iter().flatten().map(|mut row| {
            Ok(DueDelivery {
                shop: row.integer()?,
                event: row.integer()?,
                endpoint: row.text()?,
                attempts: row.integer()?,
                retries: row.integer()?,
            })
        });
        deliveries.collect()
    }

    /// Stores an attempt and what follows it.
    pub(crate) async fn end_attempt(
        &self,
        due: &DueDelivery,
        attempt: &AttemptRow,
        next: Next,
    ) -> Result<(), StoreError> {
        let insert = Statement::new(
            "INSERT INTO server_delivery_attempts (shop, event, endpoint, number, at, duration_ms, status, error, answer) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        );
        let insert = insert
            .integer(due.shop)
            .integer(due.event)
            .text(&*due.endpoint)
            .integer(due.attempts + 1)
            .integer(millis(attempt.at))
            .integer(i64::try_from(attempt.duration.as_millis()).unwrap_or(i64::MAX))
            .optional_integer(attempt.status.map(i64::from))
            .optional_text(attempt.error.clone())
            .optional_text(attempt.answer.clone());
        let (status, next_at) = match next {
            Next::Delivered => ("delivered", attempt.at),
            Next::Failed => ("failed", attempt.at),
            Next::RetryAt(at) => ("pending", at),
        };
        // If the event was replayed during the attempt, only a success ends the delivery.
        let update = Statement::new(
            "UPDATE server_deliveries SET locked_until = 0, attempts = $6, \
             status = CASE WHEN retries = $7 - 1 OR $4 = 'delivered' THEN $4 ELSE status END, \
             next_at = CASE WHEN retries = $7 - 1 OR $4 = 'delivered' THEN $5 ELSE next_at END, \
             retries = CASE WHEN retries = $7 - 1 OR $4 = 'delivered' THEN $7 ELSE retries END \
             WHERE shop = $1 AND event = $2 AND endpoint = $3 AND attempts = $6 - 1",
        );
        let update = update
            .integer(due.shop)
            .integer(due.event)
            .text(&*due.endpoint)
            .text(status)
            .integer(millis(next_at))
            .integer(due.attempts + 1)
            .integer(due.retries + 1);
        let failing = Statement::new(if next == Next::Delivered {
            "UPDATE server_endpoints SET failing_since = NULL WHERE shop = $1 AND id = $2 AND $3 > 0"
        } else {
            "UPDATE server_endpoints SET failing_since = coalesce(failing_since, $3) WHERE shop = $1 AND id = $2"
        });
        let failing = failing
            .integer(due.shop)
            .text(&*due.endpoint)
            .integer(millis(attempt.at));
        self.0.write(vec![insert, update, failing]).await.map(drop)
    }

    /// Returns the deliveries of an event with their attempts.
    pub(crate) async fn deliveries(
        &self,
        shop: i64,
        event: i64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let deliveries = Statement::new(
            "SELECT endpoint, status, next_at FROM server_deliveries WHERE shop = $1 AND event = $2 ORDER BY endpoint",
        );
        let attempts = Statement::new(
            "SELECT endpoint, at, duration_ms, status, error, answer FROM server_delivery_attempts \
             WHERE shop = $1 AND event = $2 ORDER BY endpoint, number",
        );
        let key = |statement: Statement| statement.integer(shop).integer(event);
        let mut rows = self.0.read(vec![key(deliveries), key(attempts)]).await?;
        let attempts = rows.pop().unwrap_or_default();
        let mut found = Vec::new();
        for mut row in rows.pop().unwrap_or_default() {
            found.push(DeliveryRow {
                endpoint: row.text()?,
                status: row.text()?,
                next_at: time(row.integer()?),
                attempts: Vec::new(),
            });
        }
        for mut row in attempts {
            let endpoint = row.text()?;
            let attempt = AttemptRow {
                at: time(row.integer()?),
                duration: Duration::from_millis(u64::try_from(row.integer()?).unwrap_or(0)),
                status: row
                    .optional_integer()?
                    .and_then(|it| u16::try_from(it).ok()),
                error: row.optional_text()?,
                answer: row.optional_text()?,
            };
            if let Some(delivery) = found.iter_mut().find(|it| it.endpoint == endpoint) {
                delivery.attempts.push(attempt);
            }
        }
        Ok(found)
    }

    /// Returns the newest deliveries of a shop, the newest first.
    pub(crate) async fn recent_deliveries(
        &self,
        shop: i64,
        limit: i64,
    ) -> Result<Vec<RecentDelivery>, StoreError> {
        let select = Statement::new(
            "SELECT e.id, e.type, e.payment, e.created_at, w.url, d.status, d.attempts, a.status, a.error \
             FROM server_deliveries d JOIN server_events e ON e.shop = d.shop AND e.number = d.event \
             LEFT JOIN server_endpoints w ON w.shop = d.shop AND w.id = d.endpoint \
             LEFT JOIN server_delivery_attempts a ON a.shop = d.shop AND a.event = d.event AND a.endpoint = d.endpoint \
             AND a.number = d.attempts WHERE d.shop = $1 ORDER BY d.event DESC, d.endpoint LIMIT $2",
        );
        let rows = self.select(select.integer(shop).integer(limit)).await?;
        let deliveries = rows.into_iter().map(|mut row| {
            Ok(RecentDelivery {
                event: row.text()?,
                kind: row.text()?,
                payment: row.text()?,
                created_at: time(row.integer()?),
                url: row.optional_text()?,
                status: row.text()?,
                attempts: row.integer()?,
                last_status: row.optional_integer()?,
                last_error: row.optional_text()?,
            })
        });
        deliveries.collect()
    }
}
