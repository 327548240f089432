//! The rows of the table `payments`.

use bakong_flow::bakong_api::khqr_core::{
    AccountIdBuf, Amount, Currency, Khqr, Md5Handle, Timestamp,
};
use bakong_flow::bakong_api::{ShortHash, TransactionHash};
use bakong_flow::payment::PaymentDetails;
use bakong_flow::store::{Decision, FinishedPayment, OpenPayment, Resolution, StoredPayment};
use bakong_flow::{Expected, OrderId, Outcome, Payment, Policy};
use serde::Serialize;

use crate::books::Cursor;

use super::{Corrupt, from_json, integer, md5_text, millis, policy, timestamp, to_json};

/// The columns of a payment that is opened. The other columns have their default values.
#[derive(Debug, Serialize)]
pub(crate) struct NewPayment<'a> {
    #[serde(serialize_with = "md5_text")]
    pub(crate) md5: &'a [u8; 16],
    #[serde(rename = "order_id")]
    pub(crate) order: &'a str,
    /// NULL, like `currency` and `recipient`, if only the MD5 of the code is known.
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<&'static str>,
    pub(crate) recipient: Option<&'a str>,
    pub(crate) opened_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) policy: String,
    pub(crate) code: Option<&'a str>,
    pub(crate) merchant_id: Option<&'a str>,
    pub(crate) bill_number: Option<&'a str>,
    pub(crate) store_label: Option<&'a str>,
    pub(crate) terminal_label: Option<&'a str>,
    pub(crate) metadata: Option<&'a str>,
    pub(crate) hash: Option<&'a str>,
    pub(crate) short_hash: Option<&'a str>,
}

impl<'a> NewPayment<'a> {
    /// Returns the columns of a payment that is opened at `at`.
    pub(crate) fn new(
        payment: &'a Payment,
        policy: &Policy,
        at: Timestamp,
    ) -> Result<Self, Corrupt> {
        let expected = payment.expected.as_ref();
        let amount = expected.map(|expected| expected.amount);
        let minor_units = amount.map(|amount| integer("payments.amount", amount.minor_units()));
        let details = payment.details.as_deref();
        let code = details.and_then(|details| details.code.as_deref());
        // A text that is not a code has no fields, and is stored all the same.
        let fields = code.and_then(|text| Khqr::parse(text).ok());
        let fields = fields.as_ref().map(Khqr::to_fields);
        let fields = fields.as_ref();
        Ok(Self {
            md5: payment.md5.as_bytes(),
            order: payment.order.as_str(),
            amount: minor_units.transpose()?,
            currency: amount.map(|amount| amount.currency().alphabetic_code()),
            recipient: expected.map(|expected| expected.recipient.as_str()),
            opened_at: millis(at),
            expires_at: millis(payment.expires_at),
            policy: policy::encode(policy)?,
            code,
            merchant_id: fields.and_then(|fields| fields.merchant_id),
            bill_number: fields.and_then(|fields| fields.bill_number),
            store_label: fields.and_then(|fields| fields.store_label),
            terminal_label: fields.and_then(|fields| fields.terminal_label),
            metadata: details.and_then(|details| details.metadata.as_deref()),
            hash: payment.hash.as_ref().map(TransactionHash::as_str),
            short_hash: payment.short_hash.as_ref().map(ShortHash::as_str),
        })
    }
}

/// The columns that change when a payment becomes final.
#[derive(Debug, Serialize)]
pub(crate) struct Final {
    pub(crate) status: &'static str,
    /// JSON.
    pub(crate) outcome: String,
    pub(crate) finished_at: i64,
    /// Whether the outcome settles the order. The column `settled_order` then becomes the order of the row.
    pub(crate) settles_order: bool,
    /// The hash of the transaction in lower case, if the outcome settles the order.
    pub(crate) settled_hash: Option<String>,
}

