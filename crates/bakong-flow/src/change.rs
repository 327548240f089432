//! The decisions of a tracker, to persist before acting on them and to publish afterwards.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ErrorClass, ShortHash, Transaction, TransactionHash};

use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::quota::WindowUsage;

/// One change of a tracker's state, emitted in chronological order.
///
/// Some changes inform subscribers only: see [`must_persist`](Self::must_persist).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Change {
    /// A payment is being watched. A request for its final check is reserved.
    Opened {
        /// The payment.
        payment: Box<Payment>,
        /// The policy of the payment.
        policy: Policy,
        /// When the payment was opened.
        at: Timestamp,
    },
    /// A request asks about the payment.
    Asked {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// When the request was issued.
        at: Timestamp,
    },
    /// The payment has not been made yet.
    NotPaidYet {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// When the next check is due. The check is sent later if the quota requires it.
        next: Timestamp,
    },
    /// A request failed. The state of the payment is unknown, and the tracker asks again.
    NoAnswer {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// The class of the error.
        class: ErrorClass,
    },
    /// A hash of the payment's transaction became known. The fields hold all hashes that are known now.
    Learned {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// The full hash of the transaction.
        hash: Option<TransactionHash>,
        /// The first eight digits of the hash.
        short_hash: Option<ShortHash>,
    },
    /// The order was cancelled. Its code can be paid until it expires, so the final check still takes place.
    Cancelled {
        /// The MD5 of the payment.
        md5: Md5Handle,
    },
    /// The payment was withdrawn before its code was shown. The store removes it, and the code can be opened again.
    Withdrawn {
        /// The MD5 of the payment.
        md5: Md5Handle,
    },
    /// The payment is final. Persist this by compare-and-set on the order's id, so that an order is settled once.
    Finished {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// The order's id.
        order: OrderId,
        /// How the payment ended.
        outcome: Outcome,
        /// When the outcome became known.
        at: Timestamp,
    },
    /// A second transaction was found for a payment that is final. A person must decide what to do with the money.
    PaidAgain {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// The order's id.
        order: OrderId,
        /// The transaction, if Bakong reported it.
        transaction: Option<Box<Transaction>>,
        /// The hash of the transaction, if only the hash is known.
        hash: Option<TransactionHash>,
        /// When the transaction was found.
        at: Timestamp,
    },
    /// The usage of the quota changed: requests were counted, a new window began, or the window was closed by error
    /// code 17 or reopened.
    Quota(WindowUsage),
    /// The status of the list endpoint changed.
    ListStatus(ListStatus),
    /// Bakong rejected the token or its renewal (`Err`), or the token was renewed (`Ok`, with the expiry of the new
    /// token if the token states one).
    Token(Result<Option<Timestamp>, ErrorClass>),
}

impl Change {
    /// Whether a store must persist the change. The tracker can continue without the others after a restart.
    ///
    /// A store that does not know a new kind of change can ignore it if this returns `false`, and must fail otherwise.
    #[must_use]
    pub const fn must_persist(&self) -> bool {
        match self {
            Self::Opened { .. }
            | Self::Learned { .. }
            | Self::Cancelled { .. }
            | Self::Withdrawn { .. }
            | Self::Finished { .. }
            | Self::PaidAgain { .. }
            | Self::Quota(_)
            | Self::ListStatus(_) => true,
            Self::Asked { .. }
            | Self::NotPaidYet { .. }
            | Self::NoAnswer { .. }
            | Self::Token(_) => false,
        }
    }
}

/// Whether the list endpoint works for a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ListStatus {
    /// No list has been answered yet.
    Untried,
    /// Lists are answered.
    Work,
    /// Lists were refused. The next list may be sent at this time.
    RefusedUntil(Timestamp),
    /// The configuration forbids lists.
    Off,
}
