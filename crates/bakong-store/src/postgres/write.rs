//! The statement that writes a batch. It consists of the parts that the batch needs.

use bakong_flow::store::{Batch, Committed, Exchange};

use super::failure::Failure;
use super::plan::{Insert, Keys, Plan, Update};
use super::schema;
use super::statement::{Param, Statement};
use crate::record::{NewExchange, integer, to_json};

/// What the statement requires. If one of it does not hold, the statement does nothing.
#[derive(Debug)]
pub(super) struct Assumptions<'a> {
    /// The last event before the batch. A person's decision adds an event, so none was added since.
    pub(super) last_event: i64,
    /// The payments, orders and transactions about which the plan assumes something; `None` if the rows were read.
    pub(super) keys: Option<Keys<'a>>,
}

/// Returns the statement. It returns one row with the number of updated registrations: 1, or 0 if it did nothing.
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
    let mut statement = Statement::new(
        "WITH head AS (UPDATE registrations SET last_sequence = $3, last_result = $4, last_event = $5, \
         quota_usage = $6, list_status = coalesce($7, list_status) \
         WHERE id = $1 AND epoch = $2 AND last_sequence = $3 - 1 AND last_event = $8 \
         AND EXISTS (SELECT FROM schema_version WHERE version = $9)",
    )
    .with(registration)
    .with(integer("registrations.epoch", batch.epoch.get())?)
    .with(integer("registrations.last_sequence", batch.sequence)?)
    .with(to_json("registrations.last_result", committed)?)
    .with(plan.last_event)
    .with(usage.transpose()?)
    .with(lists.transpose()?)
    .with(assumptions.last_event)
    .with(schema::current());
    if let Some(keys) = assumptions.keys {
        check_assumptions(&mut statement, plan, keys);
    }
    statement.sql += " RETURNING id)";
    if !plan.inserts.is_empty() {
        insert_payments(&mut statement, &plan.inserts);
    }
    let (finished, changed): (Vec<_>, Vec<_>) = plan
        .updates
        .iter()
        .partition(|(_, update)| update.finish.is_some());
    if !changed.is_empty() {
        update_payments(&mut statement, &changed, false);
    }
    if !finished.is_empty() {
        update_payments(&mut statement, &finished, true);
    }
    if !plan.events.is_empty() {
        insert_events(&mut statement, plan);
    }
    if !batch.exchanges.is_empty() {
        insert_exchanges(&mut statement, batch.exchanges);
    }
    statement.sql += " SELECT count(*) FROM head";
    Ok(statement)
}

/// Adds the conditions that the plan assumes.
fn check_assumptions<'a>(statement: &mut Statement<'a>, plan: &'a Plan<'a>, keys: Keys<'a>) {
    if !plan.inserts.is_empty() {
        let md5s = plan.inserts.iter().map(|insert| &insert.row.md5[..]);
        let md5s = statement.bind(md5s.collect::<Vec<_>>());
        statement.sql += &format!(
            " AND NOT EXISTS (SELECT FROM payments WHERE registration = $1 AND md5 = ANY (${md5s}))"
        );
    }
    if !plan.assumed_open.is_empty() {
        let md5s = statement.bind(plan.assumed_open.clone());
        statement.sql += &format!(
            " AND cardinality(${md5s}) = (SELECT count(*) FROM payments \
             WHERE registration = $1 AND md5 = ANY (${md5s}) AND status = 'open')"
        );
    }
    if !keys.orders.is_empty() {
        let orders = statement.bind(keys.orders.into_iter().collect::<Vec<_>>());
        statement.sql += &format!(
            " AND NOT EXISTS (SELECT FROM payments WHERE registration = $1 AND settled_order IS NOT NULL \
             AND settled_order = ANY (${orders}))"
        );
    }
    if !keys.hashes.is_empty() {
        let hashes = statement.bind(keys.hashes.into_iter().collect::<Vec<_>>());
        statement.sql += &format!(
            " AND NOT EXISTS (SELECT FROM payments WHERE registration = $1 AND settled_hash IS NOT NULL \
             AND settled_hash = ANY (${hashes}))"
        );
    }
}

/// Collects the columns of rows as arrays.
struct Table<'s, 'a, 'r, R> {
    statement: &'s mut Statement<'a>,
    rows: &'r [R],
    /// The names of the columns, and the parameters with their values.
    names: Vec<&'static str>,
    params: Vec<String>,
}

impl<'s, 'a, 'r, R> Table<'s, 'a, 'r, R> {
    fn new(statement: &'s mut Statement<'a>, rows: &'r [R]) -> Self {
        Self {
            statement,
            rows,
            names: Vec::new(),
            params: Vec::new(),
        }
    }

    fn column<T: Param + 'a>(mut self, name: &'static str, value: impl FnMut(&'r R) -> T) -> Self {
        let values: Vec<T> = self.rows.iter().map(value).collect();
        let param = self.statement.bind(values);
        self.names.push(name);
        self.params.push(format!("${param}"));
        self
    }

    /// Returns the names of the columns, and `unnest(...) AS u (...)`.
    fn finish(self) -> (String, String) {
        let names = self.names.join(", ");
        let params = self.params.join(", ");
        let rows = format!("unnest({params}) WITH ORDINALITY AS u ({names}, place)");
        (names, rows)
    }
}

