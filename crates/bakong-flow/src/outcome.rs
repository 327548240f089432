//! How a payment ends.

use bakong_api::Transaction;

use crate::settlement::Mismatch;

/// How a payment ended. Final, once.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Paid: amount, currency and recipient match.
    Paid {
        /// As Bakong tells it.
        transaction: Box<Transaction>,
        /// Whether it was made after the code's expiry and the grace.
        late: bool,
    },
    /// Something was paid that does not match; a person has to look at it.
    NeedsReview {
        /// As Bakong tells it.
        transaction: Box<Transaction>,
        /// What does not match; never empty.
        mismatches: Vec<Mismatch>,
    },
    /// Bakong says that the payment failed (error code 3). Bakong's guide calls that final, so it is: a customer who
    /// tries again needs another code.
    Failed,
    /// Bakong says that the code is static and cannot be looked up by MD5.
    StaticQr,
    /// Bakong, asked after the expiry and the grace, knew of no payment.
    Expired,
    /// It was cancelled, and Bakong, asked after the expiry and the grace, knew of no payment.
    Cancelled,
}

impl Outcome {
    /// The transaction that it came of, if it came of one.
    #[must_use]
    pub fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Paid { transaction, .. } | Self::NeedsReview { transaction, .. } => {
                Some(transaction)
            }
            Self::Failed | Self::StaticQr | Self::Expired | Self::Cancelled => None,
        }
    }

    pub(crate) fn into_transaction(self) -> Option<Box<Transaction>> {
        match self {
            Self::Paid { transaction, .. } | Self::NeedsReview { transaction, .. } => {
                Some(transaction)
            }
            Self::Failed | Self::StaticQr | Self::Expired | Self::Cancelled => None,
        }
    }

    /// The name in machine-readable output: `paid`, `needs_review`, `failed`, `static_qr`, `expired` or
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
