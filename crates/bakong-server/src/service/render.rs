//! Payments and events as JSON.

use jiff::Timestamp as JiffTimestamp;
use khqr_core::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::db::NewEvent;
use crate::domain::{Alert, EventType, Payment, Reason, Status, TransactionSummary, amount_text};
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
    pub(crate) transaction: Option<TransactionBody>,
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
            transaction: payment.transaction.as_ref().map(TransactionBody::of),
            checkout_url: shop.checkout_url(&payment.checkout_token),
            success_url: payment.success_url.clone(),
            cancel_url: payment.cancel_url.clone(),
        }
    }
}

/// The money of a payment, as Bakong reports it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransactionBody {
    /// The full hash.
    hash: Option<String>,
    /// The payer's account.
    from_account_id: Option<String>,
    /// The account that was paid.
    to_account_id: Option<String>,
    /// The paid amount.
    amount: Option<String>,
    /// The currency of the paid amount.
    currency: Option<String>,
    /// When the transaction was made.
    #[schema(format = "date-time")]
    created_at: Option<String>,
}

impl TransactionBody {
    fn of(transaction: &TransactionSummary) -> Self {
        let created_at = transaction.created_at_ms.map(Timestamp::from_millis);
        Self {
            hash: transaction.hash.clone(),
            from_account_id: transaction.from_account_id.clone(),
            to_account_id: transaction.to_account_id.clone(),
            amount: transaction.amount.clone(),
            currency: transaction.currency.clone(),
            created_at: created_at.map(rfc3339),
        }
    }
}

/// An event, as webhooks, streams and `GET /v1/events` send it, in the form that the Standard Webhooks specification recommends.
#[derive(Serialize, ToSchema)]
#[schema(example = example)]
pub(crate) struct EventBody<'a> {
    /// `evt_…`. A webhook has it as `webhook-id` too. An event can arrive more than once.
    id: &'a str,
    /// A type such as `payment.paid`, or `ping`.
    #[serde(rename = "type")]
    kind: &'a str,
    #[schema(format = "date-time")]
    timestamp: String,
    /// Why the event happened. Empty in the usual case. Only events of payments have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<&'a [Reason]>,
    /// For a payment, the payment after the change, as in `PaymentBody`. For `alert`, `code`, `object` and `detail`. For `ping`,
    /// nothing.
    #[schema(value_type = Object)]
    data: EventData<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EventData<'a> {
    Payment(Box<PaymentBody>),
    Alert(Alert<'a>),
    Ping {},
}

/// Renders an event about `payment`, as it is after the change.
pub(super) fn event(
    shop: &Shop,
    payment: &Payment,
    kind: EventType,
    reasons: &[Reason],
    at: Timestamp,
) -> Result<NewEvent, Problem> {
    let data = EventData::Payment(Box::new(PaymentBody::of(payment, shop)));
    let id = ids::ordered("evt_", at)?;
    render(id, kind.name(), Some(reasons), data, at).map_err(Problem::internal)
}

/// Renders an alert.
pub(super) fn alert(
    id: String,
    alert: Alert<'_>,
    at: Timestamp,
) -> Result<NewEvent, serde_json::Error> {
    render(
        id,
        EventType::Alert.name(),
        None,
        EventData::Alert(alert),
        at,
    )
}

/// Renders an event that only shows that an endpoint works.
pub(crate) fn ping(at: Timestamp) -> Result<NewEvent, Problem> {
    let id = ids::ordered("evt_", at)?;
    render(id, "ping", None, EventData::Ping {}, at).map_err(Problem::internal)
}

fn render(
    id: String,
    kind: &'static str,
    reasons: Option<&[Reason]>,
    data: EventData<'_>,
    at: Timestamp,
) -> Result<NewEvent, serde_json::Error> {
    let body = EventBody {
        id: &id,
        kind,
        timestamp: rfc3339(at),
        reasons,
        data,
    };
    let body = serde_json::to_string(&body)?;
    Ok(NewEvent {
        id,
        kind,
        body,
        at,
        flow_event: None,
    })
}

/// The example in the description of the API.
fn example() -> serde_json::Value {
    serde_json::json!({
        "id": "evt_01kb7c9w3ne1vhq5dzj4t08x2m",
        "type": "payment.paid",
        "timestamp": "2026-11-28T15:03:44.120Z",
        "reasons": [],
        "data": {
            "id": "pay_01kb7c8f6r2m9x4tq0s5w3hjdn",
            "status": "paid",
            "reasons": [],
            "test": false,
            "order_id": "INV-1042",
            "amount": "4.50",
            "currency": "USD",
            "description": "Two iced coffees",
            "metadata": { "table": "7" },
            "terminal": "till-1",
            "qr": "00020101021230…6304A1B2",
            "deeplink": null,
            "md5": "c3ab8ff13720e8ad9047dd39466b3c89",
            "attempt": 1,
            "created_at": "2026-11-28T15:02:58.003Z",
            "expires_at": "2026-11-28T15:12:58.003Z",
            "paid_at": "2026-11-28T15:03:40.000Z",
            "transaction": {
                "hash": "0dbe108c66c4cb8ebf9e3b0f0e5c8d7a4a5b6c7d8e9f00112233445566778899",
                "from_account_id": "dara@devb",
                "to_account_id": "sokha@devb",
                "amount": "4.50",
                "currency": "USD",
                "created_at": "2026-11-28T15:03:40.000Z"
            },
            "checkout_url": "https://pay.example.com/pay/…",
            "success_url": null,
            "cancel_url": null
        }
    })
}

/// Formats a time as RFC 3339 in UTC, such as `2026-11-28T15:03:44.120Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    JiffTimestamp::from_millisecond(millis)
        .map_or_else(|_| time.to_string(), |time| time.to_string())
}
