//! Tags name the fields of a payload; a path of tags names a field inside a template.

use core::fmt;
use core::str::FromStr;

use crate::digits::{two_digits, two_numbers};
use crate::error::{Error, ErrorKind};

/// The two-digit identifier of a field, `00` to `99` (EMVCo MPM 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u8);

impl Tag {
    /// `00`, always `01`.
    pub const PAYLOAD_FORMAT_INDICATOR: Self = Self(0);
    /// `01`, `11` static or `12` dynamic.
    pub const POINT_OF_INITIATION_METHOD: Self = Self(1);
    /// `15`, a UnionPay merchant account.
    pub const UNION_PAY: Self = Self(15);
    /// `29`, the Bakong account of an individual.
    pub const INDIVIDUAL: Self = Self(29);
    /// `30`, the Bakong account of a merchant.
    pub const MERCHANT: Self = Self(30);
    /// `52`, the ISO 18245 category.
    pub const MERCHANT_CATEGORY_CODE: Self = Self(52);
    /// `53`, the ISO 4217 number.
    pub const TRANSACTION_CURRENCY: Self = Self(53);
    /// `54`, present in dynamic codes.
    pub const TRANSACTION_AMOUNT: Self = Self(54);
    /// `55`, `01` to `03`: a tip or a fee is asked for.
    pub const TIP_OR_CONVENIENCE_INDICATOR: Self = Self(55);
    /// `56`, a fixed fee.
    pub const CONVENIENCE_FEE_FIXED: Self = Self(56);
    /// `57`, a fee in per cent.
    pub const CONVENIENCE_FEE_PERCENTAGE: Self = Self(57);
    /// `58`, the ISO 3166-1 country.
    pub const COUNTRY_CODE: Self = Self(58);
    /// `59`, at most 25 characters.
    pub const MERCHANT_NAME: Self = Self(59);
    /// `60`, at most 15 characters.
    pub const MERCHANT_CITY: Self = Self(60);
    /// `61`, at most 10 characters.
    pub const POSTAL_CODE: Self = Self(61);
    /// `62`, a template: bill number, labels, purpose.
    pub const ADDITIONAL_DATA: Self = Self(62);
    /// `63`, the checksum, last in every payload.
    pub const CRC: Self = Self(63);
    /// `64`, a template: name and city in a second language.
    pub const LANGUAGE_TEMPLATE: Self = Self(64);
    /// `99`, a template: creation and expiry in milliseconds.
    pub const TIMESTAMPS: Self = Self(99);

    /// The tag with this number, or `None` above 99.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 99 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number, 0 to 99.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The path to the field `sub` of the template `self`.
    #[must_use]
    pub const fn sub(self, sub: Self) -> TagPath {
        TagPath {
            top: self,
            sub: Some(sub),
        }
    }

    pub(crate) const fn of(number: u8) -> Self {
        debug_assert!(number <= 99);
        Self(number)
    }
}

impl FromStr for Tag {
    type Err = Error;

    /// Reads two ASCII digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes() {
            &[high, low] => two_numbers([high, low, b'0', b'0']),
            _ => None,
        }
        .map(|(number, _)| Self(number))
        .ok_or(Error::new(ErrorKind::TagNotDigits))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = two_digits(u64::from(self.0));
        f.pad(core::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// Where a field stands: a tag of the payload, or a tag inside a template. Prints as `59` or `62/01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagPath {
    top: Tag,
    sub: Option<Tag>,
}

impl TagPath {
    /// The tag at the top level of the payload.
    #[must_use]
    pub const fn top(self) -> Tag {
        self.top
    }

    /// The tag inside the template `top`, if the path names one.
    #[must_use]
    pub const fn sub(self) -> Option<Tag> {
        self.sub
    }

    pub(crate) const fn at_top(top: Tag) -> Self {
        Self { top, sub: None }
    }

    /// The numbers of both tags, to match on.
    pub(crate) const fn numbers(self) -> (u8, Option<u8>) {
        let sub = match self.sub {
            Some(sub) => Some(sub.0),
            None => None,
        };
        (self.top.0, sub)
    }

    /// What KHQR calls the field, or `None` where KHQR gives it no meaning.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match (self.top.0, self.sub) {
            (0, None) => "payload format indicator",
            (1, None) => "point of initiation method",
            (15, None) => "UnionPay merchant account",
            (29, None) => "individual account",
            (30, None) => "merchant account",
            (29 | 30, Some(Tag(0))) => "Bakong account",
            (29, Some(Tag(1))) => "account information",
            (30, Some(Tag(1))) => "merchant id",
            (29 | 30, Some(Tag(2))) => "acquiring bank",
            (52, None) => "merchant category code",
            (53, None) => "transaction currency",
            (54, None) => "transaction amount",
            (55, None) => "tip or convenience indicator",
            (56, None) => "fixed convenience fee",
            (57, None) => "convenience fee in per cent",
            (58, None) => "country code",
            (59, None) => "merchant name",
            (60, None) => "merchant city",
            (61, None) => "postal code",
            (62, None) => "additional data",
            (62, Some(Tag(1))) => "bill number",
            (62, Some(Tag(2))) => "mobile number",
            (62, Some(Tag(3))) => "store label",
            (62, Some(Tag(7))) => "terminal label",
            (62, Some(Tag(8))) => "purpose of transaction",
            (63, None) => "CRC",
            (64, None) => "language template",
            (64, Some(Tag(0))) => "language preference",
            (64, Some(Tag(1))) => "merchant name in the second language",
            (64, Some(Tag(2))) => "merchant city in the second language",
            (99, None) => "timestamps",
            (99, Some(Tag(0))) => "creation timestamp",
            (99, Some(Tag(1))) => "expiration timestamp",
            _ => return None,
        })
    }
}

impl From<Tag> for TagPath {
    fn from(top: Tag) -> Self {
        Self::at_top(top)
    }
}

impl FromStr for TagPath {
    type Err = Error;

    /// Reads `59` or `62/01`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('/') {
            Some((top, sub)) => Ok(top.parse::<Tag>()?.sub(sub.parse()?)),
            None => text.parse().map(Self::at_top),
        }
    }
}

impl fmt::Display for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sub {
            Some(sub) => write!(f, "{}/{}", self.top, sub),
            None => self.top.fmt(f),
        }
    }
}

impl fmt::Debug for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagPath({self})")
    }
}

/// Tags inside the templates that KHQR gives a meaning to.
pub(crate) mod sub {
    use super::Tag;

    pub(crate) const ACCOUNT: Tag = Tag(0);
    /// Account information in 29, merchant id in 30.
    pub(crate) const ACCOUNT_DETAIL: Tag = Tag(1);
    pub(crate) const ACQUIRING_BANK: Tag = Tag(2);

    pub(crate) const BILL_NUMBER: Tag = Tag(1);
    pub(crate) const MOBILE_NUMBER: Tag = Tag(2);
    pub(crate) const STORE_LABEL: Tag = Tag(3);
    pub(crate) const TERMINAL_LABEL: Tag = Tag(7);
    pub(crate) const PURPOSE: Tag = Tag(8);

    pub(crate) const LANGUAGE: Tag = Tag(0);
    pub(crate) const ALTERNATE_NAME: Tag = Tag(1);
    pub(crate) const ALTERNATE_CITY: Tag = Tag(2);

    pub(crate) const CREATED: Tag = Tag(0);
    pub(crate) const EXPIRES: Tag = Tag(1);
}
