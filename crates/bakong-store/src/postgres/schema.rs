//! The schema `bakong` of the database: its version and its migrations.

#[cfg(test)]
mod tests;

use bakong_flow::store::StoreErrorKind;

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::rows::{Columns, first};
use super::statement::Statement;
use crate::migrations::{self, Migration, NewerSchema};
use crate::record::{integer, unsigned};
use crate::report::Migrated;

/// The key of the lock under which a program migrates: "bakongst" in ASCII.
const LOCK: i64 = 0x6261_6b6f_6e67_7374;

/// What a server says about itself and the schema.
#[derive(Debug)]
pub(super) struct State {
    /// The version of the schema; 0 if there is none.
    pub(super) version: u32,
    pub(super) is_replica: bool,
    /// Whether the server waits for its disk.
    pub(super) has_fsync: bool,
}

/// Returns the version of the schema that this program knows.
pub(super) fn current() -> i64 {
    i64::from(migrations::newest(migrations::POSTGRES))
}

/// Fails unless `version` is the one that this program knows.
pub(super) fn require_current(version: i64) -> Result<(), Failure> {
    let version = unsigned("schema_version.version", version)?;
    let known = migrations::newest(migrations::POSTGRES);
    if version > known {
        let current = version;
        return Err(NewerSchema { current, known }.into());
    }
    if version < known {
        return Err(Failure::fatal(format!(
            "its schema has version {version}, older than version {known} of this program. Run `bakong store migrate`"
        )));
    }
    Ok(())
}

/// Reads the state. Creates nothing.
pub(super) async fn state(connections: &Connections) -> Result<State, Failure> {
    let statement = Statement::new(
        "SELECT pg_is_in_recovery(), current_setting('fsync') = 'on', \
         EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'schema_version'), \
         EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid), \
         coalesce(has_schema_privilege(n.oid, 'USAGE'), TRUE) \
         FROM (SELECT) one LEFT JOIN pg_namespace n ON n.nspname = 'bakong'",
    );
    let rows = connections.run(Mode::Read, &[statement]).await?;
    let row = rows.first().and_then(|rows| rows.first());
    let row = row.ok_or_else(|| Failure::fatal("the server returned no row"))?;
    let mut columns = Columns::new(row);
    let is_replica = columns.read()?;
    let has_fsync = columns.read()?;
    let has_version: bool = columns.read()?;
    let has_tables: bool = columns.read()?;
    let may_use: bool = columns.read()?;
    if !may_use {
        return Err(Failure::fatal(
            "the user may not use the schema bakong. Let its owner run: GRANT USAGE ON SCHEMA bakong TO the user; GRANT ALL ON ALL TABLES IN SCHEMA bakong TO the user",
        ));
    }
    if has_tables && !has_version {
        return Err(Failure::fatal(
            "its schema bakong belongs to another program. Choose another database",
        ));
    }
    let version = if has_version {
        let statement = Statement::new("SELECT version FROM schema_version");
        let rows = connections.run(Mode::Read, &[statement]).await?;
        let version: Option<i64> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
        let version = version
            .ok_or_else(|| Failure::fatal("the table schema_version is empty. Restore a backup"))?;
        unsigned("schema_version.version", version)?
    } else {
        0
    };
    Ok(State {
        version,
        is_replica,
        has_fsync,
    })
}

/// Creates or migrates the schema if needed.
pub(super) async fn prepare(
    connections: &Connections,
    all: &'static [Migration],
) -> Result<Migrated, Failure> {
    let state = state(connections).await?;
    if migrations::missing(all, state.version)?.is_empty() {
        return Ok(Migrated {
            from: state.version,
            to: state.version,
        });
    }
    if state.is_replica {
        return Err(Failure::Unusable(
            StoreErrorKind::Fatal,
            "the server is a read-only replica, and the schema must be created or migrated. Connect to the primary".into(),
        ));
    }
    migrate(connections, all).await
}

/// Applies the missing migrations in one transaction. Programs that do this at the same time wait for each other.
async fn migrate(
    connections: &Connections,
    all: &'static [Migration],
) -> Result<Migrated, Failure> {
    // The lock ends with the transaction, so that a pool cannot keep it.
    let lock = Statement::new("SELECT pg_advisory_xact_lock($1)").with(LOCK);
    let (session, _) = connections.begin(Mode::Migrate, &[lock]).await?;
    let setup = "CREATE SCHEMA IF NOT EXISTS bakong; \
        CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    // `CREATE SCHEMA IF NOT EXISTS` needs a permission even if the schema exists.
    let exists = Statement::new("SELECT to_regclass('schema_version') IS NOT NULL");
    let rows = session.execute(&[exists]).await?;
    if first(&rows[0])? != Some(true) {
        session.batch(setup).await?;
    }
    let select = Statement::new("SELECT version FROM schema_version");
    let rows = session.execute(&[select]).await?;
    let from: Option<i64> = first(&rows[0])?;
    let is_new = from.is_none();
    let from = unsigned("schema_version.version", from.unwrap_or(0))?;
    let missing = migrations::missing(all, from)?;
    for migration in missing {
        session.batch(migration.sql).await?;
    }
    let to = migrations::newest(all);
    let set = Statement::new(if is_new {
        "INSERT INTO schema_version (version) VALUES ($1)"
    } else {
        "UPDATE schema_version SET version = $1"
    });
    let set = set.with(integer("schema_version.version", to)?);
    session.commit(&[set]).await?;
    Ok(Migrated { from, to })
}
