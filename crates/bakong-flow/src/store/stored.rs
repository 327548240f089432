//! A stored payment, and the decision of a person about it.

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::payment::Payment;
use crate::policy::Policy;

/// What to look up stored payments by.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PaymentKey {
    /// The payment with this MD5.
    Md5(Md5Handle),
    /// All payments of this order, the oldest first.
    Order(OrderId),
}

/// A payment as the store has it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StoredPayment {
    /// The payment, with its details and the hashes that became known.
    pub payment: Payment,
    /// The policy of the payment.
    pub policy: Policy,
    /// When the payment was opened.
    pub opened_at: Timestamp,
    /// When the last request about the payment was issued.
    pub asked_at: Option<Timestamp>,
    /// Whether the order was cancelled.
    pub is_cancelled: bool,
    /// The outcome and when it became known; `None` while the payment is open.
    pub finished: Option<(Outcome, Timestamp)>,
    /// The decision of a person, if the payment needed one and was resolved.
    pub resolution: Option<Resolution>,
}

impl StoredPayment {
    /// Creates an open payment that no request has asked about.
    #[must_use]
    pub const fn new(payment: Payment, policy: Policy, opened_at: Timestamp) -> Self {
        Self {
            payment,
            policy,
            opened_at,
            asked_at: None,
            is_cancelled: false,
            finished: None,
            resolution: None,
        }
    }
}

/// The decision of a person about a payment with the outcome [`Outcome::NeedsReview`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Resolution {
    /// The decision.
    pub decision: Decision,
    /// Why, in the person's words.
    pub note: Box<str>,
    /// Who decided, for the audit log.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
}

impl Resolution {
    /// Creates the decision that the person `by` made at `at`. `note` gives the reason.
    #[must_use]
    pub fn new(
        decision: Decision,
        note: impl Into<Box<str>>,
        by: impl Into<Box<str>>,
        at: Timestamp,
    ) -> Self {
        Self {
            decision,
            note: note.into(),
            by: by.into(),
            at,
        }
    }
}

/// What a person decides about a payment under review.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Decision {
    /// The transaction settles the order. An order is still settled only once.
    Accept,
    /// The transaction does not settle the order, for example because the money is returned.
    Reject,
}

/// Why a payment cannot be resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ResolveConflict {
    /// The store has no such payment.
    Unknown,
    /// The payment is open, or its outcome needs no review.
    NoReview,
    /// The payment was resolved before.
    Resolved(Box<Resolution>),
    /// Another payment settled the order, so this one cannot.
    OrderSettled,
    /// The transaction settled another order.
    TransactionSettledAnother {
        /// The other order.
        order: OrderId,
    },
}
