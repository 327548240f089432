//! The second rung: a payload that is a KHQR, with every field of the standard under its name.

mod fields;
mod kind;
mod read;
mod slots;
mod verify;

use core::fmt;

use slots::{Place, Slots};

pub use fields::KhqrFields;
pub use kind::{AccountKind, PointOfInitiation};
pub use verify::Payable;

use crate::account::AccountId;
use crate::amount::{Amount, Currency};
use crate::crc::Crc;
use crate::digits::NoNumber;
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::md5::Md5Handle;
use crate::payload::Payload;
use crate::tag::Tag;
use crate::timestamp::Timestamp;

/// A KHQR: a payload that names one Bakong account, read into its fields.
///
/// **Reading** answers what a code says, and takes what banks really print: any order of fields, old
/// codes without an expiry, expired ones, fields that are missing. **Verifying**, with
/// [`Khqr::verify`], answers whether it may be paid now. Getters give what stands in the text; those
/// that have to understand it (amount, currency, times) can fail.
///
/// The texts are a stranger's: print them through [`Printable`](crate::Printable).
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
    payload: Payload<'a>,
    kind: AccountKind,
    account: AccountId<'a>,
    slots: Slots,
}

impl fmt::Debug for Khqr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Khqr").field(&self.text()).finish()
    }
}

