//! The form of every level of a payload: two-digit tag, two-digit length, value, repeated.
//!
//! Lengths count UTF-16 code units, because the official SDK measures with JavaScript's
//! `String.length`: a Khmer character counts one though it has three bytes, an emoji counts two.

use core::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, TagPath};

/// The length of a text as KHQR counts it.
pub(crate) fn utf16_len(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().map(char::len_utf16).sum()
    }
}

/// A text, and whether all of it is visible ASCII, as most codes are.
///
/// In such a text a character is a byte and a UTF-16 code unit, and none of them is a control
/// character: asked once here, it need not be asked of every field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) plain: bool,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        // Without a branch in it, the loop runs on whole vectors.
        let is_plain = |plain, byte: &u8| plain & (byte.wrapping_sub(b' ') < 0x5F);
        Self {
            text,
            plain: text.as_bytes().iter().fold(true, is_plain),
        }
    }

    /// What stands there; nothing if the range is not one of whole characters.
    #[inline]
    pub(crate) fn slice(self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Reads the field that starts at byte `at` and may go up to byte `limit`.
    ///
    /// On failure says what is wrong, in which field, and at which byte.
    #[inline]
    pub(crate) fn field(self, at: usize, limit: usize) -> Result<Raw, Malformed> {
        let rest = self.text.as_bytes().get(at..limit).unwrap_or_default();
        let Some(&[t1, t0, l1, l0]) = rest.first_chunk::<4>() else {
            return Err(Malformed(ErrorKind::Trailing, None, at));
        };
        let Some(tag) = two_digits(t1, t0) else {
            return Err(Malformed(ErrorKind::TagNotDigits, None, at));
        };
        let tag = Tag::of(tag);
        let Some(units) = two_digits(l1, l0) else {
            return Err(Malformed(ErrorKind::LengthNotDigits, Some(tag), at + 2));
        };
        let value = at + 4;
        let end = if self.plain {
            Ok(value + usize::from(units)).and_then(|end| {
                if end <= limit {
                    Ok(end)
                } else {
                    Err(ErrorKind::Truncated)
                }
            })
        } else {
            self.end_of_units(value, limit, usize::from(units))
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

    /// The byte where the `units` UTF-16 code units from byte `start` on end.
    fn end_of_units(self, start: usize, limit: usize, units: usize) -> Result<usize, ErrorKind> {
        let ascii = self.text.as_bytes().get(start..limit.min(start + units));
        if ascii.is_some_and(|bytes| bytes.len() == units && bytes.is_ascii()) {
            return Ok(start + units);
        }
        let mut left = units;
        let mut end = start;
        for character in self.slice(start..limit).chars() {
            if left == 0 {
                break;
            }
            left = left
                .checked_sub(character.len_utf16())
                .ok_or(ErrorKind::SplitCharacter)?;
            end += character.len_utf8();
        }
        if left == 0 {
            Ok(end)
        } else {
            Err(ErrorKind::Truncated)
        }
    }

    /// Walks a template's fields in order and hands each to `visit`; refuses one that stands twice.
    pub(crate) fn walk_template(
        self,
        template: Raw,
        mut visit: impl FnMut(Raw),
    ) -> Result<(), Error> {
        let mut seen = Seen::default();
        let mut at = template.value;
        while at < template.end {
            let raw = self
                .field(at, template.end)
                .map_err(|malformed| malformed.within(template.tag))?;
            if !seen.insert(raw.tag) {
                let path = template.tag.sub(raw.tag);
                return Err(Error::at(ErrorKind::Repeated, path).at_byte(raw.start));
            }
            visit(raw);
            at = raw.end;
        }
        Ok(())
    }
}

/// One field as it stands in the text, by bytes.
#[derive(Clone, Copy)]
pub(crate) struct Raw {
    pub(crate) tag: Tag,
    /// Where the tag stands.
    pub(crate) start: usize,
    /// Where the value stands.
    pub(crate) value: usize,
    /// Where the value ends.
    pub(crate) end: usize,
}

/// What is wrong with the form of a field, its tag if that can be read, and at which byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(ErrorKind, Option<Tag>, usize);

impl Malformed {
    /// The error about a field at the top.
    #[cold]
    pub(crate) fn at_top(self) -> Error {
        let Self(kind, tag, at) = self;
        let error = Error::new(kind).at_byte(at);
        tag.map_or(error, |tag| error.in_field(tag))
    }

    /// The error about a field of this template.
    #[cold]
    fn within(self, template: Tag) -> Error {
        let Self(kind, tag, at) = self;
        let path = tag.map_or(TagPath::from(template), |tag| template.sub(tag));
        Error::at(kind, path).at_byte(at)
    }
}

#[inline]
const fn two_digits(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (high.wrapping_sub(b'0'), low.wrapping_sub(b'0'));
    if high < 10 && low < 10 {
        Some(high * 10 + low)
    } else {
        None
    }
}

/// The tags met so far on one level.
#[derive(Default)]
pub(crate) struct Seen(u128);

impl Seen {
    /// Whether the tag is new here.
    #[inline]
    pub(crate) fn insert(&mut self, tag: Tag) -> bool {
        let bit = 1 << tag.number();
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(u8, &str, usize), (ErrorKind, usize)> {
        let source = Source::new(text);
        source
            .field(0, text.len())
            .map(|raw| (raw.tag.number(), source.slice(raw.value..raw.end), raw.end))
            .map_err(|Malformed(kind, _, at)| (kind, at))
    }

    #[test]
    fn values_are_measured_in_utf16() {
        assert_eq!(read("5905Abcde60"), Ok((59, "Abcde", 9)));
        assert_eq!(read("5900"), Ok((59, "", 4)));
        assert_eq!(read("5902ចន60"), Ok((59, "ចន", 10)));
        assert_eq!(read("5902😀60"), Ok((59, "😀", 8)));
        assert_eq!(read("5903😀x"), Ok((59, "😀x", 9)));
        assert_eq!(read("5902ab\u{1b}"), Ok((59, "ab", 6)));
    }

    #[test]
    fn malformed_fields_are_located() {
        assert_eq!(read("59"), Err((ErrorKind::Trailing, 0)));
        assert_eq!(read("5a05Abcde"), Err((ErrorKind::TagNotDigits, 0)));
        assert_eq!(read("៥90"), Err((ErrorKind::TagNotDigits, 0)));
        for text in [
            "594xAbcde",
            "59+4Abcde",
            "59 4Abcde",
            "59/4Abcde",
            "59:4Abcde",
        ] {
            assert_eq!(read(text), Err((ErrorKind::LengthNotDigits, 2)), "{text}");
        }
        assert_eq!(read("5906Abcde"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5903ចន"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5901😀60"), Err((ErrorKind::SplitCharacter, 0)));
    }

    #[test]
    fn visible_ascii_is_told_from_all_else() {
        assert!(Source::new(" ~").plain && Source::new("").plain);
        for text in ["\u{1f}", "\u{7f}", "a\u{80}", "ច"] {
            assert!(!Source::new(text).plain, "{text:?}");
        }
    }
}
