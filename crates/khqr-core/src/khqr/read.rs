//! Reading a text into its fields, in one pass.

use super::{AccountKind, Khqr, Slots};
use crate::account::AccountId;
use crate::error::{Error, ErrorKind, InField};
use crate::payload::Payload;
use crate::tag::{Tag, sub};
use crate::tlv::{Raw, Seen, walk_template};

impl<'a> Khqr<'a> {
    /// Reads `text`, which must be the code alone: no line break after it.
    ///
    /// Refuses what makes it open who is paid or how much: a field that stands twice, at the top or in
    /// a template that KHQR knows, and an individual's beside a merchant's account. (The official SDK
    /// takes the last of two, so that a second account and a fresh checksum redirect a payment.)
    ///
    /// # Errors
    /// Those of [`Payload::parse`], also for the templates 29, 30, 62, 64 and 99;
    /// [`ErrorKind::Repeated`]; [`ErrorKind::TwoAccounts`]; [`ErrorKind::Missing`] for a code without
    /// tag 29 and 30, or without the account in it; and those of [`AccountId::new`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let payload = Payload::with_checksum(text)?;
        let mut reader = Reader::default();
        payload.walk(|field| reader.take(field))?;
        let (kind, account) = reader
            .account
            .ok_or(Error::at(ErrorKind::Missing, Tag::INDIVIDUAL))?;
        Ok(Self {
            payload,
            kind,
            account,
            slots: reader.slots,
        })
    }
}

#[derive(Default)]
struct Reader<'a> {
    seen: Seen,
    account: Option<(AccountKind, AccountId<'a>)>,
    slots: Slots<'a>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, field: Raw<'a>) -> Result<(), Error> {
        let Raw {
            tag, value, start, ..
        } = field;
        if !self.seen.insert(tag) {
            return Err(Error::at(ErrorKind::Repeated, tag).at_byte(start));
        }
        let slots = &mut self.slots;
        let slot = match tag {
            Tag::PAYLOAD_FORMAT_INDICATOR => &mut slots.payload_format,
            Tag::POINT_OF_INITIATION_METHOD => &mut slots.point_of_initiation,
            Tag::UNION_PAY => &mut slots.union_pay,
            Tag::INDIVIDUAL => return self.account(AccountKind::Individual, field),
            Tag::MERCHANT => return self.account(AccountKind::Merchant, field),
            Tag::MERCHANT_CATEGORY_CODE => &mut slots.category_code,
            Tag::TRANSACTION_CURRENCY => &mut slots.currency,
            Tag::TRANSACTION_AMOUNT => &mut slots.amount,
            Tag::COUNTRY_CODE => &mut slots.country,
            Tag::MERCHANT_NAME => &mut slots.merchant_name,
            Tag::MERCHANT_CITY => &mut slots.merchant_city,
            Tag::POSTAL_CODE => &mut slots.postal_code,
            Tag::ADDITIONAL_DATA => return self.additional_data(field),
            Tag::LANGUAGE_TEMPLATE => return self.language(field),
            Tag::TIMESTAMPS => return self.timestamps(field),
            _ => return Ok(()),
        };
        *slot = Some(value);
        Ok(())
    }

    fn account(&mut self, kind: AccountKind, field: Raw<'a>) -> Result<(), Error> {
        let tag = field.tag;
        if self.account.is_some() {
            return Err(Error::at(ErrorKind::TwoAccounts, tag).at_byte(field.start));
        }
        let mut account = None;
        let slots = &mut self.slots;
        each(field, |sub, value| match sub {
            sub::ACCOUNT => account = Some(value),
            sub::ACCOUNT_DETAIL => slots.account_detail = Some(value),
            sub::ACQUIRING_BANK => slots.acquiring_bank = Some(value),
            _ => {}
        })?;
        let account = account
            .ok_or(Error::new(ErrorKind::Missing))
            .and_then(AccountId::new)
            .in_field(tag, Some(sub::ACCOUNT))
            .map_err(|error| error.at_byte(field.start))?;
        self.account = Some((kind, account));
        Ok(())
    }

    fn additional_data(&mut self, field: Raw<'a>) -> Result<(), Error> {
        let slots = &mut self.slots;
        each(field, |sub, value| match sub {
            sub::BILL_NUMBER => slots.bill_number = Some(value),
            sub::MOBILE_NUMBER => slots.mobile_number = Some(value),
            sub::STORE_LABEL => slots.store_label = Some(value),
            sub::TERMINAL_LABEL => slots.terminal_label = Some(value),
            sub::PURPOSE => slots.purpose = Some(value),
            _ => {}
        })
    }

    fn language(&mut self, field: Raw<'a>) -> Result<(), Error> {
        let slots = &mut self.slots;
        slots.language_template = Some(field.value);
        each(field, |sub, value| match sub {
            sub::LANGUAGE => slots.language = Some(value),
            sub::ALTERNATE_NAME => slots.alternate_name = Some(value),
            sub::ALTERNATE_CITY => slots.alternate_city = Some(value),
            _ => {}
        })
    }

    fn timestamps(&mut self, field: Raw<'a>) -> Result<(), Error> {
        let slots = &mut self.slots;
        slots.timestamps = Some(field.value);
        each(field, |sub, value| match sub {
            sub::CREATED => slots.created = Some(value),
            sub::EXPIRES => slots.expires = Some(value),
            _ => {}
        })
    }
}

/// Hands each field of the template `field` to `visit`.
fn each<'a>(field: Raw<'a>, visit: impl FnMut(Tag, &'a str)) -> Result<(), Error> {
    let offset = field.end - field.value.len();
    walk_template(field.tag, field.value, offset, visit)
}
