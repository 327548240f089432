//! The outcome of a payment.

use bakong_api::Transaction;

use crate::settlement::Mismatch;

/// The final result of a payment. It never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The payment was made: amount, currency and recipient match.
    Paid {
        /// The transaction as Bakong reports it.
        transaction: Box<Transaction>,
        /// Whether the transfer was made after the code's expiry and the grace period.
        late: bool,
    },
    /// A transaction was found that does not match. A person must decide.
    NeedsReview {
        /// The transaction as Bakong reports it.
        transaction: Box<Transaction>,
        /// The differences. Never empty.
        mismatches: Vec<Mismatch>,
    },
    /// Bakong reports that the payment failed (error code 3). Bakong's guide calls this final: a customer who tries
    /// again needs a new code.
    Failed,
    /// Bakong reports that the code is static and cannot be looked up by MD5.
    StaticQr,
    /// Bakong found no payment in a check after the expiry and the grace period.
    Expired,
    /// The order was cancelled, and Bakong found no payment in a check after the expiry and the grace period.
    Cancelled,
}

impl Outcome {
    /// Returns the transaction, if the payment has one.
    #[must_use]
    pub fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Paid { transaction, .. } | Self::NeedsReview { transaction, .. } => {
                Some(transaction)
            }
            _ => None,
        }
    }

    pub(crate) fn into_transaction(self) -> Option<Box<Transaction>> {
        match self {
            Self::Paid { transaction, .. } | Self::NeedsReview { transaction, .. } => {
                Some(transaction)
            }
            _ => None,
        }
    }

    /// Returns the name for machine-readable output: `paid`, `needs_review`, `failed`, `static_qr`, `expired` or
    /// `cancelled`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paid { .. } => "paid",
            Self::NeedsReview { .. } => "needs_review",
            Self::Failed => "failed",
            Self::StaticQr => "static_qr",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}
