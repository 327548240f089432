//! One error for the whole crate: what is wrong, in which field, at which byte.

use core::fmt;

use crate::sdk;
use crate::tag::TagPath;

/// Why a text cannot be read, may not be paid, or cannot be written.
///
/// Small and `Copy`, and it holds none of the text, so it is safe to print and to log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Error {
    kind: ErrorKind,
    tag: Option<TagPath>,
    offset: Option<u16>,
}

/// What is wrong. [`Error::tag`] says in which field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text has more bytes than any QR code can hold characters (7,089, ISO/IEC 18004).
    TextTooLong,
    /// A tag is not two ASCII digits.
    TagNotDigits,
    /// A length is not two ASCII digits.
    LengthNotDigits,
    /// A value is shorter than its length says.
    Truncated,
    /// One to three bytes are left over where a field should start.
    Trailing,
    /// A length ends in the middle of a character that counts as two (most emoji).
    SplitCharacter,
    /// The checksum is not that of the text: the code was changed or misread.
    CrcMismatch,
    /// A checksum stands before the end of the text.
    CrcNotLast,
    /// A field stands twice, so that it is open which of the two counts.
    Repeated,
    /// An individual and a merchant account stand in one code.
    TwoAccounts,

    /// A field that must be there is not.
    Missing,
    /// A field that must say something is empty.
    Empty,
    /// A value has more UTF-16 code units than the field allows.
    TooLong {
        /// The most it may have.
        max: u8,
    },
    /// A value has another number of characters than the field demands.
    WrongLength {
        /// What it must have.
        expected: u8,
    },
    /// A text holds a control character (line feed, escape, …).
    ControlCharacter,
    /// A value is not the one, or not among those, that KHQR allows.
    NotAllowed,
    /// A value has a character that is no ASCII digit.
    NotDigits,

    /// An account is not `name@bank` without white space.
    AccountShape,
    /// An amount is not a plain decimal number, such as `5` or `1.10`.
    AmountSyntax,
    /// An amount is finer than its currency: KHR has no decimals, USD has two.
    AmountPrecision,
    /// An amount is zero where something is to be paid.
    AmountZero,
    /// An amount does not fit 64 bits of minor units.
    AmountTooLarge,
    /// A currency is neither KHR (116) nor USD (840).
    UnsupportedCurrency,
    /// A UnionPay account stands in a code in USD.
    UnionPayInUsd,
    /// The code expires before it was created.
    ExpiresBeforeCreation,
    /// The code has expired.
    Expired,
    /// An amount is in another currency than the code it is put into.
    CurrencyDiffers,

    /// An MD5 handle is not 32 hexadecimal digits.
    Md5Syntax,
    /// A checksum is not four hexadecimal digits.
    CrcSyntax,
    /// A number of milliseconds is not digits, or does not fit 64 bits.
    TimestampSyntax,
    /// A template has more than 99 UTF-16 code units when written.
    TemplateTooLong,
    /// The buffer to write into is too small.
    BufferTooSmall {
        /// How many bytes the text needs.
        needed: u16,
    },
}

impl Error {
    /// An error of this kind, about no field yet. For what checks more than this crate does, and wants its
    /// errors to look alike.
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

    /// The same, about this field.
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

    /// What is wrong.
    #[must_use]
    pub const fn kind(self) -> ErrorKind {
        self.kind
    }

    /// The field it is about, if it is about one.
    #[must_use]
    pub const fn tag(self) -> Option<TagPath> {
        self.tag
    }

    /// Where in the text the field begins, with its tag, or the place in it that is malformed: a byte
    /// index, as for slicing a `str`. For a field that is missing in a template, where the template
    /// begins. `None` when there is nothing to point at: a field missing at the top, an error in writing.
    #[must_use]
    pub fn offset(self) -> Option<usize> {
        self.offset.map(usize::from)
    }

    /// The number under which NBC's JavaScript SDK (`bakong-khqr` 1.0.20) reports this, if it does.
    #[must_use]
    pub fn sdk_code(self) -> Option<u8> {
        sdk::code(self.kind, self.tag)
    }

    /// The sentence that NBC's JavaScript SDK has for [`Error::sdk_code`], word for word. It names
    /// neither field nor place and is for comparing with the SDK; people read this error's own text.
    #[must_use]
    pub fn sdk_message(self) -> Option<&'static str> {
        self.sdk_code().and_then(sdk::message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = self.tag {
            match tag.name() {
                Some(name) => write!(f, "{name} (tag {tag})")?,
                None => write!(f, "tag {tag}")?,
            }
            if let Some(offset) = self.offset {
                write!(f, " at byte {offset}")?;
            }
            f.write_str(": ")?;
        } else if let Some(offset) = self.offset {
            write!(f, "byte {offset}: ")?;
        }
        self.kind.describe(self.tag, f)
    }
}

