//! Commits a batch.
//!
//! Usually this takes one round trip: the leader knows the row of the registration from its last commit, and one call
//! checks that nothing has changed, applies the changes and updates the row. If something has changed, or if the batch has
//! the results of commands, the rows are read under the lock first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Batch, Command, CommandId, CommandResult, Committed};
use bakong_flow::{Change, OrderId};
use tokio_postgres::Row;

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::head::Head;
use super::plan::{Keys, Plan, Planner, Rows};
use super::rows::{Columns, first};
use super::statement::Statement;
use super::write::{Assumptions, write};
use crate::record::{
    Corrupt, from_json, from_json_option, result_to_store, to_json, withdrawn_payment,
};

/// How many commands are kept, if all have a result.
const MAX_COMMANDS: i64 = 1_000;

/// What the row of the registration has after the last commit of this process.
#[derive(Clone, Debug)]
pub(super) struct Known {
    epoch: u64,
    sequence: u64,
    last_event: i64,
    usage: Option<WindowUsage>,
}

/// The commits of a registration.
#[derive(Debug)]
pub(super) struct Committer<'c> {
    pub(super) connections: &'c Connections,
    pub(super) registration: i64,
    /// `None` if unknown.
    pub(super) known: &'c Mutex<Option<Known>>,
}

