//! Reading a text into its fields, in one pass over each level.

use super::slots::{
    IN_ACCOUNT, IN_ADDITIONAL_DATA, IN_LANGUAGE_TEMPLATE, IN_TIMESTAMPS, Place, Slot, Slots,
    SubPlaces, TOP,
};
use super::{AccountKind, Khqr};
use crate::account::AccountId;
use crate::error::{Error, ErrorKind};
use crate::payload::Payload;
use crate::tag::{Tag, sub};
use crate::tlv::{Raw, Source};

impl<'a> Khqr<'a> {
    /// Reads `text`, which must be the code alone: no line break after it.
    ///
    /// Refuses what makes it open who is paid or how much: a field that stands twice, at the top or in
    /// a template that KHQR knows, and an individual's beside a merchant's account. (The official SDK
    /// takes the last of two, so that a second account and a fresh checksum redirect a payment.)
    ///
    /// # Errors
    /// The checksum first, as [`Payload::parse`] has it. Then the top level in the order of the text: the
    /// errors of [`Payload::parse`] and [`ErrorKind::Repeated`]. Then [`ErrorKind::TwoAccounts`], or
    /// [`ErrorKind::Missing`] for a code without tag 29 and 30. Then what is in the templates, 29 or 30
    /// first, then 62, 64 and 99: the same errors as at the top. Last the account: [`ErrorKind::Missing`],
    /// and those of [`AccountId::new`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::from_payload(Payload::with_checksum(text)?)
    }

    /// Reads a payload, whose checksum need not be checked again.
    ///
    /// # Errors
    /// Those of [`Khqr::parse`] that are not of the checksum.
    pub fn from_payload(payload: Payload<'a>) -> Result<Self, Error> {
        let source = payload.source();
        let mut slots = Slots::default();
        let mut unknown = Seen::default();
        payload.walk(|field| {
            let place = TOP[usize::from(field.tag.number())];
            let new = note(field, place, &mut slots, &mut unknown);
            if new {
                Ok(())
            } else {
                Err(Error::at(ErrorKind::Repeated, field.tag).at_byte(field.start))
            }
        })?;
        let kind = account_kind(&slots)?;
        for (place, tag, places) in [
            (kind.place(), kind.tag(), &IN_ACCOUNT),
            (
                Place::AdditionalData,
                Tag::ADDITIONAL_DATA,
                &IN_ADDITIONAL_DATA,
            ),
            (
                Place::LanguageTemplate,
                Tag::LANGUAGE_TEMPLATE,
                &IN_LANGUAGE_TEMPLATE,
            ),
            (Place::Timestamps, Tag::TIMESTAMPS, &IN_TIMESTAMPS),
        ] {
            let template = slots[place];
            if !template.is_absent() {
                read_template(source, template, tag, places, &mut slots)?;
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

/// Whose account it is, if it is one's alone.
fn account_kind(slots: &Slots) -> Result<AccountKind, Error> {
    let [individual, merchant] = [Place::Individual, Place::Merchant].map(|place| slots[place]);
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
    let slot = slots[Place::Account];
    let (id, start) = match slot.read(source) {
        Some(text) => (AccountId::new(text), slot.field_start()),
        None => (
            Err(Error::new(ErrorKind::Missing)),
            slots[kind.place()].field_start(),
        ),
    };
    id.map_err(|error| error.in_field(kind.tag().sub(sub::ACCOUNT)).at_byte(start))
}

/// Reads the fields of a template into their slots.
fn read_template(
    source: Source<'_>,
    template: Slot,
    tag: Tag,
    places: &SubPlaces,
    slots: &mut Slots,
) -> Result<(), Error> {
    let mut unknown = Seen::default();
    let (mut at, end) = (template.start, template.end);
    while at < end {
        let field = source
            .field(at, end)
            .map_err(|malformed| malformed.within(tag))?;
        let place = places.get(usize::from(field.tag.number()));
        let place = place.copied().unwrap_or(Place::Unknown);
        let new = note(field, place, slots, &mut unknown);
        if !new {
            let path = tag.sub(field.tag);
            return Err(Error::at(ErrorKind::Repeated, path).at_byte(field.start));
        }
        at = field.end;
    }
    Ok(())
}

/// Notes where a field stands; whether it is the first of its tag on its level.
#[inline]
fn note(field: Raw, place: Place, slots: &mut Slots, unknown: &mut Seen) -> bool {
    if place == Place::Unknown {
        return unknown.insert(field.tag);
    }
    let slot = &mut slots[place];
    let new = slot.is_absent();
    *slot = Slot::of(field);
    new
}

/// The tags without a meaning that were met so far on one level.
#[derive(Default)]
struct Seen([u64; 2]);

impl Seen {
    /// Whether the tag is new here.
    fn insert(&mut self, tag: Tag) -> bool {
        let word = &mut self.0[usize::from(tag.number() >= 64)];
        let bit = 1 << (tag.number() % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
