//! Commits a batch: checks its epoch and its number, applies the changes, stores the results and the exchanges.

use bakong_flow::Change;
use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::{
    Batch, Command, CommandId, CommandResult, Committed, Conflict, Epoch, Exchange, Rejected,
};
use rusqlite::params;

use super::changes::Changes;
use super::failure::Failure;
use super::session::Session;
use crate::record::{
    NewExchange, from_json, from_json_option, integer, result_to_store, to_json, unsigned,
    withdrawn_payment,
};

/// How many commands are kept, if all have a result.
const MAX_COMMANDS: i64 = 1_000;

/// A batch that the writer can own.
#[derive(Debug)]
pub(super) struct OwnedBatch {
    epoch: Epoch,
    sequence: u64,
    changes: Vec<Change>,
    results: Vec<(CommandId, CommandResult)>,
    exchanges: Vec<Exchange>,
}

impl From<&Batch<'_>> for OwnedBatch {
    fn from(batch: &Batch<'_>) -> Self {
        Self {
            epoch: batch.epoch,
            sequence: batch.sequence,
            changes: batch.changes.to_vec(),
            results: batch.results.to_vec(),
            exchanges: batch.exchanges.to_vec(),
        }
    }
}

impl OwnedBatch {
    fn as_batch(&self) -> Batch<'_> {
        Batch::new(self.epoch, self.sequence)
            .with_changes(&self.changes)
            .with_results(&self.results)
            .with_exchanges(&self.exchanges)
    }
}

/// The columns of `registrations` that a batch needs.
struct Head {
    epoch: i64,
    last_sequence: i64,
    last_result: Option<String>,
    last_event: i64,
    usage: Option<String>,
    lists: Option<String>,
}

impl Head {
    /// Returns the result of the last batch.
    fn last_committed(&self) -> Result<Committed, Failure> {
        let result = self.last_result.as_deref();
        let committed = from_json_option("registrations.last_result", result)?;
        Ok(committed.unwrap_or_default())
    }
}

/// Returns the number and the result of the last batch of the current epoch.
#[cfg(feature = "testing")]
pub(super) fn last(session: &Session<'_>, registration: i64) -> Result<(u64, Committed), Failure> {
    let head = head(session, registration)?;
    let sequence = unsigned("registrations.last_sequence", head.last_sequence)?;
    Ok((sequence, head.last_committed()?))
}

/// Commits `batch` for the registration with this id.
pub(super) fn commit(
    session: &Session<'_>,
    registration: i64,
    batch: &OwnedBatch,
) -> Result<Committed, Failure> {
    let batch = batch.as_batch();
    let head = head(session, registration)?;
    if unsigned::<u64>("registrations.epoch", head.epoch)? != batch.epoch.get() {
        return Err(Failure::Fenced);
    }
    let last: u64 = unsigned("registrations.last_sequence", head.last_sequence)?;
    if batch.sequence == last {
        return head.last_committed();
    }
    if batch.sequence != last.saturating_add(1) {
        let sequence = batch.sequence;
        return Err(Failure::Misuse(format!(
            "batch {sequence} does not follow batch {last}"
        )));
    }
    let commands = commands(session, registration, batch.results)?;
    let withdrawn: Vec<Md5Handle> = commands
        .iter()
        .filter_map(|command| withdrawn_payment(&command.command, command.stored))
        .collect();
    let usage = from_json_option("registrations.quota_usage", head.usage.as_deref())?;
    let mut changes = Changes::new(session, registration, head.last_event, usage);
    let mut rejected = Vec::new();
    for change in batch.changes {
        if let Change::Opened { payment, .. } = change
            && withdrawn.contains(&payment.md5)
        {
            rejected.push(Rejected::new(payment.md5, Conflict::Withdrawn));
        } else {
            rejected.extend(changes.apply(change)?);
        }
    }
    for command in &commands {
        if command.stored.is_none() {
            let result = result_to_store(&command.command, command.result, &batch, &rejected);
            store_result(session, registration, command.id, result)?;
        }
    }
    for exchange in batch.exchanges {
        insert_exchange(session, registration, exchange)?;
    }
    let committed = Committed::new(rejected);
    let lists = changes.lists.as_ref();
    let lists = lists.map(|lists| to_json("registrations.list_status", lists));
    let usage = changes.usage.as_ref();
    let usage = usage.map(|usage| to_json("registrations.quota_usage", usage));
    session.execute(
        "UPDATE registrations SET last_sequence = ?2, last_result = ?3, last_event = ?4, quota_usage = ?5, \
         list_status = ?6 WHERE id = ?1",
        params![
            registration,
            integer("registrations.last_sequence", batch.sequence)?,
            to_json("registrations.last_result", &committed)?,
            changes.last_event,
            usage.transpose()?,
            lists.transpose()?.or(head.lists),
        ],
    )?;
    if !commands.is_empty() {
        remove_answered_commands(session, registration)?;
    }
    Ok(committed)
}

