//! The kinds of identifiers for looking up a payment.

use std::fmt;

/// A kind of identifier for looking up a payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Lookup {
    /// The MD5 of the code: `check_transaction_by_md5`.
    Md5,
    /// The transaction's full hash: `check_transaction_by_hash`.
    Hash,
    /// The first eight digits of the hash, with the amount: `check_transaction_by_short_hash`.
    ShortHash,
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Md5 => "MD5",
            Self::Hash => "full hash",
            Self::ShortHash => "short hash",
        })
    }
}
