//! The error of the whole crate: the reason, the field and the byte.

use core::fmt;

use crate::field_table::{FieldSpec, find};
use crate::tag::TagPath;

/// Why a code cannot be read, must not be paid, or cannot be written.
///
/// The error is small and `Copy`. It contains no text of the code, so it is safe to print and to log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Error {
    kind: ErrorKind,
    tag: Option<TagPath>,
    offset: Option<u16>,
}

/// The reason of an [`Error`]; [`Error::tag`] names the field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text has more than 7,089 bytes, the number of digits that a QR code can hold (ISO/IEC 18004).
    TextTooLong,
    /// A tag is not two ASCII digits.
    TagNotDigits,
    /// A length is not two ASCII digits.
    LengthNotDigits,
    /// A value is shorter than its declared length.
    Truncated,
    /// One to three bytes remain where a field should start.
    Trailing,
    /// A declared length ends inside a character that counts as two (most emoji).
    SplitCharacter,
    /// The checksum does not match the text: the code was changed or misread.
    CrcMismatch,
    /// A checksum field occurs before the end of the text.
    CrcNotLast,
    /// A field occurs twice, so its value is ambiguous.
    Repeated,
    /// The code has both an individual and a merchant account.
    TwoAccounts,

    /// A required field is missing.
    Missing,
    /// A field that needs a value is empty.
    Empty,
    /// A value has more UTF-16 code units than the field allows.
    TooLong {
        /// The longest allowed value.
        max: u8,
    },
    /// A value does not have the exact number of characters that the field requires.
    WrongLength {
        /// The required length.
        expected: u8,
    },
    /// A text contains a control character (line feed, escape, …).
    ControlCharacter,
    /// KHQR does not allow this value here.
    NotAllowed,
    /// A value contains a character that is not an ASCII digit.
    NotDigits,

    /// An account does not have the form `name@bank`, or contains white space.
    AccountShape,
    /// An amount is not a plain decimal number such as `5` or `1.10`.
    AmountSyntax,
    /// An amount has more decimals than its currency allows: none in KHR, two in USD.
    AmountPrecision,
    /// The amount of a payment is zero.
    AmountZero,
    /// An amount does not fit into 64 bits of minor units.
    AmountTooLarge,
    /// A currency is neither KHR (116) nor USD (840).
    UnsupportedCurrency,
    /// A code in USD has a UnionPay account.
    UnionPayInUsd,
    /// The code expires before it was created.
    ExpiresBeforeCreation,
    /// The code has expired.
    Expired,
    /// An amount and the code that it is added to have different currencies.
    CurrencyDiffers,

    /// An MD5 handle is not 32 hexadecimal digits.
    Md5Syntax,
    /// A checksum is not four hexadecimal digits.
    CrcSyntax,
    /// A number of milliseconds is not digits, or does not fit into 64 bits.
    TimestampSyntax,
    /// A time does not have the form of RFC 3339, does not exist, or is before 1970.
    DateTimeSyntax,
    /// A template to be written has more than 99 UTF-16 code units.
    TemplateTooLong,
    /// The output buffer is too small.
    BufferTooSmall {
        /// The number of bytes that the text needs.
        needed: u16,
    },
}

impl Error {
    /// Creates an error of this kind without a field, for callers that add their own checks.
    #[must_use]
    pub const fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            tag: None,
            offset: None,
        }
    }

    pub(crate) fn at(kind: ErrorKind, tag: impl Into<TagPath>) -> Self {
        Self::new(kind).in_field(tag)
    }

    /// Returns the same error with this field.
    #[must_use]
    pub fn in_field(self, tag: impl Into<TagPath>) -> Self {
        Self {
            tag: Some(tag.into()),
            ..self
        }
    }

    pub(crate) fn at_byte(self, offset: u16) -> Self {
        Self {
            offset: Some(offset),
            ..self
        }
    }

    /// The reason.
    #[must_use]
    pub const fn kind(self) -> ErrorKind {
        self.kind
    }

    /// The field, if the error is about one.
    #[must_use]
    pub const fn tag(self) -> Option<TagPath> {
        self.tag
    }

    /// The byte index in the text at which the field, or its malformed part, starts.
    ///
    /// For a field that is missing in a template, this is the start of the template. Returns `None` for a
    /// field that is missing at the top level, and for errors that occur when a code is written.
    #[must_use]
    pub fn offset(self) -> Option<usize> {
        self.offset.map(usize::from)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.tag.and_then(find);
        if let Some(tag) = self.tag {
            match field {
                Some(field) => write!(f, "{} (tag {tag})", field.name)?,
                None => write!(f, "tag {tag}")?,
            }
            if let Some(offset) = self.offset {
                write!(f, " at byte {offset}")?;
            }
            f.write_str(": ")?;
        } else if let Some(offset) = self.offset {
            write!(f, "byte {offset}: ")?;
        }
        if let (ErrorKind::AmountSyntax, None) = (self.kind, self.tag) {
            return f
                .write_str("expected a number and its currency, such as 10000 KHR or 1.10 USD");
        }
        self.kind.describe(field, f)
    }
}

