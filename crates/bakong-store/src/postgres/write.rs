//! The call that stores a batch.

use bakong_flow::store::{Batch, Committed};
use serde::Serialize;

use super::failure::Failure;
use super::plan::{Keys, Plan, Update};
use super::schema;
use super::statement::Statement;
use crate::record::{Corrupt, NewExchange, NewPayment, integer, md5_text, to_json};

/// What must hold. If something does not hold, the call changes nothing.
#[derive(Debug)]
pub(super) struct Assumptions<'a> {
    /// The last event before the batch. A person's decision adds an event, so none was added since.
    pub(super) last_event: i64,
    /// The payments, orders and transactions about which the plan assumes something; `None` if the rows were read.
    pub(super) keys: Option<Keys<'a>>,
}

/// A payment to insert, with its later changes.
#[derive(Serialize)]
struct Opened<'a> {
    #[serde(flatten)]
    row: &'a NewPayment<'a>,
    #[serde(flatten)]
    update: &'a Update<'a>,
}

/// An open payment to change.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(serialize_with = "md5_text")]
    md5: &'a [u8; 16],
    #[serde(flatten)]
    update: &'a Update<'a>,
}

/// Returns the call of `commit_batch` (`schema/postgres`). It returns whether the batch was stored.
pub(super) fn write<'a>(
    registration: i64,
    batch: &Batch<'a>,
    plan: &'a Plan<'a>,
    committed: &Committed,
    assumptions: Assumptions<'a>,
) -> Result<Statement<'a>, Failure> {
    let usage = plan.usage.as_ref();
    let usage = usage.map(|usage| to_json("registrations.quota_usage", usage));
    let lists = plan.lists.as_ref();
    let lists = lists.map(|lists| to_json("registrations.list_status", lists));
    let (absent, open, orders, hashes) = match assumptions.keys {
        Some(keys) => (
            some(plan.inserts.iter().map(|insert| &insert.row.md5[..])),
            some(plan.assumed_open.iter().map(|md5| &md5[..])),
            some(keys.orders),
            some(keys.hashes),
        ),
        None => (None, None, None, None),
    };
    let opened = plan.inserts.iter().map(|insert| Opened {
        row: &insert.row,
        update: &insert.update,
    });
    let changed = plan.updates.iter();
    let changed = changed.map(|(md5, update)| Changed { md5, update });
    let exchanges = batch.exchanges.iter().map(NewExchange::new);
    Ok(Statement::new(
        "SELECT commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14::JSON, $15::JSON, $16::JSON, $17::JSON)",
    )
    .with(registration)
    .with(integer("registrations.epoch", batch.epoch.get())?)
    .with(integer("registrations.last_sequence", batch.sequence)?)
    .with(to_json("registrations.last_result", committed)?)
    .with(plan.last_event)
    .with(usage.transpose()?)
    .with(lists.transpose()?)
    .with(assumptions.last_event)
    .with(schema::current())
    .with(absent)
    .with(open)
    .with(orders)
    .with(hashes)
    .with(rows("payments", opened)?)
    .with(rows("payments", changed)?)
    .with(rows("events", plan.events.iter())?)
    .with(rows("exchanges", exchanges)?))
}

/// Returns the values; `None` if there are none.
fn some<T>(values: impl IntoIterator<Item = T>) -> Option<Vec<T>> {
    let values: Vec<T> = values.into_iter().collect();
    (!values.is_empty()).then_some(values)
}

/// Returns rows of a table as a JSON array; `None` if there are none.
fn rows<T: Serialize>(
    table: &'static str,
    rows: impl Iterator<Item = T>,
) -> Result<Option<String>, Corrupt> {
    let rows = some(rows).map(|rows| to_json(table, &rows));
    rows.transpose()
}
