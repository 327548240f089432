//! The rules of SDK 1.0.20 for a code that may be paid, and the stricter ones of this crate.

use super::Khqr;
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
        if slots.point_of_initiation == Some("12") && slots.amount.is_none() {
            return Err(Error::at(ErrorKind::Missing, Tag::TRANSACTION_AMOUNT));
        }
        if slots.amount.is_some() && slots.timestamps.is_none() {
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
            if slot.is_none() {
                return Err(Error::at(ErrorKind::Missing, tag));
            }
        }
        Ok(())
    }

    fn check_plain_fields(&self, first: &mut First) {
        let slots = &self.slots;
        // The SDK takes an empty 15.
        let union_pay = slots.union_pay.filter(|value| !value.is_empty());
        self.check_text(union_pay, Tag::UNION_PAY, 99, first);
        if let Some(value) = slots.payload_format
            && value != "01"
        {
            let kind = match value {
                "" => ErrorKind::Empty,
                _ if utf16_len(value) > 2 => ErrorKind::TooLong { max: 2 },
                _ => ErrorKind::NotAllowed,
            };
            first.note(self.error(kind, Tag::PAYLOAD_FORMAT_INDICATOR, value));
        }
        first.check(&self.point_of_initiation());
        if let Some(value) = slots.category_code {
            let kind = match value.len() {
                0 => Some(ErrorKind::Empty),
                _ if utf16_len(value) > 4 => Some(ErrorKind::TooLong { max: 4 }),
                4 if value.bytes().all(|byte| byte.is_ascii_digit()) => None,
                _ => Some(ErrorKind::NotDigits),
            };
            if let Some(kind) = kind {
                first.note(self.error(kind, Tag::MERCHANT_CATEGORY_CODE, value));
            }
        }
        first.check(&self.currency());
        match (self.amount(), slots.amount) {
            (Err(error), _) => first.note(error),
            (Ok(Some(amount)), Some(value)) if amount.is_zero() => {
                first.note(self.error(ErrorKind::AmountZero, Tag::TRANSACTION_AMOUNT, value));
            }
            _ => {}
        }
        if let Some(value) = slots.country
            && value != "KH"
        {
            let kind = match value {
                "" => ErrorKind::Empty,
                _ if utf16_len(value) > 3 => ErrorKind::TooLong { max: 2 },
                _ => ErrorKind::NotAllowed,
            };
            first.note(self.error(kind, Tag::COUNTRY_CODE, value));
        }
        self.check_text(slots.merchant_name, Tag::MERCHANT_NAME, 25, first);
        self.check_text(slots.merchant_city, Tag::MERCHANT_CITY, 15, first);
    }

    fn check_account(&self, first: &mut First) {
        let tag = self.kind.tag();
        // The SDK takes an empty 01 here and not an empty 02.
        let detail = self.slots.account_detail.filter(|value| !value.is_empty());
        self.check_text(detail, tag.sub(sub::ACCOUNT_DETAIL), 32, first);
        self.check_text(
            self.slots.acquiring_bank,
            tag.sub(sub::ACQUIRING_BANK),
            32,
            first,
        );
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
        let Some(whole) = slots.language_template else {
            return;
        };
        let missing = |tag| self.error(ErrorKind::Missing, template.sub(tag), whole);
        let language = slots.language.filter(|value| !value.is_empty());
        let name = slots.alternate_name.filter(|value| !value.is_empty());
        let needs_language = slots.alternate_name.is_some() || slots.alternate_city.is_some();
        if language.is_some() && name.is_none() {
            first.note(missing(sub::ALTERNATE_NAME));
        } else if slots.language.is_none() && needs_language {
            first.note(missing(sub::LANGUAGE));
        }
        if let Some(value) = slots.language {
            let kind = match value {
                "" => needs_language.then_some(ErrorKind::Empty),
                _ if utf16_len(value) != 2 => Some(ErrorKind::WrongLength { expected: 2 }),
                _ if value.contains(char::is_control) => Some(ErrorKind::ControlCharacter),
                _ => None,
            };
            if let Some(kind) = kind {
                first.note(self.error(kind, template.sub(sub::LANGUAGE), value));
            }
        }
        self.check_text(
            slots.alternate_name,
            template.sub(sub::ALTERNATE_NAME),
            25,
            first,
        );
        self.check_text(
            slots.alternate_city,
            template.sub(sub::ALTERNATE_CITY),
            15,
            first,
        );
    }

    fn check_times(&self, now: Timestamp, first: &mut First) {
        let slots = &self.slots;
        if slots.amount.is_none() {
            return;
        }
        let expiry = Tag::TIMESTAMPS.sub(sub::EXPIRES);
        let created = self.created_at();
        first.check(&created);
        match self.expires_at() {
            Err(error) => first.note(error),
            Ok(None) => first.note(self.error(
                ErrorKind::Missing,
                expiry,
                slots.timestamps.unwrap_or_default(),
            )),
            Ok(Some(expires)) => {
                let value = slots.expires.unwrap_or_default();
                if let Ok(Some(created)) = created
                    && expires < created
                {
                    first.note(self.error(ErrorKind::ExpiresBeforeCreation, expiry, value));
                } else if expires < now {
                    first.note(self.error(ErrorKind::Expired, expiry, value));
                }
            }
        }
    }

    fn check_text(&self, value: Option<&str>, tag: impl Into<TagPath>, max: u8, first: &mut First) {
        if let Some(value) = value
            && let Err(kind) = text_of(value, max)
        {
            first.note(self.error(kind, tag, value));
        }
    }
}

/// Checks a text field: something in it, at most `max` UTF-16 code units, no control characters.
pub(crate) fn text_of(value: &str, max: u8) -> Result<(), ErrorKind> {
    if value.is_empty() {
        Err(ErrorKind::Empty)
    } else if utf16_len(value) > usize::from(max) {
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
