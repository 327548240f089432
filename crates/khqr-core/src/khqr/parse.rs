//! Parses a payload into the slots of its fields, in one pass over each level.

use super::code::Khqr;
use super::kind::AccountKind;
use super::slots::{Slot, Slots};
use crate::account::AccountId;
use crate::error::{Error, ErrorKind};
use crate::field_table::{FieldId, TEMPLATES, TOP, TagMap};
use crate::payload::Payload;
use crate::tag::Tag;
use crate::tlv::{Raw, Source};

impl<'a> Khqr<'a> {
    /// Parses `text`, which must be the code alone, without a line break at the end. For the text of a scanner, use
    /// [`Khqr::parse_scanned`].
    ///
    /// Rejects codes whose recipient or amount is ambiguous: a field that occurs twice, at the top level or
    /// in a known template, and an individual account together with a merchant account. The official SDK
    /// uses the last of two fields with the same tag, so an appended account and a new checksum redirect the payment.
    ///
    /// # Errors
    /// In this order:
    ///
    /// 1. Checksum errors, as in [`Payload::parse`].
    /// 2. Errors of the top level, in the order of the text: those of [`Payload::parse`] and
    ///    [`ErrorKind::Repeated`].
    /// 3. [`ErrorKind::TwoAccounts`], or [`ErrorKind::Missing`] if there is neither tag 29 nor tag 30.
    /// 4. The errors of step 2 inside the templates, in the order 29 or 30, 62, 64, 99.
    /// 5. Errors of the account: [`ErrorKind::Missing`], and those of [`AccountId::new`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::from_payload(Payload::with_checksum(text)?)
    }

    /// Parses the text of a scanner: removes white space, line breaks and byte-order marks (U+FEFF) at both ends, and
    /// parses the rest.
    ///
    /// A code begins and ends with a digit or a letter, so no part of the code is removed. The result borrows from `text`.
    /// [`Khqr::text`], the MD5 and the byte offsets of errors are those of the trimmed text.
    ///
    /// ```
    /// use khqr_core::{Khqr, Md5Handle};
    ///
    /// # let code = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
    /// #     62120108INV-20419934001317950000000000113179500060000063046965";
    /// let scanned = format!("\u{feff}{code}\r\n");
    /// let khqr = Khqr::parse_scanned(&scanned)?;
    /// assert_eq!(khqr.text(), code);
    /// assert_eq!(khqr.md5(), Md5Handle::of(code));
    /// # Ok::<(), khqr_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Khqr::parse`].
    pub fn parse_scanned(text: &'a str) -> Result<Self, Error> {
        let is_added = |character: char| character.is_whitespace() || character == '\u{feff}';
        Self::parse(text.trim_matches(is_added))
    }

    /// Parses a payload without checking its checksum again.
    ///
    /// # Errors
    /// The errors of [`Khqr::parse`], except checksum errors.
    pub fn from_payload(payload: Payload<'a>) -> Result<Self, Error> {
        let source = payload.source();
        let mut slots = Slots::EMPTY;
        let mut unknown = TagSet::default();
        payload.walk(|field| {
            let id = TOP[usize::from(field.tag.number())];
            if insert(field, id, &mut slots, &mut unknown) {
                Ok(())
            } else {
                Err(Error::at(ErrorKind::Repeated, field.tag).at_byte(field.start))
            }
        })?;
        let kind = account_kind(&slots)?;
        for (template, tags) in &TEMPLATES {
            if !slots[*template].is_absent() {
                parse_template(source, *template, tags, &mut slots)?;
            }
        }
        let account = account(source, kind, &slots)?;
        Ok(Self {
            payload,
            kind,
            account,
            slots,
        })
    }
}

impl<'a> TryFrom<Payload<'a>> for Khqr<'a> {
    type Error = Error;

    fn try_from(payload: Payload<'a>) -> Result<Self, Error> {
        Self::from_payload(payload)
    }
}

impl<'a> TryFrom<&'a str> for Khqr<'a> {
    type Error = Error;

    fn try_from(text: &'a str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl AsRef<str> for Khqr<'_> {
    fn as_ref(&self) -> &str {
        self.text()
    }
}

/// The kind of the account. Fails unless there is exactly one account template.
fn account_kind(slots: &Slots) -> Result<AccountKind, Error> {
    let [individual, merchant] = [FieldId::Individual, FieldId::Merchant].map(|id| slots[id]);
    match (individual.is_absent(), merchant.is_absent()) {
        (false, true) => Ok(AccountKind::Individual),
        (true, false) => Ok(AccountKind::Merchant),
        (true, true) => Err(Error::at(ErrorKind::Missing, Tag::INDIVIDUAL)),
        (false, false) => {
            let (second, tag) = if individual.start < merchant.start {
                (merchant, Tag::MERCHANT)
            } else {
                (individual, Tag::INDIVIDUAL)
            };
            Err(Error::at(ErrorKind::TwoAccounts, tag).at_byte(second.field_start()))
        }
    }
}

fn account<'a>(
    source: Source<'a>,
    kind: AccountKind,
    slots: &Slots,
) -> Result<AccountId<'a>, Error> {
    let slot = slots[kind.account()];
    let (id, start) = match slot.read(source) {
        Some(text) => (AccountId::new(text), slot.field_start()),
        None => (
            Err(Error::new(ErrorKind::Missing)),
            slots[kind.template()].field_start(),
        ),
    };
    id.map_err(|error| error.in_field(kind.account().path()).at_byte(start))
}

/// Parses the fields of a template into their slots.
fn parse_template(
    source: Source<'_>,
    template: FieldId,
    tags: &TagMap,
    slots: &mut Slots,
) -> Result<(), Error> {
    let mut unknown = TagSet::default();
    let Slot { start: mut at, end } = slots[template];
    while at < end {
        let field = source
            .field(at, end)
            .map_err(|malformed| malformed.within(template.tag()))?;
        let id = tags[usize::from(field.tag.number())];
        if !insert(field, id, slots, &mut unknown) {
            let path = template.tag().sub(field.tag);
            return Err(Error::at(ErrorKind::Repeated, path).at_byte(field.start));
        }
        at = field.end;
    }
    Ok(())
}

/// Records a field. Returns whether it is the first one with its tag on its level.
#[inline]
fn insert(field: Raw, id: Option<FieldId>, slots: &mut Slots, unknown: &mut TagSet) -> bool {
    let Some(id) = id else {
        return unknown.insert(field.tag);
    };
    let slot = &mut slots[id];
    let is_new = slot.is_absent();
    *slot = Slot::of(field);
    is_new
}

/// The unknown tags of one level.
#[derive(Default)]
struct TagSet([u64; 2]);

impl TagSet {
    /// Adds a tag. Returns whether the tag is new to the set.
    fn insert(&mut self, tag: Tag) -> bool {
        let word = &mut self.0[usize::from(tag.number() >= 64)];
        let bit = 1 << (tag.number() % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