fn head(session: &Session<'_>, registration: i64) -> Result<Head, Failure> {
    let head = session.first(
        "SELECT epoch, last_sequence, last_result, last_event, quota_usage, list_status FROM registrations \
         WHERE id = ?1",
        [registration],
        |row| {
            Ok(Head {
                epoch: row.get(0)?,
                last_sequence: row.get(1)?,
                last_result: row.get(2)?,
                last_event: row.get(3)?,
                usage: row.get(4)?,
                lists: row.get(5)?,
            })
        },
    )?;
    head.ok_or_else(missing_registration)
}

pub(super) fn missing_registration() -> Failure {
    Failure::NotAStore("the row of the registration was deleted. Restore a backup")
}

/// A command with a result in the batch.
struct AnsweredCommand {
    id: CommandId,
    command: Command,
    /// The result that is stored already.
    stored: Option<CommandResult>,
    /// The result of the batch.
    result: CommandResult,
}

fn commands(
    session: &Session<'_>,
    registration: i64,
    results: &[(CommandId, CommandResult)],
) -> Result<Vec<AnsweredCommand>, Failure> {
    let mut commands = Vec::new();
    for &(id, result) in results {
        let row = session.first(
            "SELECT command, result FROM commands WHERE id = ?1 AND registration = ?2",
            params![id.get(), registration],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)),
        )?;
        // An old command may have been removed.
        if let Some((command, stored)) = row {
            commands.push(AnsweredCommand {
                id,
                command: from_json("commands.command", &command)?,
                stored: from_json_option("commands.result", stored.as_deref())?,
                result,
            });
        }
    }
    Ok(commands)
}

fn store_result(
    session: &Session<'_>,
    registration: i64,
    id: CommandId,
    result: CommandResult,
) -> Result<(), Failure> {
    session.execute(
        "UPDATE commands SET result = ?3 WHERE id = ?1 AND registration = ?2 AND result IS NULL",
        params![id.get(), registration, to_json("commands.result", &result)?],
    )?;
    Ok(())
}

/// Removes old commands that have a result.
fn remove_answered_commands(session: &Session<'_>, registration: i64) -> Result<(), Failure> {
    session.execute(
        "DELETE FROM commands WHERE registration = ?1 AND result IS NOT NULL AND id <= \
         (SELECT id FROM commands WHERE registration = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        params![registration, MAX_COMMANDS],
    )?;
    Ok(())
}

fn insert_exchange(
    session: &Session<'_>,
    registration: i64,
    exchange: &Exchange,
) -> Result<(), Failure> {
    let row = NewExchange::new(exchange);
    session.execute(
        "INSERT INTO exchanges (registration, request_id, endpoint, md5, status, response_code, error_code, duration_us, \
         attempt, sent_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            registration,
            row.request_id,
            row.endpoint,
            row.md5,
            row.status,
            row.response_code,
            row.error_code,
            row.duration_us,
            row.attempt,
            row.sent_at,
        ],
    )?;
    Ok(())
}
