//! The second rung: a payload that is a KHQR, with every field of the standard under its name.

mod read;
mod slots;
mod verify;

use slots::{Slot, Slots};

pub use verify::Payable;
pub(crate) use verify::{category_code, language_code, text_of};

use crate::account::AccountId;
use crate::amount::{Amount, Currency};
use crate::crc::Crc;
use crate::error::{Error, ErrorKind};
use crate::md5::Md5Handle;
use crate::payload::Payload;
use crate::tag::{Tag, TagPath, sub};
use crate::timestamp::Timestamp;
use crate::tlv::utf16_len;

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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Khqr<'a> {
    payload: Payload<'a>,
    kind: AccountKind,
    account: AccountId<'a>,
    slots: Slots,
}

/// Whose account a KHQR names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccountKind {
    /// Tag 29: a person, or a shop without a merchant id.
    Individual,
    /// Tag 30: a merchant that its bank has registered.
    Merchant,
}

impl AccountKind {
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
    pub const fn kind(&self) -> AccountKind {
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
            AccountKind::Individual => self.get(self.slots.account_detail),
            AccountKind::Merchant => None,
        }
    }

    /// The id that the bank gave the merchant (30/01).
    #[must_use]
    pub fn merchant_id(&self) -> Option<&'a str> {
        match self.kind {
            AccountKind::Individual => None,
            AccountKind::Merchant => self.get(self.slots.account_detail),
        }
    }

    /// The name of the bank that holds the account (29/02, 30/02).
    #[must_use]
    pub fn acquiring_bank(&self) -> Option<&'a str> {
        self.get(self.slots.acquiring_bank)
    }

    /// The payload format indicator (00), `01` in every code that may be paid.
    #[must_use]
    pub fn payload_format_indicator(&self) -> Option<&'a str> {
        self.get(self.slots.payload_format)
    }

    /// Static or dynamic as tag 01 says it; `None` if it is absent.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] or [`ErrorKind::NotAllowed`] if it is neither `11` nor `12`.
    pub fn point_of_initiation(&self) -> Result<Option<PointOfInitiation>, Error> {
        let Some(value) = self.get(self.slots.point_of_initiation) else {
            return Ok(None);
        };
        [PointOfInitiation::Static, PointOfInitiation::Dynamic]
            .into_iter()
            .find(|method| method.value() == value)
            .map(Some)
            .ok_or_else(|| {
                let kind = if utf16_len(value) > 2 {
                    ErrorKind::TooLong { max: 2 }
                } else {
                    ErrorKind::NotAllowed
                };
                self.error(kind, Tag::POINT_OF_INITIATION_METHOD, value)
            })
    }

    /// A UnionPay merchant account (15).
    #[must_use]
    pub fn union_pay_account(&self) -> Option<&'a str> {
        self.get(self.slots.union_pay)
    }

    /// The merchant category code (52), four digits in every code that may be paid.
    #[must_use]
    pub fn merchant_category_code(&self) -> Option<&'a str> {
        self.get(self.slots.category_code)
    }

    /// The currency (53).
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Empty`], [`ErrorKind::TooLong`] or
    /// [`ErrorKind::UnsupportedCurrency`].
    pub fn currency(&self) -> Result<Currency, Error> {
        let tag = Tag::TRANSACTION_CURRENCY;
        let value = self
            .get(self.slots.currency)
            .ok_or(Error::at(ErrorKind::Missing, tag))?;
        match value {
            "116" => Ok(Currency::Khr),
            "840" => Ok(Currency::Usd),
            "" => Err(self.error(ErrorKind::Empty, tag, value)),
            _ if utf16_len(value) > 3 => Err(self.error(ErrorKind::TooLong { max: 3 }, tag, value)),
            _ => Err(self.error(ErrorKind::UnsupportedCurrency, tag, value)),
        }
    }

    /// The amount (54) in the code's currency; `None` if the payer is to choose it.
    ///
    /// # Errors
    /// Those of [`Khqr::currency`] and of [`Amount::parse`], [`ErrorKind::Empty`], and
    /// [`ErrorKind::TooLong`] above 13 characters.
    pub fn amount(&self) -> Result<Option<Amount>, Error> {
        let Some(value) = self.get(self.slots.amount) else {
            return Ok(None);
        };
        let tag = Tag::TRANSACTION_AMOUNT;
        if value.is_empty() {
            return Err(self.error(ErrorKind::Empty, tag, value));
        }
        if utf16_len(value) > Self::MAX_AMOUNT {
            return Err(self.error(ErrorKind::TooLong { max: 13 }, tag, value));
        }
        Amount::parse(value, self.currency()?)
            .map(Some)
            .map_err(|error| error.at_byte(self.offset_of(value)))
    }

    pub(crate) const MAX_AMOUNT: usize = 13;

    /// The amount (54) exactly as it stands in the text.
    #[must_use]
    pub fn amount_text(&self) -> Option<&'a str> {
        self.get(self.slots.amount)
    }

    /// The country (58), `KH` in every code that may be paid.
    #[must_use]
    pub fn country_code(&self) -> Option<&'a str> {
        self.get(self.slots.country)
    }

    /// The merchant's name (59).
    #[must_use]
    pub fn merchant_name(&self) -> Option<&'a str> {
        self.get(self.slots.merchant_name)
    }

    /// The merchant's city (60).
    #[must_use]
    pub fn merchant_city(&self) -> Option<&'a str> {
        self.get(self.slots.merchant_city)
    }

    /// The postal code (61).
    #[must_use]
    pub fn postal_code(&self) -> Option<&'a str> {
        self.get(self.slots.postal_code)
    }

    /// The bill number (62/01).
    #[must_use]
    pub fn bill_number(&self) -> Option<&'a str> {
        self.get(self.slots.bill_number)
    }

    /// The mobile number (62/02).
    #[must_use]
    pub fn mobile_number(&self) -> Option<&'a str> {
        self.get(self.slots.mobile_number)
    }

    /// The store label (62/03).
    #[must_use]
    pub fn store_label(&self) -> Option<&'a str> {
        self.get(self.slots.store_label)
    }

    /// The terminal label (62/07).
    #[must_use]
    pub fn terminal_label(&self) -> Option<&'a str> {
        self.get(self.slots.terminal_label)
    }

    /// The purpose of the transaction (62/08).
    #[must_use]
    pub fn purpose_of_transaction(&self) -> Option<&'a str> {
        self.get(self.slots.purpose)
    }

    /// The second language (64/00), two letters.
    #[must_use]
    pub fn language_preference(&self) -> Option<&'a str> {
        self.get(self.slots.language)
    }

    /// The merchant's name in the second language (64/01).
    #[must_use]
    pub fn merchant_name_alternate_language(&self) -> Option<&'a str> {
        self.get(self.slots.alternate_name)
    }

    /// The merchant's city in the second language (64/02).
    #[must_use]
    pub fn merchant_city_alternate_language(&self) -> Option<&'a str> {
        self.get(self.slots.alternate_city)
    }

    /// When the code was made (99/00), if it says so. Until SDK 1.0.17 static codes said it too.
    ///
    /// # Errors
    /// [`ErrorKind::NotDigits`] if it is no number.
    pub fn created_at(&self) -> Result<Option<Timestamp>, Error> {
        self.timestamp(self.get(self.slots.created), sub::CREATED)
    }

    /// When the code ceases to be payable (99/01), if it says so.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::NotDigits`] if it is no number, [`ErrorKind::NotAllowed`] if it
    /// is zero (the official SDK's 45 all), [`ErrorKind::WrongLength`] if it has not 13 digits (49).
    pub fn expires_at(&self) -> Result<Option<Timestamp>, Error> {
        let expires = self.timestamp(self.get(self.slots.expires), sub::EXPIRES)?;
        let (Some(value), Some(moment)) = (self.get(self.slots.expires), expires) else {
            return Ok(expires);
        };
        let kind = match moment.as_millis() {
            0 => ErrorKind::NotAllowed,
            _ if !moment.has_13_digits() => ErrorKind::WrongLength { expected: 13 },
            _ => return Ok(expires),
        };
        Err(self.error(kind, Tag::TIMESTAMPS.sub(sub::EXPIRES), value))
    }

    /// The creation (99/00) exactly as it stands in the text.
    #[must_use]
    pub fn created_at_text(&self) -> Option<&'a str> {
        self.get(self.slots.created)
    }

    /// The expiry (99/01) exactly as it stands in the text.
    #[must_use]
    pub fn expires_at_text(&self) -> Option<&'a str> {
        self.get(self.slots.expires)
    }

    fn timestamp(&self, value: Option<&'a str>, tag: Tag) -> Result<Option<Timestamp>, Error> {
        let Some(value) = value else {
            return Ok(None);
        };
        Timestamp::from_digits(value).map(Some).ok_or_else(|| {
            let kind = if value.is_empty() {
                ErrorKind::Empty
            } else {
                ErrorKind::NotDigits
            };
            self.error(kind, Tag::TIMESTAMPS.sub(tag), value)
        })
    }

    /// What stands in the slot.
    #[inline]
    fn get(&self, slot: Slot) -> Option<&'a str> {
        slot.read(self.payload.source())
    }

    /// Where the field begins whose value was borrowed from the text: before it stand tag and length.
    fn offset_of(&self, value: &str) -> usize {
        (value.as_ptr() as usize).saturating_sub(self.text().as_ptr() as usize + 4)
    }

    fn error(&self, kind: ErrorKind, tag: impl Into<TagPath>, value: &str) -> Error {
        Error::at(kind, tag).at_byte(self.offset_of(value))
    }
}
