//! The Bakong account that receives a payment: `name@bank`.

use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::limits;
use crate::text::{is_visible, utf16_len};

/// A borrowed Bakong account ID of the form `name@bank`.
///
/// An ID has at most 32 UTF-16 code units, exactly one `@` with text on both sides, no white space and no
/// control characters.
///
/// Comparison is by byte, because no document says that Bakong ignores case. Different IDs may look the same:
/// like the official SDK, this type accepts invisible characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId<'a>(&'a str);

impl<'a> AccountId<'a> {
    /// Checks and wraps `text`.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::TooLong`] or [`ErrorKind::AccountShape`], in this order (the
    /// official SDK's codes 1, 6 and 3). The error names the field 29/00 (individual account);
    /// [`Error::in_field`] changes the field to 30/00.
    pub fn new(text: &'a str) -> Result<Self, Error> {
        let bytes = text.as_bytes();
        let mut ats = (0..).zip(bytes).filter(|(_, byte)| **byte == b'@');
        let (at, another) = (ats.next(), ats.next());
        let has_text_around = |(at, _): (usize, &u8)| at > 0 && at + 1 < bytes.len();
        let has_shape = at.is_some_and(has_text_around) && another.is_none();
        if has_shape && bytes.len() <= usize::from(limits::ACCOUNT) && is_visible(bytes) {
            return Ok(Self(text));
        }
        let kind = match utf16_len(text) {
            0 => ErrorKind::Empty,
            units if units > usize::from(limits::ACCOUNT) => ErrorKind::TooLong {
                max: limits::ACCOUNT,
            },
            _ if has_shape && !has_forbidden(text) => return Ok(Self(text)),
            _ => ErrorKind::AccountShape,
        };
        Err(Error::at(kind, FieldId::IndividualAccount.path()))
    }

    /// The whole ID.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.0.split_once('@').map_or(self.0, |(name, _)| name)
    }

    /// The part after the `@`: the bank's participant code, such as `devb`.
    #[must_use]
    pub fn bank(self) -> &'a str {
        self.0.split_once('@').map_or("", |(_, bank)| bank)
    }
}

/// Returns whether `text` contains white space or a control character.
fn has_forbidden(text: &str) -> bool {
    text.contains(|c: char| c.is_whitespace() || c.is_control())
}

impl<'a> TryFrom<&'a str> for AccountId<'a> {
    type Error = Error;

    fn try_from(text: &'a str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl AsRef<str> for AccountId<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for AccountId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// An [`AccountId`] that owns its text.
#[cfg(feature = "alloc")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountIdBuf(alloc::boxed::Box<str>);

#[cfg(feature = "alloc")]
impl AccountIdBuf {
    /// Checks and copies `text`, like [`AccountId::new`].
    ///
    /// # Errors
    /// The errors of [`AccountId::new`].
    pub fn new(text: &str) -> Result<Self, Error> {
        AccountId::new(text).map(Self::from)
    }

    /// The borrowed ID.
    #[must_use]
    pub fn as_id(&self) -> AccountId<'_> {
        AccountId(&self.0)
    }

    /// The whole ID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "alloc")]
impl From<AccountId<'_>> for AccountIdBuf {
    fn from(id: AccountId<'_>) -> Self {
        Self(id.0.into())
    }
}

#[cfg(feature = "alloc")]
impl AsRef<str> for AccountIdBuf {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "alloc")]
impl core::str::FromStr for AccountIdBuf {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

#[cfg(feature = "alloc")]
impl fmt::Display for AccountIdBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_id().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_a_name_and_a_bank() {
        let id = AccountId::new("khqr@devb").unwrap();
        assert_eq!((id.name(), id.bank()), ("khqr", "devb"));
        for text in ["a@b", "ចន@devb", "0123456789012345678901234567@aba"] {
            assert_eq!(AccountId::new(text).map(AccountId::as_str), Ok(text));
        }
    }

    #[test]
    fn length_counts_utf16_code_units_and_is_checked_before_the_form() {
        let kind = |text| AccountId::new(text).unwrap_err().kind();
        assert_eq!(kind(""), ErrorKind::Empty);
        let too_long = ErrorKind::TooLong { max: 32 };
        assert_eq!(kind("01234567890123456789012345678@aba"), too_long);
        // Sixteen emoji are 32 code units, so this ID has 34 code units in 18 characters.
        assert_eq!(kind("😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀@b"), too_long);
        assert_eq!(kind("nobody"), ErrorKind::AccountShape);
    }
}
