//! The lease, by the clock of the database. All processes are on one machine, so this is the machine's clock.

use bakong_flow::store::{Acquired, Epoch};
use rusqlite::params;

use super::batch::missing_registration;
use super::failure::Failure;
use super::session::Session;
use crate::record::{LeaseRow, integer, unsigned};

/// The current time in milliseconds, as SQL.
pub(super) const NOW: &str = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)";

/// Acquires the lease for `term` milliseconds if it is free.
pub(super) fn acquire(
    session: &Session<'_>,
    registration: i64,
    worker: &str,
    term: i64,
) -> Result<Acquired, Failure> {
    let row = session.first(
        &format!("SELECT owner, expires_at, term, {NOW}, epoch FROM registrations WHERE id = ?1"),
        [registration],
        |row| {
            let lease = LeaseRow {
                owner: row.get(0)?,
                expires_at: row.get(1)?,
                term: row.get(2)?,
                now: row.get(3)?,
            };
            Ok((lease, row.get::<_, i64>(4)?))
        },
    )?;
    let (lease, epoch) = row.ok_or_else(missing_registration)?;
    if let Some(expires_in) = lease.held_by_other(worker) {
        return Ok(Acquired::Follower { expires_in });
    }
    let epoch = epoch.saturating_add(1);
    session.execute(
        "UPDATE registrations SET owner = ?2, epoch = ?3, expires_at = ?4, term = ?5, last_sequence = 0, \
         last_result = NULL WHERE id = ?1",
        params![
            registration,
            worker,
            epoch,
            lease.now.saturating_add(term),
            term
        ],
    )?;
    Ok(Acquired::Leader(Epoch::new(unsigned(
        "registrations.epoch",
        epoch,
    )?)))
}

/// Extends the lease of `epoch`.
pub(super) fn renew(
    session: &Session<'_>,
    registration: i64,
    epoch: Epoch,
    term: i64,
) -> Result<(), Failure> {
    let updated = session.execute(
        &format!(
            "UPDATE registrations SET expires_at = {NOW} + ?3, term = ?3 WHERE id = ?1 AND epoch = ?2"
        ),
        params![registration, column(epoch)?, term],
    )?;
    if updated == 1 {
        Ok(())
    } else {
        Err(Failure::Fenced)
    }
}

/// Releases the lease of `epoch`, if it is current.
pub(super) fn release(
    session: &Session<'_>,
    registration: i64,
    epoch: Epoch,
) -> Result<(), Failure> {
    session.execute(
        "UPDATE registrations SET owner = NULL, expires_at = NULL WHERE id = ?1 AND epoch = ?2",
        params![registration, column(epoch)?],
    )?;
    Ok(())
}

fn column(epoch: Epoch) -> Result<i64, Failure> {
    Ok(integer("registrations.epoch", epoch.get())?)
}
