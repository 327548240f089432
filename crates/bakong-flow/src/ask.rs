//! The requests that a tracker wants sent, and the replies it expects.

use bakong_api::khqr_core::{Amount, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, ShortHash, TransactionHash};

/// One request to send now. The quota usage already includes the request.
///
/// First persist the changes ([`Tracker::take_changes`](crate::Tracker::take_changes)), then send the request. Then
/// pass the [`Reply`] to [`Tracker::answer`](crate::Tracker::answer), or call
/// [`Tracker::abandon`](crate::Tracker::abandon) if no reply will arrive.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// Identifies the request when its reply is passed to the tracker.
    pub ticket: Ticket,
    /// The question to send.
    pub question: Question,
}

/// Identifies a request that is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// The key of the request in the tracker's slab.
    pub(crate) key: usize,
    /// The number of the request, unique for the tracker.
    pub(crate) number: u64,
}

/// A question to Bakong.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Question {
    /// `check_transaction_by_md5`.
    Md5(Md5Handle),
    /// `check_transaction_by_md5_list`, with 2 to 50 MD5s.
    Md5List(Vec<Md5Handle>),
    /// `check_transaction_by_hash`.
    Hash(TransactionHash),
    /// `check_transaction_by_short_hash`.
    ShortHash(ShortHash, Amount),
    /// `renew_token`.
    Renewal,
}

/// The result of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The result of a single check.
    Check(Result<CheckAnswer, ErrorClass>),
    /// The result of a list: one item for each MD5, in any order, or the error of the whole request.
    List(Result<Vec<ListItem>, ErrorClass>),
    /// The result of a renewal: the expiry of the new token, if the token states one.
    Renewal(Result<Option<Timestamp>, ErrorClass>),
}

/// The result for one MD5 of a list.
pub type ListItem = (Md5Handle, Result<CheckAnswer, ErrorClass>);
