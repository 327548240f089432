//! Finds what is wrong with a store.

use rusqlite::{Connection, Row};

use super::books::exchange_row;
use super::failure::Failure;
use super::payments::{event_row, payment_row};
use super::session::Session;
use crate::migrations;
use crate::record::{ExchangeRow, PaymentRow};
use crate::report::CheckReport;
use crate::rules::{MAX_PROBLEMS, PART, Problems, RULES, select_events};

/// Checks everything. The session has a transaction.
pub(super) fn report(session: &Session<'_>, version: u32) -> Result<CheckReport, Failure> {
    let mut problems = Problems::default();
    file(session, &mut problems)?;
    // The rows of a corrupt file cannot be trusted to be read.
    if problems.0.is_empty() {
        schema(session, &mut problems)?;
    }
    if problems.0.is_empty() {
        rows(session, &mut problems)?;
    }
    let count = |what: &str| -> Result<u64, Failure> {
        let count = session.first(&format!("SELECT count(*) FROM {what}"), [], |row| {
            row.get::<_, i64>(0)
        })?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    };
    let is_readable = problems.0.is_empty();
    let count = |what| {
        if is_readable {
            count(what)
        } else {
            Ok(count(what).unwrap_or(0))
        }
    };
    Ok(CheckReport {
        version,
        registrations: count("registrations")?,
        payments: count("payments")?,
        open: count("payments WHERE status = 'open'")?,
        events: count("events")?,
        exchanges: count("exchanges")?,
        problems: problems.0,
    })
}

/// Checks the pages and the indexes of the file.
fn file(session: &Session<'_>, problems: &mut Problems) -> Result<(), Failure> {
    let sql = format!("PRAGMA integrity_check({MAX_PROBLEMS})");
    let lines = match session.all(&sql, [], |row| row.get::<_, String>(0)) {
        Ok(lines) => lines,
        Err(Failure::Sqlite(error)) => vec![error.to_string()],
        Err(failure) => return Err(failure),
    };
    for line in lines.into_iter().filter(|line| line != "ok") {
        problems.add(format!("the file is corrupt: {line:?}"));
    }
    Ok(())
}

/// Compares the schema with the one of a new store.
fn schema(session: &Session<'_>, problems: &mut Problems) -> Result<(), Failure> {
    const OBJECTS: &str = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema \
        WHERE name NOT LIKE 'sqlite_stat%' AND tbl_name NOT LIKE 'server\\_%' ESCAPE '\\' ORDER BY 1";
    let new = Connection::open_in_memory()?;
    for migration in migrations::SQLITE {
        new.execute_batch(migration.sql)?;
    }
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let mut expected = new.prepare(OBJECTS)?;
    let expected: Vec<_> = expected.query_map([], read)?.collect::<Result<_, _>>()?;
    let found = session.all(OBJECTS, [], read)?;
    for (name, _) in expected.iter().filter(|object| !found.contains(object)) {
        problems.add(format!(
            "the schema is wrong: {name:?} is missing or different"
        ));
    }
    for (name, _) in found.iter().filter(|object| !expected.contains(object)) {
        problems.add(format!(
            "the schema is wrong: {name:?} was added or changed"
        ));
    }
    let broken = session.all("PRAGMA foreign_key_check", [], |row| {
        row.get::<_, String>(0)
    })?;
    for table in broken {
        problems.add(format!("a row of {table} belongs to no registration"));
    }
    Ok(())
}

/// Reads all rows, and checks the rules between them.
fn rows(session: &Session<'_>, problems: &mut Problems) -> Result<(), Failure> {
    for (rule, sql) in RULES {
        for row in session.all(sql, [], |row| row.get::<_, String>(0))? {
            problems.rule(rule, &row);
        }
    }
    let registrations = session.all(
        "SELECT id, last_result, quota_usage, list_status FROM registrations",
        [],
        |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?])),
    )?;
    for (id, columns) in registrations {
        let columns: [Option<String>; 3] = columns;
        problems.registration(id, columns.each_ref().map(Option::as_deref));
    }
    let payments = format!(
        "SELECT {}, status, settled_hash FROM payments",
        PaymentRow::COLUMNS
    );
    let read = |row: &Row<'_>| {
        let (status, hash): (String, Option<String>) =
            (row.get("status")?, row.get("settled_hash")?);
        Ok((payment_row(row)?, status, hash))
    };
    in_parts(session, &payments, read, |(row, status, hash)| {
        let id = row.id;
        problems.payment(row, &status, hash.as_deref());
        id
    })?;
    let commands = session.all("SELECT id, command, result FROM commands", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    for (id, command, result) in commands {
        let (command, result): (String, Option<String>) = (command, result);
        problems.command(id, &command, result.as_deref());
    }
    for row in session.all(&select_events(), [], event_row)? {
        problems.event(row);
    }
    let exchanges = format!("SELECT {} FROM exchanges", ExchangeRow::COLUMNS);
    in_parts(session, &exchanges, exchange_row, |row| {
        let id = row.id;
        problems.exchange(row);
        id
    })
}

/// Reads a table in parts, because it can have millions of rows. `visit` returns the id of a row.
fn in_parts<T>(
    session: &Session<'_>,
    select: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(T) -> i64,
) -> Result<(), Failure> {
    let sql = format!("{select} WHERE id > ?1 ORDER BY id LIMIT {PART}");
    let mut last = Some(0);
    while let Some(after) = last {
        let rows = session.all(&sql, [after], &read)?;
        last = rows.into_iter().map(&mut visit).last();
    }
    Ok(())
}
