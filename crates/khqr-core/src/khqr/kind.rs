//! Whose code it is, and whether it is paid once.

use core::fmt;
use core::str::FromStr;

use super::slots::Place;
use crate::error::{Error, ErrorKind};
use crate::tag::Tag;

/// Whose account a KHQR names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccountKind {
    /// Tag 29: a person, or a shop without a merchant id.
    Individual,
    /// Tag 30: a merchant that its bank has registered.
    Merchant,
}

impl AccountKind {
    pub(super) const fn place(self) -> Place {
        match self {
            Self::Individual => Place::Individual,
            Self::Merchant => Place::Merchant,
        }
    }

    /// As the official SDK calls it: `individual` or `merchant`.
    const fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Merchant => "merchant",
        }
    }

    pub(crate) const fn tag(self) -> Tag {
        match self {
            Self::Individual => Tag::INDIVIDUAL,
            Self::Merchant => Tag::MERCHANT,
        }
    }
}

/// Whether a code says an amount and is paid once, or is printed and paid again and again (tag 01).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PointOfInitiation {
    /// `11`.
    Static,
    /// `12`.
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

    /// Reads `individual` or `merchant`.
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

    /// Reads `11` or `12`.
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
    /// As tag 01 has it: `11` or `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.value())
    }
}