impl ErrorKind {
    /// The name of the variant, for machines that read errors; it does not change within a major version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TextTooLong => "TextTooLong",
            Self::TagNotDigits => "TagNotDigits",
            Self::LengthNotDigits => "LengthNotDigits",
            Self::Truncated => "Truncated",
            Self::Trailing => "Trailing",
            Self::SplitCharacter => "SplitCharacter",
            Self::CrcMismatch => "CrcMismatch",
            Self::CrcNotLast => "CrcNotLast",
            Self::Repeated => "Repeated",
            Self::TwoAccounts => "TwoAccounts",
            Self::Missing => "Missing",
            Self::Empty => "Empty",
            Self::TooLong { .. } => "TooLong",
            Self::WrongLength { .. } => "WrongLength",
            Self::ControlCharacter => "ControlCharacter",
            Self::NotAllowed => "NotAllowed",
            Self::NotDigits => "NotDigits",
            Self::AccountShape => "AccountShape",
            Self::AmountSyntax => "AmountSyntax",
            Self::AmountPrecision => "AmountPrecision",
            Self::AmountZero => "AmountZero",
            Self::AmountTooLarge => "AmountTooLarge",
            Self::UnsupportedCurrency => "UnsupportedCurrency",
            Self::UnionPayInUsd => "UnionPayInUsd",
            Self::ExpiresBeforeCreation => "ExpiresBeforeCreation",
            Self::Expired => "Expired",
            Self::CurrencyDiffers => "CurrencyDiffers",
            Self::Md5Syntax => "Md5Syntax",
            Self::CrcSyntax => "CrcSyntax",
            Self::TimestampSyntax => "TimestampSyntax",
            Self::TemplateTooLong => "TemplateTooLong",
            Self::BufferTooSmall { .. } => "BufferTooSmall",
        }
    }

    fn describe(self, tag: Option<TagPath>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TextTooLong => "the text is longer than a QR code can hold",
            Self::TagNotDigits => "a tag must be two digits",
            Self::LengthNotDigits => "a length must be two digits",
            Self::Truncated => "the value ends before its length says; was the code cut off?",
            Self::Trailing => "stray characters where a field should start",
            Self::SplitCharacter => "the length ends in the middle of a character",
            Self::CrcMismatch => {
                "the checksum does not match the text; the code was changed or misread"
            }
            Self::CrcNotLast => "the checksum must be the last field",
            Self::Repeated => "stands more than once",
            Self::TwoAccounts => {
                "an individual account (29) and a merchant account (30) stand in one code"
            }
            Self::Missing => match tag.map(TagPath::numbers) {
                Some((63, None)) => "missing; a code must end in 6304 and four hexadecimal digits, and nothing after them",
                Some((99, _)) => "missing; a code with an amount must say when it expires",
                Some((54, None)) => "missing; a dynamic code must say an amount",
                Some((29 | 30, None)) => "missing; this is not a Bakong payment code",
                _ => "missing",
            },
            Self::Empty => "empty",
            Self::TooLong { max } => {
                let is_text = tag.map(TagPath::numbers) != Some((54, None));
                let hint = if is_text { " (most emoji count two)" } else { "" };
                return write!(f, "longer than {max} characters{hint}");
            }
            Self::WrongLength { expected } => {
                return match tag.map(TagPath::numbers) {
                    Some((99, _)) => write!(f, "must be milliseconds, exactly {expected} digits"),
                    _ => write!(f, "must be exactly {expected} characters"),
                };
            }
            Self::ControlCharacter => "holds a control character, such as a line break",
            Self::NotAllowed => match tag.map(TagPath::numbers) {
                Some((0, None)) => "must be 01",
                Some((1, None)) => "must be 11 (static) or 12 (dynamic)",
                Some((58, None)) => "must be KH",
                Some((99, _)) => "must not be zero",
                _ => "a value that KHQR does not allow here",
            },
            Self::NotDigits => match tag.map(TagPath::numbers) {
                Some((52, None)) => "must be four digits",
                _ => "must be digits only",
            },
            Self::AccountShape => "must be name@bank, with one @ and without spaces",
            Self::AmountSyntax if tag.is_none() => {
                "must be a number and its currency, such as 10000 KHR or 1.10 USD"
            }
            Self::AmountSyntax => {
                "not a plain decimal number; write it like 10000 or 1.10, without signs or commas"
            }
            Self::AmountPrecision => "finer than the currency; KHR has no decimals, USD has two",
            Self::AmountZero => "zero; a code to be paid needs an amount above zero",
            Self::AmountTooLarge => "too large",
            Self::UnsupportedCurrency => "must be KHR (116) or USD (840)",
            Self::UnionPayInUsd => "a UnionPay account takes KHR only, the code is in USD",
            Self::ExpiresBeforeCreation => "before the code was created",
            Self::Expired => "the code has expired",
            Self::CurrencyDiffers => "the amount is in another currency than the code",
            Self::Md5Syntax => "an MD5 must be 32 hexadecimal digits",
            Self::CrcSyntax => "a CRC must be four hexadecimal digits",
            Self::TimestampSyntax => "must be a number of milliseconds since 1970",
            Self::TemplateTooLong => {
                "its fields are longer than 99 characters together; shorten one of them"
            }
            Self::BufferTooSmall { needed } => {
                return write!(f, "the buffer is too small, {needed} bytes are needed");
            }
        })
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 16);
    }
}
