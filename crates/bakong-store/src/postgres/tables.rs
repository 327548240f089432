//! Tables of another program in the schema `bakong`.

use async_trait::async_trait;
use bakong_flow::store::StoreError;
use tokio_postgres::types::Type;

use super::PostgresDatabase;
use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::rows::first;
use super::statement::Statement as Prepared;
use crate::migrations::NewerSchema;
use crate::record::{integer, unsigned};
use crate::tables::{Column, Rejection, Row, Statement, Tables, Value, Written};

/// The key of the lock under which a program changes its tables: "bakongsv" in ASCII.
const LOCK: i64 = 0x6261_6b6f_6e67_7376;

#[async_trait]
impl Tables for PostgresDatabase {
    async fn prepare(&self, steps: &'static [&'static str]) -> Result<(), StoreError> {
        let prepared = prepare(&self.0.connections, steps).await;
        prepared.map_err(|failure| failure.store_error(&self.0.place))
    }

    async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        let connections = &self.0.connections;
        match connections.limited(write(connections, &statements)).await {
            Err(failure) if failure.is_unique_violation() => Ok(Err(Rejection::Unique)),
            written => written.map_err(|failure| failure.store_error(&self.0.place)),
        }
    }

    async fn read(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let prepared: Vec<_> = statements.iter().map(prepared).collect();
        let rows = async {
            let rows = self.0.connections.run(Mode::Read, &prepared).await?;
            read_rows(&rows)
        };
        let rows: Result<_, Failure> = rows.await;
        rows.map_err(|failure| failure.store_error(&self.0.place))
    }

    async fn find(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let mut all = self.read(vec![statement]).await?;
        Ok(all.pop().unwrap_or_default())
    }

    fn version(&self) -> Option<u64> {
        None
    }
}

async fn write(connections: &Connections, statements: &[Statement]) -> Result<Written, Failure> {
    let prepared: Vec<_> = statements.iter().map(prepared).collect();
    if !statements.iter().any(|statement| statement.is_required) {
        let rows = connections.run(Mode::Write, &prepared).await?;
        return Ok(Ok(read_rows(&rows)?));
    }
    let (session, rows) = connections.begin(Mode::Write, &prepared).await?;
    let lacks_row =
        |(statement, rows): (&Statement, &Vec<_>)| statement.is_required && rows.is_empty();
    if let Some(index) = statements.iter().zip(&rows).position(lacks_row) {
        session.roll_back().await?;
        return Ok(Err(Rejection::NoRow(index)));
    }
    session.commit(&[]).await?;
    Ok(Ok(read_rows(&rows)?))
}

async fn prepare(connections: &Connections, steps: &'static [&'static str]) -> Result<(), Failure> {
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let lock = Prepared::new("SELECT pg_advisory_xact_lock($1)").with(LOCK);
    let (session, _) = connections.begin(Mode::Migrate, &[lock]).await?;
    let exists = Prepared::new("SELECT to_regclass('server_schema') IS NOT NULL");
    let rows = session.execute(&[exists]).await?;
    if first(&rows[0])? != Some(true) {
        session
            .batch("CREATE TABLE server_schema (version BIGINT NOT NULL)")
            .await?;
    }
    let select = Prepared::new("SELECT version FROM server_schema");
    let rows = session.execute(&[select]).await?;
    let current: Option<i64> = first(&rows[0])?;
    let is_new = current.is_none();
    let current = unsigned("server_schema.version", current.unwrap_or(0))?;
    if current > known {
        session.roll_back().await?;
        return Err(NewerSchema { current, known }.into());
    }
    for step in steps
        .iter()
        .skip(usize::try_from(current).unwrap_or(usize::MAX))
    {
        session.batch(step).await?;
    }
    let set = Prepared::new(if is_new {
        "INSERT INTO server_schema (version) VALUES ($1)"
    } else {
        "UPDATE server_schema SET version = $1"
    });
    let version: i64 = integer("server_schema.version", known)?;
    session.commit(&[set.with(version)]).await?;
    Ok(())
}

fn prepared(statement: &Statement) -> Prepared<'_> {
    let mut prepared = Prepared::new(statement.sql);
    for value in &statement.values {
        match value {
            Value::Integer(value) => prepared.bind(*value),
            Value::Text(value) => prepared.bind(value.as_deref()),
        };
    }
    prepared
}

fn read_rows(all: &[Vec<tokio_postgres::Row>]) -> Result<Vec<Vec<Row>>, Failure> {
    let statements = all.iter().map(|rows| rows.iter().map(read_row).collect());
    statements.collect()
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let columns = row.columns().iter().enumerate().map(|(index, column)| {
        Ok(match *column.type_() {
            Type::INT8 => row
                .try_get::<_, Option<i64>>(index)?
                .map_or(Column::Null, Column::Integer),
            _ => row
                .try_get::<_, Option<String>>(index)?
                .map_or(Column::Null, Column::Text),
        })
    });
    Ok(Row::new(columns.collect::<Result<_, Failure>>()?))
}
