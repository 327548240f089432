//! The type `Khqr`, and the getters that return typed values.

use core::fmt;

use super::kind::{AccountKind, PointOfInitiation};
use super::slots::Slots;
use crate::account::AccountId;
use crate::amount::Amount;
use crate::crc::Crc;
use crate::currency::Currency;
use crate::digits::NumberError;
use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::limits;
use crate::md5::Md5Handle;
use crate::payload::Payload;
use crate::timestamp::{DIGITS, Timestamp};

/// A KHQR: a payload that names one Bakong account, parsed into its fields.
///
/// **Parsing** accepts what banks print: fields in any order, missing fields, old codes without an expiry,
/// expired codes. **Verifying**, with [`Khqr::verify`], checks whether the code may be paid now.
/// Getters that return text do not change it. Getters that interpret a value (amount, currency, times) can fail.
///
/// Anyone can print a code, so its texts are untrusted: print them through [`Printable`](crate::Printable).
///
/// ```
/// use khqr_core::{Amount, Currency, Khqr, Timestamp};
///
/// # let mut buffer = [0; 200];
/// # let text = khqr_core::KhqrBuilder::individual(khqr_core::AccountId::new("sokha@devb")?, "Sokha")
/// #     .dynamic_code(Amount::from_minor_units(150, Currency::Usd), Timestamp::from_millis(1_795_000_000_000),
/// #         Timestamp::from_millis(1_795_000_600_000))?.write_to_slice(&mut buffer)?;
/// let khqr = Khqr::parse(text)?;
/// assert_eq!(khqr.account().as_str(), "sokha@devb");
/// assert_eq!(khqr.amount()?, Some(Amount::from_minor_units(150, Currency::Usd)));
/// assert!(khqr.verify(Timestamp::from_millis(1_795_000_300_000)).is_ok());
/// assert!(khqr.verify(Timestamp::from_millis(1_795_000_600_001)).is_err());
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Khqr<'a> {
    pub(super) payload: Payload<'a>,
    pub(super) kind: AccountKind,
    pub(super) account: AccountId<'a>,
    pub(super) slots: Slots,
}

impl fmt::Debug for Khqr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Khqr").field(&self.text()).finish()
    }
}

