//! The call that stores a batch.

use bakong_flow::store::{Batch, Committed, Exchange};

use super::failure::Failure;
use super::plan::{Insert, Keys, Plan, Update};
use super::schema;
use super::statement::{Param, Statement};
use crate::record::{NewEvent, NewExchange, integer, to_json};

/// What must hold. If something does not hold, the call changes nothing.
#[derive(Debug)]
pub(super) struct Assumptions<'a> {
    /// The last event before the batch. A person's decision adds an event, so none was added since.
    pub(super) last_event: i64,
    /// The payments, orders and transactions about which the plan assumes something; `None` if the rows were read.
    pub(super) keys: Option<Keys<'a>>,
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
    let epoch = integer("registrations.epoch", batch.epoch.get())?;
    let sequence = integer("registrations.last_sequence", batch.sequence)?;
    let mut call = Call::default();
    call.add("batch_registration", registration);
    call.add("batch_epoch", epoch);
    call.add("batch_sequence", sequence);
    call.add(
        "batch_result",
        to_json("registrations.last_result", committed)?,
    );
    call.add("new_last_event", plan.last_event);
    call.add("new_quota_usage", usage.transpose()?);
    call.add("new_list_status", lists.transpose()?);
    call.add("expected_last_event", assumptions.last_event);
    call.add("expected_version", schema::current());
    if let Some(keys) = assumptions.keys {
        add_conditions(&mut call, plan, keys);
    }
    add_opened(&mut call, &plan.inserts);
    let (finished, changed): (Vec<_>, Vec<_>) = plan
        .updates
        .iter()
        .partition(|(_, update)| update.finish.is_some());
    add_updates(&mut call, "changed", &changed);
    let rows = add_updates(&mut call, "finished", &finished);
    add_finishes(rows);
    add_events(&mut call, &plan.events);
    add_exchanges(&mut call, batch.exchanges);
    Ok(call.finish())
}

/// A call of `commit_batch`, with named arguments.
#[derive(Default)]
struct Call<'a> {
    statement: Statement<'a>,
    arguments: Vec<String>,
}

impl<'a> Call<'a> {
    fn add<T: Param + 'a>(&mut self, name: &str, value: T) {
        let param = self.statement.bind(value);
        self.arguments.push(format!("{name} => ${param}"));
    }

    /// Starts the arguments of a kind of rows, which begin with `kind`.
    const fn rows<'c, 'r, R>(
        &'c mut self,
        kind: &'static str,
        rows: &'r [R],
    ) -> Table<'c, 'a, 'r, R> {
        Table {
            call: self,
            kind,
            rows,
        }
    }

    fn finish(self) -> Statement<'a> {
        let mut statement = self.statement;
        statement.sql = format!("SELECT commit_batch({})", self.arguments.join(", "));
        statement
    }
}

/// Adds the columns of rows as arrays. Adds nothing if there are no rows.
struct Table<'c, 'a, 'r, R> {
    call: &'c mut Call<'a>,
    kind: &'static str,
    rows: &'r [R],
}

impl<'a, 'r, R> Table<'_, 'a, 'r, R> {
    fn column<T: Param + 'a>(self, name: &str, value: impl FnMut(&'r R) -> T) -> Self {
        if !self.rows.is_empty() {
            let values: Vec<T> = self.rows.iter().map(value).collect();
            self.call.add(&format!("{}_{name}", self.kind), values);
        }
        self
    }
}

/// Adds what the plan assumes.
fn add_conditions<'a>(call: &mut Call<'a>, plan: &'a Plan<'a>, keys: Keys<'a>) {
    if !plan.inserts.is_empty() {
        let md5s = plan.inserts.iter().map(|insert| &insert.row.md5[..]);
        call.add("absent_md5s", md5s.collect::<Vec<_>>());
    }
    if !plan.assumed_open.is_empty() {
        call.add("open_md5s", plan.assumed_open.clone());
    }
    if !keys.orders.is_empty() {
        let orders = keys.orders.into_iter();
        call.add("unsettled_orders", orders.collect::<Vec<_>>());
    }
    if !keys.hashes.is_empty() {
        let hashes = keys.hashes.into_iter();
        call.add("unsettled_hashes", hashes.collect::<Vec<_>>());
    }
}

fn add_opened<'a>(call: &mut Call<'a>, inserts: &'a [Insert<'a>]) {
    let finish = |insert: &'a Insert<'a>| insert.update.finish.as_ref();
    call.rows("opened", inserts)
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
        });
}

/// Adds the changes of open payments.
fn add_updates<'c, 'a, 'r>(
    call: &'c mut Call<'a>,
    kind: &'static str,
    updates: &'r [&'a (&'a [u8], Update<'a>)],
) -> Table<'c, 'a, 'r, &'a (&'a [u8], Update<'a>)> {
    call.rows(kind, updates)
        .column("md5", |update| update.0)
        .column("asked_at", |update| update.1.asked_at)
        .column("hash", |update| update.1.hash)
        .column("short_hash", |update| update.1.short_hash)
        .column("is_cancelled", |update| update.1.is_cancelled)
}

/// Adds the outcomes of payments that become final.
fn add_finishes<'a>(updates: Table<'_, 'a, '_, &'a (&'a [u8], Update<'a>)>) {
    let finish = |update: &&'a (&'a [u8], Update<'a>)| update.1.finish.as_ref();
    updates
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
}

fn add_events<'a>(call: &mut Call<'a>, events: &'a [NewEvent<'a>]) {
    call.rows("event", events)
        .column("md5", |event| &event.md5[..])
        .column("order_id", |event| event.order)
        .column("kind", |event| event.kind)
        .column("detail", |event| event.detail.as_deref())
        .column("at", |event| event.at);
}

fn add_exchanges<'a>(call: &mut Call<'a>, exchanges: &'a [Exchange]) {
    let exchanges: Vec<_> = exchanges.iter().map(NewExchange::new).collect();
    call.rows("exchange", &exchanges)
        .column("request_id", |exchange| exchange.request_id)
        .column("endpoint", |exchange| exchange.endpoint)
        .column("md5", |exchange| exchange.md5.map(|md5| &md5[..]))
        .column("status", |exchange| exchange.status)
        .column("response_code", |exchange| exchange.response_code)
        .column("error_code", |exchange| exchange.error_code)
        .column("duration_us", |exchange| exchange.duration_us)
        .column("attempt", |exchange| exchange.attempt)
        .column("sent_at", |exchange| exchange.sent_at);
}
