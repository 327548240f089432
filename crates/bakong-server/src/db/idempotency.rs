//! Idempotency keys: which request has a key, and its stored answer.

use std::time::Duration;

use bakong_flow::store::StoreError;
use bakong_store::tables::Statement;
use khqr_core::Timestamp;

use super::{Db, OpenedPayment, corrupt, millis};

/// How long an answer is stored.
pub(crate) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request has a key for itself, unless it extends this. If its process dies, a repetition continues then.
pub(crate) const LOCK: Duration = Duration::from_secs(6);

/// A request has the key for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    pub(crate) key: String,
    pub(crate) owner: String,
    /// The payment that an earlier request with this key was creating when it was interrupted.
    pub(crate) payment: Option<String>,
}

/// The result of claiming a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Claimed {
    /// This request has the key.
    New(Claim),
    /// The request was answered before.
    Answered { status: u16, body: String },
    /// Another request with this key is in progress.
    InProgress,
    /// The key belongs to a request with another method, path or body.
    OtherRequest,
}

impl Claim {
    /// Records the payment that the request creates. Fails if another request has the key.
    pub(super) fn record(&self, shop: i64, payment: &str) -> Statement {
        let update = Statement::new(
            "UPDATE server_idempotency SET payment = $4 WHERE shop = $1 AND key = $2 AND owner = $3 RETURNING key",
        );
        update
            .integer(shop)
            .text(&*self.key)
            .text(&*self.owner)
            .text(payment)
            .required()
    }

    /// Forgets the payment that the request began, unless another request has the key.
    pub(super) fn forget_payment(&self, shop: i64) -> Statement {
        let update = Statement::new(
            "UPDATE server_idempotency SET payment = NULL WHERE shop = $1 AND key = $2 AND owner = $3",
        );
        let update = update.integer(shop).text(&*self.key);
        update.text(&*self.owner)
    }
}

impl Db {
    /// Claims a key for the request with this fingerprint.
    pub(crate) async fn claim(
        &self,
        shop: i64,
        key: &str,
        fingerprint: &str,
        owner: String,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let expired = millis(now).saturating_sub(duration_millis(LIFETIME));
        let insert = Statement::new(
            "INSERT INTO server_idempotency (shop, key, fingerprint, created_at, owner, locked_until) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (shop, key) DO UPDATE SET \
             payment = CASE WHEN server_idempotency.created_at <= $7 THEN NULL ELSE server_idempotency.payment END, \
             created_at = CASE WHEN server_idempotency.created_at <= $7 THEN $4 ELSE server_idempotency.created_at END, \
             fingerprint = $3, owner = $5, locked_until = $6, status = NULL, body = NULL \
             WHERE server_idempotency.created_at <= $7 OR (server_idempotency.status IS NULL \
             AND server_idempotency.locked_until <= $4 AND server_idempotency.fingerprint = $3) RETURNING payment",
        );
        let insert = insert
            .integer(shop)
            .text(key)
            .text(fingerprint)
            .integer(millis(now))
            .text(&*owner)
            .integer(millis(now.saturating_add(LOCK)))
            .integer(expired);
        if let Some(mut row) = self.change(insert).await?.pop() {
            return Ok(Claimed::New(Claim {
                key: key.to_owned(),
                owner,
                payment: row.optional_text()?,
            }));
        }
        let select = Statement::new(
            "SELECT fingerprint, status, body FROM server_idempotency WHERE shop = $1 AND key = $2",
        );
        let row = self.find(select.integer(shop).text(key)).await?.pop();
        let Some(mut row) = row else {
            // The answer was deleted between the two statements.
            return Ok(Claimed::InProgress);
        };
        if row.text()? != fingerprint {
            return Ok(Claimed::OtherRequest);
        }
        Ok(match (row.optional_integer()?, row.optional_text()?) {
            (Some(status), Some(body)) => Claimed::Answered {
                status: u16::try_from(status).unwrap_or(500),
                body,
            },
            _ => Claimed::InProgress,
        })
    }

    /// Extends the time for which the request has the key, unless another one has taken it over.
    pub(crate) async fn extend(
        &self,
        shop: i64,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Statement::new(
            "UPDATE server_idempotency SET locked_until = $4 WHERE shop = $1 AND key = $2 AND owner = $3",
        );
        let update = update
            .integer(shop)
            .text(&*claim.key)
            .text(&*claim.owner)
            .integer(millis(now.saturating_add(LOCK)));
        self.change(update).await.map(drop)
    }

    /// Stores the answer of the request that has the key, and marks the payment as open that the answer shows.
    pub(crate) async fn answer(
        &self,
        shop: i64,
        claim: &Claim,
        status: u16,
        body: &str,
        opened: Option<&OpenedPayment>,
    ) -> Result<(), StoreError> {
        let update = Statement::new(
            "UPDATE server_idempotency SET status = $4, body = $5, owner = NULL \
             WHERE shop = $1 AND key = $2 AND owner = $3",
        );
        let update = update
            .integer(shop)
            .text(&*claim.key)
            .text(&*claim.owner)
            .integer(i64::from(status))
            .text(body);
        let mut statements = vec![update];
        statements.extend(opened.into_iter().flat_map(|payment| payment.mark(shop)));
        let written = self.0.write(statements).await?;
        written
            .map(drop)
            .map_err(|_| corrupt("a change was rejected"))
    }

    /// Lets another request with this key continue.
    pub(crate) async fn release(&self, shop: i64, claim: &Claim) -> Result<(), StoreError> {
        let update = Statement::new(
            "UPDATE server_idempotency SET locked_until = 0, owner = NULL \
             WHERE shop = $1 AND key = $2 AND owner = $3",
        );
        let update = update.integer(shop).text(&*claim.key).text(&*claim.owner);
        self.change(update).await.map(drop)
    }

    /// Lets any request use this key, because nothing was executed.
    pub(crate) async fn forget(&self, shop: i64, claim: &Claim) -> Result<(), StoreError> {
        let delete = Statement::new(
            "DELETE FROM server_idempotency WHERE shop = $1 AND key = $2 AND owner = $3 AND payment IS NULL",
        );
        let delete = delete.integer(shop).text(&*claim.key).text(&*claim.owner);
        self.change(delete).await.map(drop)
    }

    /// Deletes the answers that are not stored any longer.
    pub(crate) async fn prune_answers(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = millis(now).saturating_sub(duration_millis(LIFETIME));
        let delete = Statement::new("DELETE FROM server_idempotency WHERE created_at <= $1");
        self.change(delete.integer(before)).await.map(drop)
    }
}

fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
