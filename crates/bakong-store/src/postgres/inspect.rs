//! Finds what is wrong with a store.

use std::collections::BTreeSet;

use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Command, CommandResult, Committed};
use bakong_flow::tracker::ListStatus;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::connection::{Connections, Mode, Session};
use super::failure::Failure;
use super::rows::{Columns, event_row, exchange_row, first, payment_row};
use super::schema;
use super::statement::Statement;
use crate::migrations;
use crate::record::{Corrupt, EventRow, ExchangeRow, PaymentRow, from_json, from_json_option};
use crate::report::CheckReport;
use crate::rules::{MAX_PROBLEMS, RULES, payment_problems};

/// How many rows to read at once.
const PART: i64 = 10_000;

/// Checks everything.
pub(super) async fn report(connections: &Connections) -> Result<CheckReport, Failure> {
    let state = schema::state(connections).await?;
    migrations::missing(migrations::POSTGRES, state.version)?;
    if state.version == 0 {
        return Err(Failure::fatal(
            "it has no store. Run `bakong store migrate` to create one",
        ));
    }
    let mut problems = Problems::default();
    if !state.has_fsync {
        problems.add("the server does not wait for its disk: a loss of power can corrupt the store. Set fsync = on".into());
    }
    if !state.is_replica && state.version == migrations::newest(migrations::POSTGRES) {
        problems.schema(connections).await?;
    }
    let has_schema = problems
        .0
        .iter()
        .all(|problem| !problem.contains("schema is wrong"));
    let (session, _) = connections.begin(Mode::Report, &[]).await?;
    let session = Reader(session);
    if has_schema {
        problems.rows(&session).await?;
    }
    let report = CheckReport {
        version: state.version,
        registrations: session.count("registrations").await?,
        payments: session.count("payments").await?,
        open: session.count("payments WHERE status = 'open'").await?,
        events: session.count("events").await?,
        exchanges: session.count("exchanges").await?,
        problems: problems.0,
    };
    session.0.roll_back().await?;
    Ok(report)
}

/// Reads the state of one moment.
struct Reader(Session);

impl Reader {
    async fn all(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.select(Statement::new(sql)).await
    }

    async fn select(&self, statement: Statement<'_>) -> Result<Vec<Row>, Failure> {
        let rows = self.0.execute(&[statement]).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    async fn count(&self, what: &str) -> Result<u64, Failure> {
        let rows = self.all(&format!("SELECT count(*) FROM {what}")).await?;
        let count: Option<i64> = first(&rows)?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(problem);
        }
    }

    /// Adds a row that cannot be read.
    fn add_unreadable(&mut self, table: &str, id: i64, result: Result<(), Corrupt>) {
        if let Err(corrupt) = result {
            self.add(format!("{table} {id}: {corrupt}"));
        }
    }

