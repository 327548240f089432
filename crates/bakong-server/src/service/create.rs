//! Creates payments and further attempts.

use std::time::Duration;

use axum::http::Uri;
use bakong_flow::OrderId;
use khqr_core::{Currency, Md5Handle, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::metadata::Metadata;
use super::{change, open};
use crate::db::{Claim, Db, OpenedPayment};
use crate::domain::{Attempt, Payment, Status, parse_amount};
use crate::ids;
use crate::merchant::{CodeFields, bill_number};
use crate::problem::{Code, Problem};
use crate::shop::Shop;

/// The maximum length of a description in bytes.
const MAX_DESCRIPTION: usize = 500;
/// The maximum number of metadata entries.
const MAX_METADATA: usize = 50;
/// The maximum length of a metadata key and of a value in bytes.
const MAX_METADATA_TEXT: usize = 500;
/// The maximum length of an address in bytes.
const MAX_URL: usize = 2_000;
/// How long a code can be valid.
const EXPIRES_IN: std::ops::RangeInclusive<u64> = 60..=30 * 24 * 60 * 60;

/// What an order wants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPayment {
    /// A text or a number. Its digits are read exactly.
    #[schema(value_type = String, example = "1.50")]
    amount: Box<RawValue>,
    /// `KHR` or `USD`.
    #[schema(example = "USD")]
    currency: String,
    /// The id of the order in the shop, 1 to 128 bytes. An order is paid once.
    #[schema(example = "INV-2041")]
    order_id: String,
    /// A text for the customer, at most 500 bytes without control characters.
    description: Option<String>,
    /// How many seconds the code is valid: 60 to 2592000. Defaults to the setting of the server.
    expires_in: Option<u64>,
    /// Texts that the server stores and returns: at most 50, with at most 500 bytes for a name or a text. A whole number or a
    /// boolean becomes a text. Must not contain secrets.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: Metadata,
    /// The label of the till, at most 25 characters. The statement has a total for each.
    terminal: Option<String>,
    /// Where the checkout page sends the customer after the payment: an address with `https://` or `http://`, at most 2000 bytes.
    success_url: Option<String>,
    /// Where the checkout page sends the customer who gives up: an address with `https://` or `http://`, at most 2000 bytes.
    cancel_url: Option<String>,
}

/// Creates a payment and opens its first attempt. Continues the creation that a request with the same idempotency key
/// began and did not finish. The row of the payment is marked as open with the stored answer of the key, or soon after
/// the answer if there is no key.
pub(crate) async fn create(
    db: &Db,
    shop: &Shop,
    new: &NewPayment,
    claim: Option<&Claim>,
) -> Result<Payment, Problem> {
    if let Some(begun) = claim.and_then(|claim| claim.payment.as_deref())
        && let Some(payment) = db.payment(shop.id, begun).await?
        && let Some(payment) = open::open(db, shop, payment, claim).await?
    {
        return Ok(payment);
    }
    let payment = new.payment(shop)?;
    check_order(db, shop, &payment.order_id, "").await?;
    if let Some(payment) = open::open_new(db, shop, &payment, claim).await? {
        if claim.is_none() {
            shop.opened.add(OpenedPayment::of(&payment));
        }
        return Ok(payment);
    }
    check_order(db, shop, &payment.order_id, "").await?;
    // The other payment has just ended.
    let detail = "another payment of this order was changed meanwhile; try again";
    Err(Problem::new(Code::OrderOpen, detail))
}

/// Who asks for a new code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Requester {
    /// The shop, through the API.
    Shop,
    /// The customer, on the checkout page. A customer cannot reopen a payment that was cancelled or that failed, and gets
    /// [`MAX_CODES`] codes, because each of them reserves a request to Bakong.
    Customer,
}

/// How many codes a payment can have before its customer must ask the shop.
pub(crate) const MAX_CODES: i64 = 10;
/// How many times to store an attempt of a payment that changes meanwhile.
const MAX_TRIES: usize = 5;

