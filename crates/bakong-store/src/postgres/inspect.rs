//! Finds what is wrong with a store.

use std::collections::BTreeSet;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::connection::{Connections, Mode, Session};
use super::failure::Failure;
use super::rows::{Columns, event_row, exchange_row, first, payment_row};
use super::schema;
use super::statement::Statement;
use crate::migrations;
use crate::record::{ExchangeRow, PaymentRow};
use crate::report::CheckReport;
use crate::rules::{PART, Problems, RULES, select_events};

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
        schema_problems(connections, &mut problems).await?;
    }
    let has_schema = problems
        .0
        .iter()
        .all(|problem| !problem.contains("schema is wrong"));
    let (session, _) = connections.begin(Mode::Report, &[]).await?;
    let session = Reader(session);
    if has_schema {
        rows(&session, &mut problems).await?;
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

    /// Reads a table in parts, because it can have millions of rows. `visit` returns the id of a row.
    async fn in_parts(
        &self,
        select: &str,
        mut visit: impl FnMut(&Row) -> Result<i64, Failure>,
    ) -> Result<(), Failure> {
        let sql = format!("{select} WHERE id > $1 ORDER BY id LIMIT {PART}");
        let mut last = Some(0);
        while let Some(after) = last {
            let rows = self.select(Statement::new(&*sql).with(after)).await?;
            last = None;
            for row in &rows {
                last = Some(visit(row)?);
            }
        }
        Ok(())
    }

    async fn count(&self, what: &str) -> Result<u64, Failure> {
        let rows = self.all(&format!("SELECT count(*) FROM {what}")).await?;
        let count: Option<i64> = first(&rows)?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }
}

/// Compares the schema with a new one, which is created in a transaction that is rolled back.
async fn schema_problems(
    connections: &Connections,
    problems: &mut Problems,
) -> Result<(), Failure> {
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
        problems.add(format!(
            "the schema is wrong: {object:?} is missing or different"
        ));
    }
    Ok(())
}

/// Reads all rows, and checks the rules between them.
async fn rows(session: &Reader, problems: &mut Problems) -> Result<(), Failure> {
    for (rule, sql) in RULES {
        for row in session.all(sql).await? {
            problems.rule(rule, Columns::new(&row).read()?);
        }
    }
    for table in ["payments", "events", "consumers", "commands", "exchanges"] {
        let orphans = format!(
            "{table} t WHERE NOT EXISTS (SELECT FROM registrations r WHERE r.id = t.registration)"
        );
        let orphans = session.count(&orphans).await?;
        if orphans > 0 {
            problems.add(format!(
                "{orphans} rows of {table} belong to no registration"
            ));
        }
    }
    let registrations = "SELECT id, last_result, quota_usage, list_status FROM registrations";
    for row in session.all(registrations).await? {
        let mut columns = Columns::new(&row);
        let id = columns.read()?;
        problems.registration(id, [columns.read()?, columns.read()?, columns.read()?]);
    }
    let payments = format!(
        "SELECT {}, status, settled_hash FROM payments",
        PaymentRow::COLUMNS
    );
    let payment = |row: &Row| {
        let payment = payment_row(row)?;
        let id = payment.id;
        problems.payment(payment, named(row, "status")?, named(row, "settled_hash")?);
        Ok(id)
    };
    session.in_parts(&payments, payment).await?;
    for row in session
        .all("SELECT id, command, result FROM commands")
        .await?
    {
        let mut columns = Columns::new(&row);
        problems.command(columns.read()?, columns.read()?, columns.read()?);
    }
    for row in session.all(&select_events()).await? {
        problems.event(event_row(&row)?);
    }
    let exchanges = format!("SELECT {} FROM exchanges", ExchangeRow::COLUMNS);
    let exchange = |row: &Row| {
        let exchange = exchange_row(row)?;
        let id = exchange.id;
        problems.exchange(exchange);
        Ok(id)
    };
    session.in_parts(&exchanges, exchange).await
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
    WHERE c.relnamespace = to_regnamespace($1) AND k.contype <> 'n' AND left(c.relname, 7) <> 'server_' \
    UNION ALL \
    SELECT 'function ' || proname || ' (' || md5(pg_get_function_arguments(oid) || prosrc) || ')' FROM pg_proc \
    WHERE pronamespace = to_regnamespace($1)";
