//! The state that a store persists and a tracker continues from.

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::change::ListStatus;
use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::quota::WindowUsage;
use crate::settlement::Mismatch;

/// The persisted state of a tracker.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The usage of the quota; `None` if no request was ever counted.
    pub usage: Option<WindowUsage>,
    /// Whether lists work.
    pub lists: ListStatus,
    /// The open payments.
    pub open: Vec<OpenPayment>,
    /// The final payments that the tracker still needs to know.
    pub finished: Vec<FinishedPayment>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            usage: None,
            lists: ListStatus::Untried,
            open: Vec::new(),
            finished: Vec::new(),
        }
    }
}

/// An open payment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OpenPayment {
    /// The payment, with the hashes that became known.
    pub payment: Payment,
    /// The policy of the payment.
    pub policy: Policy,
    /// When the payment was opened.
    pub opened_at: Timestamp,
    /// When the last request about the payment was issued, whether or not it was answered.
    pub asked_at: Option<Timestamp>,
    /// Whether the order was cancelled.
    pub is_cancelled: bool,
}

impl OpenPayment {
    /// Creates a payment that no request has asked about.
    #[must_use]
    pub const fn new(payment: Payment, policy: Policy, opened_at: Timestamp) -> Self {
        Self {
            payment,
            policy,
            opened_at,
            asked_at: None,
            is_cancelled: false,
        }
    }
}

/// A final payment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FinishedPayment {
    /// The MD5 of the payment.
    pub md5: Md5Handle,
    /// The order of the payment.
    pub order: OrderId,
    /// The hash of the transaction, if the lookup by MD5 found a transaction and Bakong reported its hash.
    pub hash: Option<Box<str>>,
    /// Whether the payment settled its order.
    pub is_settled: bool,
    /// When the payment became final.
    pub at: Timestamp,
}

impl FinishedPayment {
    /// Creates a payment that ended with `outcome`.
    #[must_use]
    pub fn new(md5: Md5Handle, order: OrderId, outcome: &Outcome, at: Timestamp) -> Self {
        // A transaction that only a hash found may belong to another payment, which must be able to claim it.
        let is_of_other_code = matches!(outcome, Outcome::NeedsReview { mismatches, .. }
            if mismatches.contains(&Mismatch::OtherCode));
        let transaction = outcome.transaction().filter(|_| !is_of_other_code);
        Self {
            md5,
            order,
            hash: transaction
                .and_then(|transaction| transaction.hash.as_deref())
                .map(Into::into),
            is_settled: matches!(outcome, Outcome::Paid { .. }),
            at,
        }
    }
}
