//! The encoding of every level of a payload: fields with a two-digit tag, a two-digit length and a value.
//!
//! Lengths count UTF-16 code units because the official SDK uses JavaScript's `String.length`. A Khmer
//! character counts as one although it has three bytes; an emoji counts as two.

use crate::digits::two_numbers;
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, TagPath};
use crate::text::{has_control, is_plain};

/// A text with the classes of its characters, computed once for all fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    /// Whether all characters are printable ASCII, as in most codes. Each is one byte and one UTF-16 code unit.
    pub(crate) plain: bool,
    /// Whether the text contains no control character.
    pub(crate) clean: bool,
}

impl<'a> Source<'a> {
    /// `text` must have at most [`MAX_TEXT`] bytes.
    #[inline]
    pub(crate) fn new(text: &'a str) -> Self {
        let plain = is_plain(text.as_bytes());
        Self {
            text,
            plain,
            clean: plain || !has_control(text),
        }
    }

    /// The text of a range; empty if the range does not consist of whole characters.
    #[inline]
    pub(crate) fn slice(self, start: u16, end: u16) -> &'a str {
        let range = usize::from(start)..usize::from(end);
        self.text.get(range).unwrap_or_default()
    }

    /// The bytes of a range.
    #[inline]
    pub(crate) fn bytes(self, start: u16, end: u16) -> &'a [u8] {
        let range = usize::from(start)..usize::from(end);
        self.text.as_bytes().get(range).unwrap_or_default()
    }

    /// Parses the field that starts at byte `at` and ends at byte `limit` or before.
    #[inline]
    pub(crate) fn field(self, at: u16, limit: u16) -> Result<Raw, Malformed> {
        let rest = self.bytes(at, limit);
        let Some((tag, units)) = rest.first_chunk::<4>().copied().and_then(two_numbers) else {
            return Err(Malformed::header(rest, at));
        };
        let tag = Tag::of(tag);
        let value = at + 4;
        let end = if self.plain {
            let end = value + u16::from(units);
            (end <= limit).then_some(end).ok_or(ErrorKind::Truncated)
        } else {
            self.end_of_units(value, limit, units)
        };
        match end {
            Ok(end) => Ok(Raw {
                tag,
                start: at,
                value,
                end,
            }),
            Err(kind) => Err(Malformed(kind, Some(tag), at)),
        }
    }

    /// The end of the value that starts at byte `start` and has `units` UTF-16 code units.
    fn end_of_units(self, start: u16, limit: u16, units: u8) -> Result<u16, ErrorKind> {
        let bytes = self.bytes(0, limit);
        let (mut end, mut left) = (start, units);
        while left > 0 {
            // In UTF-8, the first byte of a character determines its length.
            let (len, units) = match bytes.get(usize::from(end)) {
                None => return Err(ErrorKind::Truncated),
                Some(0..0x80) => (1, 1),
                Some(0x80..0xE0) => (2, 1),
                Some(0xE0..0xF0) => (3, 1),
                Some(0xF0..) => (4, 2),
            };
            left = left.checked_sub(units).ok_or(ErrorKind::SplitCharacter)?;
            end += len;
        }
        Ok(end)
    }
}

/// The largest length of a payload in bytes: the capacity of a QR code in characters (version 40-L, digits only;
/// ISO/IEC 18004 table 7). Offsets in such a payload fit into 16 bits.
pub(crate) const MAX_TEXT: usize = 7_089;

/// The byte positions of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) tag: Tag,
    /// The start of the tag.
    pub(crate) start: u16,
    /// The start of the value.
    pub(crate) value: u16,
    /// The end of the value.
    pub(crate) end: u16,
}

/// An error in the encoding of a field: the reason, the tag if it is valid, and the byte index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(ErrorKind, Option<Tag>, u16);

impl Malformed {
    /// The error of a field header: the first four bytes of `rest` are not a tag and a length.
    #[cold]
    fn header(rest: &[u8], at: u16) -> Self {
        let Some(&[t1, t0, _, _]) = rest.first_chunk::<4>() else {
            return Self(ErrorKind::Trailing, None, at);
        };
        match two_numbers([t1, t0, b'0', b'0']) {
            None => Self(ErrorKind::TagNotDigits, None, at),
            Some((tag, _)) => Self(ErrorKind::LengthNotDigits, Some(Tag::of(tag)), at + 2),
        }
    }

    /// The error for a field of the top level.
    #[cold]
    pub(crate) fn at_top(self) -> Error {
        let Self(kind, tag, at) = self;
        let error = Error::new(kind).at_byte(at);
        tag.map_or(error, |tag| error.in_field(tag))
    }

    /// The error for a field of this template.
    #[cold]
    pub(crate) fn within(self, template: Tag) -> Error {
        let Self(kind, tag, at) = self;
        let path = tag.map_or(TagPath::from(template), |tag| template.sub(tag));
        Error::at(kind, path).at_byte(at)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    fn read(text: &str) -> Result<(u8, &str, u16), (ErrorKind, u16)> {
        let source = Source::new(text);
        source
            .field(0, u16::try_from(text.len()).unwrap())
            .map(|raw| (raw.tag.number(), source.slice(raw.value, raw.end), raw.end))
            .map_err(|Malformed(kind, _, at)| (kind, at))
    }

    #[test]
    fn lengths_count_utf16_code_units() {
        assert_eq!(read("5905Abcde60"), Ok((59, "Abcde", 9)));
        assert_eq!(read("5900"), Ok((59, "", 4)));
        assert_eq!(read("5902ចន60"), Ok((59, "ចន", 10)));
        assert_eq!(read("5902é\u{7ff}60"), Ok((59, "é\u{7ff}", 8)));
        assert_eq!(read("5902😀60"), Ok((59, "😀", 8)));
        assert_eq!(read("5903😀x"), Ok((59, "😀x", 9)));
        assert_eq!(read("5902ab\u{1b}"), Ok((59, "ab", 6)));
    }

    #[test]
    fn malformed_fields_have_a_reason_and_a_position() {
        assert_eq!(read("59"), Err((ErrorKind::Trailing, 0)));
        assert_eq!(read("5a05Abcde"), Err((ErrorKind::TagNotDigits, 0)));
        assert_eq!(read("៥90"), Err((ErrorKind::TagNotDigits, 0)));
        for length in ["4x", "+4", " 4", "/4", ":4"] {
            let text = std::format!("59{length}Abcde");
            assert_eq!(read(&text), Err((ErrorKind::LengthNotDigits, 2)), "{text}");
        }
        assert_eq!(read("5906Abcde"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5903ចន"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5901😀60"), Err((ErrorKind::SplitCharacter, 0)));
    }

    #[test]
    fn texts_are_classified() {
        assert!(Source::new(" ~").plain && Source::new("").plain);
        for text in ["\u{1f}", "\u{7f}", "a\u{80}", "ច"] {
            assert!(!Source::new(text).plain, "{text:?}");
        }
        for text in ["ច ន", "é\u{a0}", "\u{200b}\u{202e}"] {
            assert!(Source::new(text).clean, "{text:?}");
        }
        for text in ["\u{1f}", "a\u{7f}", "a\u{80}", "\u{9f}b"] {
            assert!(!Source::new(text).clean, "{text:?}");
        }
    }
}
