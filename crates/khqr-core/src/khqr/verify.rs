//! The rules of SDK 1.0.20 for a code that may be paid, and the stricter ones of this crate.

use super::Khqr;
use super::slots::Slot;
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, TagPath, sub};
use crate::timestamp::Timestamp;
use crate::tlv::utf16_len;

impl Khqr<'_> {
    /// Whether the code may be paid at the moment `now`, or the first reason why not.
    ///
    /// The rules are those of the official SDK 1.0.20 in its order (the rules of a dynamic code, what
    /// is missing, then field by field as the text has them), with these added: a format indicator
    /// other than `01`, a category code of fewer than four digits, an amount that is zero or no plain
    /// number of its currency, a country other than `KH`, control characters, times that are no
    /// numbers, and an expiry wherever there is an amount.
    ///
    /// # Errors
    /// The kind of the rule that is broken, with its field and place.
    pub fn verify(&self, now: Timestamp) -> Result<(), Error> {
        self.verify_dynamic()?;
        self.verify_presence()?;
        let mut first = First(None);
        self.check_plain_fields(&mut first);
        self.check_account(&mut first);
        self.check_additional_data(&mut first);
        self.check_language(&mut first);
        self.check_times(now, &mut first);
        first.0.map_or(Ok(()), Err)
    }

    /// A dynamic code says an amount, and what says an amount says when it expires.
    fn verify_dynamic(&self) -> Result<(), Error> {
        let slots = &self.slots;
        if slots.amount.is_absent() {
            return match self.get(slots.point_of_initiation) {
                Some("12") => Err(Error::at(ErrorKind::Missing, Tag::TRANSACTION_AMOUNT)),
                _ => Ok(()),
            };
        }
        if slots.timestamps.is_absent() {
            return Err(Error::at(ErrorKind::Missing, Tag::TIMESTAMPS));
        }
        Ok(())
    }

    fn verify_presence(&self) -> Result<(), Error> {
        let slots = &self.slots;
        for (slot, tag) in [
            (slots.payload_format, Tag::PAYLOAD_FORMAT_INDICATOR),
            (slots.category_code, Tag::MERCHANT_CATEGORY_CODE),
            (slots.currency, Tag::TRANSACTION_CURRENCY),
            (slots.country, Tag::COUNTRY_CODE),
            (slots.merchant_name, Tag::MERCHANT_NAME),
            (slots.merchant_city, Tag::MERCHANT_CITY),
        ] {
            if slot.is_absent() {
                return Err(Error::at(ErrorKind::Missing, tag));
            }
        }
        Ok(())
    }

    fn check_plain_fields(&self, first: &mut First) {
        let slots = &self.slots;
        // The SDK takes an empty 15.
        self.check_text_unless_empty(slots.union_pay, Tag::UNION_PAY.into(), 99, first);
        if let Some(value) = self.get(slots.payload_format)
            && value != "01"
        {
            let kind = not_the_one(value, 2, 2);
            first.note(self.error(kind, Tag::PAYLOAD_FORMAT_INDICATOR, value));
        }
        first.check(&self.point_of_initiation());
        if let Some(value) = self.get(slots.category_code)
            && let Err(kind) = category_code(value)
        {
            first.note(self.error(kind, Tag::MERCHANT_CATEGORY_CODE, value));
        }
        first.check(&self.currency());
        match self.amount() {
            Err(error) => first.note(error),
            Ok(Some(amount)) if amount.is_zero() => {
                let value = self.get(slots.amount).unwrap_or_default();
                first.note(self.error(ErrorKind::AmountZero, Tag::TRANSACTION_AMOUNT, value));
            }
            Ok(_) => {}
        }
        if let Some(value) = self.get(slots.country)
            && value != "KH"
        {
            // The SDK's own limit is three.
            let kind = not_the_one(value, 2, 3);
            first.note(self.error(kind, Tag::COUNTRY_CODE, value));
        }
        self.check_text(slots.merchant_name, Tag::MERCHANT_NAME.into(), 25, first);
        self.check_text(slots.merchant_city, Tag::MERCHANT_CITY.into(), 15, first);
    }

    fn check_account(&self, first: &mut First) {
        let tag = self.kind.tag();
        let detail = self.slots.account_detail;
        let bank = self.slots.acquiring_bank;
        // The SDK takes an empty 01 here and not an empty 02.
        self.check_text_unless_empty(detail, tag.sub(sub::ACCOUNT_DETAIL), 32, first);
        self.check_text(bank, tag.sub(sub::ACQUIRING_BANK), 32, first);
    }

    fn check_additional_data(&self, first: &mut First) {
        let slots = &self.slots;
        for (slot, tag) in [
            (slots.bill_number, sub::BILL_NUMBER),
            (slots.mobile_number, sub::MOBILE_NUMBER),
            (slots.store_label, sub::STORE_LABEL),
            (slots.terminal_label, sub::TERMINAL_LABEL),
            (slots.purpose, sub::PURPOSE),
        ] {
            self.check_text(slot, Tag::ADDITIONAL_DATA.sub(tag), 25, first);
        }
    }

    /// A second language comes with a name in it, and a name with its language.
    fn check_language(&self, first: &mut First) {
        let slots = &self.slots;
        let template = Tag::LANGUAGE_TEMPLATE;
        let Some(whole) = self.get(slots.language_template) else {
            return;
        };
        let missing = |tag| self.error(ErrorKind::Missing, template.sub(tag), whole);
        let language = self.get(slots.language);
        let name = self.get(slots.alternate_name);
        let city = self.get(slots.alternate_city);
        let says = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        let needs_language = name.is_some() || city.is_some();
        if says(language) && !says(name) {
            first.note(missing(sub::ALTERNATE_NAME));
        } else if language.is_none() && needs_language {
            first.note(missing(sub::LANGUAGE));
        }
        // The SDK looks at the language only beside a name.
        if let Some(value) = language
            && (needs_language || !value.is_empty())
            && let Err(kind) = language_code(value)
        {
            first.note(self.error(kind, template.sub(sub::LANGUAGE), value));
        }
        let (name, city) = (slots.alternate_name, slots.alternate_city);
        self.check_text(name, template.sub(sub::ALTERNATE_NAME), 25, first);
        self.check_text(city, template.sub(sub::ALTERNATE_CITY), 15, first);
    }

    fn check_times(&self, now: Timestamp, first: &mut First) {
        let slots = &self.slots;
        if slots.amount.is_absent() {
            return;
        }
        let expiry = Tag::TIMESTAMPS.sub(sub::EXPIRES);
        let created = self.created_at();
        first.check(&created);
        match self.expires_at() {
            Err(error) => first.note(error),
            Ok(None) => {
                let whole = self.get(slots.timestamps).unwrap_or_default();
                first.note(self.error(ErrorKind::Missing, expiry, whole));
            }
            Ok(Some(expires)) => {
                let before = |moment| expires < moment;
                let kind = if created.ok().flatten().is_some_and(before) {
                    ErrorKind::ExpiresBeforeCreation
                } else if before(now) {
                    ErrorKind::Expired
                } else {
                    return;
                };
                let value = self.get(slots.expires).unwrap_or_default();
                first.note(self.error(kind, expiry, value));
            }
        }
    }

    fn check_text(&self, slot: Slot, tag: TagPath, max: u8, first: &mut First) {
        if let Some(value) = self.get(slot)
            && let Err(kind) = text_of(value, max, self.payload.source().plain)
        {
            first.note(self.error(kind, tag, value));
        }
    }

    fn check_text_unless_empty(&self, slot: Slot, tag: TagPath, max: u8, first: &mut First) {
        if self.get(slot).is_some_and(|value| !value.is_empty()) {
            self.check_text(slot, tag, max, first);
        }
    }
}

