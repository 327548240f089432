//! Changes that a store rejects because another change came first.

use bakong_api::khqr_core::Md5Handle;

use crate::change::Change;
use crate::open_error::OpenError;
use crate::order::OrderId;
use crate::outcome::Outcome;

/// A change that a store rejected.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rejected {
    /// The MD5 of the payment that the change is about.
    pub md5: Md5Handle,
    /// The reason for the rejection.
    pub conflict: Conflict,
}

impl Rejected {
    /// Creates the rejection of the change of payment `md5`.
    #[must_use]
    pub const fn new(md5: Md5Handle, conflict: Conflict) -> Self {
        Self { md5, conflict }
    }

    /// Whether `change` is the change that was rejected.
    #[must_use]
    pub fn is_about(&self, change: &Change) -> bool {
        match (change, &self.conflict) {
            (
                Change::Opened { payment, .. },
                Conflict::Known | Conflict::OrderSettled | Conflict::Withdrawn,
            ) => payment.md5 == self.md5,
            (Change::Opened { .. }, _) | (_, Conflict::Known | Conflict::Withdrawn) => false,
            (Change::Finished { md5, .. }, _) => *md5 == self.md5,
            _ => false,
        }
    }
}

impl Conflict {
    /// Returns the error of a payment that was not opened because of this conflict.
    #[must_use]
    pub const fn open_error(&self) -> OpenError {
        match self {
            Self::OrderSettled => OpenError::OrderSettled,
            _ => OpenError::Known,
        }
    }
}

/// Why a store rejects a change.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Conflict {
    /// The payment was already opened.
    Known,
    /// The store has no such payment, so it cannot become final.
    Unknown,
    /// The payment is final, with this outcome.
    Final(Box<Outcome>),
    /// The command to open the payment was withdrawn.
    Withdrawn,
    /// Another payment settled the order. A [`Change::Opened`] or [`Change::Finished`] can be rejected for this.
    OrderSettled,
    /// The transaction settled another order.
    TransactionSettledAnother {
        /// The other order.
        order: OrderId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use bakong_api::khqr_core::Timestamp;

    #[test]
    fn a_rejection_is_about_the_change_that_it_can_reject() {
        let (one, two) = (Md5Handle::of("one"), Md5Handle::of("two"));
        let finished = |md5| Change::Finished {
            md5,
            order: OrderId::new("order").unwrap(),
            outcome: Outcome::Expired,
            at: Timestamp::from_millis(0),
        };
        let order = OrderId::new("other").unwrap();
        for (conflict, is_about) in [
            (Conflict::Known, false),
            (Conflict::Withdrawn, false),
            (Conflict::Unknown, true),
            (Conflict::OrderSettled, true),
            (Conflict::TransactionSettledAnother { order }, true),
        ] {
            let rejected = Rejected::new(one, conflict);
            assert_eq!(rejected.is_about(&finished(one)), is_about, "{rejected:?}");
            assert!(!rejected.is_about(&finished(two)));
            assert!(!rejected.is_about(&Change::Cancelled { md5: one }));
        }
    }
}
