//! Events, and the changes of payments that they report.

use bakong_flow::store::{EventId, StoreError};
use bakong_store::tables::{Rejection, Row, Statement};
use khqr_core::Timestamp;

use super::{Db, corrupt, millis};
use crate::domain::Payment;

/// An event to store.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    pub(crate) at: Timestamp,
    /// The event of the store that caused this event.
    pub(crate) flow_event: Option<EventId>,
}

/// A stored event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EventRow {
    pub(crate) shop: i64,
    /// Increases in the order of the commits of a shop.
    pub(crate) number: i64,
    pub(crate) id: String,
    pub(crate) payment: String,
    pub(crate) kind: String,
    pub(crate) body: String,
}

/// How the change of a payment ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Changed {
    Stored,
    /// The payment was changed meanwhile. Read it again.
    Outdated,
    /// Another worker has handled this event of the store, or another payment of the order is paid.
    Conflict,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT shop, number, id, payment, type, body FROM server_events ",
            $rest
        )
    };
}

impl EventRow {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            shop: row.integer()?,
            number: row.integer()?,
            id: row.text()?,
            payment: row.text()?,
            kind: row.text()?,
            body: row.text()?,
        })
    }
}

impl Db {
    /// Stores a changed payment and its event in one transaction, if the payment still has the version that `payment`
    /// was computed from.
    pub(crate) async fn change_payment(
        &self,
        shop: i64,
        payment: &Payment,
        event: Option<&NewEvent>,
    ) -> Result<Changed, StoreError> {
        let mut statements = vec![payment.update(shop)?];
        if let Some(event) = event {
            statements.extend(event.insert(shop, &payment.id));
            statements.push(event.deliver());
        }
        Ok(match self.0.write(statements).await? {
            Ok(_) => Changed::Stored,
            Err(Rejection::NoRow(_)) => Changed::Outdated,
            Err(_) => Changed::Conflict,
        })
    }

    /// Stores an event without a payment, and its deliveries. Returns `false` if an event with its id is stored.
    pub(crate) async fn add_alert(&self, shop: i64, event: &NewEvent) -> Result<bool, StoreError> {
        let sql = "SELECT number FROM server_events WHERE id = $1";
        let known = self.select(Statement::new(sql).text(&*event.id));
        if !known.await?.is_empty() {
            return Ok(false);
        }
        let mut statements = Vec::from(event.insert(shop, ""));
        statements.push(event.deliver());
        Ok(self.0.write(statements).await?.is_ok())
    }

    /// Whether an event of the store was handled.
    pub(crate) async fn has_flow_event(&self, shop: i64, id: EventId) -> Result<bool, StoreError> {
        let sql = "SELECT number FROM server_events WHERE shop = $1 AND flow_event = $2";
        let select = Statement::new(sql).integer(shop).integer(id.get());
        Ok(!self.select(select).await?.is_empty())
    }

    /// Returns up to `limit` events of a shop with a number above `after`, the lowest first.
    pub(crate) async fn events_after(
        &self,
        shop: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let select = Statement::new(select!(
            "WHERE shop = $1 AND number > $2 ORDER BY number LIMIT $3"
        ));
        let select = select.integer(shop).integer(after).integer(limit);
        let rows = self.select(select).await?;
        rows.into_iter().map(EventRow::read).collect()
    }

    /// Returns an event by its id.
    pub(crate) async fn event(&self, shop: i64, id: &str) -> Result<Option<EventRow>, StoreError> {
        let select = Statement::new(select!("WHERE shop = $1 AND id = $2"));
        let row = self.select(select.integer(shop).text(id)).await?.pop();
        row.map(EventRow::read).transpose()
    }

    /// Returns an event by its number.
    pub(crate) async fn event_by_number(
        &self,
        shop: i64,
        number: i64,
    ) -> Result<Option<EventRow>, StoreError> {
        Ok(self.events_after(shop, number - 1, 1).await?.pop())
    }

    /// Returns up to `limit` events of a payment with a number above `after`, the lowest first.
    pub(crate) async fn events_of_payment(
        &self,
        shop: i64,
        payment: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let select = Statement::new(select!(
            "WHERE shop = $1 AND payment = $2 AND number > $3 ORDER BY number LIMIT $4"
        ));
        let select = select
            .integer(shop)
            .text(payment)
            .integer(after)
            .integer(limit);
        let rows = self.select(select).await?;
        rows.into_iter().map(EventRow::read).collect()
    }

    /// Returns the number of the last event of a shop.
    pub(crate) async fn last_event(&self, shop: i64) -> Result<i64, StoreError> {
        let select = Statement::new("SELECT last_event FROM server_shops WHERE id = $1");
        let row = self.select(select.integer(shop)).await?.pop();
        row.ok_or_else(|| corrupt("a shop is missing"))?.integer()
    }
}

impl NewEvent {
    pub(super) fn insert(&self, shop: i64, payment: &str) -> [Statement; 2] {
        // The lock of this row makes the numbers increase in the order of the commits.
        let next = Statement::new(
            "UPDATE server_shops SET last_event = last_event + 1 WHERE id = $1 RETURNING last_event",
        );
        let insert = Statement::new(
            "INSERT INTO server_events (shop, number, id, payment, type, body, created_at, flow_event) \
             SELECT $1, last_event, $2, $3, $4, $5, $6, $7 FROM server_shops WHERE id = $1 RETURNING number",
        );
        let insert = insert
            .integer(shop)
            .text(&*self.id)
            .text(payment)
            .text(self.kind)
            .text(&*self.body)
            .integer(millis(self.at))
            .optional_integer(self.flow_event.map(EventId::get));
        [next.integer(shop).required(), insert.required()]
    }

    /// Adds the deliveries of the event to the endpoints that want its type.
    fn deliver(&self) -> Statement {
        let insert = Statement::new(
            "INSERT INTO server_deliveries (shop, event, endpoint, status, attempts, retries, next_at, locked_until) \
             SELECT e.shop, e.number, w.id, 'pending', 0, 0, 0, 0 FROM server_events e \
             JOIN server_endpoints w ON w.shop = e.shop WHERE e.id = $1 AND w.status = 'enabled' \
             AND (w.types = '' OR ' ' || w.types || ' ' LIKE '% ' || e.type || ' %')",
        );
        insert.text(&*self.id)
    }
}
