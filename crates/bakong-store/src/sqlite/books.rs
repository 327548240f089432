//! Lists and statements.

use std::ops::Range;

use bakong_flow::OrderId;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{Exchange, StoredPayment};
use rusqlite::{Row, named_params, params};

use super::failure::Failure;
use super::payments::{event_row, payment_row, read_all};
use super::session::Session;
use crate::books::{Cursor, ExchangeFilter, Page, PaymentFilter, StateFilter, Statement, rows_of};
use crate::record::{EventRow, ExchangeRow, PaymentRow, millis, millis_of};

/// Returns one page of payments, the newest first.
pub(super) fn payments(
    session: &Session<'_>,
    registration: i64,
    filter: &PaymentFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<StoredPayment>, Failure> {
    let (from, until) = bounds(filter.opened.as_ref());
    let after = after.unwrap_or(Cursor::START);
    let params = named_params! {
        ":registration": registration,
        ":order": filter.order.as_ref().map(OrderId::as_str),
        ":from": from,
        ":until": until,
        ":at": after.at,
        ":id": after.id,
        ":limit": rows_of(limit),
    };
    let rows = session.all(&payments_sql(filter), params, payment_row)?;
    Ok(Page::of_rows(rows, limit, PaymentRow::item)?)
}

/// Names the index, because SQLite would scan all payments in the order of time instead.
fn payments_sql(filter: &PaymentFilter) -> String {
    let (index, order) = match (&filter.order, filter.state) {
        (Some(_), _) => ("payments_order", "order_id = :order"),
        (None, StateFilter::Open) => ("payments_open", ":order IS NULL"),
        (None, StateFilter::NeedsReview) => ("payments_review", ":order IS NULL"),
        (None, StateFilter::All | StateFilter::Final) => ("payments_opened", ":order IS NULL"),
    };
    format!(
        "SELECT {} FROM payments INDEXED BY {index} WHERE registration = :registration AND {order} AND {} \
         AND opened_at BETWEEN :from AND :until AND (opened_at, id) < (:at, :id) \
         ORDER BY opened_at DESC, id DESC LIMIT :limit",
        PaymentRow::COLUMNS,
        filter.state.condition(),
    )
}

/// Returns one page of exchanges, the newest first.
pub(super) fn exchanges(
    session: &Session<'_>,
    registration: i64,
    filter: &ExchangeFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Exchange>, Failure> {
    let (from, until) = bounds(filter.sent.as_ref());
    let after = after.unwrap_or(Cursor::START);
    let md5 = filter.md5.as_ref();
    let sql = format!(
        "SELECT {} FROM exchanges WHERE registration = :registration AND {} \
         AND sent_at BETWEEN :from AND :until AND (sent_at, id) < (:at, :id) \
         ORDER BY sent_at DESC, id DESC LIMIT :limit",
        ExchangeRow::COLUMNS,
        md5.map_or(":md5 IS NULL", |_| "md5 = :md5"),
    );
    let params = named_params! {
        ":registration": registration,
        ":md5": md5.map(Md5Handle::as_bytes),
        ":from": from,
        ":until": until,
        ":at": after.at,
        ":id": after.id,
        ":limit": rows_of(limit),
    };
    let rows = session.all(&sql, params, exchange_row)?;
    Ok(Page::of_rows(rows, limit, ExchangeRow::item)?)
}

/// Returns the statement of a period.
pub(super) fn statement(
    session: &Session<'_>,
    registration: i64,
    period: Range<Timestamp>,
) -> Result<Statement, Failure> {
    let (from, until) = bounds(Some(&period));
    let payments = |condition: &str| -> Result<Vec<StoredPayment>, Failure> {
        let columns = PaymentRow::COLUMNS;
        let sql = format!("SELECT {columns} FROM payments WHERE registration = ?1 AND {condition}");
        let rows = session.all(&sql, params![registration, from, until], payment_row)?;
        Ok(read_all(rows)?)
    };
    let mut settled = payments("finished_at BETWEEN ?2 AND ?3 AND status = 'paid'")?;
    settled.extend(payments(
        "decided_at BETWEEN ?2 AND ?3 AND decision = 'accept'",
    )?);
    let needs_review = payments(
        "status = 'needs_review' AND decision IS NULL AND finished_at BETWEEN ?2 AND ?3 ORDER BY finish_event",
    )?;
    let events = session.all(
        &format!(
            "SELECT {} FROM {} WHERE e.registration = ?1 AND e.kind = 'paid_again' AND e.at BETWEEN ?2 AND ?3",
            EventRow::COLUMNS,
            EventRow::FROM
        ),
        params![registration, from, until],
        event_row,
    )?;
    let events = events.into_iter().map(EventRow::read);
    let mut paid_again = events.collect::<Result<Vec<_>, _>>()?;
    // Not ORDER BY: SQLite would scan all events.
    paid_again.sort_by_key(|event| event.id);
    Ok(Statement::new(period, settled, needs_review, paid_again))
}

/// Deletes the exchanges that were sent before `before`.
pub(super) fn prune_exchanges(
    session: &Session<'_>,
    registration: i64,
    before: Timestamp,
) -> Result<u64, Failure> {
    let deleted = session.execute(
        "DELETE FROM exchanges WHERE registration = ?1 AND sent_at < ?2",
        params![registration, millis(before)],
    )?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// Reads the columns [`ExchangeRow::COLUMNS`].
pub(super) fn exchange_row(row: &Row<'_>) -> rusqlite::Result<ExchangeRow> {
    Ok(ExchangeRow {
        id: row.get(0)?,
        request_id: row.get(1)?,
        endpoint: row.get(2)?,
        md5: row.get(3)?,
        status: row.get(4)?,
        response_code: row.get(5)?,
        error_code: row.get(6)?,
        duration_us: row.get(7)?,
        attempt: row.get(8)?,
        sent_at: row.get(9)?,
    })
}

/// Returns the first and the last millisecond of a period, or of all times.
fn bounds(period: Option<&Range<Timestamp>>) -> (i64, i64) {
    period.map_or((0, i64::MAX), millis_of)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_page_of_payments_is_found_by_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in crate::migrations::SQLITE {
            connection.execute_batch(migration.sql).unwrap();
        }
        for (state, order, expected) in [
            (
                StateFilter::All,
                None,
                "payments_opened (registration=? AND opened_at>",
            ),
            (
                StateFilter::Final,
                None,
                "payments_opened (registration=? AND opened_at>",
            ),
            (
                StateFilter::Open,
                None,
                "payments_open (registration=? AND opened_at>",
            ),
            (
                StateFilter::NeedsReview,
                None,
                "payments_review (registration=? AND opened_at>",
            ),
            (
                StateFilter::All,
                Some("17"),
                "payments_order (registration=? AND order_id=?",
            ),
            (
                StateFilter::Open,
                Some("17"),
                "payments_order (registration=? AND order_id=?",
            ),
        ] {
            let filter = PaymentFilter {
                state,
                order: order.map(|order| OrderId::new(order).unwrap()),
                opened: None,
            };
            let sql = format!("EXPLAIN QUERY PLAN {}", payments_sql(&filter));
            let mut statement = connection.prepare(&sql).unwrap();
            let mut plan = String::new();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                plan.push_str(&row.get::<_, String>("detail").unwrap());
            }
            assert!(plan.contains(expected), "{filter:?}: {plan}");
            // The few payments of one order may be sorted.
            let is_sorted = plan.contains("TEMP B-TREE FOR ORDER BY");
            assert!(!is_sorted || filter.order.is_some(), "{plan}");
        }
    }
}
