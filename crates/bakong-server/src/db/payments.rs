//! Payments and their attempts.

use std::str::FromStr;

use bakong_flow::store::StoreError;
use bakong_store::tables::{Rejection, Row, Statement};
use khqr_core::{Amount, Currency, Md5Handle, Timestamp};

use super::idempotency::Claim;
use super::{Db, corrupt, millis, time};
use crate::domain::{Attempt, Payment, Status};

/// The stored reasons of a payment that ended before it was opened: see [`Payment::was_not_opened`].
const NOT_OPENED: &str = r#"["not_opened"]"#;

/// Which payments to list.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct PaymentFilter {
    pub(crate) order_id: Option<String>,
    pub(crate) status: Option<Status>,
    pub(crate) created_after: Option<Timestamp>,
}

/// A position in a list, the newest payment first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PaymentCursor {
    created_at: Timestamp,
    id: String,
}

impl PaymentCursor {
    pub(crate) fn after(payment: &Payment) -> Self {
        Self {
            created_at: payment.created_at,
            id: payment.id.clone(),
        }
    }
}

impl std::fmt::Display for PaymentCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.created_at, self.id)
    }
}

impl FromStr for PaymentCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('.').ok_or(())?;
        Ok(Self {
            created_at: at.parse().map_err(|_| ())?,
            id: id.to_owned(),
        })
    }
}

/// A payment whose code may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OpenedPayment {
    pub(crate) id: String,
    /// The deep link of the attempt with this number.
    pub(crate) deeplink: Option<(i64, String)>,
}

impl OpenedPayment {
    pub(crate) fn of(payment: &Payment) -> Self {
        let attempt = &payment.attempt;
        let deeplink = attempt.deeplink.clone().map(|link| (attempt.number, link));
        Self {
            id: payment.id.clone(),
            deeplink,
        }
    }

    /// Marks the payment as open, unless it has another status meanwhile, and stores the deep link of its attempt. The version
    /// stays the same: readers saw the payment as open before. A payment that another worker gave up meanwhile is open, too,
    /// unless the order has another open payment.
    pub(super) fn mark(&self, shop: i64) -> impl Iterator<Item = Statement> + use<> {
        let open = Statement::new(
            "UPDATE server_payments SET status = 'open', reasons = '[]' \
             WHERE shop = $1 AND id = $2 AND (status = 'opening' OR (status = 'failed' AND reasons = $3 \
             AND NOT EXISTS (SELECT 1 FROM server_payments other WHERE other.shop = $1 \
             AND other.order_id = server_payments.order_id AND other.status IN ('opening', 'open'))))",
        );
        let open = open.integer(shop).text(&*self.id).text(NOT_OPENED);
        let link = self.deeplink.as_ref().map(|(number, link)| {
            let update = "UPDATE server_codes SET deeplink = $3 WHERE payment = $1 AND number = $2";
            let update = Statement::new(update).text(&*self.id);
            update.integer(*number).text(link.as_str())
        });
        [open].into_iter().chain(link)
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.version, p.order_id, p.amount, p.currency, p.description, p.metadata, p.terminal, \
             p.success_url, p.cancel_url, p.checkout_token, p.status, p.reasons, p.created_at, p.paid_at, \
             p.paid_transaction, a.number, a.md5, a.code, a.created_at, a.expires_at, a.deeplink \
             FROM server_payments p JOIN server_codes a ON a.payment = p.id AND a.number = p.attempt ",
            $rest
        )
    };
}

/// Selects a page of a list, with a condition and the first key of the order.
macro_rules! list {
    ($condition:literal, $order:literal) => {
        concat!(
            select!(
                "WHERE p.shop = $1 AND p.status <> 'opening' AND ($2 IS NULL OR p.order_id = $2) \
                 AND ($3 IS NULL OR p.status = $3) AND ($4 IS NULL OR p.created_at > $4) \
                 AND ($5 IS NULL OR p.created_at < $5 OR (p.created_at = $5 AND p.id < $6)) "
            ),
            $condition,
            " ORDER BY ",
            $order,
            " DESC, p.id DESC LIMIT $7"
        )
    };
}

