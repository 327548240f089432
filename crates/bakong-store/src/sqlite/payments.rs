//! Reads payments and events, and stores the decisions of people.

use bakong_flow::OrderId;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{
    Conflict, Decision, Event, EventId, PaymentKey, Resolution, ResolveConflict, Snapshot,
    StoredPayment,
};
use rusqlite::{Row, params};

use super::batch::missing_registration;
use super::changes::{insert_event, settled_conflict};
use super::failure::Failure;
use super::session::Session;
use crate::record::{
    Corrupt, EventRow, FinishedRow, NewEvent, PaymentRow, decision_name, from_json_option, millis,
    settling_hash,
};

/// Returns the state from which a tracker continues.
pub(super) fn load(
    session: &Session<'_>,
    registration: i64,
    finished_since: Timestamp,
) -> Result<Snapshot, Failure> {
    let head = session.first(
        "SELECT quota_usage, list_status FROM registrations WHERE id = ?1",
        [registration],
        |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, Option<String>>(1)?,
            ))
        },
    )?;
    let (usage, lists) = head.ok_or_else(missing_registration)?;
    let mut snapshot = Snapshot::default();
    snapshot.usage = from_json_option("registrations.quota_usage", usage.as_deref())?;
    if let Some(lists) = from_json_option("registrations.list_status", lists.as_deref())? {
        snapshot.lists = lists;
    }
    let open = session.all(
        &format!(
            "SELECT {} FROM payments WHERE registration = ?1 AND status = 'open' ORDER BY opened_at, md5",
            PaymentRow::COLUMNS
        ),
        [registration],
        payment_row,
    )?;
    for row in open {
        snapshot.open.push(row.read_open()?);
    }
    let finished = session.all(
        &format!(
            "SELECT {} FROM payments WHERE registration = ?1 AND finished_at >= ?2 ORDER BY finish_event",
            FinishedRow::COLUMNS
        ),
        params![registration, millis(finished_since)],
        |row| {
            Ok(FinishedRow {
                md5: row.get(0)?,
                order: row.get(1)?,
                outcome: row.get(2)?,
                is_settled: row.get(3)?,
                finished_at: row.get(4)?,
            })
        },
    )?;
    for row in finished {
        snapshot.finished.push(row.read()?);
    }
    Ok(snapshot)
}

/// Returns the payments with this key, the oldest first.
pub(super) fn find(
    session: &Session<'_>,
    registration: i64,
    key: &PaymentKey,
) -> Result<Vec<StoredPayment>, Failure> {
    let columns = PaymentRow::COLUMNS;
    let rows = match key {
        PaymentKey::Md5(md5) => session.all(
            &format!("SELECT {columns} FROM payments WHERE registration = ?1 AND md5 = ?2"),
            params![registration, md5.as_bytes()],
            payment_row,
        )?,
        PaymentKey::Order(order) => session.all(
            &format!(
                "SELECT {columns} FROM payments WHERE registration = ?1 AND order_id = ?2 ORDER BY id"
            ),
            params![registration, order.as_str()],
            payment_row,
        )?,
        _ => {
            return Err(Failure::Misuse(
                "the store does not know this kind of key".into(),
            ));
        }
    };
    let payments = rows.into_iter().map(|row| Ok(row.read()?));
    payments.collect()
}

/// Returns the payments with these MD5s, by one statement for each, within the transaction of the caller.
pub(super) fn find_all(
    session: &Session<'_>,
    registration: i64,
    md5s: &[Md5Handle],
) -> Result<Vec<StoredPayment>, Failure> {
    let mut payments = Vec::new();
    for md5 in md5s {
        payments.extend(find(session, registration, &PaymentKey::Md5(*md5))?);
    }
    Ok(payments)
}

/// Returns the id of the last event.
pub(super) fn last_event(session: &Session<'_>, registration: i64) -> Result<EventId, Failure> {
    let last = session.first(
        "SELECT last_event FROM registrations WHERE id = ?1",
        [registration],
        |row| row.get(0),
    )?;
    last.map(EventId::new).ok_or_else(missing_registration)
}

/// Returns up to `limit` events after `after`, the lowest first.
pub(super) fn events_after(
    session: &Session<'_>,
    registration: i64,
    after: EventId,
    limit: i64,
) -> Result<Vec<Event>, Failure> {
    let rows = session.all(
        &format!(
            "SELECT {} FROM {} WHERE e.registration = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3",
            EventRow::COLUMNS,
            EventRow::FROM
        ),
        params![registration, after.get(), limit],
        event_row,
    )?;
    let events = rows.into_iter().map(|row| Ok(row.read()?));
    events.collect()
}

/// Stores that a consumer has handled all events up to `through`.
pub(super) fn acknowledge(
    session: &Session<'_>,
    registration: i64,
    consumer: &str,
    through: EventId,
) -> Result<(), Failure> {
    session.execute(
        "INSERT INTO consumers (registration, name, acknowledged) VALUES (?1, ?2, ?3) \
         ON CONFLICT (registration, name) DO UPDATE SET acknowledged = max(acknowledged, excluded.acknowledged)",
        params![registration, consumer, through.get()],
    )?;
    Ok(())
}

