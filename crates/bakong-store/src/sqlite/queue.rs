//! The commands of workers that do not have the lease.

use bakong_flow::store::{Command, CommandId, CommandResult};
use rusqlite::params;

use super::failure::Failure;
use super::lease::NOW;
use super::session::Session;
use crate::record::{from_json, from_json_option, to_json};

/// Adds a command, unless there is one with this key, and returns its id.
pub(super) fn submit(
    session: &Session<'_>,
    registration: i64,
    key: &str,
    command: &Command,
) -> Result<CommandId, Failure> {
    let submitted = session.first(
        "SELECT id FROM commands WHERE registration = ?1 AND key = ?2",
        params![registration, key],
        |row| row.get(0),
    )?;
    if let Some(id) = submitted {
        return Ok(CommandId::new(id));
    }
    let json = to_json("commands.command", command)?;
    let id = session.first(
        &format!(
            "INSERT INTO commands (registration, key, command, submitted_at) VALUES (?1, ?2, ?3, {NOW}) RETURNING id"
        ),
        params![registration, key, json],
        |row| row.get(0),
    )?;
    id.map(CommandId::new).ok_or_else(unknown_command)
}

/// Returns the result of a command.
pub(super) fn result(
    session: &Session<'_>,
    registration: i64,
    id: CommandId,
) -> Result<Option<CommandResult>, Failure> {
    let result = session.first(
        "SELECT result FROM commands WHERE id = ?1 AND registration = ?2",
        params![id.get(), registration],
        |row| row.get::<_, Option<String>>(0),
    )?;
    let result = result.ok_or_else(unknown_command)?;
    Ok(from_json_option("commands.result", result.as_deref())?)
}

/// Returns the results of those of the commands that have one.
pub(super) fn results(
    session: &Session<'_>,
    registration: i64,
    ids: &[CommandId],
) -> Result<Vec<(CommandId, CommandResult)>, Failure> {
    let mut results = Vec::new();
    for id in ids {
        let stored = session.first(
            "SELECT result FROM commands WHERE id = ?1 AND registration = ?2",
            params![id.get(), registration],
            |row| row.get::<_, Option<String>>(0),
        )?;
        if let Some(stored) = stored.flatten() {
            results.push((*id, from_json("commands.result", &stored)?));
        }
    }
    Ok(results)
}

/// Withdraws a command that has no result, and returns the result that is stored now.
pub(super) fn withdraw(
    session: &Session<'_>,
    registration: i64,
    id: CommandId,
) -> Result<CommandResult, Failure> {
    if let Some(result) = result(session, registration, id)? {
        return Ok(result);
    }
    let withdrawn = CommandResult::Withdrawn;
    session.execute(
        "UPDATE commands SET result = ?3 WHERE id = ?1 AND registration = ?2",
        params![
            id.get(),
            registration,
            to_json("commands.result", &withdrawn)?
        ],
    )?;
    Ok(withdrawn)
}

/// Returns the commands without a result, the oldest first.
pub(super) fn pending(
    session: &Session<'_>,
    registration: i64,
    limit: i64,
) -> Result<Vec<(CommandId, Command)>, Failure> {
    let rows = session.all(
        "SELECT id, command FROM commands WHERE registration = ?1 AND result IS NULL ORDER BY id LIMIT ?2",
        params![registration, limit],
        |row| Ok((row.get(0)?, row.get::<_, String>(1)?)),
    )?;
    let commands = rows
        .into_iter()
        .map(|(id, command)| Ok((CommandId::new(id), from_json("commands.command", &command)?)));
    commands.collect()
}

fn unknown_command() -> Failure {
    Failure::Misuse("the store has no command with this id".into())
}
