//! Reads rows.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Failure;
use crate::record::{Corrupt, EventRow, ExchangeRow, FinishedRow, PaymentRow};

/// Reads the columns of a row, in order.
#[derive(Debug)]
pub(super) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) const fn new(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn read<T: FromSql<'r>>(&mut self) -> Result<T, Failure> {
        let index = self.next;
        self.next += 1;
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn md5(&mut self) -> Result<[u8; 16], Failure> {
        self.optional_md5()?.ok_or_else(|| wrong_md5().into())
    }

    fn optional_md5(&mut self) -> Result<Option<[u8; 16]>, Failure> {
        let bytes: Option<&[u8]> = self.read()?;
        let md5 = bytes.map(|bytes| bytes.try_into().map_err(|_| wrong_md5()));
        Ok(md5.transpose()?)
    }
}

fn wrong_md5() -> Corrupt {
    Corrupt::new("md5", "it has not 16 bytes")
}

/// Reads the first column of the first row.
pub(super) fn first<'r, T: FromSql<'r>>(rows: &'r [Row]) -> Result<Option<T>, Failure> {
    rows.first().map(|row| Columns::new(row).read()).transpose()
}

/// Reads the columns [`PaymentRow::COLUMNS`].
pub(super) fn payment_row(row: &Row) -> Result<PaymentRow, Failure> {
    let mut columns = Columns::new(row);
    Ok(PaymentRow {
        id: columns.read()?,
        md5: columns.md5()?,
        order: columns.read()?,
        amount: columns.read()?,
        currency: columns.read()?,
        recipient: columns.read()?,
        opened_at: columns.read()?,
        expires_at: columns.read()?,
        policy: columns.read()?,
        code: columns.read()?,
        metadata: columns.read()?,
        asked_at: columns.read()?,
        hash: columns.read()?,
        short_hash: columns.read()?,
        is_cancelled: columns.read()?,
        outcome: columns.read()?,
        finished_at: columns.read()?,
        decision: columns.read()?,
        decision_note: columns.read()?,
        decided_by: columns.read()?,
        decided_at: columns.read()?,
    })
}

/// Reads the columns [`FinishedRow::COLUMNS`].
pub(super) fn finished_row(row: &Row) -> Result<FinishedRow, Failure> {
    let mut columns = Columns::new(row);
    Ok(FinishedRow {
        md5: columns.md5()?,
        order: columns.read()?,
        outcome: columns.read()?,
        is_settled: columns.read()?,
        finished_at: columns.read()?,
    })
}

/// Reads the columns [`EventRow::COLUMNS`].
pub(super) fn event_row(row: &Row) -> Result<EventRow, Failure> {
    let mut columns = Columns::new(row);
    Ok(EventRow {
        id: columns.read()?,
        md5: columns.md5()?,
        order: columns.read()?,
        kind: columns.read()?,
        detail: columns.read()?,
        at: columns.read()?,
        outcome: columns.read()?,
        decision: columns.read()?,
        decision_note: columns.read()?,
        decided_by: columns.read()?,
        decided_at: columns.read()?,
    })
}

/// Reads the columns [`ExchangeRow::COLUMNS`].
pub(super) fn exchange_row(row: &Row) -> Result<ExchangeRow, Failure> {
    let mut columns = Columns::new(row);
    Ok(ExchangeRow {
        id: columns.read()?,
        request_id: columns.read()?,
        endpoint: columns.read()?,
        md5: columns.optional_md5()?,
        status: columns.read()?,
        response_code: columns.read()?,
        error_code: columns.read()?,
        duration_us: columns.read()?,
        attempt: columns.read()?,
        sent_at: columns.read()?,
    })
}
