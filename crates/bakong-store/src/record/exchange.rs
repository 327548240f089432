//! The rows of the table `exchanges`.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::Exchange;
use serde::Serialize;

use crate::books::Cursor;

use super::{Corrupt, millis, optional_md5_text, timestamp, unsigned};

/// The columns of an exchange to insert.
#[derive(Debug, Serialize)]
pub(crate) struct NewExchange<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) endpoint: &'a str,
    #[serde(serialize_with = "optional_md5_text")]
    pub(crate) md5: Option<&'a [u8; 16]>,
    pub(crate) status: Option<i64>,
    pub(crate) response_code: Option<i64>,
    pub(crate) error_code: Option<i64>,
    pub(crate) duration_us: i64,
    pub(crate) attempt: i64,
    pub(crate) sent_at: i64,
}

impl<'a> NewExchange<'a> {
    /// Returns the columns of `exchange`.
    pub(crate) fn new(exchange: &'a Exchange) -> Self {
        Self {
            request_id: &exchange.request_id,
            endpoint: &exchange.endpoint,
            md5: exchange.md5.as_ref().map(Md5Handle::as_bytes),
            status: exchange.status.map(i64::from),
            response_code: exchange.response_code,
            error_code: exchange.error_code,
            duration_us: i64::try_from(exchange.duration.as_micros()).unwrap_or(i64::MAX),
            attempt: i64::from(exchange.attempt),
            sent_at: millis(exchange.sent_at),
        }
    }
}

/// A row of `exchanges`.
#[derive(Debug)]
pub(crate) struct ExchangeRow {
    pub(crate) id: i64,
    pub(crate) request_id: String,
    pub(crate) endpoint: String,
    pub(crate) md5: Option<[u8; 16]>,
    pub(crate) status: Option<i64>,
    pub(crate) response_code: Option<i64>,
    pub(crate) error_code: Option<i64>,
    pub(crate) duration_us: i64,
    pub(crate) attempt: i64,
    pub(crate) sent_at: i64,
}

impl ExchangeRow {
    /// The columns to select, in the order of the fields.
    pub(crate) const COLUMNS: &'static str = "id, request_id, endpoint, md5, status, response_code, error_code, \
        duration_us, attempt, sent_at";

    /// Returns the exchange of the row and its position in a list.
    pub(crate) fn item(self) -> Result<(Cursor, Exchange), Corrupt> {
        let (at, id) = (self.sent_at, self.id);
        Ok((Cursor { at, id }, self.read()?))
    }

    /// Returns the exchange of the row. Its duration has a resolution of a microsecond.
    pub(crate) fn read(self) -> Result<Exchange, Corrupt> {
        let status = self
            .status
            .map(|status| unsigned("exchanges.status", status));
        let sent_at = timestamp(self.sent_at);
        let mut exchange = Exchange::new(self.request_id, self.endpoint, sent_at);
        exchange.md5 = self.md5.map(Md5Handle::from_bytes);
        exchange.status = status.transpose()?;
        exchange.response_code = self.response_code;
        exchange.error_code = self.error_code;
        exchange.duration =
            Duration::from_micros(unsigned("exchanges.duration_us", self.duration_us)?);
        exchange.attempt = unsigned("exchanges.attempt", self.attempt)?;
        Ok(exchange)
    }
}
