//! A payment and its attempts.

use std::fmt;
use std::str::FromStr;

use bakong_flow::bakong_api::{Reading, Transaction};
use khqr_core::{Amount, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reason::Reason;

/// What an order wants: an amount, until a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Payment {
    /// `pay_…`, random.
    pub(crate) id: String,
    /// Increases with each change. A change names the version that it was computed from.
    pub(crate) version: i64,
    pub(crate) order_id: String,
    pub(crate) amount: Amount,
    pub(crate) description: Option<String>,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) terminal: Option<String>,
    pub(crate) success_url: Option<String>,
    pub(crate) cancel_url: Option<String>,
    /// A secret that identifies the payment to its customer.
    pub(crate) checkout_token: String,
    pub(crate) status: Status,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) created_at: Timestamp,
    pub(crate) paid_at: Option<Timestamp>,
    pub(crate) transaction: Option<TransactionSummary>,
    /// The newest attempt.
    pub(crate) attempt: Attempt,
}

impl Payment {
    /// Whether the payment ended before its code was shown.
    pub(crate) fn was_not_opened(&self) -> bool {
        self.status == Status::Failed && self.reasons == [Reason::NotOpened]
    }
}

/// A code for a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    /// 1 for the first attempt of the payment.
    pub(crate) number: i64,
    pub(crate) md5: Md5Handle,
    /// The exact text of the code.
    pub(crate) code: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Opens the code in the customer's bank app.
    pub(crate) deeplink: Option<String>,
}

/// The state of a payment.
///
/// `paid` is never left. Money that is found later changes every other status, so each of them can still become `paid` or
/// `needs_review`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The payment is stored and its code is not shown yet. The API does not show this status.
    #[serde(skip)]
    Opening,
    /// The code can be paid.
    Open,
    /// The money arrived: amount, currency and recipient match, or a person accepted it.
    Paid,
    /// A transaction was found that does not match. A person must decide.
    NeedsReview,
    /// Bakong found no payment after the expiry and the grace period.
    Expired,
    /// The payment was cancelled.
    Cancelled,
    /// Bakong reports that the payment failed, or a person rejected it.
    Failed,
}

impl Status {
    const ALL: [Self; 7] = [
        Self::Opening,
        Self::Open,
        Self::Paid,
        Self::NeedsReview,
        Self::Expired,
        Self::Cancelled,
        Self::Failed,
    ];

    /// Returns the name in the API and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::NeedsReview => "needs_review",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL.into_iter().find(|status| status.name() == text);
        found.ok_or(())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The money of a payment, as Bakong reports it and as the database stores it. The texts come from outside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct TransactionSummary {
    /// The full hash.
    pub(crate) hash: Option<String>,
    /// The payer's account.
    pub(crate) from_account_id: Option<String>,
    /// The account that was paid.
    pub(crate) to_account_id: Option<String>,
    /// The paid amount.
    pub(crate) amount: Option<String>,
    /// The currency of the paid amount.
    pub(crate) currency: Option<String>,
    /// When the transaction was made, in milliseconds since 1970.
    pub(crate) created_at_ms: Option<u64>,
}

impl TransactionSummary {
    pub(crate) fn of(transaction: &Transaction) -> Self {
        let text = |text: &Reading<String>| text.known().cloned();
        Self {
            hash: text(&transaction.hash),
            from_account_id: text(&transaction.from_account_id),
            to_account_id: text(&transaction.to_account_id),
            amount: transaction.amount.known().copied().map(super::amount_text),
            currency: transaction.currency.known().map(ToString::to_string),
            created_at_ms: transaction.created_at.known().map(|at| at.as_millis()),
        }
    }
}

#[cfg(test)]
impl Payment {
    /// An open payment of 1.50 USD.
    pub(crate) fn example() -> Self {
        let at = Timestamp::from_millis(1_795_000_000_000);
        Self {
            id: "pay_1".to_owned(),
            version: 1,
            order_id: "INV-1".to_owned(),
            amount: Amount::us_cents(150),
            description: None,
            metadata: "{}".to_owned(),
            terminal: None,
            success_url: None,
            cancel_url: None,
            checkout_token: "token".to_owned(),
            status: Status::Open,
            reasons: Vec::new(),
            created_at: at,
            paid_at: None,
            transaction: None,
            attempt: Attempt {
                number: 1,
                md5: Md5Handle::of("code"),
                code: "code".to_owned(),
                created_at: at,
                expires_at: at,
                deeplink: None,
            },
        }
    }
}
