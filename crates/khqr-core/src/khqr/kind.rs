//! The two kinds of account, and the two kinds of code.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::tag::Tag;

/// The kind of account that a KHQR names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccountKind {
    /// Tag 29: a person, or a shop without a merchant ID.
    Individual,
    /// Tag 30: a merchant that is registered with its bank.
    Merchant,
}

impl AccountKind {
    /// The name in the official SDK: `individual` or `merchant`.
    const fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Merchant => "merchant",
        }
    }

    /// The template with the account: 29 or 30.
    pub(crate) const fn template(self) -> FieldId {
        match self {
            Self::Individual => FieldId::Individual,
            Self::Merchant => FieldId::Merchant,
        }
    }

    /// The account ID: 29/00 or 30/00.
    pub(crate) const fn account(self) -> FieldId {
        match self {
            Self::Individual => FieldId::IndividualAccount,
            Self::Merchant => FieldId::MerchantAccount,
        }
    }
}

/// Whether a code can be paid any number of times or only once (tag 01).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PointOfInitiation {
    /// `11`: printed once and paid many times.
    Static,
    /// `12`: for one payment of a stated amount.
    Dynamic,
}

impl PointOfInitiation {
    pub(crate) const fn value(self) -> &'static str {
        match self {
            Self::Static => "11",
            Self::Dynamic => "12",
        }
    }
}

impl FromStr for AccountKind {
    type Err = Error;

    /// Parses `individual` or `merchant`.
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Individual, Self::Merchant]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(Error::new(ErrorKind::NotAllowed))
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PointOfInitiation {
    type Err = Error;

    /// Parses `11` or `12`.
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Static, Self::Dynamic]
            .into_iter()
            .find(|method| method.value() == text)
            .ok_or(Error::at(
                ErrorKind::NotAllowed,
                Tag::POINT_OF_INITIATION_METHOD,
            ))
    }
}

impl fmt::Display for PointOfInitiation {
    /// The value of tag 01: `11` or `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.value())
    }
}
