//! Lists and statements.

use std::ops::Range;

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{Exchange, StoredPayment};

use super::connection::{Connections, Mode};
use super::failure::Failure;
use super::payments::{read_event, read_payment};
use super::rows::{Columns, exchange_row, payment_row};
use super::statement::Statement;
use crate::books::{Cursor, ExchangeFilter, Page, PaymentFilter, Statement as Account, rows_of};
use crate::record::{EventRow, ExchangeRow, PaymentRow, millis, millis_of};

/// Returns one page of payments, the newest first.
pub(super) async fn payments(
    connections: &Connections,
    registration: i64,
    filter: &PaymentFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<StoredPayment>, Failure> {
    let mut select = Statement::new(format!(
        "SELECT {} FROM payments WHERE registration = $1 AND {}",
        PaymentRow::COLUMNS,
        filter.state.condition()
    ))
    .with(registration);
    if let Some(order) = &filter.order {
        let order = select.bind(order.as_str());
        select.sql += &format!(" AND order_id = ${order}");
    }
    page(
        &mut select,
        "opened_at",
        filter.opened.as_ref(),
        after,
        limit,
    );
    let rows = connections.run(Mode::Report, &[select]).await?;
    let rows = rows.iter().flatten();
    Page::of_rows(rows, limit, |row| Ok(payment_row(row)?.item()?))
}

/// Returns one page of exchanges, the newest first.
pub(super) async fn exchanges(
    connections: &Connections,
    registration: i64,
    filter: &ExchangeFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Exchange>, Failure> {
    let mut select = Statement::new(format!(
        "SELECT {} FROM exchanges WHERE registration = $1",
        ExchangeRow::COLUMNS
    ))
    .with(registration);
    if let Some(md5) = filter.md5.as_ref().map(Md5Handle::as_bytes) {
        let md5 = select.bind(&md5[..]);
        select.sql += &format!(" AND md5 = ${md5}");
    }
    page(&mut select, "sent_at", filter.sent.as_ref(), after, limit);
    let rows = connections.run(Mode::Report, &[select]).await?;
    let rows = rows.iter().flatten();
    Page::of_rows(rows, limit, |row| Ok(exchange_row(row)?.item()?))
}

/// Adds the conditions, the order and the limit of a page of a list that is sorted by `column`.
fn page(
    select: &mut Statement<'_>,
    column: &str,
    period: Option<&Range<Timestamp>>,
    after: Option<Cursor>,
    limit: usize,
) {
    if let Some(period) = period {
        let (from, until) = millis_of(period);
        let (from, until) = (select.bind(from), select.bind(until));
        select.sql += &format!(" AND {column} BETWEEN ${from} AND ${until}");
    }
    let after = after.unwrap_or(Cursor::START);
    let (at, id) = (select.bind(after.at), select.bind(after.id));
    let rows = select.bind(rows_of(limit));
    select.sql += &format!(
        " AND ({column}, id) < (${at}, ${id}) ORDER BY {column} DESC, id DESC LIMIT ${rows}"
    );
}

/// Returns the statement of a period.
pub(super) async fn statement(
    connections: &Connections,
    registration: i64,
    period: Range<Timestamp>,
) -> Result<Account, Failure> {
    let (from, until) = millis_of(&period);
    let select = |sql: String| {
        Statement::new(sql)
            .with(registration)
            .with(from)
            .with(until)
    };
    let payments = |condition: &str| {
        let columns = PaymentRow::COLUMNS;
        select(format!(
            "SELECT {columns} FROM payments WHERE registration = $1 AND {condition}"
        ))
    };
    let statements = [
        payments("finished_at IS NOT NULL AND finished_at BETWEEN $2 AND $3 AND status = 'paid'"),
        payments("decided_at IS NOT NULL AND decided_at BETWEEN $2 AND $3 AND decision = 'accept'"),
        payments(
            "status = 'needs_review' AND decision IS NULL AND finished_at BETWEEN $2 AND $3 ORDER BY finish_event",
        ),
        select(format!(
            "SELECT {} FROM {} WHERE e.registration = $1 AND e.kind = 'paid_again' AND e.at BETWEEN $2 AND $3 \
             ORDER BY e.id",
            EventRow::COLUMNS,
            EventRow::FROM
        )),
    ];
    let rows = connections.run(Mode::Report, &statements).await?;
    let [paid, accepted, needs_review, paid_again] = &rows[..] else {
        return Err(Failure::fatal("a statement has no result"));
    };
    let settled = paid.iter().chain(accepted).map(read_payment);
    let settled = settled.collect::<Result<_, _>>()?;
    let needs_review = needs_review.iter().map(read_payment);
    let needs_review = needs_review.collect::<Result<_, _>>()?;
    let paid_again = paid_again.iter().map(read_event);
    let paid_again = paid_again.collect::<Result<_, _>>()?;
    Ok(Account::new(period, settled, needs_review, paid_again))
}

/// Deletes the exchanges that were sent before `before`.
pub(super) async fn prune_exchanges(
    connections: &Connections,
    registration: i64,
    before: Timestamp,
) -> Result<u64, Failure> {
    // In parts, because a transaction must not run for long.
    const PART: i64 = 10_000;
    let mut total = 0;
    loop {
        let delete = Statement::new(
            "WITH deleted AS (DELETE FROM exchanges WHERE ctid = ANY (ARRAY(SELECT ctid FROM exchanges \
             WHERE registration = $1 AND sent_at < $2 LIMIT $3)) RETURNING 1) SELECT count(*) FROM deleted",
        );
        let delete = delete.with(registration).with(millis(before)).with(PART);
        let rows = connections.run(Mode::Write, &[delete]).await?;
        let row = rows.first().and_then(|rows| rows.first());
        let deleted: i64 = row.map_or(Ok(0), |row| Columns::new(row).read())?;
        total += u64::try_from(deleted).unwrap_or(0);
        if deleted < PART {
            return Ok(total);
        }
    }
}