/// What is wrong with a value that is not the only one allowed, which has `len` characters; the SDK
/// calls it too long above `limit`.
#[cold]
fn not_the_one(value: &str, len: u8, limit: usize) -> ErrorKind {
    if value.is_empty() {
        ErrorKind::Empty
    } else if utf16_len(value) > limit {
        ErrorKind::TooLong { max: len }
    } else {
        ErrorKind::NotAllowed
    }
}

/// Checks a merchant category code: four digits.
pub(crate) fn category_code(value: &str) -> Result<(), ErrorKind> {
    match utf16_len(value) {
        0 => Err(ErrorKind::Empty),
        5.. => Err(ErrorKind::TooLong { max: 4 }),
        4 if value.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(ErrorKind::NotDigits),
    }
}

/// Checks a language: two letters, of which the SDK asks no more than that they are two characters.
pub(crate) fn language_code(value: &str) -> Result<(), ErrorKind> {
    match utf16_len(value) {
        0 => Err(ErrorKind::Empty),
        2 if value.contains(char::is_control) => Err(ErrorKind::ControlCharacter),
        2 => Ok(()),
        _ => Err(ErrorKind::WrongLength { expected: 2 }),
    }
}

/// Checks a text field: something in it, at most `max` UTF-16 code units, no control characters.
/// `plain` says that all of it is visible ASCII, if that is known.
#[inline]
pub(crate) fn text_of(value: &str, max: u8, plain: bool) -> Result<(), ErrorKind> {
    let max_units = usize::from(max);
    if value.is_empty() {
        Err(ErrorKind::Empty)
    } else if plain && value.len() <= max_units {
        Ok(())
    } else if utf16_len(value) > max_units {
        Err(ErrorKind::TooLong { max })
    } else if value.contains(char::is_control) {
        Err(ErrorKind::ControlCharacter)
    } else {
        Ok(())
    }
}

/// The broken rule that stands first in the text. The SDK checks field by field in the text's order,
/// so this is the one it would report, whatever order the rules are tried in.
struct First(Option<Error>);

impl First {
    fn note(&mut self, error: Error) {
        if self.0.is_none_or(|first| error.offset() < first.offset()) {
            self.0 = Some(error);
        }
    }

    fn check<T>(&mut self, result: &Result<T, Error>) {
        if let Err(error) = result {
            self.note(*error);
        }
    }
}
