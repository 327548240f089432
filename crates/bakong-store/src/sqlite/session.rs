//! The statements of one transaction.

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::failure::Failure;
use super::fuse::Fuse;

/// Executes statements in a transaction that the caller began.
#[derive(Debug)]
pub(super) struct Session<'c> {
    connection: &'c Connection,
    fuse: &'c Fuse,
}

impl<'c> Session<'c> {
    pub(super) const fn new(connection: &'c Connection, fuse: &'c Fuse) -> Self {
        Self { connection, fuse }
    }

    /// Executes a statement and returns the number of rows that it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Failure> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    /// Returns the first row.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(read).transpose()?)
    }

    /// Returns all rows.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Failure> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Executes statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.fuse.burn()?;
        Ok(self.connection.execute_batch(sql)?)
    }

    /// Whether no transaction is open. Some errors end a transaction.
    pub(super) fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Fails if a test stops the store here.
    pub(super) fn checkpoint(&self) -> Result<(), Failure> {
        self.fuse.burn()
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'c>, Failure> {
        self.fuse.burn()?;
        Ok(self.connection.prepare_cached(sql)?)
    }
}
