//! What a tracker decided: to be persisted before it is acted on, and to be told to whoever watches.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ErrorClass, ShortHash, Transaction, TransactionHash};

use crate::outcome::Outcome;
use crate::payment::{OrderId, Payment};
use crate::policy::Policy;
use crate::quota::WindowUsage;
use crate::store::{Conflict, Rejected};

/// One change of a tracker's state, in the order in which they happened.
///
/// [`Asked`](Self::Asked), [`NotPaidYet`](Self::NotPaidYet), [`NoAnswer`](Self::NoAnswer) and
/// [`Token`](Self::Token) are for whoever watches: nothing is lost if they are not persisted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Change {
    /// A payment is watched from now on. Its last check is promised.
    Opened {
        /// The payment.
        payment: Box<Payment>,
        /// How it is asked about.
        policy: Policy,
        /// When it was opened.
        at: Timestamp,
    },
    /// It is asked about.
    Asked {
        /// Which one.
        md5: Md5Handle,
        /// When.
        at: Timestamp,
    },
    /// It is not paid yet.
    NotPaidYet {
        /// Which one.
        md5: Md5Handle,
        /// When it is asked about next, if the quota allows it then.
        next: Timestamp,
    },
    /// No answer came; it says nothing of the payment, which is asked about again.
    NoAnswer {
        /// Which one.
        md5: Md5Handle,
        /// Why.
        class: ErrorClass,
    },
    /// More became known to ask by.
    Learned {
        /// Which one.
        md5: Md5Handle,
        /// The transaction's full hash.
        hash: Option<TransactionHash>,
        /// Its first eight digits.
        short_hash: Option<ShortHash>,
    },
    /// The order was cancelled. It is still asked about once more, after its expiry: its code may be paid
    /// until then.
    Cancelled {
        /// Which one.
        md5: Md5Handle,
    },
    /// The payment is final. To be persisted by compare-and-set on the order's id, so that it is finished once.
    Finished {
        /// Which one.
        md5: Md5Handle,
        /// The order's id.
        order: OrderId,
        /// How it ended.
        outcome: Outcome,
        /// When that became known.
        at: Timestamp,
    },
    /// There is money for a payment that is final already, of which nobody was told: a person has to look
    /// at it.
    PaidAgain {
        /// Which one.
        md5: Md5Handle,
        /// The order's id.
        order: OrderId,
        /// The transaction, if Bakong told of it.
        transaction: Option<Box<Transaction>>,
        /// Its hash, where that is all that is known.
        hash: Option<TransactionHash>,
    },
    /// Requests were spent, or the day turned, was closed by a code 17, or was opened again.
    Quota(WindowUsage),
    /// Whether the list endpoint works for this token.
    ListStatus(ListStatus),
    /// The token is refused (`Err`), or was renewed (`Ok`) and says that it ends then.
    Token(Result<Option<Timestamp>, ErrorClass>),
}

impl Change {
    /// Whether this is the change that a store did not keep.
    #[must_use]
    pub fn is_rejected(&self, lost: &Rejected) -> bool {
        match (self, &lost.conflict) {
            (Self::Opened { payment, .. }, Conflict::Known | Conflict::OrderSettled) => {
                payment.md5 == lost.md5
            }
            (Self::Opened { .. }, _) | (_, Conflict::Known) => false,
            (Self::Finished { md5, .. }, _) => *md5 == lost.md5,
            _ => false,
        }
    }
}

/// Whether the list endpoint works for a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ListStatus {
    /// It was never tried.
    Untried,
    /// It answered.
    Work,
    /// It was refused. It is tried again after this moment.
    RefusedUntil(Timestamp),
    /// It is not to be used.
    Off,
}

impl ListStatus {
    /// Whether last checks can be counted as sharing requests.
    pub(crate) const fn work(self) -> bool {
        matches!(self, Self::Work)
    }

    /// Whether a list may be sent.
    pub(crate) fn usable(self, now: Timestamp) -> bool {
        match self {
            Self::Untried | Self::Work => true,
            Self::RefusedUntil(moment) => moment <= now,
            Self::Off => false,
        }
    }
}
