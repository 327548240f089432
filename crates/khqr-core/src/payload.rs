//! The payload of any EMVCo code: well-formed fields and a valid checksum.

use crate::crc::Crc;
use crate::error::{Error, ErrorKind};
use crate::field::{Field, Fields, Level};
use crate::tag::Tag;
use crate::tlv::{MAX_TEXT, Malformed, Raw, Source};

/// The length of the checksum field: `6304` and four digits.
const CRC_FIELD: u16 = 8;

/// An EMVCo merchant-presented payload: well-formed fields, of which the last is a valid checksum.
///
/// Does not interpret the fields: PromptPay, VietQR and SGQR texts are payloads too. For codes of Bakong, use
/// [`Khqr`](crate::Khqr).
///
/// ```
/// use khqr_core::{Crc, Payload};
///
/// let text = "00020153037645802TH6304";
/// let text = format!("{text}{}", Crc::of(text.as_bytes()));
/// let payload = Payload::parse(&text)?;
/// let country = payload.fields().find(|field| field.tag().number() == 58);
/// assert_eq!(country.map(|field| field.value()), Some("TH"));
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Payload<'a> {
    source: Source<'a>,
    len: u16,
    crc: Crc,
}

impl<'a> Payload<'a> {
    /// The largest length of a payload in bytes: the capacity of a QR code in characters (version 40-L, digits only;
    /// ISO/IEC 18004 table 7).
    pub const MAX_LEN: usize = MAX_TEXT;

    /// Parses `text`, which must be the payload alone, without a line break at the end.
    ///
    /// # Errors
    /// [`ErrorKind::TextTooLong`] above 7,089 bytes. Next, errors of the checksum, which detects misread codes:
    /// [`ErrorKind::Missing`] or [`ErrorKind::CrcMismatch`]. Last, errors of the encoding:
    /// [`ErrorKind::TagNotDigits`], [`ErrorKind::LengthNotDigits`], [`ErrorKind::Truncated`],
    /// [`ErrorKind::Trailing`], [`ErrorKind::SplitCharacter`], [`ErrorKind::CrcNotLast`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let payload = Self::with_checksum(text)?;
        payload.walk(|_| Ok(()))?;
        Ok(payload)
    }

    /// Checks the checksum, but not the fields before it.
    #[inline]
    pub(crate) fn with_checksum(text: &'a str) -> Result<Self, Error> {
        let len = match u16::try_from(text.len()) {
            Ok(len) if text.len() <= MAX_TEXT => len,
            _ => return Err(Error::new(ErrorKind::TextTooLong)),
        };
        let covered = text.as_bytes().split_last_chunk::<4>();
        let Some((covered, Some(crc))) =
            covered.map(|(covered, digits)| (covered, Crc::from_hex(*digits)))
        else {
            return Err(Error::at(ErrorKind::Missing, Tag::CRC));
        };
        if !covered.ends_with(b"6304") {
            return Err(Error::at(ErrorKind::Missing, Tag::CRC));
        }
        if Crc::of(covered) != crc {
            return Err(Error::at(ErrorKind::CrcMismatch, Tag::CRC).at_byte(len - CRC_FIELD));
        }
        let source = Source::new(text);
        Ok(Self { source, len, crc })
    }

    /// Parses the top-level fields before the checksum in one pass and passes each to `visit`.
    #[inline]
    pub(crate) fn walk(self, mut visit: impl FnMut(Raw) -> Result<(), Error>) -> Result<(), Error> {
        let end = self.len - CRC_FIELD;
        let mut at = 0;
        while at < end {
            let raw = self.source.field(at, end).map_err(Malformed::at_top)?;
            if raw.tag == Tag::CRC {
                return Err(Error::at(ErrorKind::CrcNotLast, Tag::CRC).at_byte(at));
            }
            visit(raw)?;
            at = raw.end;
        }
        Ok(())
    }

    /// The whole text.
    #[must_use]
    pub const fn text(self) -> &'a str {
        self.source.text
    }

    pub(crate) const fn source(self) -> Source<'a> {
        self.source
    }

    /// The verified checksum.
    #[must_use]
    pub const fn crc(self) -> Crc {
        self.crc
    }

    /// Iterates over the fields of the top level in the order of the text, including the checksum.
    ///
    /// Together with [`Field::template`], this reads the codes of any country as a tree.
    #[must_use]
    pub const fn fields(self) -> Fields<'a> {
        Fields {
            source: self.source,
            at: 0,
            end: self.len,
            level: Level::Top,
        }
    }

    /// The first field with this tag.
    #[must_use]
    pub fn field(self, tag: Tag) -> Option<Field<'a>> {
        self.fields().find(|field| field.tag() == tag)
    }
}

impl<'a> TryFrom<&'a str> for Payload<'a> {
    type Error = Error;

    fn try_from(text: &'a str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl AsRef<str> for Payload<'_> {
    fn as_ref(&self) -> &str {
        self.text()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;
    use std::{format, vec::Vec};

    use super::*;

    fn sealed(body: &str) -> String {
        let covered = format!("{body}6304");
        format!("{covered}{}", Crc::of(covered.as_bytes()))
    }

    fn error(text: &str) -> (ErrorKind, Option<usize>) {
        let error = Payload::parse(text).unwrap_err();
        (error.kind(), error.offset())
    }

    #[test]
    fn a_foreign_payload_is_parsed() {
        let text = sealed("0002015303764");
        let payload = Payload::parse(&text).unwrap();
        let fields: Vec<_> = payload
            .fields()
            .map(|field| (field.tag().number(), field.offset()))
            .collect();
        assert_eq!(fields, [(0, 0), (53, 6), (63, 13)]);
        assert_eq!(
            payload.field(Tag::TRANSACTION_CURRENCY).map(Field::value),
            Some("764")
        );
    }

    #[test]
    fn checksum_errors_come_first() {
        assert_eq!(error(""), (ErrorKind::Missing, None));
        assert_eq!(error("630"), (ErrorKind::Missing, None));
        assert_eq!(error("00020163041234"), (ErrorKind::CrcMismatch, Some(6)));
        assert_eq!(error("0002016304zzzz"), (ErrorKind::Missing, None));
        let text = sealed("000201");
        assert!(Payload::parse(&text.to_lowercase()).is_ok());
        assert_eq!(error(&format!("{text}\n")), (ErrorKind::Missing, None));
        assert_eq!(error(&"0".repeat(7_090)), (ErrorKind::TextTooLong, None));
    }

    #[test]
    fn encoding_errors_have_a_position() {
        let form = |body| error(&sealed(body));
        assert_eq!(form("000201x902ab"), (ErrorKind::TagNotDigits, Some(6)));
        assert_eq!(form("0002015x02ab"), (ErrorKind::TagNotDigits, Some(6)));
        assert_eq!(form("000201590xab"), (ErrorKind::LengthNotDigits, Some(8)));
        assert_eq!(form("0002015901😀"), (ErrorKind::SplitCharacter, Some(6)));
        assert_eq!(
            error(&sealed("0002016300")),
            (ErrorKind::CrcNotLast, Some(6))
        );
        // This value extends into the checksum field.
        assert_eq!(
            error(&sealed("0002015905abc")),
            (ErrorKind::Truncated, Some(6))
        );
    }
}