/// Adds an attempt to a payment whose code cannot be paid any more, and opens it.
pub(crate) async fn new_attempt(
    db: &Db,
    shop: &Shop,
    id: &str,
    expires_in: Option<u64>,
    requester: Requester,
) -> Result<Payment, Problem> {
    let mut payment = change::load(db, shop, id).await?;
    let now = shop.now();
    // If a person rejected money for an older code, the newest code can still be paid.
    let is_payable = payment.attempt.expires_at > now
        && (payment.status != Status::Failed || open::is_open(shop, &payment.attempt).await?);
    let conflict = match payment.status {
        Status::Paid => Some((Code::OrderPaid, "the payment is paid")),
        Status::NeedsReview => Some((
            Code::OrderNeedsReview,
            "money for this payment needs a decision first",
        )),
        _ if is_payable => Some((
            Code::PaymentOpen,
            "the code of this payment can still be paid, and a customer could pay both",
        )),
        Status::Cancelled | Status::Failed if requester == Requester::Customer => {
            Some((Code::PaymentClosed, "the shop has closed the payment"))
        }
        _ if requester == Requester::Customer && payment.attempt.number >= MAX_CODES => Some((
            Code::TooManyCodes,
            "the payment had too many codes; ask the shop for a new payment",
        )),
        _ => None,
    };
    if let Some((code, detail)) = conflict {
        return Err(Problem::new(code, detail).about(id));
    }
    check_order(db, shop, &payment.order_id, id).await?;
    let expires_in = lifetime(expires_in, shop)?;
    let number = payment.attempt.number + 1;
    payment.attempt = attempt(shop, &payment, number, now, expires_in)?;
    payment.status = Status::Open;
    payment.reasons = Vec::new();
    open::watch(shop, &payment).await?;
    payment.attempt.deeplink = open::deeplink(shop, &payment.attempt).await;
    for _ in 0..MAX_TRIES {
        if db.add_attempt(shop.id, &payment).await? {
            return change::load(db, shop, id).await;
        }
        // The outcome of the previous code has just arrived. An expiry changes nothing for the new code.
        let stored = change::load(db, shop, id).await?;
        let may_replace = matches!(stored.status, Status::Open | Status::Expired);
        if !may_replace || stored.attempt.number + 1 != number {
            break;
        }
        payment.version = stored.version;
    }
    let detail = "the payment was changed meanwhile; read it again";
    Err(Problem::new(Code::PaymentChanged, detail).about(id))
}

/// Fails if the order is paid, under review, or has an open payment, other than the payment `except`.
async fn check_order(db: &Db, shop: &Shop, order: &str, except: &str) -> Result<(), Problem> {
    let Some((id, status)) = db.blocking_payment(shop.id, order, except).await? else {
        return Ok(());
    };
    let (code, detail) = match status {
        Status::Paid => (Code::OrderPaid, "the order is already paid"),
        Status::NeedsReview => (
            Code::OrderNeedsReview,
            "money for this order needs a decision first; see POST /v1/payments/{id}/resolve",
        ),
        _ => (
            Code::OrderOpen,
            "the order has an open payment; use it, or cancel it first",
        ),
    };
    Err(Problem::new(code, detail).about(&id))
}

impl NewPayment {
    /// A sale at a counter.
    pub(crate) fn sale(order: &str, amount: &str, currency: &str) -> Result<Self, Problem> {
        let amount = serde_json::to_string(amount).and_then(RawValue::from_string);
        Ok(Self {
            amount: amount.map_err(Problem::internal)?,
            currency: currency.to_owned(),
            order_id: order.to_owned(),
            description: None,
            expires_in: None,
            metadata: Metadata::default(),
            terminal: None,
            success_url: None,
            cancel_url: None,
        })
    }

    /// Adds a description, and the address to which the checkout sends the customer.
    pub(crate) fn with_page(self, description: &str, url: &str) -> Self {
        Self {
            description: Some(description.to_owned()),
            success_url: Some(url.to_owned()),
            cancel_url: Some(url.to_owned()),
            ..self
        }
    }

