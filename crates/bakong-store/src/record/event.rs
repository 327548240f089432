//! The rows of the table `events`.

use bakong_flow::OrderId;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::store::{Event, EventId, EventKind};
use serde::Serialize;

use super::payment::{invalid, read_resolution};
use super::{Corrupt, from_json, md5_text, millis, timestamp, to_json};

/// The columns of an event to insert.
#[derive(Debug, Serialize)]
pub(crate) struct NewEvent<'a> {
    #[serde(serialize_with = "md5_text")]
    pub(crate) md5: &'a [u8; 16],
    #[serde(rename = "order_id")]
    pub(crate) order: &'a str,
    pub(crate) kind: &'static str,
    /// JSON.
    pub(crate) detail: Option<String>,
    pub(crate) at: i64,
}

impl<'a> NewEvent<'a> {
    /// Returns the event that a payment became final. The row of the payment has the outcome.
    pub(crate) fn finished(md5: &'a Md5Handle, order: &'a OrderId, at: Timestamp) -> Self {
        Self::without_detail(md5, order, "finished", at)
    }

    /// Returns the event that a person decided about a payment. The row of the payment has the decision.
    pub(crate) fn resolved(md5: &'a Md5Handle, order: &'a OrderId, at: Timestamp) -> Self {
        Self::without_detail(md5, order, "resolved", at)
    }

    /// Returns the event of [`EventKind::PaidAgain`].
    pub(crate) fn paid_again(
        md5: &'a Md5Handle,
        order: &'a OrderId,
        kind: &EventKind,
        at: Timestamp,
    ) -> Result<Self, Corrupt> {
        let detail = Some(to_json("events.detail", kind)?);
        Ok(Self {
            detail,
            ..Self::without_detail(md5, order, "paid_again", at)
        })
    }

    fn without_detail(
        md5: &'a Md5Handle,
        order: &'a OrderId,
        kind: &'static str,
        at: Timestamp,
    ) -> Self {
        Self {
            md5: md5.as_bytes(),
            order: order.as_str(),
            kind,
            detail: None,
            at: millis(at),
        }
    }
}

/// A row of `events`, joined with the payment of the event.
#[derive(Debug)]
pub(crate) struct EventRow {
    pub(crate) id: i64,
    pub(crate) md5: [u8; 16],
    pub(crate) order: String,
    pub(crate) kind: String,
    pub(crate) detail: Option<String>,
    pub(crate) at: i64,
    /// Of the payment.
    pub(crate) outcome: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) decision_note: Option<String>,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided_at: Option<i64>,
}

impl EventRow {
    /// The columns to select, in the order of the fields, from [`FROM`](Self::FROM).
    pub(crate) const COLUMNS: &'static str = "e.id, e.md5, e.order_id, e.kind, e.detail, e.at, p.outcome, p.decision, \
        p.decision_note, p.decided_by, p.decided_at";

    /// The tables, for `FROM`.
    pub(crate) const FROM: &'static str =
        "events e LEFT JOIN payments p ON p.registration = e.registration AND p.md5 = e.md5";

    /// Returns the event of the row.
    pub(crate) fn read(self) -> Result<Event, Corrupt> {
        let kind = match (&*self.kind, &self.detail, &self.outcome) {
            (_, Some(detail), _) => from_json("events.detail", detail)?,
            ("finished", None, Some(outcome)) => {
                EventKind::Finished(from_json("payments.outcome", outcome)?)
            }
            ("resolved", None, _) => {
                let resolution = read_resolution(
                    self.decision.as_deref(),
                    self.decision_note.as_deref(),
                    self.decided_by.as_deref(),
                    self.decided_at,
                )?;
                let missing = || Corrupt::new("payments.decision", "it is missing");
                EventKind::Resolved(resolution.ok_or_else(missing)?)
            }
            _ => {
                return Err(Corrupt::new(
                    "events.kind",
                    "the kind is unknown, or its payment is missing",
                ));
            }
        };
        Ok(Event::new(
            EventId::new(self.id),
            Md5Handle::from_bytes(self.md5),
            OrderId::new(&self.order).map_err(invalid("events.order_id"))?,
            kind,
            timestamp(self.at),
        ))
    }
}
