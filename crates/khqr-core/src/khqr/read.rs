//! Reading a text into its fields, in one pass.

use super::slots::{Slot, Slots};
use super::{AccountKind, Khqr};
use crate::account::AccountId;
use crate::error::{Error, ErrorKind};
use crate::payload::Payload;
use crate::tag::{Tag, sub};
use crate::tlv::{Raw, Seen, Source};

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
        let mut reader = Reader {
            source: payload.source(),
            seen: Seen::default(),
            account: None,
            slots: Slots::default(),
        };
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

struct Reader<'a> {
    source: Source<'a>,
    seen: Seen,
    account: Option<(AccountKind, AccountId<'a>)>,
    slots: Slots,
}

impl Reader<'_> {
    #[inline]
    fn take(&mut self, field: Raw) -> Result<(), Error> {
        if !self.seen.insert(field.tag) {
            return Err(Error::at(ErrorKind::Repeated, field.tag).at_byte(field.start));
        }
        let slots = &mut self.slots;
        let slot = match field.tag {
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
        *slot = Slot::of(field);
        Ok(())
    }

    fn account(&mut self, kind: AccountKind, field: Raw) -> Result<(), Error> {
        let tag = field.tag;
        if self.account.is_some() {
            return Err(Error::at(ErrorKind::TwoAccounts, tag).at_byte(field.start));
        }
        let mut account = None;
        let slots = &mut self.slots;
        slots.account_template = Slot::of(field);
        self.source.walk_template(field, |sub| match sub.tag {
            sub::ACCOUNT => account = Some(sub),
            sub::ACCOUNT_DETAIL => slots.account_detail = Slot::of(sub),
            sub::ACQUIRING_BANK => slots.acquiring_bank = Slot::of(sub),
            _ => {}
        })?;
        let start = account.map_or(field.start, |account| account.start);
        let account = account
            .ok_or(Error::new(ErrorKind::Missing))
            .and_then(|account| AccountId::new(self.source.slice(account.value..account.end)))
            .map_err(|error| error.in_field(tag.sub(sub::ACCOUNT)).at_byte(start))?;
        self.account = Some((kind, account));
        Ok(())
    }

    fn additional_data(&mut self, field: Raw) -> Result<(), Error> {
        let slots = &mut self.slots;
        slots.additional_data = Slot::of(field);
        self.source.walk_template(field, |sub| match sub.tag {
            sub::BILL_NUMBER => slots.bill_number = Slot::of(sub),
            sub::MOBILE_NUMBER => slots.mobile_number = Slot::of(sub),
            sub::STORE_LABEL => slots.store_label = Slot::of(sub),
            sub::TERMINAL_LABEL => slots.terminal_label = Slot::of(sub),
            sub::PURPOSE => slots.purpose = Slot::of(sub),
            _ => {}
        })
    }

    fn language(&mut self, field: Raw) -> Result<(), Error> {
        let slots = &mut self.slots;
        slots.language_template = Slot::of(field);
        self.source.walk_template(field, |sub| match sub.tag {
            sub::LANGUAGE => slots.language = Slot::of(sub),
            sub::ALTERNATE_NAME => slots.alternate_name = Slot::of(sub),
            sub::ALTERNATE_CITY => slots.alternate_city = Slot::of(sub),
            _ => {}
        })
    }

    fn timestamps(&mut self, field: Raw) -> Result<(), Error> {
        let slots = &mut self.slots;
        slots.timestamps = Slot::of(field);
        self.source.walk_template(field, |sub| match sub.tag {
            sub::CREATED => slots.created = Slot::of(sub),
            sub::EXPIRES => slots.expires = Slot::of(sub),
            _ => {}
        })
    }
}
