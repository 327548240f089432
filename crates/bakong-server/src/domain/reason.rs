//! Why a payment has its status.

use bakong_flow::Mismatch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a payment has its status.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The money arrived after the expiry and the grace period.
    Late,
    /// The paid amount is smaller or larger than the amount of the payment.
    AmountMismatch,
    /// The money arrived in another currency.
    WrongCurrency,
    /// Another account was paid.
    WrongRecipient,
    /// The order was paid before, or the transaction was found for another order.
    Duplicate,
    /// A person decided.
    Manual,
    /// The payment was cancelled before the money arrived.
    Cancelled,
    /// Bakong's answer lacks a detail, or the detail cannot be read.
    Unreadable,
    /// The transaction was found by its hash, but not under the code of this payment.
    OtherCode,
    /// The payment was never opened, so its code was not shown.
    NotOpened,
}

impl Reason {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Late,
        Self::AmountMismatch,
        Self::WrongCurrency,
        Self::WrongRecipient,
        Self::Duplicate,
        Self::Manual,
        Self::Cancelled,
        Self::Unreadable,
        Self::OtherCode,
        Self::NotOpened,
    ];

    /// Returns the reasons for a review, without repetitions.
    pub(crate) fn of_mismatches(mismatches: &[Mismatch]) -> Vec<Self> {
        let mut reasons: Vec<_> = mismatches.iter().map(Self::of).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// Returns the name in the API and in the database.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::AmountMismatch => "amount_mismatch",
            Self::WrongCurrency => "wrong_currency",
            Self::WrongRecipient => "wrong_recipient",
            Self::Duplicate => "duplicate",
            Self::Manual => "manual",
            Self::Cancelled => "cancelled",
            Self::Unreadable => "unreadable",
            Self::OtherCode => "other_code",
            Self::NotOpened => "not_opened",
        }
    }

    fn of(mismatch: &Mismatch) -> Self {
        match mismatch {
            Mismatch::Short { .. } | Mismatch::Over { .. } => Self::AmountMismatch,
            Mismatch::OtherCurrency { .. } => Self::WrongCurrency,
            Mismatch::OtherRecipient { .. } => Self::WrongRecipient,
            Mismatch::SettledAnother { .. } | Mismatch::OrderSettled => Self::Duplicate,
            Mismatch::OtherCode | Mismatch::BeforeOpened => Self::OtherCode,
            Mismatch::Cancelled => Self::Cancelled,
            // `Mismatch` may get new variants. A person has to look at the transaction in any case.
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use bakong_flow::settlement::Detail;
    use khqr_core::Amount;

    use super::*;

    #[test]
    fn the_database_and_the_api_have_the_same_names() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            let read: Reason = serde_json::from_value(reason.name().into()).unwrap();
            assert_eq!(read, reason);
        }
    }

    #[test]
    fn each_reason_for_a_review_is_named_once() {
        let paid = Amount::us_cents(100);
        let mismatches = [
            Mismatch::OrderSettled,
            Mismatch::Unreadable(Detail::Hash),
            Mismatch::Short { paid },
            Mismatch::Unreadable(Detail::Amount),
            Mismatch::BeforeOpened,
            Mismatch::Cancelled,
            Mismatch::OtherCode,
        ];
        assert_eq!(
            Reason::of_mismatches(&mismatches),
            [
                Reason::AmountMismatch,
                Reason::Duplicate,
                Reason::Cancelled,
                Reason::Unreadable,
                Reason::OtherCode,
            ]
        );
    }
}
