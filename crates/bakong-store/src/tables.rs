//! Tables of another program in the database of a store, for example those of a server that takes payments over HTTP.
//!
//! Both engines take the same statements, with the parameters `$1`, `$2` and so on. A transaction is a list of statements
//! that are known in advance. A [required](Statement::required) statement makes it conditional: the program reads,
//! decides, and writes only if what it read is still true.
//!
//! ```no_run
//! use bakong_store::SqliteDatabase;
//! use bakong_store::tables::{Statement, Tables};
//!
//! const STEPS: &[&str] = &["CREATE TABLE server_notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)"];
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let database = SqliteDatabase::open("payments.db").await?;
//! database.prepare(STEPS).await?;
//! let insert = "INSERT INTO server_notes (id, text) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id";
//! let insert = Statement::new(insert).integer(7).text("beans").required();
//! if database.write(vec![insert]).await?.is_err() {
//!     println!("the note exists");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Rules
//! - The names of tables and indexes begin with [`PREFIX`]. The checks of the store ignore such names.
//! - Columns have the types `BIGINT` and `TEXT`.
//! - The steps are applied in order, each once, and never change after a release.

use async_trait::async_trait;
use bakong_flow::store::StoreError;

/// How the names of tables and indexes begin.
pub const PREFIX: &str = "server_";

/// Reads and writes the tables.
#[async_trait]
pub trait Tables: Send + Sync {
    /// Creates the tables, or applies the steps that they lack, under a lock and in one transaction. A step has one or
    /// more statements in SQL that both engines know.
    ///
    /// # Errors
    /// [`StoreError`] if the tables were made by a newer program, or if the database cannot be written.
    async fn prepare(&self, steps: &'static [&'static str]) -> Result<(), StoreError>;

    /// Executes the statements in one transaction that writes, and returns the rows of each. Returns once the changes
    /// would survive a loss of power.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be written. The inner error tells that the transaction was rolled back.
    async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError>;

    /// Executes the statements in one transaction that only reads, and returns the rows of each.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    async fn read(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError>;

    /// Executes one statement that finds a few rows by an index, and returns them. SQLite reads on the caller's thread,
    /// because a change of threads costs more than such a read. Use [`read`](Self::read) for lists.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    async fn find(&self, statement: Statement) -> Result<Vec<Row>, StoreError>;

    /// Returns a number that increases after each commit of any process, so that a program can keep what it read: if the
    /// number is the same before the read and later, the rows are the same. The number increases without a commit, too.
    ///
    /// Returns `None` if the database cannot tell this faster than it reads a row.
    fn version(&self) -> Option<u64>;
}

/// The rows of each statement of a transaction, or why it was rolled back.
pub type Written = Result<Vec<Vec<Row>>, Rejection>;

/// Why a transaction was rolled back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The [required](Statement::required) statement at this position returned no row.
    NoRow(usize),
    /// A unique index rejected a statement.
    Unique,
}

/// A statement with its parameters.
#[derive(Clone)]
pub struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) is_required: bool,
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be personal data.
        f.debug_struct("Statement")
            .field("sql", &self.sql)
            .finish_non_exhaustive()
    }
}

/// A parameter with its type.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
}

impl Statement {
    /// Creates a statement. Its text is a constant, so values can only be parameters.
    #[must_use]
    pub const fn new(sql: &'static str) -> Self {
        Self {
            sql,
            values: Vec::new(),
            is_required: false,
        }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn integer(self, value: i64) -> Self {
        self.optional_integer(Some(value))
    }

    /// Adds the next parameter, or NULL.
    #[must_use]
    pub fn optional_integer(mut self, value: Option<i64>) -> Self {
        self.values.push(Value::Integer(value));
        self
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn text(self, value: impl Into<String>) -> Self {
        self.optional_text(Some(value.into()))
    }

    /// Adds the next parameter, or NULL.
    #[must_use]
    pub fn optional_text(mut self, value: Option<String>) -> Self {
        self.values.push(Value::Text(value));
        self
    }

    /// Rolls the transaction back if this statement returns no row. A statement that changes rows needs `RETURNING`.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }
}

/// A row of a result. Columns are read in order.
#[derive(Clone)]
pub struct Row {
    columns: std::vec::IntoIter<Column>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}

/// A value of a row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Column {
    Null,
    Integer(i64),
    Text(String),
}

macro_rules! reads {
    ($($name:ident, $optional:ident, $variant:ident: $type:ty;)*) => {$(
        /// Reads the next column.
        ///
        /// # Errors
        /// [`StoreError`] if the row has no such column, or if it is NULL or has another type.
        pub fn $name(&mut self) -> Result<$type, StoreError> {
            self.$optional()?.ok_or_else(wrong_column)
        }

        /// Reads the next column, which may be NULL.
        ///
        /// # Errors
        /// [`StoreError`] if the row has no such column, or if it has another type.
        pub fn $optional(&mut self) -> Result<Option<$type>, StoreError> {
            match self.columns.next() {
                Some(Column::$variant(value)) => Ok(Some(value)),
                Some(Column::Null) => Ok(None),
                _ => Err(wrong_column()),
            }
        }
    )*};
}

impl Row {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns: columns.into_iter(),
        }
    }

    reads! {
        integer, optional_integer, Integer: i64;
        text, optional_text, Text: String;
    }
}

fn wrong_column() -> StoreError {
    StoreError::fatal("a column of the server's tables has another type than this program expects")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_output_has_the_sql_and_not_the_values() {
        let statement = Statement::new("SELECT $1").text("personal data");
        let shown = format!("{statement:?}");
        assert!(shown.contains("SELECT $1"), "{shown}");
        assert!(!shown.contains("personal"), "{shown}");
    }
}