impl Db {
    /// Adds a payment with its first attempt, and records it at the idempotency key of the caller. Returns `false` if
    /// the order has another payment that is open or paid.
    pub(crate) async fn add_payment(
        &self,
        shop: i64,
        payment: &Payment,
        claim: Option<&Claim>,
    ) -> Result<bool, StoreError> {
        let insert = Statement::new(
            "INSERT INTO server_payments (id, shop, version, order_id, amount, currency, description, metadata, terminal, \
             success_url, cancel_url, checkout_token, status, reasons, created_at, attempt) \
             VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        );
        let insert = insert
            .text(&*payment.id)
            .integer(shop)
            .text(&*payment.order_id)
            .integer(minor_units(payment.amount)?)
            .text(payment.amount.currency().to_string())
            .optional_text(payment.description.clone())
            .text(&*payment.metadata)
            .optional_text(payment.terminal.clone())
            .optional_text(payment.success_url.clone())
            .optional_text(payment.cancel_url.clone())
            .text(&*payment.checkout_token)
            .text(payment.status.name())
            .text(to_json(&payment.reasons)?)
            .integer(millis(payment.created_at))
            .integer(payment.attempt.number);
        let mut statements = vec![insert, payment.attempt.insert(&payment.id)];
        statements.extend(claim.map(|claim| claim.record(shop, &payment.id)));
        match self.0.write(statements).await? {
            Ok(_) => Ok(true),
            Err(Rejection::Unique) => Ok(false),
            Err(_) => Err(StoreError::transient(
                "another request has taken over this Idempotency-Key",
            )),
        }
    }

    /// Removes a payment that was never opened, with its attempts. The idempotency key of the caller does not refer to it any
    /// more.
    pub(crate) async fn remove_unopened(
        &self,
        shop: i64,
        payment: &str,
        claim: Option<&Claim>,
    ) -> Result<(), StoreError> {
        let delete = Statement::new(
            "DELETE FROM server_payments WHERE shop = $1 AND id = $2 AND status = 'opening' RETURNING id",
        );
        let attempts = Statement::new("DELETE FROM server_codes WHERE payment = $1");
        let mut statements = vec![
            delete.integer(shop).text(payment).required(),
            attempts.text(payment),
        ];
        statements.extend(claim.map(|claim| claim.forget_payment(shop)));
        // A payment that is not `opening` any more stays.
        self.0.write(statements).await.map(drop)
    }

    /// Ends a payment that was never opened. Returns `false` if it is not `opening` any more.
    pub(crate) async fn payment_not_opened(
        &self,
        shop: i64,
        payment: &str,
    ) -> Result<bool, StoreError> {
        let update = Statement::new(
            "UPDATE server_payments SET status = 'failed', reasons = $3, version = version + 1 \
             WHERE shop = $1 AND id = $2 AND status = 'opening' RETURNING id",
        );
        let update = update.integer(shop).text(payment).text(NOT_OPENED);
        let ended = self.change(update).await?;
        Ok(!ended.is_empty())
    }

    /// Marks payments as open, unless they have another status meanwhile, and stores the deep links of their attempts.
    pub(crate) async fn payments_opened(
        &self,
        shop: i64,
        opened: &[OpenedPayment],
    ) -> Result<(), StoreError> {
        let statements = opened.iter().flat_map(|payment| payment.mark(shop));
        let written = self.0.write(statements.collect()).await?;
        written
            .map(drop)
            .map_err(|_| corrupt("a change was rejected"))
    }

    /// Adds an attempt to a payment that still has the version of `payment`, and makes it the newest. Returns `false` if
    /// the payment was changed meanwhile, or if another payment of the order is open or paid.
    pub(crate) async fn add_attempt(
        &self,
        shop: i64,
        payment: &Payment,
    ) -> Result<bool, StoreError> {
        let update = payment.update(shop)?;
        let insert = payment.attempt.insert(&payment.id);
        let written = self.0.write(vec![update, insert]).await?;
        Ok(written.is_ok())
    }

    /// Returns a payment by its id.
    pub(crate) async fn payment(&self, shop: i64, id: &str) -> Result<Option<Payment>, StoreError> {
        let select = Statement::new(select!("WHERE p.shop = $1 AND p.id = $2"));
        let row = self.find(select.integer(shop).text(id)).await?.pop();
        row.map(read).transpose()
    }

    /// Returns the payment with this checkout token, and the id of its shop.
    pub(crate) async fn payment_by_token(
        &self,
        token: &str,
    ) -> Result<Option<(i64, Payment)>, StoreError> {
        let shop = Statement::new("SELECT shop FROM server_payments WHERE checkout_token = $1");
        let select = Statement::new(select!("WHERE p.checkout_token = $1"));
        let mut rows = self
            .0
            .read(vec![shop.text(token), select.text(token)])
            .await?;
        let payment = rows.pop().and_then(|mut rows| rows.pop());
        let shop = rows.pop().and_then(|mut rows| rows.pop());
        match (shop, payment) {
            (Some(mut shop), Some(payment)) => Ok(Some((shop.integer()?, read(payment)?))),
            _ => Ok(None),
        }
    }

    /// Returns the payment of an order that has an attempt with this MD5, and the number of the attempt.
    pub(crate) async fn payment_of_code(
        &self,
        shop: i64,
        order: &str,
        md5: &Md5Handle,
    ) -> Result<Option<(Payment, i64)>, StoreError> {
        let number = Statement::new(
            "SELECT c.number FROM server_payments p JOIN server_codes c ON c.payment = p.id \
             WHERE p.shop = $1 AND p.order_id = $2 AND c.md5 = $3",
        );
        let select = Statement::new(select!(
            "JOIN server_codes c ON c.payment = p.id WHERE p.shop = $1 AND p.order_id = $2 AND c.md5 = $3"
        ));
        let key = |statement: Statement| {
            let statement = statement.integer(shop).text(order);
            statement.text(md5.to_string())
        };
        let mut rows = self.0.read(vec![key(number), key(select)]).await?;
        let payment = rows.pop().and_then(|mut rows| rows.pop());
        let number = rows.pop().and_then(|mut rows| rows.pop());
        match (number, payment) {
            (Some(mut number), Some(payment)) => Ok(Some((read(payment)?, number.integer()?))),
            _ => Ok(None),
        }
    }

    /// Whether a payment with this code is being opened.
    pub(crate) async fn is_opening(&self, shop: i64, md5: &Md5Handle) -> Result<bool, StoreError> {
        let select = Statement::new(
            "SELECT p.id FROM server_payments p JOIN server_codes c ON c.payment = p.id WHERE p.shop = $1 \
             AND p.status IN ('opening', 'open') AND p.status = 'opening' AND c.md5 = $2",
        );
        let rows = self.select(select.integer(shop).text(md5.to_string()));
        Ok(!rows.await?.is_empty())
    }

    /// Returns up to `limit` payments after the position `after`, the newest first. Payments that were not opened are left
    /// out.
    pub(crate) async fn payments(
        &self,
        shop: i64,
        filter: &PaymentFilter,
        after: Option<&PaymentCursor>,
        limit: i64,
    ) -> Result<Vec<Payment>, StoreError> {
        // The conditions name an index. Without them, SQLite reads all payments of the shop in the order of the list.
        let sql = match (&filter.order_id, filter.status) {
            (Some(_), _) => list!("AND p.order_id = $2", "p.created_at + 0"),
            (None, Some(Status::Open)) => {
                list!("AND p.status IN ('opening', 'open')", "p.created_at + 0")
            }
            (None, Some(Status::NeedsReview | Status::Cancelled | Status::Failed)) => list!(
                "AND p.status IN ('needs_review', 'cancelled', 'failed') AND p.status = $3",
                "p.created_at"
            ),
            (None, _) => list!("", "p.created_at"),
        };
        let select = Statement::new(sql);
        let select = select
            .integer(shop)
            .optional_text(filter.order_id.clone())
            .optional_text(filter.status.map(|status| status.name().to_owned()))
            .optional_integer(filter.created_after.map(millis))
            .optional_integer(after.map(|after| millis(after.created_at)))
            .optional_text(after.map(|after| after.id.clone()))
            .integer(limit);
        let rows = self.select(select).await?;
        rows.into_iter().map(read).collect()
    }

    /// Returns a payment because of which the order cannot have another one: one that is paid, else one under review, else
    /// one that is open or being opened. Leaves out the payment `except`.
    pub(crate) async fn blocking_payment(
        &self,
        shop: i64,
        order: &str,
        except: &str,
    ) -> Result<Option<(String, Status)>, StoreError> {
        let select = Statement::new(
            "SELECT id, status FROM server_payments WHERE shop = $1 AND order_id = $2 \
             AND status IN ('paid', 'needs_review', 'open', 'opening') AND id <> $3",
        );
        let rows = self.find(select.integer(shop).text(order).text(except));
        let mut blocking = None;
        for mut row in rows.await? {
            let id = row.text()?;
            let status = status(&row.text()?)?;
            let is_first = |(_, other): &(String, Status)| rank(status) < rank(*other);
            if blocking.as_ref().is_none_or(is_first) {
                blocking = Some((id, status));
            }
        }
        Ok(blocking)
    }

    /// Returns payments that were created before `before` and are still being opened.
    pub(crate) async fn unopened(
        &self,
        shop: i64,
        before: Timestamp,
    ) -> Result<Vec<Payment>, StoreError> {
        let select = Statement::new(select!(
            "WHERE p.shop = $1 AND p.status IN ('opening', 'open') AND p.status = 'opening' AND p.created_at < $2 LIMIT 100"
        ));
        let rows = self.select(select.integer(shop).integer(millis(before)));
        rows.await?.into_iter().map(read).collect()
    }
}

impl Payment {
    /// Stores all that can change, if the payment has the version that this value was computed from.
    pub(super) fn update(&self, shop: i64) -> Result<Statement, StoreError> {
        let update = Statement::new(
            "UPDATE server_payments SET version = version + 1, status = $4, reasons = $5, paid_at = $6, \
             paid_transaction = $7, attempt = $8 WHERE shop = $1 AND id = $2 AND version = $3 RETURNING version",
        );
        let transaction = self.transaction.as_ref().map(to_json).transpose()?;
        Ok(update
            .integer(shop)
            .text(&*self.id)
            .integer(self.version)
            .text(self.status.name())
            .text(to_json(&self.reasons)?)
            .optional_integer(self.paid_at.map(millis))
            .optional_text(transaction)
            .integer(self.attempt.number)
            .required())
    }
}

impl Attempt {
    fn insert(&self, payment: &str) -> Statement {
        let insert = Statement::new(
            "INSERT INTO server_codes (payment, number, md5, code, created_at, expires_at, deeplink) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        insert
            .text(payment)
            .integer(self.number)
            .text(self.md5.to_string())
            .text(&*self.code)
            .integer(millis(self.created_at))
            .integer(millis(self.expires_at))
            .optional_text(self.deeplink.clone())
    }
}

fn read(mut row: Row) -> Result<Payment, StoreError> {
    let id = row.text()?;
    let version = row.integer()?;
    let order_id = row.text()?;
    let units = u64::try_from(row.integer()?).map_err(|_| corrupt("an amount is negative"))?;
    let currency: Currency = row
        .text()?
        .parse()
        .map_err(|_| corrupt("a currency is unknown"))?;
    Ok(Payment {
        id,
        version,
        order_id,
        amount: Amount::from_minor_units(units, currency),
        description: row.optional_text()?,
        metadata: row.text()?,
        terminal: row.optional_text()?,
        success_url: row.optional_text()?,
        cancel_url: row.optional_text()?,
        checkout_token: row.text()?,
        status: status(&row.text()?)?,
        reasons: from_json(&row.text()?)?,
        created_at: time(row.integer()?),
        paid_at: row.optional_integer()?.map(time),
        transaction: row.optional_text()?.as_deref().map(from_json).transpose()?,
        attempt: Attempt {
            number: row.integer()?,
            md5: row
                .text()?
                .parse()
                .map_err(|_| corrupt("an MD5 is invalid"))?,
            code: row.text()?,
            created_at: time(row.integer()?),
            expires_at: time(row.integer()?),
            deeplink: row.optional_text()?,
        },
    })
}

fn status(name: &str) -> Result<Status, StoreError> {
    name.parse().map_err(|()| corrupt("a status is unknown"))
}

/// The lowest rank is the most important reason against another payment of an order.
const fn rank(status: Status) -> u8 {
    match status {
        Status::Paid => 0,
        Status::NeedsReview => 1,
        _ => 2,
    }
}

fn minor_units(amount: Amount) -> Result<i64, StoreError> {
    let units = i64::try_from(amount.minor_units());
    units.map_err(|_| StoreError::fatal("the amount has more than 63 bits"))
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::fatal)
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt("a JSON text is invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn the_stored_reasons_of_a_payment_that_was_not_opened_are_those_of_the_domain() {
        assert_eq!(to_json(&[Reason::NotOpened]).unwrap(), NOT_OPENED);
    }
}