impl<'a> Khqr<'a> {
    /// The payload: the text, the checksum and all fields, including unknown ones.
    #[must_use]
    pub const fn payload(&self) -> Payload<'a> {
        self.payload
    }

    /// The whole text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.payload.text()
    }

    /// The verified checksum.
    #[must_use]
    pub const fn crc(&self) -> Crc {
        self.payload.crc()
    }

    /// The MD5 of the text, by which Bakong identifies the payment of a dynamic code.
    #[must_use]
    pub fn md5(&self) -> Md5Handle {
        Md5Handle::of(self.text())
    }

    /// The kind of account: individual (tag 29) or merchant (tag 30).
    #[must_use]
    pub const fn account_kind(&self) -> AccountKind {
        self.kind
    }

    /// The Bakong account that receives the payment.
    #[must_use]
    pub const fn account(&self) -> AccountId<'a> {
        self.account
    }

    /// Static or dynamic, as stated by tag 01; `None` if the tag is absent.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] or [`ErrorKind::NotAllowed`] if the value is neither `11` nor `12`.
    pub fn point_of_initiation(&self) -> Result<Option<PointOfInitiation>, Error> {
        let id = FieldId::PointOfInitiation;
        match self.bytes(id) {
            b"11" => Ok(Some(PointOfInitiation::Static)),
            b"12" => Ok(Some(PointOfInitiation::Dynamic)),
            _ if self.slots[id].is_absent() => Ok(None),
            _ if self.units(id) > 2 => Err(self.error(ErrorKind::TooLong { max: 2 }, id)),
            _ => Err(self.error(ErrorKind::NotAllowed, id)),
        }
    }

    /// The currency (53).
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Empty`], [`ErrorKind::TooLong`] or
    /// [`ErrorKind::UnsupportedCurrency`].
    pub fn currency(&self) -> Result<Currency, Error> {
        let id = FieldId::Currency;
        let kind = match self.bytes(id) {
            b"116" => return Ok(Currency::Khr),
            b"840" => return Ok(Currency::Usd),
            _ if self.slots[id].is_absent() => {
                return Err(Error::at(ErrorKind::Missing, id.path()));
            }
            b"" => ErrorKind::Empty,
            _ if self.units(id) > 3 => ErrorKind::TooLong { max: 3 },
            _ => ErrorKind::UnsupportedCurrency,
        };
        Err(self.error(kind, id))
    }

    /// The amount (54) in the currency of the code; `None` if the payer chooses it.
    ///
    /// # Errors
    /// The errors of [`Khqr::currency`] and of [`Amount::parse`], [`ErrorKind::Empty`], and
    /// [`ErrorKind::TooLong`] above 13 characters.
    pub fn amount(&self) -> Result<Option<Amount>, Error> {
        if self.slots[FieldId::Amount].is_absent() {
            return Ok(None);
        }
        let digits = self.amount_digits()?;
        self.amount_of(digits, self.currency()?).map(Some)
    }

    pub(super) fn amount_of(&self, digits: &[u8], currency: Currency) -> Result<Amount, Error> {
        Amount::of_digits(digits, currency).map_err(|kind| self.error(kind, FieldId::Amount))
    }

    /// The bytes of tag 54. Fails if the value is empty or too long.
    pub(super) fn amount_digits(&self) -> Result<&'a [u8], Error> {
        let id = FieldId::Amount;
        let digits = self.bytes(id);
        if digits.is_empty() {
            Err(self.error(ErrorKind::Empty, id))
        } else if self.units(id) > u16::from(limits::AMOUNT) {
            let max = limits::AMOUNT;
            Err(self.error(ErrorKind::TooLong { max }, id))
        } else {
            Ok(digits)
        }
    }

    /// The creation time (99/00), if present. Before version 1.0.18, the SDK wrote one into static codes too.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::NotDigits`], or [`ErrorKind::WrongLength`] if the number does not
    /// fit into 64 bits.
    pub fn created_at(&self) -> Result<Option<Timestamp>, Error> {
        self.timestamp(FieldId::Created)
    }

    /// The last moment at which the code may be paid (99/01), if present.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::NotDigits`], or [`ErrorKind::NotAllowed`] for zero: all have the
    /// SDK's code 45. [`ErrorKind::WrongLength`] (code 49) if the number does not have 13 digits, not
    /// counting leading zeros.
    pub fn expires_at(&self) -> Result<Option<Timestamp>, Error> {
        let expires = self.timestamp(FieldId::Expires)?;
        let kind = match expires {
            Some(time) if time.as_millis() == 0 => ErrorKind::NotAllowed,
            Some(time) if !time.has_13_digits() => WRONG_LENGTH,
            _ => return Ok(expires),
        };
        Err(self.error(kind, FieldId::Expires))
    }

    fn timestamp(&self, id: FieldId) -> Result<Option<Timestamp>, Error> {
        let digits = self.bytes(id);
        let kind = match Timestamp::from_digits(digits) {
            Ok(time) => return Ok(Some(time)),
            Err(_) if self.slots[id].is_absent() => return Ok(None),
            Err(_) if digits.is_empty() => ErrorKind::Empty,
            Err(NumberError::NotDigits) => ErrorKind::NotDigits,
            Err(NumberError::TooLarge) => WRONG_LENGTH,
        };
        Err(self.error(kind, id))
    }

    /// The value of a field.
    #[inline]
    pub(super) fn get(&self, id: FieldId) -> Option<&'a str> {
        self.slots[id].read(self.payload.source())
    }

    /// The bytes of a value; empty if the field is absent.
    #[inline]
    pub(super) fn bytes(&self, id: FieldId) -> &'a [u8] {
        self.slots[id].bytes(self.payload.source())
    }

    /// The length of a value in UTF-16 code units.
    #[inline]
    pub(super) fn units(&self, id: FieldId) -> u16 {
        self.slots[id].units(self.payload.source())
    }

    /// An error at the position of the field, or of its template if the field is absent.
    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, kind: ErrorKind, id: FieldId) -> Error {
        let slot = match self.slots[id] {
            slot if slot.is_absent() => self.slots[id.at_top()],
            slot => slot,
        };
        Error::at(kind, id.path()).at_byte(slot.field_start())
    }
}

const WRONG_LENGTH: ErrorKind = ErrorKind::WrongLength { expected: DIGITS };
