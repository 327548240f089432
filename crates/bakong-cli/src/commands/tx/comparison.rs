//! Compares a payment with the order. All lookups use the same rules, so that no lookup reports a payment as "paid"
//! that another lookup sends to review.

use bakong_api::Transaction;
use bakong_api::khqr_core::{AccountIdBuf, Amount, Error, Timestamp};
use bakong_flow::settlement::{Detail, Settlement};
use bakong_flow::{Expected, Mismatch};

use crate::common::code;
use crate::common::exit::Failure;

/// The values that the payment is compared with.
pub(super) struct Comparison {
    expected: Expected,
    /// Whether the recipient is known. If not, only the amount and the currency are compared.
    pub(super) includes_recipient: bool,
}

impl Comparison {
    /// Compares the amount and the currency, and the recipient if `account` is given.
    pub(super) fn new(amount: Amount, account: Option<&str>) -> Result<Self, Failure> {
        let invalid =
            |error: Error| Failure::usage(format!("--account: {}", code::without_tag(&error)));
        let recipient = AccountIdBuf::new(account.unwrap_or("any@bank")).map_err(invalid)?;
        Ok(Self {
            expected: Expected::new(amount, recipient),
            includes_recipient: account.is_some(),
        })
    }

    /// The differences between the payment and the order. An amount or a currency that is missing or cannot be read
    /// is a difference.
    pub(super) fn mismatches(&self, transaction: &Transaction) -> Vec<Mismatch> {
        // The expiry is unknown here, so no payment is late.
        let expiry = Timestamp::from_millis(u64::MAX);
        let Settlement::NeedsReview(mut mismatches) = self.expected.settle(transaction, expiry)
        else {
            return Vec::new();
        };
        if !self.includes_recipient {
            mismatches.retain(|mismatch| {
                !matches!(
                    mismatch,
                    Mismatch::OtherRecipient { .. } | Mismatch::Unreadable(Detail::Recipient)
                )
            });
        }
        mismatches
    }
}