/// Returns the last event that a consumer acknowledged.
pub(super) fn acknowledged(
    session: &Session<'_>,
    registration: i64,
    consumer: &str,
) -> Result<EventId, Failure> {
    let acknowledged = session.first(
        "SELECT acknowledged FROM consumers WHERE registration = ?1 AND name = ?2",
        params![registration, consumer],
        |row| row.get(0),
    )?;
    Ok(acknowledged.map_or(EventId::START, EventId::new))
}

/// Stores the decision of a person, with its event.
pub(super) fn resolve(
    session: &Session<'_>,
    registration: i64,
    md5: &Md5Handle,
    resolution: &Resolution,
) -> Result<Result<(), ResolveConflict>, Failure> {
    let found = find(session, registration, &PaymentKey::Md5(*md5))?;
    let Some(stored) = found.into_iter().next() else {
        return Ok(Err(ResolveConflict::Unknown));
    };
    let Some((outcome, _)) = stored
        .finished
        .filter(|(outcome, _)| outcome.name() == "needs_review")
    else {
        return Ok(Err(ResolveConflict::NoReview));
    };
    if let Some(resolution) = stored.resolution {
        return Ok(Err(ResolveConflict::Resolved(Box::new(resolution))));
    }
    let accepts = resolution.decision == Decision::Accept;
    let hash = settling_hash(&outcome).filter(|_| accepts);
    let updated = session.execute(
        "UPDATE payments SET decision = ?3, decision_note = ?4, decided_by = ?5, decided_at = ?6, \
         settled_order = CASE WHEN ?7 THEN order_id END, settled_hash = ?8 WHERE registration = ?1 AND md5 = ?2",
        params![
            registration,
            md5.as_bytes(),
            decision_name(resolution.decision),
            resolution.note,
            resolution.by,
            millis(resolution.at),
            accepts,
            hash,
        ],
    );
    match updated {
        Ok(_) => {}
        Err(failure) if failure.is_unique_violation() => {
            let conflict = settled_conflict(session, registration, hash.as_deref())?;
            return Ok(Err(match conflict {
                Conflict::TransactionSettledAnother { order } => {
                    ResolveConflict::TransactionSettledAnother { order }
                }
                _ => ResolveConflict::OrderSettled,
            }));
        }
        Err(failure) => return Err(failure),
    }
    add_resolved_event(
        session,
        registration,
        md5,
        &stored.payment.order,
        resolution,
    )?;
    Ok(Ok(()))
}

fn add_resolved_event(
    session: &Session<'_>,
    registration: i64,
    md5: &Md5Handle,
    order: &OrderId,
    resolution: &Resolution,
) -> Result<(), Failure> {
    let id = session.first(
        "UPDATE registrations SET last_event = last_event + 1 WHERE id = ?1 RETURNING last_event",
        [registration],
        |row| row.get(0),
    )?;
    let id = id.ok_or_else(missing_registration)?;
    let event = NewEvent::resolved(md5, order, resolution.at);
    insert_event(session, registration, id, &event)
}

/// Reads the columns [`PaymentRow::COLUMNS`].
pub(super) fn payment_row(row: &Row<'_>) -> rusqlite::Result<PaymentRow> {
    Ok(PaymentRow {
        id: row.get(0)?,
        md5: row.get(1)?,
        order: row.get(2)?,
        amount: row.get(3)?,
        currency: row.get(4)?,
        recipient: row.get(5)?,
        opened_at: row.get(6)?,
        expires_at: row.get(7)?,
        policy: row.get(8)?,
        code: row.get(9)?,
        metadata: row.get(10)?,
        asked_at: row.get(11)?,
        hash: row.get(12)?,
        short_hash: row.get(13)?,
        is_cancelled: row.get(14)?,
        outcome: row.get(15)?,
        finished_at: row.get(16)?,
        decision: row.get(17)?,
        decision_note: row.get(18)?,
        decided_by: row.get(19)?,
        decided_at: row.get(20)?,
    })
}

/// Reads the columns [`EventRow::COLUMNS`].
pub(super) fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        id: row.get(0)?,
        md5: row.get(1)?,
        order: row.get(2)?,
        kind: row.get(3)?,
        detail: row.get(4)?,
        at: row.get(5)?,
        outcome: row.get(6)?,
        decision: row.get(7)?,
        decision_note: row.get(8)?,
        decided_by: row.get(9)?,
        decided_at: row.get(10)?,
    })
}

/// Reads payments from rows.
pub(super) fn read_all(rows: Vec<PaymentRow>) -> Result<Vec<StoredPayment>, Corrupt> {
    rows.into_iter().map(PaymentRow::read).collect()
}
