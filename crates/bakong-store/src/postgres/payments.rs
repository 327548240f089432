//! Reads payments and events, and stores the decisions of people.

use bakong_flow::OrderId;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{
    Conflict, Decision, Event, EventId, PaymentKey, Resolution, ResolveConflict, Snapshot,
    StoredPayment,
};
use tokio_postgres::Row;

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::head::{Head, missing_registration};
use super::rows::{Columns, event_row, finished_row, first, payment_row};
use super::statement::Statement;
use crate::record::{
    Corrupt, EventRow, FinishedRow, NewEvent, PaymentRow, decision_name, from_json_option, millis,
    settling_hash,
};

/// Returns the state from which a tracker continues. A new leader needs it, so it uses the connection for leases if that is
/// free first.
pub(super) async fn load(
    reserved: &Connections,
    connections: &Connections,
    registration: i64,
    finished_since: Timestamp,
) -> Result<Snapshot, Failure> {
    let head = Statement::new("SELECT quota_usage, list_status FROM registrations WHERE id = $1");
    let open = Statement::new(format!(
        "SELECT {} FROM payments WHERE registration = $1 AND status = 'open' ORDER BY opened_at, md5",
        PaymentRow::COLUMNS
    ));
    let finished = Statement::new(format!(
        "SELECT {} FROM payments WHERE registration = $1 AND finished_at IS NOT NULL AND finished_at >= $2 \
         ORDER BY finish_event",
        FinishedRow::COLUMNS
    ));
    let statements = [
        head.with(registration),
        open.with(registration),
        finished.with(registration).with(millis(finished_since)),
    ];
    // This can take long, so the others come first.
    let rows = connections
        .run_on_first(reserved, Mode::Read, &statements)
        .await?;
    let [head, open, finished] = &rows[..] else {
        return Err(missing_registration());
    };
    let mut columns = Columns::new(head.first().ok_or_else(missing_registration)?);
    let mut snapshot = Snapshot::default();
    snapshot.usage = from_json_option("registrations.quota_usage", columns.read()?)?;
    if let Some(lists) = from_json_option("registrations.list_status", columns.read()?)? {
        snapshot.lists = lists;
    }
    for row in open {
        snapshot.open.push(payment_row(row)?.read_open()?);
    }
    for row in finished {
        snapshot.finished.push(finished_row(row)?.read()?);
    }
    Ok(snapshot)
}

/// Returns the payments with this key, the oldest first.
pub(super) async fn find(
    connections: &Connections,
    registration: i64,
    key: &PaymentKey,
) -> Result<Vec<StoredPayment>, Failure> {
    let columns = PaymentRow::COLUMNS;
    let select = match key {
        PaymentKey::Md5(md5) => select_payment(registration, md5),
        PaymentKey::Order(order) => Statement::new(format!(
            "SELECT {columns} FROM payments WHERE registration = $1 AND order_id = $2 ORDER BY id"
        ))
        .with(registration)
        .with(order.as_str()),
        _ => {
            return Err(Failure::Misuse(
                "the store does not know this kind of key".into(),
            ));
        }
    };
    let rows = connections.run(Mode::Read, &[select]).await?;
    rows.iter().flatten().map(read_payment).collect()
}

/// Returns the payments with these MD5s.
pub(super) async fn find_all(
    connections: &Connections,
    registration: i64,
    md5s: &[Md5Handle],
) -> Result<Vec<StoredPayment>, Failure> {
    let select = Statement::new(format!(
        "SELECT {} FROM payments WHERE registration = $1 AND md5 = ANY ($2)",
        PaymentRow::COLUMNS
    ));
    let md5s: Vec<&[u8]> = md5s.iter().map(|md5| &md5.as_bytes()[..]).collect();
    let select = select.with(registration).with(md5s);
    let rows = connections.run(Mode::Read, &[select]).await?;
    rows.iter().flatten().map(read_payment).collect()
}

/// Returns the id of the last event.
pub(super) async fn last_event(
    connections: &Connections,
    registration: i64,
) -> Result<EventId, Failure> {
    let select = Statement::new("SELECT last_event FROM registrations WHERE id = $1");
    let select = select.with(registration);
    let rows = connections.run(Mode::Read, &[select]).await?;
    let last: Option<i64> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
    last.map(EventId::new).ok_or_else(missing_registration)
}

fn select_payment(registration: i64, md5: &Md5Handle) -> Statement<'_> {
    let columns = PaymentRow::COLUMNS;
    Statement::new(format!(
        "SELECT {columns} FROM payments WHERE registration = $1 AND md5 = $2"
    ))
    .with(registration)
    .with(&md5.as_bytes()[..])
}

pub(super) fn read_payment(row: &Row) -> Result<StoredPayment, Failure> {
    Ok(payment_row(row)?.read()?)
}

/// Returns up to `limit` events after `after`, the lowest first.
pub(super) async fn events_after(
    connections: &Connections,
    registration: i64,
    after: EventId,
    limit: i64,
) -> Result<Vec<Event>, Failure> {
    let select = Statement::new(format!(
        "SELECT {} FROM {} WHERE e.registration = $1 AND e.id > $2 ORDER BY e.id LIMIT $3",
        EventRow::COLUMNS,
        EventRow::FROM
    ));
    let select = select.with(registration).with(after.get()).with(limit);
    let rows = connections.run(Mode::Read, &[select]).await?;
    rows.iter().flatten().map(read_event).collect()
}

pub(super) fn read_event(row: &Row) -> Result<Event, Failure> {
    Ok(event_row(row)?.read()?)
}