fn insert_payments<'a>(statement: &mut Statement<'a>, inserts: &'a [Insert<'a>]) {
    let finish = |insert: &'a Insert<'a>| insert.update.finish.as_ref();
    let (names, rows) = Table::new(statement, inserts)
        .column("md5", |insert| &insert.row.md5[..])
        .column("order_id", |insert| insert.row.order)
        .column("amount", |insert| insert.row.amount)
        .column("currency", |insert| insert.row.currency)
        .column("recipient", |insert| insert.row.recipient)
        .column("opened_at", |insert| insert.row.opened_at)
        .column("expires_at", |insert| insert.row.expires_at)
        .column("policy", |insert| &*insert.row.policy)
        .column("code", |insert| insert.row.code)
        .column("merchant_id", |insert| insert.row.merchant_id)
        .column("bill_number", |insert| insert.row.bill_number)
        .column("store_label", |insert| insert.row.store_label)
        .column("terminal_label", |insert| insert.row.terminal_label)
        .column("metadata", |insert| insert.row.metadata)
        .column("asked_at", |insert| insert.update.asked_at)
        .column("hash", |insert| insert.update.hash.or(insert.row.hash))
        .column("short_hash", |insert| {
            insert.update.short_hash.or(insert.row.short_hash)
        })
        .column("is_cancelled", |insert| insert.update.is_cancelled)
        .column("status", move |insert| {
            finish(insert).map_or("open", |finish| finish.row.status)
        })
        .column("outcome", move |insert| {
            finish(insert).map(|finish| &*finish.row.outcome)
        })
        .column("finished_at", move |insert| {
            finish(insert).map(|finish| finish.row.finished_at)
        })
        .column("finish_event", move |insert| {
            finish(insert).map(|finish| finish.event)
        })
        .column("settled_order", move |insert| {
            let settles = finish(insert).is_some_and(|finish| finish.row.settles_order);
            settles.then_some(insert.row.order)
        })
        .column("settled_hash", move |insert| {
            finish(insert).and_then(|finish| finish.row.settled_hash.as_deref())
        })
        .finish();
    statement.sql += &format!(
        ", opened AS (INSERT INTO payments (registration, {names}) \
         SELECT $1, {names} FROM head CROSS JOIN {rows} ORDER BY place)"
    );
}

/// Updates payments that are open, and finishes them if `finishes`.
fn update_payments<'a>(
    statement: &mut Statement<'a>,
    updates: &[&'a (&'a [u8], Update<'a>)],
    finishes: bool,
) {
    let finish = |update: &&'a (&'a [u8], Update<'a>)| update.1.finish.as_ref();
    let mut table = Table::new(statement, updates)
        .column("md5", |update| update.0)
        .column("asked_at", |update| update.1.asked_at)
        .column("hash", |update| update.1.hash)
        .column("short_hash", |update| update.1.short_hash)
        .column("is_cancelled", |update| update.1.is_cancelled);
    let (name, set) = if finishes {
        table = table
            .column("status", move |update| {
                finish(update).map(|finish| finish.row.status)
            })
            .column("outcome", move |update| {
                finish(update).map(|finish| &*finish.row.outcome)
            })
            .column("finished_at", move |update| {
                finish(update).map(|finish| finish.row.finished_at)
            })
            .column("finish_event", move |update| {
                finish(update).map(|finish| finish.event)
            })
            .column("settles", move |update| {
                finish(update).is_some_and(|finish| finish.row.settles_order)
            })
            .column("settled_hash", move |update| {
                finish(update).and_then(|finish| finish.row.settled_hash.as_deref())
            });
        let set = ", status = u.status, outcome = u.outcome, finished_at = u.finished_at, finish_event = u.finish_event, \
            settled_order = CASE WHEN u.settles THEN p.order_id END, settled_hash = u.settled_hash";
        ("finished", set)
    } else {
        ("changed", "")
    };
    let (_, rows) = table.finish();
    statement.sql += &format!(
        ", {name} AS (UPDATE payments p SET asked_at = coalesce(u.asked_at, p.asked_at), \
         hash = coalesce(u.hash, p.hash), short_hash = coalesce(u.short_hash, p.short_hash), \
         is_cancelled = p.is_cancelled OR u.is_cancelled{set} FROM head CROSS JOIN {rows} \
         WHERE p.registration = $1 AND p.md5 = u.md5 AND p.status = 'open')"
    );
}

fn insert_events<'a>(statement: &mut Statement<'a>, plan: &'a Plan<'a>) {
    let count = i64::try_from(plan.events.len()).unwrap_or(i64::MAX);
    let before = statement.bind(plan.last_event - count);
    let (names, rows) = Table::new(statement, &plan.events)
        .column("md5", |event| &event.md5[..])
        .column("order_id", |event| event.order)
        .column("kind", |event| event.kind)
        .column("detail", |event| event.detail.as_deref())
        .column("at", |event| event.at)
        .finish();
    statement.sql += &format!(
        ", events AS (INSERT INTO events (registration, id, {names}) \
         SELECT $1, ${before} + place, {names} FROM head CROSS JOIN {rows})"
    );
}

fn insert_exchanges<'a>(statement: &mut Statement<'a>, exchanges: &'a [Exchange]) {
    let exchanges: Vec<_> = exchanges.iter().map(NewExchange::new).collect();
    let (names, rows) = Table::new(statement, &exchanges)
        .column("request_id", |exchange| exchange.request_id)
        .column("endpoint", |exchange| exchange.endpoint)
        .column("md5", |exchange| exchange.md5.map(|md5| &md5[..]))
        .column("status", |exchange| exchange.status)
        .column("response_code", |exchange| exchange.response_code)
        .column("error_code", |exchange| exchange.error_code)
        .column("duration_us", |exchange| exchange.duration_us)
        .column("attempt", |exchange| exchange.attempt)
        .column("sent_at", |exchange| exchange.sent_at)
        .finish();
    statement.sql += &format!(
        ", exchanged AS (INSERT INTO exchanges (registration, {names}) \
         SELECT $1, {names} FROM head CROSS JOIN {rows} ORDER BY place)"
    );
}