impl<'a> Khqr<'a> {
    /// The payload: its text, its checksum, and all its fields, also those that KHQR does not know.
    #[must_use]
    pub const fn payload(&self) -> Payload<'a> {
        self.payload
    }

    /// The whole text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.payload.text()
    }

    /// The checksum, which was checked.
    #[must_use]
    pub const fn crc(&self) -> Crc {
        self.payload.crc()
    }

    /// The handle under which Bakong knows the payment, if the code is dynamic.
    #[must_use]
    pub fn md5(&self) -> Md5Handle {
        Md5Handle::of(self.text())
    }

    /// Whether the account is an individual's (tag 29) or a merchant's (tag 30).
    #[must_use]
    pub const fn account_kind(&self) -> AccountKind {
        self.kind
    }

    /// The Bakong account that is paid.
    #[must_use]
    pub const fn account(&self) -> AccountId<'a> {
        self.account
    }

    /// An account number or phone number beside the account (29/01): the code is a remittance.
    #[must_use]
    pub fn account_information(&self) -> Option<&'a str> {
        match self.kind {
            AccountKind::Individual => self.get(Place::AccountDetail),
            AccountKind::Merchant => None,
        }
    }

    /// The id that the bank gave the merchant (30/01).
    #[must_use]
    pub fn merchant_id(&self) -> Option<&'a str> {
        match self.kind {
            AccountKind::Individual => None,
            AccountKind::Merchant => self.get(Place::AccountDetail),
        }
    }

    /// The name of the bank that holds the account (29/02, 30/02).
    #[must_use]
    pub fn acquiring_bank(&self) -> Option<&'a str> {
        self.get(Place::AcquiringBank)
    }

    /// The payload format indicator (00), `01` in every code that may be paid.
    #[must_use]
    pub fn payload_format_indicator(&self) -> Option<&'a str> {
        self.get(Place::PayloadFormat)
    }

    /// Static or dynamic as tag 01 says it; `None` if it is absent.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] or [`ErrorKind::NotAllowed`] if it is neither `11` nor `12`.
    pub fn point_of_initiation(&self) -> Result<Option<PointOfInitiation>, Error> {
        let place = Place::PointOfInitiation;
        match self.bytes(place) {
            b"11" => Ok(Some(PointOfInitiation::Static)),
            b"12" => Ok(Some(PointOfInitiation::Dynamic)),
            _ if self.slots[place].is_absent() => Ok(None),
            _ if self.units(place) > 2 => Err(self.error(ErrorKind::TooLong { max: 2 }, place)),
            _ => Err(self.error(ErrorKind::NotAllowed, place)),
        }
    }

    /// Tag 01 exactly as it stands in the text.
    #[must_use]
    pub fn point_of_initiation_text(&self) -> Option<&'a str> {
        self.get(Place::PointOfInitiation)
    }

    /// A UnionPay merchant account (15).
    #[must_use]
    pub fn union_pay_account(&self) -> Option<&'a str> {
        self.get(Place::UnionPay)
    }

    /// The merchant category code (52), four digits in every code that may be paid.
    #[must_use]
    pub fn merchant_category_code(&self) -> Option<&'a str> {
        self.get(Place::CategoryCode)
    }

    /// The currency (53).
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Empty`], [`ErrorKind::TooLong`] or
    /// [`ErrorKind::UnsupportedCurrency`].
    pub fn currency(&self) -> Result<Currency, Error> {
        let place = Place::Currency;
        let kind = match self.bytes(place) {
            b"116" => return Ok(Currency::Khr),
            b"840" => return Ok(Currency::Usd),
            _ if self.slots[place].is_absent() => {
                return Err(Error::at(ErrorKind::Missing, Tag::TRANSACTION_CURRENCY));
            }
            b"" => ErrorKind::Empty,
            _ if self.units(place) > 3 => ErrorKind::TooLong { max: 3 },
            _ => ErrorKind::UnsupportedCurrency,
        };
        Err(self.error(kind, place))
    }

    /// The currency (53) exactly as it stands in the text.
    #[must_use]
    pub fn currency_text(&self) -> Option<&'a str> {
        self.get(Place::Currency)
    }

    /// The amount (54) in the code's currency; `None` if the payer is to choose it.
    ///
    /// # Errors
    /// Those of [`Khqr::currency`] and of [`Amount::parse`], [`ErrorKind::Empty`], and
    /// [`ErrorKind::TooLong`] above 13 characters.
    pub fn amount(&self) -> Result<Option<Amount>, Error> {
        if self.slots[Place::Amount].is_absent() {
            return Ok(None);
        }
        let digits = self.amount_digits()?;
        self.amount_of(digits, self.currency()?).map(Some)
    }

    /// The amount that these digits of the text are.
    fn amount_of(&self, digits: &[u8], currency: Currency) -> Result<Amount, Error> {
        Amount::of_digits(digits, currency).map_err(|kind| self.error(kind, Place::Amount))
    }

    /// What stands there for an amount, if its length is one.
    fn amount_digits(&self) -> Result<&'a [u8], Error> {
        let place = Place::Amount;
        let digits = self.bytes(place);
        if digits.is_empty() {
            Err(self.error(ErrorKind::Empty, place))
        } else if self.units(place) > u16::from(limits::AMOUNT) {
            let max = limits::AMOUNT;
            Err(self.error(ErrorKind::TooLong { max }, place))
        } else {
            Ok(digits)
        }
    }

    /// The amount (54) exactly as it stands in the text.
    #[must_use]
    pub fn amount_text(&self) -> Option<&'a str> {
        self.get(Place::Amount)
    }

    /// Whether the payer is asked for a tip (55: `01`), or owes a fixed fee (`02`) or a percentage (`03`).
    /// EMVCo's; NBC's SDK ignores it, and this crate never writes it.
    #[must_use]
    pub fn tip_or_convenience_indicator(&self) -> Option<&'a str> {
        self.get(Place::TipIndicator)
    }

    /// The fixed fee (56), as it stands in the text.
    #[must_use]
    pub fn convenience_fee_fixed(&self) -> Option<&'a str> {
        self.get(Place::FeeFixed)
    }

    /// The fee in per cent (57), as it stands in the text.
    #[must_use]
    pub fn convenience_fee_percentage(&self) -> Option<&'a str> {
        self.get(Place::FeePercentage)
    }

    /// The country (58), `KH` in every code that may be paid.
    #[must_use]
    pub fn country_code(&self) -> Option<&'a str> {
        self.get(Place::Country)
    }

    /// The merchant's name (59).
    #[must_use]
    pub fn merchant_name(&self) -> Option<&'a str> {
        self.get(Place::MerchantName)
    }

    /// The merchant's city (60).
    #[must_use]
    pub fn merchant_city(&self) -> Option<&'a str> {
        self.get(Place::MerchantCity)
    }

    /// The postal code (61).
    #[must_use]
    pub fn postal_code(&self) -> Option<&'a str> {
        self.get(Place::PostalCode)
    }

    /// The bill number (62/01).
    #[must_use]
    pub fn bill_number(&self) -> Option<&'a str> {
        self.get(Place::BillNumber)
    }

    /// The mobile number (62/02).
    #[must_use]
    pub fn mobile_number(&self) -> Option<&'a str> {
        self.get(Place::MobileNumber)
    }

    /// The store label (62/03).
    #[must_use]
    pub fn store_label(&self) -> Option<&'a str> {
        self.get(Place::StoreLabel)
    }

    /// The terminal label (62/07).
    #[must_use]
    pub fn terminal_label(&self) -> Option<&'a str> {
        self.get(Place::TerminalLabel)
    }

    /// The purpose of the transaction (62/08).
    #[must_use]
    pub fn purpose_of_transaction(&self) -> Option<&'a str> {
        self.get(Place::Purpose)
    }

    /// The second language (64/00), two letters.
    #[must_use]
    pub fn language_preference(&self) -> Option<&'a str> {
        self.get(Place::Language)
    }

    /// The merchant's name in the second language (64/01).
    #[must_use]
    pub fn merchant_name_alternate_language(&self) -> Option<&'a str> {
        self.get(Place::AlternateName)
    }

    /// The merchant's city in the second language (64/02).
    #[must_use]
    pub fn merchant_city_alternate_language(&self) -> Option<&'a str> {
        self.get(Place::AlternateCity)
    }

    /// When the code was made (99/00), if it says so. Until SDK 1.0.17 static codes said it too.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::NotDigits`] if it is no number, [`ErrorKind::WrongLength`] if it
    /// does not fit 64 bits.
    pub fn created_at(&self) -> Result<Option<Timestamp>, Error> {
        self.timestamp(Place::Created)
    }

    /// When the code ceases to be payable (99/01), if it says so.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::NotDigits`] if it is no number, [`ErrorKind::NotAllowed`] if it
    /// is zero (the official SDK's 45 all), [`ErrorKind::WrongLength`] if it has not 13
    /// digits, zeros in front not counted (49).
    pub fn expires_at(&self) -> Result<Option<Timestamp>, Error> {
        let expires = self.timestamp(Place::Expires)?;
        let kind = match expires {
            Some(moment) if moment.as_millis() == 0 => ErrorKind::NotAllowed,
            Some(moment) if !moment.has_13_digits() => ErrorKind::WrongLength { expected: 13 },
            _ => return Ok(expires),
        };
        Err(self.error(kind, Place::Expires))
    }

    /// The creation (99/00) exactly as it stands in the text.
    #[must_use]
    pub fn created_at_text(&self) -> Option<&'a str> {
        self.get(Place::Created)
    }

    /// The expiry (99/01) exactly as it stands in the text.
    #[must_use]
    pub fn expires_at_text(&self) -> Option<&'a str> {
        self.get(Place::Expires)
    }

    fn timestamp(&self, place: Place) -> Result<Option<Timestamp>, Error> {
        let digits = self.bytes(place);
        let kind = match Timestamp::from_digits(digits) {
            Ok(moment) => return Ok(Some(moment)),
            Err(_) if self.slots[place].is_absent() => return Ok(None),
            Err(_) if digits.is_empty() => ErrorKind::Empty,
            Err(NoNumber::NotDigits) => ErrorKind::NotDigits,
            Err(NoNumber::TooLarge) => ErrorKind::WrongLength { expected: 13 },
        };
        Err(self.error(kind, place))
    }

    /// What stands at the place.
    #[inline]
    fn get(&self, place: Place) -> Option<&'a str> {
        self.slots[place].read(self.payload.source())
    }

    /// The bytes that stand at the place; none if it is absent.
    #[inline]
    fn bytes(&self, place: Place) -> &'a [u8] {
        self.slots[place].bytes(self.payload.source())
    }

    /// The length of what stands at the place.
    #[inline]
    fn units(&self, place: Place) -> u16 {
        self.slots[place].units(self.payload.source())
    }

    /// The error about what stands at the place; if nothing does, about where it should.
    #[cold]
    #[inline(never)]
    fn error(&self, kind: ErrorKind, place: Place) -> Error {
        let error = Error::at(kind, place.path(self.kind));
        let slot = match self.slots[place] {
            slot if slot.is_absent() => self.slots[place.at_top(self.kind)],
            slot => slot,
        };
        error.at_byte(slot.field_start())
    }
}