/// Stores that a consumer has handled all events up to `through`.
pub(super) async fn acknowledge(
    connections: &Connections,
    registration: i64,
    consumer: &str,
    through: EventId,
) -> Result<(), Failure> {
    let insert = Statement::new(
        "INSERT INTO consumers AS c (registration, name, acknowledged) VALUES ($1, $2, $3) \
         ON CONFLICT (registration, name) DO UPDATE SET acknowledged = greatest(c.acknowledged, excluded.acknowledged)",
    );
    let insert = insert.with(registration).with(consumer).with(through.get());
    connections.run(Mode::Write, &[insert]).await?;
    Ok(())
}

/// Returns the last event that a consumer acknowledged.
pub(super) async fn acknowledged(
    connections: &Connections,
    registration: i64,
    consumer: &str,
) -> Result<EventId, Failure> {
    let select =
        Statement::new("SELECT acknowledged FROM consumers WHERE registration = $1 AND name = $2");
    let select = select.with(registration).with(consumer);
    let rows = connections.run(Mode::Read, &[select]).await?;
    let acknowledged: Option<i64> = first(rows.first().map_or(&[][..], Vec::as_slice))?;
    Ok(acknowledged.map_or(EventId::START, EventId::new))
}

/// Stores the decision of a person, with its event.
pub(super) async fn resolve(
    connections: &Connections,
    registration: i64,
    md5: &Md5Handle,
    resolution: &Resolution,
) -> Result<Result<(), ResolveConflict>, Failure> {
    let reads = [Head::lock(registration), select_payment(registration, md5)];
    let (session, rows) = connections.begin(Mode::Write, &reads).await?;
    let [head, payments] = &rows[..] else {
        return Err(missing_registration());
    };
    let head = Head::read(head)?;
    let stored = payments.first().map(read_payment).transpose()?;
    let (order, hash) = match decide(stored, resolution) {
        Ok(decided) => decided,
        Err(conflict) => {
            session.roll_back().await?;
            return Ok(Err(conflict));
        }
    };
    let accepts = resolution.decision == Decision::Accept;
    if accepts {
        let select = select_settled(registration, &order, hash.as_deref());
        let rows = session.execute(&[select]).await?;
        if let Some(conflict) = conflict(rows.first().map_or(&[][..], Vec::as_slice))? {
            session.roll_back().await?;
            return Ok(Err(match conflict {
                Conflict::TransactionSettledAnother { order } => {
                    ResolveConflict::TransactionSettledAnother { order }
                }
                _ => ResolveConflict::OrderSettled,
            }));
        }
    }
    let event = NewEvent::resolved(md5, &order, resolution.at);
    let id = head.last_event.saturating_add(1);
    let statements = [
        Statement::new(
            "UPDATE payments SET decision = $3, decision_note = $4, decided_by = $5, decided_at = $6, \
             settled_order = CASE WHEN $7 THEN order_id END, settled_hash = $8 WHERE registration = $1 AND md5 = $2",
        )
        .with(registration)
        .with(&md5.as_bytes()[..])
        .with(decision_name(resolution.decision))
        .with(&*resolution.note)
        .with(&*resolution.by)
        .with(millis(resolution.at))
        .with(accepts)
        .with(hash),
        Statement::new(
            "INSERT INTO events (registration, id, md5, order_id, kind, detail, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .with(registration)
        .with(id)
        .with(&event.md5[..])
        .with(event.order)
        .with(event.kind)
        .with(event.detail)
        .with(event.at),
        Statement::new("UPDATE registrations SET last_event = $2 WHERE id = $1")
            .with(registration)
            .with(id),
    ];
    session.commit(&statements).await?;
    Ok(Ok(()))
}

/// Returns the order and the hash that a decision is about, or why there is nothing to decide.
fn decide(
    stored: Option<StoredPayment>,
    resolution: &Resolution,
) -> Result<(OrderId, Option<String>), ResolveConflict> {
    let stored = stored.ok_or(ResolveConflict::Unknown)?;
    let finished = stored.finished.as_ref();
    let Some((outcome, _)) = finished.filter(|(outcome, _)| outcome.name() == "needs_review")
    else {
        return Err(ResolveConflict::NoReview);
    };
    if let Some(resolution) = stored.resolution {
        return Err(ResolveConflict::Resolved(Box::new(resolution)));
    }
    let accepts = resolution.decision == Decision::Accept;
    let hash = settling_hash(outcome).filter(|_| accepts);
    Ok((stored.payment.order, hash))
}

/// Returns the statement that finds the payments which settled the order, or another one by the same transaction.
fn select_settled<'a>(
    registration: i64,
    order: &'a OrderId,
    hash: Option<&'a str>,
) -> Statement<'a> {
    let select = "SELECT settled_order, settled_hash IS NOT DISTINCT FROM $3 AND $3 IS NOT NULL FROM payments \
        WHERE registration = $1";
    Statement::new(format!(
        "{select} AND settled_order IS NOT NULL AND settled_order = $2 \
         UNION ALL {select} AND settled_hash IS NOT NULL AND settled_hash = $3"
    ))
    .with(registration)
    .with(order.as_str())
    .with(hash)
}

fn conflict(rows: &[Row]) -> Result<Option<Conflict>, Failure> {
    let mut conflict = None;
    for row in rows {
        let mut columns = Columns::new(row);
        let order: &str = columns.read()?;
        if columns.read()? {
            let invalid = |error| Corrupt::new("payments.settled_order", error);
            let order = OrderId::new(order).map_err(invalid)?;
            return Ok(Some(Conflict::TransactionSettledAnother { order }));
        }
        conflict = Some(Conflict::OrderSettled);
    }
    Ok(conflict)
}