    /// Compares the schema with a new one, which is created in a transaction that is rolled back.
    async fn schema(&mut self, connections: &Connections) -> Result<(), Failure> {
        let (session, _) = connections.begin(Mode::Migrate, &[]).await?;
        session
            .batch("CREATE SCHEMA bakong_check; SET LOCAL search_path = bakong_check, pg_temp")
            .await?;
        for migration in migrations::POSTGRES {
            session.batch(migration.sql).await?;
        }
        let objects = async |schema: &'static str| {
            let rows = session
                .execute(&[Statement::new(OBJECTS).with(schema)])
                .await?;
            let names = rows.iter().flatten().map(|row| Columns::new(row).read());
            names.collect::<Result<BTreeSet<String>, _>>()
        };
        let (expected, found) = (objects("bakong_check").await?, objects("bakong").await?);
        session.roll_back().await?;
        for object in expected.difference(&found) {
            self.add(format!(
                "the schema is wrong: {object:?} is missing or different"
            ));
        }
        Ok(())
    }

    /// Reads all rows, and checks the rules between them.
    async fn rows(&mut self, session: &Reader) -> Result<(), Failure> {
        for (rule, sql) in RULES {
            for row in session.all(sql).await? {
                let row: String = Columns::new(&row).read()?;
                self.add(format!("{row}: {rule}"));
            }
        }
        for table in ["payments", "events", "consumers", "commands", "exchanges"] {
            let rows = session
                .count(&format!(
                    "{table} t WHERE NOT EXISTS (SELECT FROM registrations r WHERE r.id = t.registration)"
                ))
                .await?;
            if rows > 0 {
                self.add(format!("{rows} rows of {table} belong to no registration"));
            }
        }
        self.registrations(session).await?;
        self.payments(session).await?;
        self.commands(session).await?;
        let sql = format!(
            "SELECT {} FROM {} WHERE e.kind = 'paid_again'",
            EventRow::COLUMNS,
            EventRow::FROM
        );
        for row in session.all(&sql).await? {
            let row = event_row(&row)?;
            let id = row.id;
            self.add_unreadable("events", id, row.read().map(drop));
        }
        self.exchanges(session).await
    }

    async fn registrations(&mut self, session: &Reader) -> Result<(), Failure> {
        let sql = "SELECT id, last_result, quota_usage, list_status FROM registrations";
        for row in session.all(sql).await? {
            let mut columns = Columns::new(&row);
            let id = columns.read()?;
            let [result, usage, lists]: [Option<&str>; 3] =
                [columns.read()?, columns.read()?, columns.read()?];
            let read = || -> Result<(), Corrupt> {
                from_json_option::<Committed>("registrations.last_result", result)?;
                from_json_option::<WindowUsage>("registrations.quota_usage", usage)?;
                from_json_option::<ListStatus>("registrations.list_status", lists)?;
                Ok(())
            };
            self.add_unreadable("registrations", id, read());
        }
        Ok(())
    }

    async fn payments(&mut self, session: &Reader) -> Result<(), Failure> {
        let sql = format!(
            "SELECT {}, status, settled_hash FROM payments WHERE id > $1 ORDER BY id LIMIT {PART}",
            PaymentRow::COLUMNS
        );
        let mut last = 0;
        loop {
            let rows = session.select(Statement::new(&*sql).with(last)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let status: &str = named(row, "status")?;
                let hash: Option<&str> = named(row, "settled_hash")?;
                let payment = payment_row(row)?;
                let id = payment.id;
                last = id;
                match payment.read() {
                    Ok(stored) => {
                        for problem in payment_problems(&stored, status, hash) {
                            self.add(format!("payments {id}: {problem}"));
                        }
                    }
                    Err(corrupt) => self.add(format!("payments {id}: {corrupt}")),
                }
            }
        }
    }

    async fn commands(&mut self, session: &Reader) -> Result<(), Failure> {
        for row in session
            .all("SELECT id, command, result FROM commands")
            .await?
        {
            let mut columns = Columns::new(&row);
            let id = columns.read()?;
            let (command, result): (&str, Option<&str>) = (columns.read()?, columns.read()?);
            let read = || -> Result<(), Corrupt> {
                from_json::<Command>("commands.command", command)?;
                from_json_option::<CommandResult>("commands.result", result)?;
                Ok(())
            };
            self.add_unreadable("commands", id, read());
        }
        Ok(())
    }

    async fn exchanges(&mut self, session: &Reader) -> Result<(), Failure> {
        let sql = format!(
            "SELECT {} FROM exchanges WHERE id > $1 ORDER BY id LIMIT {PART}",
            ExchangeRow::COLUMNS
        );
        let mut last = 0;
        loop {
            let rows = session.select(Statement::new(&*sql).with(last)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let row = exchange_row(row)?;
                last = row.id;
                self.add_unreadable("exchanges", last, row.read().map(drop));
            }
        }
    }
}

fn named<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, Failure> {
    Ok(row.try_get(column)?)
}

/// Returns the columns, indexes and constraints of a schema as texts, without the name of the schema. The version table
/// is not part of a migration.
const OBJECTS: &str = "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || \
    format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || a.attidentity::text || \
    coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') \
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' AND left(c.relname, 7) <> 'server_' AND a.attnum > 0 AND NOT a.attisdropped \
    UNION ALL \
    SELECT 'index ' || replace(pg_get_indexdef(i.indexrelid), $1 || '.', '') FROM pg_index i \
    JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = to_regnamespace($1) AND i.indisvalid \
    AND left(c.relname, 7) <> 'server_' \
    UNION ALL \
    SELECT 'constraint of ' || c.relname || ': ' || replace(pg_get_constraintdef(k.oid), $1 || '.', '') \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
    WHERE c.relnamespace = to_regnamespace($1) AND k.contype <> 'n' AND left(c.relname, 7) <> 'server_'";
