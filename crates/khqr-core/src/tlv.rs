//! The form of every level of a payload: two-digit tag, two-digit length, value, repeated.
//!
//! Lengths count UTF-16 code units, because the official SDK measures with JavaScript's
//! `String.length`: a Khmer character counts one though it has three bytes, an emoji counts two.

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

/// One field as it stands in the text.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) tag: Tag,
    pub(crate) value: &'a str,
    /// Where the tag stands.
    pub(crate) start: usize,
    /// Where the value ends.
    pub(crate) end: usize,
}

/// Reads the field that starts at byte `at` of `text`. `at` is below `text.len()`.
///
/// On failure says what is wrong and at which byte of `text`.
pub(crate) fn field_at(text: &str, at: usize) -> Result<Raw<'_>, (ErrorKind, Option<Tag>, usize)> {
    let bytes = text.as_bytes();
    let Some(&[t1, t0, l1, l0]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
        return Err((ErrorKind::Trailing, None, at));
    };
    let Some(tag) = two_digits(t1, t0) else {
        return Err((ErrorKind::TagNotDigits, None, at));
    };
    let tag = Tag::of(tag);
    let Some(units) = two_digits(l1, l0) else {
        return Err((ErrorKind::LengthNotDigits, Some(tag), at + 2));
    };
    let start = at + 4;
    match end_of_units(text, start, usize::from(units)) {
        Ok((value, end)) => Ok(Raw {
            tag,
            value,
            start: at,
            end,
        }),
        Err(kind) => Err((kind, Some(tag), at)),
    }
}

const fn two_digits(high: u8, low: u8) -> Option<u8> {
    if high.is_ascii_digit() && low.is_ascii_digit() {
        Some((high - b'0') * 10 + (low - b'0'))
    } else {
        None
    }
}

/// The `units` UTF-16 code units that start at byte `start`, and the byte where they end.
fn end_of_units(text: &str, start: usize, units: usize) -> Result<(&str, usize), ErrorKind> {
    // As many bytes as units is the common case, and it holds whenever those bytes are ASCII.
    let end = start + units;
    if let Some(value) = text.as_bytes().get(start..end)
        && value.is_ascii()
    {
        return match text.get(start..end) {
            Some(value) => Ok((value, end)),
            None => Err(ErrorKind::Truncated),
        };
    }
    let rest = text.get(start..).ok_or(ErrorKind::Truncated)?;
    let mut left = units;
    for (index, character) in rest.char_indices() {
        if left == 0 {
            return Ok((&rest[..index], start + index));
        }
        left = left
            .checked_sub(character.len_utf16())
            .ok_or(ErrorKind::SplitCharacter)?;
    }
    if left == 0 {
        Ok((rest, text.len()))
    } else {
        Err(ErrorKind::Truncated)
    }
}

/// Walks a template's fields in order and hands each to `visit`; refuses a field that stands twice.
///
/// `offset` is where `value` starts in the whole text, for errors.
pub(crate) fn walk_template<'a>(
    template: Tag,
    value: &'a str,
    offset: usize,
    mut visit: impl FnMut(Tag, &'a str),
) -> Result<(), Error> {
    let mut seen = Seen::default();
    let mut at = 0;
    while at < value.len() {
        let raw = field_at(value, at).map_err(|(kind, sub, at)| {
            let path = sub.map_or(TagPath::from(template), |sub| template.sub(sub));
            Error::at(kind, path).at_byte(offset + at)
        })?;
        if !seen.insert(raw.tag) {
            return Err(
                Error::at(ErrorKind::Repeated, template.sub(raw.tag)).at_byte(offset + raw.start)
            );
        }
        visit(raw.tag, raw.value);
        at = raw.end;
    }
    Ok(())
}

/// The tags met so far on one level.
#[derive(Default)]
pub(crate) struct Seen(u128);

impl Seen {
    /// Whether the tag is new here.
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
        field_at(text, 0)
            .map(|raw| (raw.tag.number(), raw.value, raw.end))
            .map_err(|(kind, _, at)| (kind, at))
    }

    #[test]
    fn values_are_measured_in_utf16() {
        assert_eq!(read("5905Abcde60"), Ok((59, "Abcde", 9)));
        assert_eq!(read("5900"), Ok((59, "", 4)));
        assert_eq!(read("5902ចន60"), Ok((59, "ចន", 10)));
        assert_eq!(read("5902😀60"), Ok((59, "😀", 8)));
        assert_eq!(read("5903😀x"), Ok((59, "😀x", 9)));
    }

    #[test]
    fn malformed_fields_are_located() {
        assert_eq!(read("59"), Err((ErrorKind::Trailing, 0)));
        assert_eq!(read("5a05Abcde"), Err((ErrorKind::TagNotDigits, 0)));
        assert_eq!(read("៥90"), Err((ErrorKind::TagNotDigits, 0)));
        for text in ["594xAbcde", "59+4Abcde", "59 4Abcde"] {
            assert_eq!(read(text), Err((ErrorKind::LengthNotDigits, 2)), "{text}");
        }
        assert_eq!(read("5906Abcde"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5903ចន"), Err((ErrorKind::Truncated, 0)));
        assert_eq!(read("5901😀60"), Err((ErrorKind::SplitCharacter, 0)));
    }
}
