//! What a tracker wants asked, and what it is told in return.

use bakong_api::khqr_core::{Amount, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, ShortHash, TransactionHash};

/// One request that is to be sent now. It is counted already: persist the changes first
/// ([`Tracker::take_changes`](crate::Tracker::take_changes)), then send it, then hand in the [`Reply`], or
/// [abandon](crate::Tracker::abandon) it if there never will be one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// To be handed in with the reply.
    pub ticket: Ticket,
    /// What to ask.
    pub question: Question,
}

/// A request that is out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    place: u32,
    number: u64,
}

impl Ticket {
    pub(crate) const fn new(place: u32, number: u64) -> Self {
        Self { place, number }
    }

    pub(crate) const fn place(self) -> u32 {
        self.place
    }

    /// No two requests of a tracker have the same, and none has 0.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }
}

/// What to ask Bakong.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Question {
    /// `check_transaction_by_md5`.
    Md5(Md5Handle),
    /// `check_transaction_by_md5_list`, of two to fifty.
    Md5List(Vec<Md5Handle>),
    /// `check_transaction_by_hash`.
    Hash(TransactionHash),
    /// `check_transaction_by_short_hash`.
    ShortHash(ShortHash, Amount),
    /// `renew_token`.
    Renewal,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Of a single check.
    Check(Result<CheckAnswer, ErrorClass>),
    /// Of a list: what was said of each identifier, in any order, or why the whole failed.
    List(Result<Vec<ListItem>, ErrorClass>),
    /// Of a renewal: when the new token says that it ends.
    Renewal(Result<Option<Timestamp>, ErrorClass>),
}

/// What was said of one identifier of a list.
pub type ListItem = (Md5Handle, Result<CheckAnswer, ErrorClass>);
