//! The lease, by the clock of the server.
//!
//! All of this uses the connection that is reserved for leases, or another one if that is free first. So neither a pool that
//! is in use nor the locked row of one registration delays the leases of the others.
//!
//! No transaction waits for the worker while it decides: it reads the row, and then updates the row if the lease is still
//! the one that was read.

use bakong_flow::store::{Acquired, Epoch};

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::head::missing_registration;
use super::rows::{Columns, first};
use super::schema;
use super::statement::Statement;
use crate::record::{LeaseRow, integer, unsigned};

/// The current time in milliseconds, as SQL.
pub(super) const NOW: &str = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Acquires the lease for `term` milliseconds if it is free.
pub(super) async fn acquire(
    reserved: &Connections,
    connections: &Connections,
    registration: i64,
    worker: &str,
    term: i64,
) -> Result<Acquired, Failure> {
    let sql = format!(
        "SELECT r.owner, r.expires_at, r.term, {NOW}, r.epoch, v.version FROM registrations r \
         CROSS JOIN schema_version v WHERE r.id = $1"
    );
    let update = format!(
        "UPDATE registrations SET owner = $2, epoch = epoch + 1, expires_at = {NOW} + $3, term = $3, \
         last_sequence = 0, last_result = NULL WHERE id = $1 AND epoch = $4 AND owner IS NOT DISTINCT FROM $5 \
         AND expires_at IS NOT DISTINCT FROM $6 RETURNING epoch"
    );
    // Another worker can be faster, or the leader can extend its lease. Each makes the next read answer "held".
    for _ in 0..8 {
        let select = Statement::new(&*sql).with(registration);
        let rows = reserved
            .run_on_first(connections, Mode::Read, &[select])
            .await?;
        let row = rows.first().and_then(|rows| rows.first());
        let mut columns = Columns::new(row.ok_or_else(missing_registration)?);
        let lease = LeaseRow {
            owner: columns.read()?,
            expires_at: columns.read()?,
            term: columns.read()?,
            now: columns.read()?,
        };
        let epoch: i64 = columns.read()?;
        schema::require_current(columns.read()?)?;
        if let Some(expires_in) = lease.held_by_other(worker) {
            return Ok(Acquired::Follower { expires_in });
        }
        let take = Statement::new(&*update)
            .with(registration)
            .with(worker.to_owned())
            .with(term)
            .with(epoch)
            .with(lease.owner)
            .with(lease.expires_at);
        let rows = reserved
            .run_on_first(connections, Mode::Write, &[take])
            .await?;
        let epoch: Option<i64> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
        if let Some(epoch) = epoch {
            let epoch = unsigned("registrations.epoch", epoch)?;
            return Ok(Acquired::Leader(Epoch::new(epoch)));
        }
    }
    Err(Failure::Unusable(
        bakong_flow::store::StoreErrorKind::Transient,
        "the lease changes all the time. The program tries again".into(),
    ))
}

/// Extends the lease of `epoch`.
///
/// A crash of the server may undo this. Then the lease ends earlier, and the epoch fences its owner, as usual.
pub(super) async fn renew(
    reserved: &Connections,
    connections: &Connections,
    registration: i64,
    epoch: Epoch,
    term: i64,
) -> Result<(), Failure> {
    let renew = Statement::new(format!(
        "UPDATE registrations SET expires_at = {NOW} + $3, term = $3 WHERE id = $1 AND epoch = $2 RETURNING id"
    ));
    let renew = renew.with(registration).with(column(epoch)?).with(term);
    let rows = reserved
        .run_on_first(connections, Mode::WriteAsync, &[renew])
        .await?;
    if rows.first().is_some_and(|rows| !rows.is_empty()) {
        Ok(())
    } else {
        Err(Failure::Fenced)
    }
}

/// Releases the lease of `epoch`, if it is current.
pub(super) async fn release(
    reserved: &Connections,
    connections: &Connections,
    registration: i64,
    epoch: Epoch,
) -> Result<(), Failure> {
    let release = Statement::new(
        "UPDATE registrations SET owner = NULL, expires_at = NULL WHERE id = $1 AND epoch = $2",
    );
    let release = release.with(registration).with(column(epoch)?);
    reserved
        .run_on_first(connections, Mode::WriteAsync, &[release])
        .await?;
    Ok(())
}

fn column(epoch: Epoch) -> Result<i64, Failure> {
    Ok(integer("registrations.epoch", epoch.get())?)
}
