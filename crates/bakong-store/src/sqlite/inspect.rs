//! Finds what is wrong with a store.

use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Command, CommandResult, Committed};
use bakong_flow::tracker::ListStatus;
use rusqlite::Connection;

use super::books::exchange_row;
use super::failure::Failure;
use super::payments::{event_row, payment_row};
use super::session::Session;
use crate::migrations;
use crate::record::{Corrupt, EventRow, ExchangeRow, PaymentRow, from_json, from_json_option};
use crate::report::CheckReport;
use crate::rules::{MAX_PROBLEMS, RULES, payment_problems};

/// Checks everything. The session has a transaction.
pub(super) fn report(session: &Session<'_>, version: u32) -> Result<CheckReport, Failure> {
    let mut problems = Problems::default();
    problems.file(session)?;
    // The rows of a corrupt file cannot be trusted to be read.
    if problems.0.is_empty() {
        problems.schema(session)?;
    }
    if problems.0.is_empty() {
        problems.rows(session)?;
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

    /// Checks the pages and the indexes of the file.
    fn file(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let sql = format!("PRAGMA integrity_check({MAX_PROBLEMS})");
        let lines = match session.all(&sql, [], |row| row.get::<_, String>(0)) {
            Ok(lines) => lines,
            Err(Failure::Sqlite(error)) => vec![error.to_string()],
            Err(failure) => return Err(failure),
        };
        for line in lines.into_iter().filter(|line| line != "ok") {
            self.add(format!("the file is corrupt: {line:?}"));
        }
        Ok(())
    }

    /// Compares the schema with the one of a new store.
    fn schema(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        const OBJECTS: &str = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema \
            WHERE name NOT LIKE 'sqlite_stat%' AND tbl_name NOT LIKE 'server\\_%' ESCAPE '\\' ORDER BY 1";
        let new = Connection::open_in_memory()?;
        for migration in migrations::SQLITE {
            new.execute_batch(migration.sql)?;
        }
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let mut expected = new.prepare(OBJECTS)?;
        let expected: Vec<_> = expected.query_map([], read)?.collect::<Result<_, _>>()?;
        let found = session.all(OBJECTS, [], read)?;
        for (name, _) in expected.iter().filter(|object| !found.contains(object)) {
            self.add(format!(
                "the schema is wrong: {name:?} is missing or different"
            ));
        }
        for (name, _) in found.iter().filter(|object| !expected.contains(object)) {
            self.add(format!(
                "the schema is wrong: {name:?} was added or changed"
            ));
        }
        let broken = session.all("PRAGMA foreign_key_check", [], |row| {
            row.get::<_, String>(0)
        })?;
        for table in broken {
            self.add(format!("a row of {table} belongs to no registration"));
        }
        Ok(())
    }

    /// Reads all rows, and checks the rules between them.
    fn rows(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        for (rule, sql) in RULES {
            for row in session.all(sql, [], |row| row.get::<_, String>(0))? {
                self.add(format!("{row}: {rule}"));
            }
        }
        self.registrations(session)?;
        self.payments(session)?;
        self.commands(session)?;
        let sql = format!(
            "SELECT {} FROM {} WHERE e.kind = 'paid_again'",
            EventRow::COLUMNS,
            EventRow::FROM
        );
        for row in session.all(&sql, [], event_row)? {
            let id = row.id;
            self.add_unreadable("events", id, row.read().map(drop));
        }
        let sql = format!("SELECT {} FROM exchanges", ExchangeRow::COLUMNS);
        for row in session.all(&sql, [], exchange_row)? {
            let id = row.id;
            self.add_unreadable("exchanges", id, row.read().map(drop));
        }
        Ok(())
    }

    fn registrations(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let rows = session.all(
            "SELECT id, last_result, quota_usage, list_status FROM registrations",
            [],
            |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?])),
        )?;
        for (id, columns) in rows {
            let [result, usage, lists]: [Option<String>; 3] = columns;
            let read = || -> Result<(), Corrupt> {
                let result = result.as_deref();
                from_json_option::<Committed>("registrations.last_result", result)?;
                let usage = usage.as_deref();
                from_json_option::<WindowUsage>("registrations.quota_usage", usage)?;
                let lists = lists.as_deref();
                from_json_option::<ListStatus>("registrations.list_status", lists)?;
                Ok(())
            };
            self.add_unreadable("registrations", id, read());
        }
        Ok(())
    }

    fn payments(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        // In parts, because a store can have millions of payments.
        const PART: i64 = 10_000;
        let sql = format!(
            "SELECT {}, status, settled_hash FROM payments WHERE id > ?1 ORDER BY id LIMIT {PART}",
            PaymentRow::COLUMNS
        );
        let mut last = 0;
        loop {
            let rows = session.all(&sql, [last], |row| {
                let status: String = row.get("status")?;
                let hash: Option<String> = row.get("settled_hash")?;
                Ok((payment_row(row)?, status, hash))
            })?;
            let Some((row, ..)) = rows.last() else {
                return Ok(());
            };
            last = row.id;
            for (row, status, hash) in rows {
                let id = row.id;
                match row.read() {
                    Ok(stored) => {
                        for problem in payment_problems(&stored, &status, hash.as_deref()) {
                            self.add(format!("payments {id}: {problem}"));
                        }
                    }
                    Err(corrupt) => self.add(format!("payments {id}: {corrupt}")),
                }
            }
        }
    }

    fn commands(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let rows = session.all("SELECT id, command, result FROM commands", [], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?,
            ))
        })?;
        for (id, command, result) in rows {
            let read = || -> Result<(), Corrupt> {
                from_json::<Command>("commands.command", &command)?;
                from_json_option::<CommandResult>("commands.result", result.as_deref())?;
                Ok(())
            };
            self.add_unreadable("commands", id, read());
        }
        Ok(())
    }
}
