//! The generic reading of fields: a tree that is walked, not built.

use core::fmt;

use crate::tag::Tag;
use crate::tlv::{Raw, Source};

/// A field: its tag, its value, and where it stands in the text.
///
/// ```
/// use khqr_core::{Crc, Payload, Tag};
///
/// // A PromptPay code, of Thailand.
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

/// How deep a field stands, as far as it matters for what is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Top,
    /// In tag 62, some of whose fields are templates again.
    AdditionalData,
    /// Where no field is a template.
    Deepest,
}

impl Level {
    /// The level of the fields in `tag` of this level, if EMVCo makes it a template (EMVCo MPM 4.7 to 4.9).
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

    /// The value, exactly as it stands.
    #[must_use]
    pub fn value(self) -> &'a str {
        self.source.slice(self.raw.value, self.raw.end)
    }

    /// Tag, length and value as they stand in the text.
    #[must_use]
    pub fn encoded(self) -> &'a str {
        self.source.slice(self.raw.start, self.raw.end)
    }

    /// The byte at which the tag stands.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.raw.start as usize
    }

    /// The fields inside, if this is a template: if EMVCo lets it be one (26 to 51, 62, 64, 80 to 99, and
    /// inside 62 its 50 to 99) and all of the value is well-formed fields.
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

/// Iterates the fields of a [`Payload`](crate::Payload), or of a template in it, in the order of the text.
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
        // All were read once before, so this cannot fail.
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

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::string::String;

    use super::*;
    use crate::crc::Crc;
    use crate::payload::Payload;

    /// The tree as text: tags, values in quotes, templates in brackets.
    fn tree(fields: Fields<'_>) -> String {
        let branch = |field: Field<'_>| match field.template() {
            Some(fields) => format!("{}[{}]", field.tag(), tree(fields)),
            None => format!("{}'{}'", field.tag(), field.value()),
        };
        fields.map(branch).collect()
    }

    #[track_caller]
    fn opens(body: &str, wanted: &str) {
        let covered = format!("{body}6304");
        let text = format!("{covered}{}", Crc::of(covered.as_bytes()));
        let found = tree(Payload::parse(&text).unwrap().fields());
        assert_eq!(found[..found.len() - 8], *wanted);
    }

    #[test]
    fn templates_are_where_emvco_has_them() {
        opens("25050101a", "25'0101a'");
        opens("26050101a", "26[01'a']");
        opens("51050101a", "51[01'a']");
        opens("52050101a", "52'0101a'");
        opens("61050101a", "61'0101a'");
        opens("64050101a", "64[01'a']");
        opens("65050101a", "65'0101a'");
        opens("79050101a", "79'0101a'");
        opens("80050101a99050101b", "80[01'a']99[01'b']");
    }

    #[test]
    fn inside_additional_data_some_are_templates_again() {
        opens(
            "622749050101a50050101a99050101a",
            "62[49'0101a'50[01'a']99[01'a']]",
        );
        // The third level is the last one, and its neighbours keep their own values.
        opens("622350140101a50050101x0701b", "62[50[01'a'50'0101x']07'b']");
    }

    #[test]
    fn what_is_not_all_fields_is_a_value() {
        opens("62041234", "62'1234'");
        opens("29080004PPAY", "29[00'PPAY']");
        opens("29090004PPAYx", "29'0004PPAYx'");
        opens("2900", "29''");
        opens("29040000", "29[00'']");
    }

    #[test]
    fn what_stands_twice_is_there_twice() {
        opens(
            "9901a29050101a29050101b0001x",
            "99'a'29[01'a']29[01'b']00'x'",
        );
    }
}
