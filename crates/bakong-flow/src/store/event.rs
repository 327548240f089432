//! The outbox: what consumers must learn, numbered and delivered at least once.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{Transaction, TransactionHash};

use super::stored::Resolution;
use crate::order::OrderId;
use crate::outcome::Outcome;

/// A fact that each consumer must learn. The store adds it in the same commit as the change that it reports.
///
/// Consumers receive an event at least once. The events of a payment arrive in order. A consumer that passes events on
/// should pass on [`id`](Self::id) too, so that the receiver can recognise a repetition.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The number of the event, unique in the registration. It increases in the order of the commits.
    pub id: EventId,
    /// The MD5 of the payment.
    pub md5: Md5Handle,
    /// The order of the payment.
    pub order: OrderId,
    /// What happened.
    pub kind: EventKind,
    /// When it became known.
    pub at: Timestamp,
}

impl Event {
    /// Creates an event.
    #[must_use]
    pub const fn new(
        id: EventId,
        md5: Md5Handle,
        order: OrderId,
        kind: EventKind,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            md5,
            order,
            kind,
            at,
        }
    }
}

/// What an [`Event`] reports.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EventKind {
    /// The payment is final.
    Finished(Outcome),
    /// A second transaction was found for a payment that is final.
    PaidAgain {
        /// The transaction, if Bakong reported it.
        transaction: Option<Box<Transaction>>,
        /// The hash of the transaction, if only the hash is known.
        hash: Option<TransactionHash>,
    },
    /// A person decided about a payment that needed a review.
    Resolved(Resolution),
}

/// The number of an event. Numbers start at 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventId(i64);

impl EventId {
    /// The position before the first event.
    pub const START: Self = Self(0);

    /// Creates the id with this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}
