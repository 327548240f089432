//! Tables of another program in the file.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bakong_flow::store::StoreError;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{ToSql, params_from_iter};

use super::SqliteDatabase;
use super::failure::Failure;
use super::session::Session;
use crate::migrations::NewerSchema;
use crate::record::{integer, unsigned};
use crate::tables::{Column, Rejection, Row, Statement, Tables, Value, Written};

#[async_trait]
impl Tables for SqliteDatabase {
    async fn prepare(&self, steps: &'static [&'static str]) -> Result<(), StoreError> {
        let prepare = self.0.write(None, move |session| prepare(session, steps));
        prepare.await
    }

    async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        // A rejection rolls the statements back as an error does.
        let rejection = Arc::new(Mutex::new(None));
        let rejected = Arc::clone(&rejection);
        let write = self.0.write(None, move |session| {
            *rejected.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let mut all = Vec::with_capacity(statements.len());
            for (index, statement) in statements.iter().enumerate() {
                let reason = match rows(session, statement) {
                    Ok(rows) if rows.is_empty() && statement.is_required => Rejection::NoRow(index),
                    Ok(rows) => {
                        all.push(rows);
                        continue;
                    }
                    Err(failure) if failure.is_unique_violation() => Rejection::Unique,
                    Err(failure) => return Err(failure),
                };
                *rejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                return Err(Failure::Aborted);
            }
            Ok(all)
        });
        let written = write.await;
        let rejection = *rejection.lock().unwrap_or_else(PoisonError::into_inner);
        match (written, rejection) {
            (Err(_), Some(reason)) => Ok(Err(reason)),
            (written, _) => written.map(Ok),
        }
    }

    async fn read(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let read = self.0.read(move |session| {
            let rows = statements.iter().map(|statement| rows(session, statement));
            rows.collect()
        });
        read.await
    }

    async fn find(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        if let Some(rows) = self.0.finders.find(|session| rows(session, &statement)) {
            return Ok(rows);
        }
        let mut all = self.read(vec![statement]).await?;
        Ok(all.pop().unwrap_or_default())
    }

    fn version(&self) -> Option<u64> {
        self.0.finders.version()
    }
}

fn prepare(session: &Session<'_>, steps: &'static [&'static str]) -> Result<(), Failure> {
    session.batch("CREATE TABLE IF NOT EXISTS server_schema (version INTEGER NOT NULL) STRICT")?;
    let current = session.first("SELECT version FROM server_schema", [], |row| row.get(0))?;
    let is_new = current.is_none();
    let current = unsigned("server_schema.version", current.unwrap_or(0))?;
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    if current > known {
        return Err(NewerSchema { current, known }.into());
    }
    for step in steps
        .iter()
        .skip(usize::try_from(current).unwrap_or(usize::MAX))
    {
        session.batch(step)?;
    }
    let set = if is_new {
        "INSERT INTO server_schema (version) VALUES (?1)"
    } else {
        "UPDATE server_schema SET version = ?1"
    };
    let known: i64 = integer("server_schema.version", known)?;
    session.execute(set, [known])?;
    Ok(())
}

fn rows(session: &Session<'_>, statement: &Statement) -> Result<Vec<Row>, Failure> {
    // In SQLite, `$1` is a name and `?1` is a position.
    let sql = statement.sql.replace('$', "?");
    let params = params_from_iter(statement.values.iter());
    session.all(&sql, params, |row| {
        let count = row.as_ref().column_count();
        let columns = (0..count).map(|index| {
            Ok(match row.get_ref(index)? {
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Column::Null,
                ValueRef::Integer(value) => Column::Integer(value),
                ValueRef::Text(text) => Column::Text(String::from_utf8_lossy(text).into_owned()),
            })
        });
        Ok(Row::new(columns.collect::<rusqlite::Result<_>>()?))
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(Some(value)) => ToSqlOutput::from(*value),
            Self::Text(Some(value)) => ToSqlOutput::from(value.as_str()),
            Self::Integer(None) | Self::Text(None) => ToSqlOutput::Owned(SqlValue::Null),
        })
    }
}
