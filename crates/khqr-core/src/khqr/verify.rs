//! The rules of SDK 1.0.20 for a code that may be paid, and the stricter ones of this crate.

use super::Khqr;
use super::slots::Slot;
use crate::amount::{Amount, Currency};
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, TagPath, sub};
use crate::timestamp::Timestamp;
use crate::tlv::utf16_len;

/// What a code that may be paid asks for. Made by [`Khqr::verify`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Payable {
    /// The currency to pay in.
    pub currency: Currency,
    /// How much; `None` if the payer is to choose.
    pub amount: Option<Amount>,
    /// When the code ceases to be payable; `None` if it says no amount.
    pub expires_at: Option<Timestamp>,
}

impl Khqr<'_> {
    /// Whether the code may be paid at the moment `now`: what it asks for, or the first reason why not.
    ///
    /// The rules are those of the official SDK 1.0.20 in its order: the rules of a dynamic code, what is
    /// missing, then field by field as the text has them, and in a template in the standard's order. The
    /// account was checked when the code was read. These rules are added: a format indicator other than
    /// `01`, a category code of fewer than four digits, an amount that is zero or no plain number of its
    /// currency, a country other than `KH`, a language of one character or missing beside a name or city,
    /// control characters, a creation that is no number, and an expiry wherever there is an amount.
    ///
    /// # Errors
    /// The kind of the rule that is broken, with its field and place.
    pub fn verify(&self, now: Timestamp) -> Result<Payable, Error> {
        self.verify_dynamic()?;
        self.verify_presence()?;
        let mut first = First::default();
        let (currency, amount) = self.check_plain_fields(&mut first);
        self.check_account(&mut first);
        self.check_additional_data(&mut first);
        self.check_language(&mut first);
        let expires_at = self.check_times(now, &mut first);
        match (first.error, currency) {
            (None, Some(currency)) => Ok(Payable {
                currency,
                amount,
                expires_at,
            }),
            (Some(error), _) => Err(error),
            // Without a currency there is an error.
            (None, None) => Err(Error::at(ErrorKind::Missing, Tag::TRANSACTION_CURRENCY)),
        }
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

    fn check_plain_fields(&self, first: &mut First) -> (Option<Currency>, Option<Amount>) {
        let slots = &self.slots;
        // The SDK takes an empty 15.
        let union_pay = slots.union_pay;
        self.check_text_unless_empty(union_pay, union_pay, Tag::UNION_PAY.into(), 99, first);
        if let Some(value) = self.get(slots.payload_format)
            && value != "01"
        {
            let kind = not_the_one(value, 2, 2);
            first.note(
                slots.payload_format,
                self.error(kind, Tag::PAYLOAD_FORMAT_INDICATOR, value),
            );
        }
        first.check(slots.point_of_initiation, self.point_of_initiation());
        if let Some(value) = self.get(slots.category_code)
            && let Err(kind) = category_code(value)
        {
            first.note(
                slots.category_code,
                self.error(kind, Tag::MERCHANT_CATEGORY_CODE, value),
            );
        }
        let currency = first.check(slots.currency, self.currency());
        // What is wrong with the currency was noted.
        let amount = currency.map(|_| self.amount());
        let amount = amount
            .and_then(|amount| first.check(slots.amount, amount))
            .flatten();
        if amount.is_some_and(Amount::is_zero) {
            let value = self.get(slots.amount).unwrap_or_default();
            let error = self.error(ErrorKind::AmountZero, Tag::TRANSACTION_AMOUNT, value);
            first.note(slots.amount, error);
        }
        if let Some(value) = self.get(slots.country)
            && value != "KH"
        {
            // The SDK's own limit is three.
            let kind = not_the_one(value, 2, 3);
            first.note(slots.country, self.error(kind, Tag::COUNTRY_CODE, value));
        }
        let (name, city) = (slots.merchant_name, slots.merchant_city);
        self.check_text(name, name, Tag::MERCHANT_NAME.into(), 25, first);
        self.check_text(city, city, Tag::MERCHANT_CITY.into(), 15, first);
        (currency, amount)
    }

    fn check_account(&self, first: &mut First) {
        let tag = self.kind.tag();
        let template = self.slots.account_template;
        let detail = self.slots.account_detail;
        let bank = self.slots.acquiring_bank;
        // The SDK takes an empty 01 here and not an empty 02.
        self.check_text_unless_empty(template, detail, tag.sub(sub::ACCOUNT_DETAIL), 32, first);
        self.check_text(template, bank, tag.sub(sub::ACQUIRING_BANK), 32, first);
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
            self.check_text(
                slots.additional_data,
                slot,
                Tag::ADDITIONAL_DATA.sub(tag),
                25,
                first,
            );
        }
    }

    /// A second language comes with a name in it, and a name with its language.
    fn check_language(&self, first: &mut First) {
        let slots = &self.slots;
        let template = Tag::LANGUAGE_TEMPLATE;
        let at = slots.language_template;
        let Some(whole) = self.get(at) else {
            return;
        };
        let missing = |tag| self.error(ErrorKind::Missing, template.sub(tag), whole);
        let language = self.get(slots.language);
        let name = self.get(slots.alternate_name);
        let city = self.get(slots.alternate_city);
        let says = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        let needs_language = name.is_some() || city.is_some();
        if says(language) && !says(name) {
            first.note(at, missing(sub::ALTERNATE_NAME));
        } else if language.is_none() && needs_language {
            first.note(at, missing(sub::LANGUAGE));
        }
        // The SDK looks at the language only beside a name.
        if let Some(value) = language
            && (needs_language || !value.is_empty())
            && let Err(kind) = language_code(value)
        {
            first.note(at, self.error(kind, template.sub(sub::LANGUAGE), value));
        }
        let (name, city) = (slots.alternate_name, slots.alternate_city);
        self.check_text(at, name, template.sub(sub::ALTERNATE_NAME), 25, first);
        self.check_text(at, city, template.sub(sub::ALTERNATE_CITY), 15, first);
    }

    fn check_times(&self, now: Timestamp, first: &mut First) -> Option<Timestamp> {
        let slots = &self.slots;
        if slots.amount.is_absent() {
            return None;
        }
        let at = slots.timestamps;
        let expiry = Tag::TIMESTAMPS.sub(sub::EXPIRES);
        // The SDK looks at the expiry first; a creation that is no number passes it.
        let expires = first.check(at, self.expires_at())?;
        let created = first.check(at, self.created_at()).flatten();
        let Some(expires) = expires else {
            let whole = self.get(at).unwrap_or_default();
            first.note(at, self.error(ErrorKind::Missing, expiry, whole));
            return None;
        };
        let kind = if created.is_some_and(|created| expires < created) {
            ErrorKind::ExpiresBeforeCreation
        } else if expires < now {
            ErrorKind::Expired
        } else {
            return Some(expires);
        };
        let value = self.get(slots.expires).unwrap_or_default();
        first.note(at, self.error(kind, expiry, value));
        None
    }

    /// Checks the text in `slot`, a field of its own or of the template at `at`.
    fn check_text(&self, at: Slot, slot: Slot, tag: TagPath, max: u8, first: &mut First) {
        if let Some(value) = self.get(slot)
            && let Err(kind) = text_of(value, max, self.payload.source().plain)
        {
            first.note(at, self.error(kind, tag, value));
        }
    }

    fn check_text_unless_empty(
        &self,
        at: Slot,
        slot: Slot,
        tag: TagPath,
        max: u8,
        first: &mut First,
    ) {
        if self.get(slot).is_some_and(|value| !value.is_empty()) {
            self.check_text(at, slot, tag, max, first);
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
    } else if value.is_ascii() {
        if value.len() > max_units {
            Err(ErrorKind::TooLong { max })
        } else if value.bytes().any(|byte| byte.is_ascii_control()) {
            Err(ErrorKind::ControlCharacter)
        } else {
            Ok(())
        }
    } else if utf16_len(value) > max_units {
        Err(ErrorKind::TooLong { max })
    } else if value.contains(char::is_control) {
        Err(ErrorKind::ControlCharacter)
    } else {
        Ok(())
    }
}

/// The broken rule whose field stands first at the top of the text; of one field, the one that was noted
/// first. The SDK checks field by field in the text's order, and a template's in the standard's.
#[derive(Default)]
struct First {
    at: usize,
    error: Option<Error>,
}

impl First {
    fn note(&mut self, at: Slot, error: Error) {
        if self.error.is_none() || at.position() < self.at {
            *self = Self {
                at: at.position(),
                error: Some(error),
            };
        }
    }

    fn check<T>(&mut self, at: Slot, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.note(at, error)).ok()
    }
}