impl Committer<'_> {
    /// Commits `batch`. Returns whether other workers may wait for it.
    pub(super) async fn commit(&self, batch: &Batch<'_>) -> Result<(Committed, bool), Failure> {
        // A commit that fails or is given up leaves nothing that is known.
        let known = self.lock_known().take();
        let is_next = |known: &Known| {
            known.epoch == batch.epoch.get()
                && known.sequence.checked_add(1) == Some(batch.sequence)
        };
        if let Some(known) = known.filter(is_next)
            && let Some(committed) = self.commit_at_once(batch, &known).await?
        {
            return Ok(committed);
        }
        self.commit_under_lock(batch).await
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_known(&self, batch: &Batch<'_>, plan: &Plan<'_>) {
        *self.lock_known() = Some(Known {
            epoch: batch.epoch.get(),
            sequence: batch.sequence,
            last_event: plan.last_event,
            usage: plan.usage,
        });
    }

    /// Returns `None` if nothing was committed, because an assumption may be wrong.
    async fn commit_at_once(
        &self,
        batch: &Batch<'_>,
        known: &Known,
    ) -> Result<Option<(Committed, bool)>, Failure> {
        let withdraws = |change: &Change| matches!(change, Change::Withdrawn { .. });
        if !batch.results.is_empty() || batch.changes.iter().any(withdraws) {
            return Ok(None);
        }
        let planner = Planner::new(&Rows::Assumed, known.last_event, known.usage);
        let plan = planner.plan(batch.changes, &[])?;
        if !plan.rejected.is_empty() {
            return Ok(None);
        }
        let assumptions = Assumptions {
            last_event: known.last_event,
            keys: Some(Keys::of(batch.changes)),
        };
        let committed = Committed::default();
        let statement = write(self.registration, batch, &plan, &committed, assumptions)?;
        match self.connections.run(Mode::Write, &[statement]).await {
            Ok(rows) if is_written(&rows)? => {
                self.set_known(batch, &plan);
                Ok(Some((committed, !plan.events.is_empty())))
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.is_unique_violation() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn commit_under_lock(&self, batch: &Batch<'_>) -> Result<(Committed, bool), Failure> {
        let keys = Keys::of(batch.changes);
        let reads = [
            Head::lock(self.registration),
            select_rows(self.registration, keys),
            lock_commands(self.registration, batch.results),
        ];
        let work = async {
            let (session, rows) = self.connections.begin(Mode::Write, &reads).await?;
            let [head, payments, commands] = &rows[..] else {
                return Err(Failure::fatal("a statement has no result"));
            };
            let head = Head::read(head)?;
            if head.epoch != batch.epoch.get() {
                session.roll_back().await?;
                return Err(Failure::Fenced);
            }
            let last = head.last_sequence;
            if batch.sequence == last {
                session.roll_back().await?;
                return Ok((head.last_committed()?, false));
            }
            if batch.sequence != last.saturating_add(1) {
                session.roll_back().await?;
                let sequence = batch.sequence;
                return Err(Failure::Misuse(format!(
                    "batch {sequence} does not follow batch {last}"
                )));
            }
            let rows = read_rows(payments)?;
            let commands = read_commands(commands, batch.results)?;
            let withdrawn: Vec<Md5Handle> = commands
                .iter()
                .filter_map(|command| withdrawn_payment(&command.command, command.stored))
                .collect();
            let planner = Planner::new(&rows, head.last_event, head.usage()?);
            let plan = planner.plan(batch.changes, &withdrawn)?;
            let committed = Committed::new(plan.rejected.clone());
            let mut statements = Vec::new();
            if !plan.deletes.is_empty() {
                statements.push(
                    Statement::new("DELETE FROM payments WHERE registration = $1 AND md5 = ANY ($2) AND status = 'open'")
                        .with(self.registration)
                        .with(plan.deletes.clone()),
                );
            }
            let written = statements.len();
            let assumptions = Assumptions {
                last_event: head.last_event,
                keys: None,
            };
            statements.push(write(
                self.registration,
                batch,
                &plan,
                &committed,
                assumptions,
            )?);
            statements.extend(self.store_results(batch, &committed, &commands)?);
            let rows = session.commit(&statements).await?;
            if !is_written(&rows[written..])? {
                return Err(Failure::fatal(
                    "the row of the registration changed under its lock. Report this error",
                ));
            }
            self.set_known(batch, &plan);
            let is_awaited = !plan.events.is_empty() || !batch.results.is_empty();
            Ok((committed, is_awaited))
        };
        self.connections.limited(work).await
    }

    /// Returns the statements that store the results of commands and remove old commands.
    fn store_results(
        &self,
        batch: &Batch<'_>,
        committed: &Committed,
        commands: &[AnsweredCommand],
    ) -> Result<Vec<Statement<'static>>, Failure> {
        let (mut ids, mut results) = (Vec::new(), Vec::new());
        for command in commands.iter().filter(|command| command.stored.is_none()) {
            let rejected = &committed.rejected;
            let result = result_to_store(&command.command, command.result, batch, rejected);
            ids.push(command.id);
            results.push(to_json("commands.result", &result)?);
        }
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let store = Statement::new(
            "UPDATE commands c SET result = u.result FROM unnest($2, $3) AS u (id, result) \
             WHERE c.id = u.id AND c.registration = $1 AND c.result IS NULL",
        );
        let prune = Statement::new(
            "DELETE FROM commands WHERE registration = $1 AND result IS NOT NULL AND id <= \
             (SELECT id FROM commands WHERE registration = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
        );
        Ok(vec![
            store.with(self.registration).with(ids).with(results),
            prune.with(self.registration).with(MAX_COMMANDS),
        ])
    }
}

fn is_written(rows: &[Vec<Row>]) -> Result<bool, Failure> {
    let is_written: Option<bool> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
    Ok(is_written == Some(true))
}

/// Returns the statement that reads all payments that the changes are about.
fn select_rows(registration: i64, keys: Keys<'_>) -> Statement<'_> {
    let select = "SELECT md5, order_id, outcome, settled_order, settled_hash FROM payments WHERE registration = $1 AND ";
    Statement::new(format!(
        "{select} md5 = ANY ($2) UNION {select} settled_order IS NOT NULL AND settled_order = ANY ($3) \
         UNION {select} settled_order IN (SELECT order_id FROM payments WHERE registration = $1 AND md5 = ANY ($2)) \
         UNION {select} settled_hash IS NOT NULL AND settled_hash = ANY ($4)"
    ))
    .with(registration)
    .with(keys.md5s.into_iter().collect::<Vec<_>>())
    .with(keys.orders.into_iter().collect::<Vec<_>>())
    .with(keys.hashes.into_iter().collect::<Vec<_>>())
}

fn read_rows(rows: &[Row]) -> Result<Rows, Failure> {
    let mut payments = BTreeMap::new();
    let mut settled_orders = BTreeSet::new();
    let mut settled_hashes = BTreeMap::new();
    for row in rows {
        let mut columns = Columns::new(row);
        let md5 = Md5Handle::from_bytes(columns.md5()?);
        let invalid = |error| Corrupt::new("payments.order_id", error);
        let order = OrderId::new(columns.read()?).map_err(invalid)?;
        let outcome: Option<&str> = columns.read()?;
        let outcome = from_json_option("payments.outcome", outcome)?;
        payments.insert(md5, (order, outcome));
        let order: Option<String> = columns.read()?;
        let hash: Option<String> = columns.read()?;
        let Some(order) = order else { continue };
        if let Some(hash) = hash {
            let invalid = |error| Corrupt::new("payments.settled_order", error);
            settled_hashes.insert(hash, OrderId::new(&order).map_err(invalid)?);
        }
        settled_orders.insert(order);
    }
    Ok(Rows::Read {
        payments,
        settled_orders,
        settled_hashes,
    })
}

/// A command with a result in the batch.
struct AnsweredCommand {
    id: i64,
    command: Command,
    /// The result that is stored already.
    stored: Option<CommandResult>,
    /// The result of the batch.
    result: CommandResult,
}

/// Returns the statement that reads commands, which no worker can withdraw until the end of the transaction.
fn lock_commands(registration: i64, results: &[(CommandId, CommandResult)]) -> Statement<'static> {
    let ids: Vec<i64> = results.iter().map(|(id, _)| id.get()).collect();
    Statement::new(
        "SELECT id, command, result FROM commands WHERE registration = $1 AND id = ANY ($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .with(registration)
    .with(ids)
}

fn read_commands(
    rows: &[Row],
    results: &[(CommandId, CommandResult)],
) -> Result<Vec<AnsweredCommand>, Failure> {
    let results: BTreeMap<i64, CommandResult> = results
        .iter()
        .rev()
        .map(|(id, result)| (id.get(), *result))
        .collect();
    // An old command may have been removed.
    let commands = rows.iter().map(|row| {
        let mut columns = Columns::new(row);
        let id = columns.read()?;
        let result = results.get(&id).copied();
        Ok(AnsweredCommand {
            id,
            command: from_json("commands.command", columns.read()?)?,
            stored: from_json_option("commands.result", columns.read()?)?,
            result: result.ok_or_else(|| Failure::fatal("the server returned another command"))?,
        })
    });
    commands.collect()
}
