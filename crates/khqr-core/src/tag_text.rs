//! The text form of tags and paths: `59` and `62/01`.

use core::fmt;
use core::str::FromStr;

use crate::digits::{two_digits, two_numbers};
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, TagPath};

impl FromStr for Tag {
    type Err = Error;

    /// Parses two ASCII digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes() {
            &[high, low] => two_numbers([high, low, b'0', b'0']),
            _ => None,
        }
        .map(|(number, _)| Self::of(number))
        .ok_or(Error::new(ErrorKind::TagNotDigits))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = two_digits(u64::from(self.number()));
        f.pad(core::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

impl FromStr for TagPath {
    type Err = Error;

    /// Parses `59` or `62/01`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('/') {
            Some((top, sub)) => Ok(top.parse::<Tag>()?.sub(sub.parse()?)),
            None => text.parse().map(Self::at_top),
        }
    }
}

impl fmt::Display for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sub() {
            Some(sub) => write!(f, "{}/{}", self.top(), sub),
            None => self.top().fmt(f),
        }
    }
}

impl fmt::Debug for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagPath({self})")
    }
}
