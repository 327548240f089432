//! Generic access to the fields of any EMVCo code, as a tree that is parsed on demand.

use core::fmt;

use crate::tag::Tag;
use crate::tlv::{Raw, Source};

/// A field: its tag, its value and its position in the text.
///
/// ```
/// use khqr_core::{Crc, Payload, Tag};
///
/// // A PromptPay code of Thailand.
/// let text = "00020101021129370016A000000677010111011300668123456785802TH53037646304";
/// let text = format!("{text}{}", Crc::of(text.as_bytes()));
/// let payload = Payload::parse(&text)?;
/// let account = payload.field(Tag::INDIVIDUAL).and_then(khqr_core::Field::template);
/// let values: Vec<_> = account.into_iter().flatten().map(khqr_core::Field::value).collect();
/// assert_eq!(values, ["A000000677010111", "0066812345678"]);
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Field<'a> {
    source: Source<'a>,
    raw: Raw,
    level: Level,
}

/// The level of a field, which determines whether the field can be a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Top,
    /// Inside tag 62, where some fields are templates.
    AdditionalData,
    /// Inside any other template, where no field is a template.
    Deepest,
}

impl Level {
    /// The level of the fields inside `tag`, if `tag` is a template on this level (EMVCo MPM 4.7 to 4.9).
    const fn within(self, tag: Tag) -> Option<Self> {
        match (self, tag.number()) {
            (Self::Top, 62) => Some(Self::AdditionalData),
            (Self::Top, 26..=51 | 64 | 80..=99) | (Self::AdditionalData, 50..=99) => {
                Some(Self::Deepest)
            }
            _ => None,
        }
    }
}

impl<'a> Field<'a> {
    /// The tag.
    #[must_use]
    pub const fn tag(self) -> Tag {
        self.raw.tag
    }

    /// The value, exactly as it appears in the text.
    #[must_use]
    pub fn value(self) -> &'a str {
        self.source.slice(self.raw.value, self.raw.end)
    }

    /// The tag, the length and the value, exactly as they appear in the text.
    #[must_use]
    pub fn encoded(self) -> &'a str {
        self.source.slice(self.raw.start, self.raw.end)
    }

    /// The byte index of the tag.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.raw.start as usize
    }

    /// The fields inside a template; `None` for other fields.
    ///
    /// EMVCo allows templates in the tags 26 to 51, 62, 64 and 80 to 99, and in 50 to 99 inside 62. Such a field
    /// counts as a template only if its whole value consists of well-formed fields.
    #[must_use]
    pub fn template(self) -> Option<Fields<'a>> {
        let Raw { value, end, .. } = self.raw;
        let level = self.level.within(self.tag())?;
        let mut at = value;
        while at < end {
            at = self.source.field(at, end).ok()?.end;
        }
        (value < end).then_some(Fields {
            source: self.source,
            at: value,
            end,
            level,
        })
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("tag", &self.tag())
            .field("value", &self.value())
            .field("offset", &self.offset())
            .finish()
    }
}

/// An iterator over the fields of a [`Payload`](crate::Payload) or a template, in the order of the text.
#[derive(Clone)]
pub struct Fields<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) at: u16,
    pub(crate) end: u16,
    pub(crate) level: Level,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.at >= self.end {
            return None;
        }
        // These fields were parsed successfully before, so this cannot fail.
        let raw = self.source.field(self.at, self.end).ok()?;
        self.at = raw.end;
        Some(Field {
            source: self.source,
            raw,
            level: self.level,
        })
    }
}

impl core::iter::FusedIterator for Fields<'_> {}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
