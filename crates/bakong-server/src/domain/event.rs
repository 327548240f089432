//! What a shop must learn.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of an event. `ping` is one more type: it arrives after `POST /v1/webhook_endpoints/{id}/ping` and needs no
/// subscription.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) enum EventType {
    /// The payment is paid.
    #[serde(rename = "payment.paid")]
    Paid,
    /// A transaction does not match the payment. A person must decide.
    #[serde(rename = "payment.needs_review")]
    NeedsReview,
    /// Bakong found no payment after the expiry and the grace period.
    #[serde(rename = "payment.expired")]
    Expired,
    /// The payment was cancelled.
    #[serde(rename = "payment.cancelled")]
    Cancelled,
    /// Bakong reports that the payment failed, or a person rejected it.
    #[serde(rename = "payment.failed")]
    Failed,
    /// More money was found for a payment that is final. The status of the payment does not change.
    #[serde(rename = "payment.duplicate")]
    Duplicate,
    /// Something else that the owner of the shop must learn, for example that the token expires. `data` has `code`,
    /// `object` and `detail`.
    #[serde(rename = "alert")]
    Alert,
}

impl EventType {
    /// Returns the name in the API and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Paid => "payment.paid",
            Self::NeedsReview => "payment.needs_review",
            Self::Expired => "payment.expired",
            Self::Cancelled => "payment.cancelled",
            Self::Failed => "payment.failed",
            Self::Duplicate => "payment.duplicate",
            Self::Alert => "alert",
        }
    }
}

/// What the owner of a shop must learn, besides payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Alert<'a> {
    /// A name for programs.
    pub(crate) code: &'static str,
    /// What the alert is about, if a shop has several such objects.
    pub(crate) object: &'a str,
    /// What happened, and what to do.
    pub(crate) detail: &'a str,
}
