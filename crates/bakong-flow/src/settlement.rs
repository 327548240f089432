//! Compares a transaction with the expected payment.

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Timestamp};
use bakong_api::{Reading, Transaction};

use crate::order::OrderId;

/// The amount and the recipient that a payment should have.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Expected {
    /// The expected amount and currency.
    pub amount: Amount,
    /// The account to pay.
    pub recipient: AccountIdBuf,
}

/// The result of comparing a transaction with the expected payment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Settlement {
    /// The transaction settles the order.
    Settled {
        /// Whether the transfer was made after the code's expiry and the grace period.
        late: bool,
    },
    /// The transaction differs from the expected payment, so a person must decide. The list is never empty.
    NeedsReview(Vec<Mismatch>),
}

/// A difference between a transaction and the expected payment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Mismatch {
    /// The paid amount is too small.
    Short {
        /// The paid amount.
        paid: Amount,
    },
    /// The paid amount is too large.
    Over {
        /// The paid amount.
        paid: Amount,
    },
    /// The payment is in another currency.
    OtherCurrency {
        /// The paid currency.
        paid: Currency,
    },
    /// Another account was paid.
    OtherRecipient {
        /// The paid account, as Bakong reports it. Untrusted text.
        paid: String,
    },
    /// A detail is missing from Bakong's answer or cannot be read.
    Unreadable(Detail),
    /// The transaction was already found for another order.
    SettledAnother {
        /// The other order.
        order: OrderId,
    },
    /// Another transaction already settled the order. The shop may have to refund this one.
    OrderSettled,
    /// A lookup by hash found the transaction, and the lookup by MD5 found nothing. So another code was paid: an
    /// earlier code of this order, or the code of another order.
    OtherCode,
    /// A lookup by hash found the transaction, and the transfer was made before the payment was opened. The
    /// transfer was probably made for another purpose.
    BeforeOpened,
    /// The order had been cancelled.
    Cancelled,
}

/// A detail of a transaction that must match.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Detail {
    /// The amount.
    Amount,
    /// The currency.
    Currency,
    /// The recipient.
    Recipient,
    /// The hash. Without a known hash, the same transaction could settle another order too.
    Hash,
}

impl Expected {
    /// Creates an expectation of `amount` paid to `recipient`.
    #[must_use]
    pub const fn new(amount: Amount, recipient: AccountIdBuf) -> Self {
        Self { amount, recipient }
    }

    /// Compares `transaction` with the expected payment. `in_time_until` is the code's expiry plus the grace period.
    ///
    /// A transaction without a creation time counts as in time. A transaction without a hash needs a review, because
    /// the hash is what prevents one transaction from settling two orders.
    #[must_use]
    pub fn settle(&self, transaction: &Transaction, in_time_until: Timestamp) -> Settlement {
        let mismatches: Vec<_> = [
            self.amount_mismatch(transaction),
            self.recipient_mismatch(transaction),
            hash_mismatch(transaction),
        ]
        .into_iter()
        .flatten()
        .collect();
        settlement(mismatches, transaction, in_time_until)
    }

    fn amount_mismatch(&self, transaction: &Transaction) -> Option<Mismatch> {
        let expected = self.amount;
        if let Some(&currency) = transaction.currency.known()
            && currency != expected.currency()
        {
            return Some(Mismatch::OtherCurrency { paid: currency });
        }
        let paid = match paid_amount(transaction) {
            Ok(paid) => paid,
            Err(detail) => return Some(Mismatch::Unreadable(detail)),
        };
        match paid.minor_units().cmp(&expected.minor_units()) {
            std::cmp::Ordering::Less => Some(Mismatch::Short { paid }),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Mismatch::Over { paid }),
        }
    }

    fn recipient_mismatch(&self, transaction: &Transaction) -> Option<Mismatch> {
        match &transaction.to_account_id {
            Reading::Known(paid) if paid == self.recipient.as_str() => None,
            Reading::Known(paid) => Some(Mismatch::OtherRecipient { paid: paid.clone() }),
            Reading::Absent | Reading::Unreadable(_) => {
                Some(Mismatch::Unreadable(Detail::Recipient))
            }
        }
    }
}

/// Checks a transaction for a payment of which only the MD5 is known: its amount, its currency and its hash must be readable.
pub(crate) fn settle_any(transaction: &Transaction, in_time_until: Timestamp) -> Settlement {
    let unreadable = paid_amount(transaction).err().map(Mismatch::Unreadable);
    let mismatches = unreadable.into_iter().chain(hash_mismatch(transaction));
    settlement(mismatches.collect(), transaction, in_time_until)
}

fn settlement(
    mismatches: Vec<Mismatch>,
    transaction: &Transaction,
    in_time_until: Timestamp,
) -> Settlement {
    if !mismatches.is_empty() {
        return Settlement::NeedsReview(mismatches);
    }
    let created_at = transaction.created_at.known();
    Settlement::Settled {
        late: created_at.is_some_and(|created_at| *created_at > in_time_until),
    }
}

/// Returns the paid amount, or what cannot be read.
fn paid_amount(transaction: &Transaction) -> Result<Amount, Detail> {
    transaction.currency.known().ok_or(Detail::Currency)?;
    transaction.amount.known().copied().ok_or(Detail::Amount)
}

fn hash_mismatch(transaction: &Transaction) -> Option<Mismatch> {
    let is_unknown = transaction.hash.known().is_none();
    is_unknown.then_some(Mismatch::Unreadable(Detail::Hash))
}
