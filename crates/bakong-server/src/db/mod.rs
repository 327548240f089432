//! The tables of the server, in the database of the store.
//!
//! Each function is one transaction, or builds statements for one. The statements of a change name the version of the
//! payment that the change was computed from, so that two workers cannot overwrite each other.

mod cache;
mod deliveries;
mod endpoints;
mod events;
mod idempotency;
mod keys;
mod payments;
mod sessions;
mod shops;
mod telegram;

use std::sync::Arc;

use bakong_flow::store::StoreError;
use bakong_store::tables::{Row, Statement, Tables};

pub(crate) use cache::{Cache, Version};
pub(crate) use deliveries::{
    AttemptRow, DeliveryRow, DueDelivery, DueEndpoint, Next, RecentDelivery,
};
pub(crate) use endpoints::{EndpointKind, EndpointRow, StoredSecret};
pub(crate) use events::{Changed, EventRow, NewEvent};
pub(crate) use idempotency::{Claim, Claimed, LOCK};
pub(crate) use keys::KeyRow;
pub(crate) use payments::{OpenedPayment, PaymentCursor, PaymentFilter};
pub(crate) use sessions::LoginSecret;

/// The schema, as numbered steps that never change after a release.
const STEPS: &[&str] = &[
    include_str!("schema/0001_payments.sql"),
    include_str!("schema/0002_webhooks.sql"),
    include_str!("schema/0003_telegram.sql"),
    include_str!("schema/0004_sessions.sql"),
    include_str!("schema/0005_deeplinks.sql"),
    include_str!("schema/0006_endpoint_queue.sql"),
    include_str!("schema/0007_indexes.sql"),
];

/// The tables of the server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Db(Arc<dyn Tables>, Arc<Cache>);

impl Db {
    /// Creates the tables, or migrates older ones.
    pub(crate) async fn open(tables: Arc<dyn Tables>) -> Result<Self, StoreError> {
        tables.prepare(STEPS).await?;
        Ok(Self(tables, Arc::default()))
    }

    /// Returns the version of the database now.
    pub(crate) fn version(&self) -> Version {
        self.0.version()
    }

    /// What was read since the last commit.
    pub(crate) fn cache(&self) -> &Cache {
        &self.1
    }

    /// Executes one statement that only reads.
    async fn select(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.0.read(vec![statement]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Executes one statement that finds a few rows by an index.
    async fn find(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.0.find(statement).await
    }

    /// Executes one statement that writes, and returns its rows. The statement cannot be rejected.
    async fn change(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let written = self.0.write(vec![statement]).await?;
        let mut rows = written.map_err(|_| corrupt("a change was rejected"))?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Reads something, to find out whether the database works.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let select = Statement::new("SELECT id FROM server_shops WHERE id = 0");
        self.select(select).await.map(drop)
    }
}

/// The error of a row that this program did not write.
fn corrupt(what: &'static str) -> StoreError {
    StoreError::fatal(format!(
        "the tables of the server are wrong: {what}. Restore a backup"
    ))
}

/// Converts a time to a column.
fn millis(time: khqr_core::Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Converts a column to a time.
fn time(millis: i64) -> khqr_core::Timestamp {
    khqr_core::Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}
