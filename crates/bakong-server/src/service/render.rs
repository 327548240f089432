//! Payments and events as JSON.

use jiff::Timestamp as JiffTimestamp;
use khqr_core::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::db::NewEvent;
use crate::domain::{EventType, Payment, Reason, Status, TransactionSummary, amount_text};
use crate::ids;
use crate::problem::Problem;
use crate::shop::{Mode, Shop};

/// A payment.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentBody {
    /// `pay_…`
    pub(crate) id: String,
    pub(crate) status: Status,
    /// Why the payment has its status. Empty in the usual case.
    pub(crate) reasons: Vec<Reason>,
    /// Whether the payment belongs to the sandbox.
    pub(crate) test: bool,
    pub(crate) order_id: String,
    /// The exact amount as a text.
    #[schema(example = "1.50")]
    pub(crate) amount: String,
    #[schema(example = "USD")]
    pub(crate) currency: String,
    pub(crate) description: Option<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(crate) metadata: Box<RawValue>,
    /// The label of the till.
    pub(crate) terminal: Option<String>,
    /// The text of the code that the customer scans.
    pub(crate) qr: String,
    /// Opens the code in the bank app of the customer's phone. Null unless the server is configured to request links.
    pub(crate) deeplink: Option<String>,
    /// The MD5 of `qr`.
    pub(crate) md5: String,
    /// The number of the code, from 1.
    pub(crate) attempt: i64,
    #[schema(format = "date-time")]
    pub(crate) created_at: String,
    /// When the code expires.
    #[schema(format = "date-time")]
    pub(crate) expires_at: String,
    #[schema(format = "date-time")]
    pub(crate) paid_at: Option<String>,
    /// The money, as Bakong reports it.
    pub(crate) transaction: Option<TransactionSummary>,
    /// The page where the customer pays. Its address is a secret between the shop and the customer.
    pub(crate) checkout_url: String,
    pub(crate) success_url: Option<String>,
    pub(crate) cancel_url: Option<String>,
}

impl PaymentBody {
    pub(crate) fn of(payment: &Payment, shop: &Shop) -> Self {
        let metadata = RawValue::from_string(payment.metadata.clone());
        Self {
            id: payment.id.clone(),
            status: payment.status,
            reasons: payment.reasons.clone(),
            test: shop.mode == Mode::Test,
            order_id: payment.order_id.clone(),
            amount: amount_text(payment.amount),
            currency: payment.amount.currency().to_string(),
            description: payment.description.clone(),
            metadata: metadata.unwrap_or_else(|_| RawValue::NULL.to_owned()),
            terminal: payment.terminal.clone(),
            qr: payment.attempt.code.clone(),
            deeplink: payment.attempt.deeplink.clone(),
            md5: payment.attempt.md5.to_string(),
            attempt: payment.attempt.number,
            created_at: rfc3339(payment.created_at),
            expires_at: rfc3339(payment.attempt.expires_at),
            paid_at: payment.paid_at.map(rfc3339),
            transaction: payment.transaction.clone(),
            checkout_url: shop.checkout_url(&payment.checkout_token),
            success_url: payment.success_url.clone(),
            cancel_url: payment.cancel_url.clone(),
        }
    }
}

/// The body of an event, in the form that the Standard Webhooks specification recommends.
#[derive(Serialize)]
struct EventBody<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: EventType,
    timestamp: String,
    reasons: &'a [Reason],
    data: PaymentBody,
}

/// Renders an event about `payment`, as it is after the change.
pub(super) fn event(
    shop: &Shop,
    payment: &Payment,
    kind: EventType,
    reasons: &[Reason],
    at: Timestamp,
) -> Result<NewEvent, Problem> {
    let id = ids::ordered("evt_", at)?;
    let body = EventBody {
        id: &id,
        kind,
        timestamp: rfc3339(at),
        reasons,
        data: PaymentBody::of(payment, shop),
    };
    let body = serde_json::to_string(&body).map_err(|_| Problem::internal())?;
    Ok(NewEvent {
        id,
        kind: kind.name(),
        body,
        at,
        flow_event: None,
    })
}

/// Renders an alert.
pub(super) fn alert(id: &str, code: &str, object: &str, detail: &str, at: Timestamp) -> NewEvent {
    let body = serde_json::json!({
        "id": id,
        "type": EventType::Alert,
        "timestamp": rfc3339(at),
        "data": { "code": code, "object": object, "detail": detail },
    });
    NewEvent {
        id: id.to_owned(),
        kind: EventType::Alert.name(),
        body: body.to_string(),
        at,
        flow_event: None,
    }
}

/// Renders an event that only shows that an endpoint works.
pub(crate) fn ping(at: Timestamp) -> Result<NewEvent, Problem> {
    let id = ids::ordered("evt_", at)?;
    let timestamp = rfc3339(at);
    let body = serde_json::json!({ "id": id, "type": "ping", "timestamp": timestamp, "data": {} });
    Ok(NewEvent {
        id,
        kind: "ping",
        body: body.to_string(),
        at,
        flow_event: None,
    })
}

/// Formats a time as RFC 3339 in UTC, such as `2026-11-28T15:03:44.120Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    JiffTimestamp::from_millisecond(millis)
        .map_or_else(|_| time.to_string(), |time| time.to_string())
}