impl core::error::Error for Error {}

macro_rules! names {
    ($($kind:ident)*) => {
        /// The name of the variant, for machine-readable output. It is stable within a major version.
        #[must_use]
        pub const fn name(self) -> &'static str {
            match self {
                $(Self::$kind { .. } => stringify!($kind),)*
            }
        }
    };
}

impl ErrorKind {
    names! {
        TextTooLong TagNotDigits LengthNotDigits Truncated Trailing SplitCharacter CrcMismatch CrcNotLast
        Repeated TwoAccounts Missing Empty TooLong WrongLength ControlCharacter NotAllowed NotDigits
        AccountShape AmountSyntax AmountPrecision AmountZero AmountTooLarge UnsupportedCurrency
        UnionPayInUsd ExpiresBeforeCreation Expired CurrencyDiffers Md5Syntax CrcSyntax TimestampSyntax
        DateTimeSyntax TemplateTooLong BufferTooSmall
    }

    fn describe(self, field: Option<&FieldSpec>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = field.and_then(|field| field.expected);
        f.write_str(match self {
            Self::TextTooLong => "the text is longer than a QR code can hold",
            Self::TagNotDigits => "a tag must be two digits",
            Self::LengthNotDigits => "a length must be two digits",
            Self::Truncated => {
                "the value is shorter than its length; check that the code was not cut off"
            }
            Self::Trailing => "unexpected characters where a field should start",
            Self::SplitCharacter => "the length ends inside a character",
            Self::CrcMismatch => {
                "the checksum does not match the text; the code was changed or misread"
            }
            Self::CrcNotLast => "the checksum must be the last field",
            Self::Repeated => "the field occurs more than once",
            Self::TwoAccounts => {
                "the code has both an individual account (29) and a merchant account (30)"
            }
            Self::Missing => {
                return match field.and_then(|field| field.missing_hint) {
                    Some(hint) => write!(f, "missing; {hint}"),
                    None => f.write_str("missing"),
                };
            }
            Self::Empty => "empty",
            Self::TooLong { max } => {
                let hint = match field {
                    Some(field) if field.is_unicode => " (most emoji count as two)",
                    _ => "",
                };
                return write!(f, "longer than {max} characters{hint}");
            }
            Self::ControlCharacter => "contains a control character, such as a line break",
            Self::NotAllowed | Self::NotDigits | Self::WrongLength { .. } => {
                return match (expected, self) {
                    (Some(expected), _) => write!(f, "must be {expected}"),
                    (None, Self::WrongLength { expected }) => {
                        write!(f, "must be exactly {expected} characters")
                    }
                    (None, Self::NotDigits) => f.write_str("must contain digits only"),
                    _ => f.write_str("KHQR does not allow this value"),
                };
            }
            Self::AccountShape => "must be name@bank, with one @ and without spaces",
            Self::AmountSyntax => {
                "not a plain decimal number; write 10000 or 1.10, without signs or commas"
            }
            Self::AmountPrecision => "too many decimals; KHR has none, USD has two",
            Self::AmountZero => "must be above zero",
            Self::AmountTooLarge => "too large",
            Self::UnsupportedCurrency => "must be KHR (116) or USD (840)",
            Self::UnionPayInUsd => "a UnionPay account is valid in KHR only; the code is in USD",
            Self::ExpiresBeforeCreation => "must not be before the creation of the code",
            Self::Expired => "the code has expired",
            Self::CurrencyDiffers => "the amount and the code have different currencies",
            Self::Md5Syntax => "an MD5 must be 32 hexadecimal digits",
            Self::CrcSyntax => "a CRC must be four hexadecimal digits",
            Self::TimestampSyntax => "must be a number of milliseconds since 1970",
            Self::DateTimeSyntax => "must be a time from 1970 to 9999 such as 2026-11-18T11:06:40Z",
            Self::TemplateTooLong => {
                "its fields have more than 99 characters in total; shorten one of them"
            }
            Self::BufferTooSmall { needed } => {
                return write!(f, "the buffer is too small; {needed} bytes are needed");
            }
        })
    }
}

const _: () = assert!(size_of::<Error>() <= 16);
