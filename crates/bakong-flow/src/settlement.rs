//! Does the money that came settle the order?

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Timestamp};
use bakong_api::{Reading, Transaction};

use crate::payment::OrderId;

/// What a payment should bring.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Expected {
    /// How much.
    pub amount: Amount,
    /// To whom.
    pub recipient: AccountIdBuf,
}

/// What a transaction does for an order.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Settlement {
    /// It settles it.
    Settled {
        /// Whether it was made after the code's expiry and the grace.
        late: bool,
    },
    /// A person has to look at it, because of these; never empty.
    NeedsReview(Vec<Mismatch>),
}

/// How a transaction differs from what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mismatch {
    /// Less was paid.
    Short {
        /// This much.
        paid: Amount,
    },
    /// More was paid.
    Over {
        /// This much.
        paid: Amount,
    },
    /// It was paid in another currency.
    OtherCurrency {
        /// In this one.
        paid: Currency,
    },
    /// Another account was paid.
    OtherRecipient {
        /// This one, a stranger's text.
        paid: String,
    },
    /// Bakong's answer does not say this, or says it unreadably.
    Untold(Detail),
    /// The same transaction has settled another order.
    SettledAnother {
        /// This one.
        order: OrderId,
    },
    /// The order was settled before, by another transaction: the customer may be owed this one.
    OrderSettled,
    /// Only a hash found it, and under the code's MD5 Bakong knows of no payment: another code was paid, such as
    /// one of this order that was made anew, or it is another order's.
    OtherCode,
    /// It was found by a hash, and was made before the payment was opened: it is likely to be for something
    /// else.
    BeforeOpened,
    /// The order was cancelled before.
    Cancelled,
}

/// A part of a transaction that has to match.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Detail {
    /// How much.
    Amount,
    /// In which currency.
    Currency,
    /// To whom.
    Recipient,
}

impl Expected {
    /// This much to this account.
    #[must_use]
    pub const fn new(amount: Amount, recipient: AccountIdBuf) -> Self {
        Self { amount, recipient }
    }

    /// Compares a transaction with what was expected; `in_time_until` is the expiry and the grace.
    ///
    /// A transaction that does not say when it was made counts as in time.
    #[must_use]
    pub fn settle(&self, transaction: &Transaction, in_time_until: Timestamp) -> Settlement {
        let mismatches: Vec<_> = [self.money(transaction), self.recipient(transaction)]
            .into_iter()
            .flatten()
            .collect();
        if !mismatches.is_empty() {
            return Settlement::NeedsReview(mismatches);
        }
        let created_at = transaction.created_at.known();
        Settlement::Settled {
            late: created_at.is_some_and(|created_at| *created_at > in_time_until),
        }
    }

    fn money(&self, transaction: &Transaction) -> Option<Mismatch> {
        let expected = self.amount;
        let Some(&currency) = transaction.currency.known() else {
            return Some(Mismatch::Untold(Detail::Currency));
        };
        if currency != expected.currency() {
            return Some(Mismatch::OtherCurrency { paid: currency });
        }
        let Some(&paid) = transaction.amount.known() else {
            return Some(Mismatch::Untold(Detail::Amount));
        };
        match paid.minor_units().cmp(&expected.minor_units()) {
            std::cmp::Ordering::Less => Some(Mismatch::Short { paid }),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Mismatch::Over { paid }),
        }
    }

    fn recipient(&self, transaction: &Transaction) -> Option<Mismatch> {
        match &transaction.to_account_id {
            Reading::Known(paid) if paid == self.recipient.as_str() => None,
            Reading::Known(paid) => Some(Mismatch::OtherRecipient { paid: paid.clone() }),
            Reading::Absent | Reading::Unreadable(_) => Some(Mismatch::Untold(Detail::Recipient)),
        }
    }
}
