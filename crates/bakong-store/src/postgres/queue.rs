//! The commands of workers that do not have the lease.

use bakong_flow::store::{Command, CommandId, CommandResult};

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::lease::NOW;
use super::rows::{Columns, first};
use super::statement::Statement;
use crate::record::{from_json, from_json_option, to_json};

/// Adds a command, unless there is one with this key, and returns its id.
pub(super) async fn submit(
    connections: &Connections,
    registration: i64,
    key: &str,
    command: &Command,
) -> Result<CommandId, Failure> {
    let json = to_json("commands.command", command)?;
    let insert = Statement::new(format!(
        "INSERT INTO commands (registration, key, command, submitted_at) SELECT $1, $2, $3, {NOW} \
         WHERE NOT EXISTS (SELECT FROM commands WHERE registration = $1 AND key = $2) \
         ON CONFLICT (registration, key) DO NOTHING"
    ));
    let insert = insert.with(registration).with(key.to_owned()).with(json);
    // A statement of its own, which sees the command of another worker that was faster.
    let select = Statement::new("SELECT id FROM commands WHERE registration = $1 AND key = $2")
        .with(registration)
        .with(key.to_owned());
    let rows = connections.run(Mode::Write, &[insert, select]).await?;
    let id: Option<i64> = first(rows.last().map_or(&[][..], Vec::as_slice))?;
    id.map(CommandId::new).ok_or_else(unknown_command)
}

/// Returns the result of a command.
pub(super) async fn result(
    connections: &Connections,
    registration: i64,
    id: CommandId,
) -> Result<Option<CommandResult>, Failure> {
    let select = select_result(registration, id);
    let rows = connections.run(Mode::Read, &[select]).await?;
    let result: Option<Option<&str>> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
    let result = result.ok_or_else(unknown_command)?;
    Ok(from_json_option("commands.result", result)?)
}

/// Returns the results of those of the commands that have one.
pub(super) async fn results(
    connections: &Connections,
    registration: i64,
    ids: &[CommandId],
) -> Result<Vec<(CommandId, CommandResult)>, Failure> {
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let select = Statement::new(
        "SELECT id, result FROM commands WHERE registration = $1 AND id = ANY ($2) AND result IS NOT NULL",
    );
    let select = select.with(registration).with(ids);
    let rows = connections.run(Mode::Read, &[select]).await?;
    let results = rows.iter().flatten().map(|row| {
        let mut columns = Columns::new(row);
        let id = CommandId::new(columns.read()?);
        Ok((id, from_json("commands.result", columns.read()?)?))
    });
    results.collect()
}

/// Withdraws a command that has no result, and returns the result that is stored now.
pub(super) async fn withdraw(
    connections: &Connections,
    registration: i64,
    id: CommandId,
) -> Result<CommandResult, Failure> {
    let withdrawn = to_json("commands.result", &CommandResult::Withdrawn)?;
    let update = Statement::new(
        "UPDATE commands SET result = $3 WHERE id = $1 AND registration = $2 AND result IS NULL",
    );
    let update = update.with(id.get()).with(registration).with(withdrawn);
    let select = select_result(registration, id);
    let rows = connections.run(Mode::Write, &[update, select]).await?;
    let result: Option<&str> =
        first::<Option<&str>>(rows.last().map_or(&[][..], Vec::as_slice))?.flatten();
    let result = result.ok_or_else(unknown_command)?;
    Ok(from_json("commands.result", result)?)
}

fn select_result(registration: i64, id: CommandId) -> Statement<'static> {
    Statement::new("SELECT result FROM commands WHERE id = $1 AND registration = $2")
        .with(id.get())
        .with(registration)
}

/// Returns the commands without a result, the oldest first.
pub(super) async fn pending(
    connections: &Connections,
    registration: i64,
    limit: i64,
) -> Result<Vec<(CommandId, Command)>, Failure> {
    let select = Statement::new(
        "SELECT id, command FROM commands WHERE registration = $1 AND result IS NULL ORDER BY id LIMIT $2",
    );
    let select = select.with(registration).with(limit);
    let rows = connections.run(Mode::Read, &[select]).await?;
    let commands = rows.iter().flatten().map(|row| {
        let mut columns = Columns::new(row);
        let id = CommandId::new(columns.read()?);
        Ok((id, from_json("commands.command", columns.read()?)?))
    });
    commands.collect()
}

fn unknown_command() -> Failure {
    Failure::Misuse("the store has no command with this id".into())
}