impl Final {
    /// Returns the columns of a payment that becomes final at `at`.
    pub(crate) fn new(outcome: &Outcome, at: Timestamp) -> Result<Self, Corrupt> {
        let settles_order = matches!(outcome, Outcome::Paid { .. });
        Ok(Self {
            status: outcome.name(),
            outcome: to_json("payments.outcome", outcome)?,
            finished_at: millis(at),
            settles_order,
            settled_hash: settling_hash(outcome).filter(|_| settles_order),
        })
    }
}

/// Returns the hash of the outcome's transaction in lower case.
pub(crate) fn settling_hash(outcome: &Outcome) -> Option<String> {
    let hash = outcome.transaction()?.hash.as_deref()?;
    Some(hash.to_ascii_lowercase())
}

/// A row of `payments`, without the columns that are copies: `merchant_id` and so on are in the code.
#[derive(Debug)]
pub(crate) struct PaymentRow {
    pub(crate) id: i64,
    pub(crate) md5: [u8; 16],
    pub(crate) order: String,
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) opened_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) policy: String,
    pub(crate) code: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) hash: Option<String>,
    pub(crate) short_hash: Option<String>,
    pub(crate) is_cancelled: bool,
    pub(crate) outcome: Option<String>,
    pub(crate) finished_at: Option<i64>,
    pub(crate) decision: Option<String>,
    pub(crate) decision_note: Option<String>,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided_at: Option<i64>,
}

impl PaymentRow {
    /// The columns to select, in the order of the fields.
    pub(crate) const COLUMNS: &'static str = "id, md5, order_id, amount, currency, recipient, opened_at, expires_at, \
        policy, code, metadata, asked_at, hash, short_hash, is_cancelled, outcome, finished_at, decision, decision_note, \
        decided_by, decided_at";

    /// Returns the payment of the row and its position in a list.
    pub(crate) fn item(self) -> Result<(Cursor, StoredPayment), Corrupt> {
        let (at, id) = (self.opened_at, self.id);
        Ok((Cursor { at, id }, self.read()?))
    }

    /// Returns the payment of the row.
    pub(crate) fn read(self) -> Result<StoredPayment, Corrupt> {
        let resolution = self.resolution()?;
        let finished = match (&self.outcome, self.finished_at) {
            (Some(outcome), Some(at)) => {
                Some((from_json("payments.outcome", outcome)?, timestamp(at)))
            }
            _ => None,
        };
        let open = self.read_open()?;
        let mut stored = StoredPayment::new(open.payment, open.policy, open.opened_at);
        stored.asked_at = open.asked_at;
        stored.is_cancelled = open.is_cancelled;
        stored.finished = finished;
        stored.resolution = resolution;
        Ok(stored)
    }

    /// Returns the payment of the row as an open payment.
    pub(crate) fn read_open(self) -> Result<OpenPayment, Corrupt> {
        let mut payment = Payment::of_md5(
            OrderId::new(&self.order).map_err(invalid("payments.order_id"))?,
            Md5Handle::from_bytes(self.md5),
            timestamp(self.expires_at),
        );
        payment.expected = self.expected()?;
        let hash = self.hash.as_deref().map(TransactionHash::new).transpose();
        payment.hash = hash.map_err(invalid("payments.hash"))?;
        let short_hash = self.short_hash.as_deref().map(ShortHash::new).transpose();
        payment.short_hash = short_hash.map_err(invalid("payments.short_hash"))?;
        if self.code.is_some() || self.metadata.is_some() {
            let mut details = PaymentDetails::new();
            details.code = self.code.map(Into::into);
            details.metadata = self.metadata.map(Into::into);
            payment.details = Some(Box::new(details));
        }
        let policy = policy::decode(&self.policy)?;
        let mut open = OpenPayment::new(payment, policy, timestamp(self.opened_at));
        open.asked_at = self.asked_at.map(timestamp);
        open.is_cancelled = self.is_cancelled;
        Ok(open)
    }

