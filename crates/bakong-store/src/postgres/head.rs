//! The row of a registration, which every writer locks first. So two writers of a registration never deadlock.

use bakong_flow::quota::WindowUsage;
use bakong_flow::store::Committed;
use tokio_postgres::Row;

use super::failure::Failure;
use super::rows::Columns;
use super::schema;
use super::statement::Statement;
use crate::record::{from_json_option, unsigned};

/// What a writer needs of the row.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) last_sequence: u64,
    pub(super) last_event: i64,
    last_result: Option<String>,
    usage: Option<String>,
}

impl Head {
    /// Returns the statement that locks the row until the end of the transaction.
    ///
    /// `NO KEY`, because nobody deletes the row or changes its id.
    pub(super) fn lock(registration: i64) -> Statement<'static> {
        Statement::new(format!("{} FOR NO KEY UPDATE OF r", Self::SELECT)).with(registration)
    }

    /// Returns the statement that reads the row.
    #[cfg(feature = "testing")]
    pub(super) fn select(registration: i64) -> Statement<'static> {
        Statement::new(Self::SELECT).with(registration)
    }

    const SELECT: &str = "SELECT r.epoch, r.last_sequence, r.last_event, r.last_result, r.quota_usage, v.version \
        FROM registrations r CROSS JOIN schema_version v WHERE r.id = $1";

    /// Reads the rows of the statements. Fails if the schema is not the one of this program, because a program of another
    /// version may have migrated it meanwhile.
    pub(super) fn read(rows: &[Row]) -> Result<Self, Failure> {
        let row = rows.first().ok_or_else(missing_registration)?;
        let mut columns = Columns::new(row);
        let head = Self {
            epoch: unsigned("registrations.epoch", columns.read()?)?,
            last_sequence: unsigned("registrations.last_sequence", columns.read()?)?,
            last_event: columns.read()?,
            last_result: columns.read()?,
            usage: columns.read()?,
        };
        schema::require_current(columns.read()?)?;
        Ok(head)
    }

    /// Returns the result of the last batch.
    pub(super) fn last_committed(&self) -> Result<Committed, Failure> {
        let result = self.last_result.as_deref();
        let committed = from_json_option("registrations.last_result", result)?;
        Ok(committed.unwrap_or_default())
    }

    pub(super) fn usage(&self) -> Result<Option<WindowUsage>, Failure> {
        let usage = self.usage.as_deref();
        Ok(from_json_option("registrations.quota_usage", usage)?)
    }
}

pub(super) fn missing_registration() -> Failure {
    Failure::fatal("the row of the registration was deleted. Restore a backup")
}