    fn payment(&self, shop: &Shop) -> Result<Payment, Problem> {
        let currency: Currency = self
            .currency
            .parse()
            .map_err(|_| Problem::invalid("currency", "the currency must be \"KHR\" or \"USD\""))?;
        let amount = parse_amount(&self.amount, currency)
            .map_err(|detail| Problem::invalid("amount", detail))?;
        OrderId::new(&self.order_id)
            .map_err(|error| Problem::invalid("order_id", error.to_string()))?;
        if let Some(description) = &self.description
            && (description.len() > MAX_DESCRIPTION || description.contains(char::is_control))
        {
            let detail = format!(
                "a description has at most {MAX_DESCRIPTION} bytes and no control characters"
            );
            return Err(Problem::invalid("description", detail));
        }
        let is_long = |text: &String| text.len() > MAX_METADATA_TEXT;
        let mut metadata = self.metadata.0.iter();
        if self.metadata.0.len() > MAX_METADATA || metadata.any(|(k, v)| is_long(k) || is_long(v)) {
            let detail = format!(
                "metadata has at most {MAX_METADATA} entries with at most {MAX_METADATA_TEXT} bytes for a key or a value"
            );
            return Err(Problem::invalid("metadata", detail));
        }
        check_url("success_url", self.success_url.as_deref())?;
        check_url("cancel_url", self.cancel_url.as_deref())?;
        let expires_in = lifetime(self.expires_in, shop)?;
        let now = shop.now();
        let mut payment = Payment {
            id: ids::ordered("pay_", now)?,
            version: 1,
            order_id: self.order_id.clone(),
            amount,
            description: self.description.clone(),
            metadata: serde_json::to_string(&self.metadata).map_err(Problem::internal)?,
            terminal: self.terminal.clone(),
            success_url: self.success_url.clone(),
            cancel_url: self.cancel_url.clone(),
            checkout_token: ids::ordered_secret(now)?,
            status: Status::Opening,
            reasons: Vec::new(),
            created_at: now,
            paid_at: None,
            transaction: None,
            attempt: Attempt {
                number: 0,
                md5: Md5Handle::of(""),
                code: String::new(),
                created_at: now,
                expires_at: now,
                deeplink: None,
            },
        };
        payment.attempt = attempt(shop, &payment, 1, now, expires_in)?;
        Ok(payment)
    }
}

/// Creates the code of an attempt.
fn attempt(
    shop: &Shop,
    payment: &Payment,
    number: i64,
    now: Timestamp,
    expires_in: Duration,
) -> Result<Attempt, Problem> {
    let expires_at = now.saturating_add(expires_in);
    let fields = CodeFields {
        amount: payment.amount,
        bill: &bill_number(&payment.order_id)?,
        terminal: payment.terminal.as_deref(),
        created_at: now,
        expires_at,
    };
    let code = shop.merchant.code(&fields).map_err(|error| {
        // The fields of the merchant were checked when the server started.
        let is_amount = error.tag() == Some(khqr_core::Tag::TRANSACTION_AMOUNT.into());
        let param = if is_amount { "amount" } else { "terminal" };
        Problem::invalid(param, error.to_string())
    })?;
    Ok(Attempt {
        number,
        md5: Md5Handle::of(&code),
        code,
        created_at: now,
        expires_at,
        deeplink: None,
    })
}

fn lifetime(expires_in: Option<u64>, shop: &Shop) -> Result<Duration, Problem> {
    match expires_in {
        None => Ok(shop.expires_in),
        Some(seconds) if EXPIRES_IN.contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => {
            let (min, max) = (EXPIRES_IN.start(), EXPIRES_IN.end());
            let detail = format!("a code is valid for {min} to {max} seconds");
            Err(Problem::invalid("expires_in", detail))
        }
    }
}

/// Checks an address to which a page sends the customer. A script address would run in the page.
fn check_url(param: &'static str, url: Option<&str>) -> Result<(), Problem> {
    let Some(url) = url else { return Ok(()) };
    let is_valid = || {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?;
        (uri.host().is_some() && ["http", "https"].contains(&scheme)).then_some(())
    };
    if url.len() > MAX_URL || is_valid().is_none() {
        let detail = format!(
            "the address must begin with https:// or http://, and have at most {MAX_URL} bytes"
        );
        return Err(Problem::invalid(param, detail));
    }
    Ok(())
}