    fn expected(&self) -> Result<Option<Expected>, Corrupt> {
        let columns = (self.amount, &self.currency, &self.recipient);
        let (Some(amount), Some(currency), Some(recipient)) = columns else {
            return match columns {
                (None, None, None) => Ok(None),
                _ => Err(Corrupt::new("payments.amount", "only a part is stored")),
            };
        };
        let currency: Currency = currency.parse().map_err(invalid("payments.currency"))?;
        let amount = super::unsigned("payments.amount", amount)?;
        let amount = Amount::from_minor_units(amount, currency);
        let recipient = AccountIdBuf::new(recipient).map_err(invalid("payments.recipient"))?;
        Ok(Some(Expected::new(amount, recipient)))
    }

    fn resolution(&self) -> Result<Option<Resolution>, Corrupt> {
        read_resolution(
            self.decision.as_deref(),
            self.decision_note.as_deref(),
            self.decided_by.as_deref(),
            self.decided_at,
        )
    }
}

/// Returns the decision of the columns `decision`, `decision_note`, `decided_by` and `decided_at`.
pub(super) fn read_resolution(
    decision: Option<&str>,
    note: Option<&str>,
    by: Option<&str>,
    at: Option<i64>,
) -> Result<Option<Resolution>, Corrupt> {
    let (Some(decision), Some(at)) = (decision, at) else {
        return Ok(None);
    };
    Ok(Some(Resolution::new(
        read_decision(decision)?,
        note.unwrap_or_default(),
        by.unwrap_or_default(),
        timestamp(at),
    )))
}

/// Returns the name of a decision in the column `decision`.
pub(crate) const fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "accept",
        Decision::Reject => "reject",
    }
}

fn read_decision(name: &str) -> Result<Decision, Corrupt> {
    let all = [Decision::Accept, Decision::Reject];
    let decision = all
        .into_iter()
        .find(|decision| decision_name(*decision) == name);
    decision.ok_or_else(|| Corrupt::new("payments.decision", "unknown decision"))
}

/// The columns of a final payment that a tracker needs.
#[derive(Debug)]
pub(crate) struct FinishedRow {
    pub(crate) md5: [u8; 16],
    pub(crate) order: String,
    /// JSON, or only the hash of the transaction if the payment was paid. A worker that starts loads thousands of paid
    /// payments and needs none of their transactions.
    pub(crate) outcome: String,
    /// Whether the column `settled_order` is not NULL.
    pub(crate) is_settled: bool,
    pub(crate) finished_at: i64,
}

impl FinishedRow {
    /// The columns to select, in the order of the fields.
    pub(crate) const COLUMNS: &'static str = "md5, order_id, \
        CASE WHEN status = 'paid' AND settled_hash IS NOT NULL THEN settled_hash ELSE outcome END, \
        settled_order IS NOT NULL, finished_at";

    /// Returns the payment of the row.
    pub(crate) fn read(self) -> Result<FinishedPayment, Corrupt> {
        let order = OrderId::new(&self.order).map_err(invalid("payments.order_id"))?;
        let md5 = Md5Handle::from_bytes(self.md5);
        let at = timestamp(self.finished_at);
        // JSON begins with another character.
        let is_hash = self
            .outcome
            .starts_with(|first: char| first.is_ascii_hexdigit());
        let mut finished = if is_hash {
            let mut paid = FinishedPayment::new(md5, order, &Outcome::Failed, at);
            paid.hash = Some(self.outcome.into());
            paid
        } else {
            let outcome: Outcome = from_json("payments.outcome", &self.outcome)?;
            FinishedPayment::new(md5, order, &outcome, at)
        };
        finished.is_settled = self.is_settled;
        Ok(finished)
    }
}

/// Returns the error of a column, without its value.
pub(super) fn invalid<E: std::fmt::Display>(column: &'static str) -> impl FnOnce(E) -> Corrupt {
    move |error| Corrupt::new(column, error)
}
