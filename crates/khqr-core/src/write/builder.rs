//! What a code is to say, and whether KHQR lets it.

use core::marker::PhantomData;

use super::content::{Content, SecondLanguage, SubField};
use super::draft::KhqrDraft;
use super::payment::{Payment, Validity};
use crate::account::AccountId;
use crate::amount::{Currency, PayloadAmount};
use crate::error::{Error, ErrorKind};
use crate::khqr::AccountKind;
use crate::tag::{Tag, TagPath, sub};
use crate::text::is_plain;
use crate::timestamp::Timestamp;
use crate::{limits, rules};

/// Marks the builder of an individual's code (tag 29).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Individual {}

/// Marks the builder of a merchant's code (tag 30).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Merchant {}

/// Makes a code, byte for byte as NBC's JavaScript SDK 1.0.20 does.
///
/// Start with [`KhqrBuilder::individual`] or [`KhqrBuilder::merchant`], add what the code is to say, and
/// end with [`static_code`](Self::static_code) or [`dynamic_code`](Self::dynamic_code), which check it
/// all. What KHQR does not allow cannot be said: an individual has no merchant id, a dynamic code always
/// has an expiry, a second language always has a name.
///
/// A text that is empty is said, and refused. The official SDK's classes drop such fields; this builder
/// leaves that to whoever knows that nothing is meant.
///
/// Lengths are in UTF-16 code units, and stand in [`limits`]: a Khmer character counts one, most emoji two.
///
/// ```
/// use core::time::Duration;
/// use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Timestamp};
///
/// let now = Timestamp::from_millis(1_795_000_000_000);
/// let draft = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
///     .bill_number("INV-2041")
///     .dynamic_code(
///         Amount::from_minor_units(10_000, Currency::Khr),
///         now,
///         now.saturating_add(Duration::from_secs(600)),
///     )?;
/// let mut buffer = [0; 256];
/// let text = draft.write_to_slice(&mut buffer)?;
/// assert!(text.starts_with("00020101021229140010sokha@devb5204599953031165405100005802KH"));
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KhqrBuilder<'a, Kind> {
    content: Content<'a>,
    kind: PhantomData<Kind>,
}

impl<'a> KhqrBuilder<'a, Individual> {
    /// A code of a person, or of a shop without a merchant id.
    ///
    /// `merchant_name` has at most 25 characters.
    #[must_use]
    pub const fn individual(account: AccountId<'a>, merchant_name: &'a str) -> Self {
        Self {
            content: Content::new(AccountKind::Individual, account, merchant_name),
            kind: PhantomData,
        }
    }

    /// An account number or phone number beside the account (29/01), at most 32 characters.
    #[must_use]
    pub const fn account_information(mut self, text: &'a str) -> Self {
        self.content.account_detail = Some(text);
        self
    }

    /// The name of the bank that holds the account (29/02), at most 32 characters.
    #[must_use]
    pub const fn acquiring_bank(mut self, text: &'a str) -> Self {
        self.content.acquiring_bank = Some(text);
        self
    }
}

impl<'a> KhqrBuilder<'a, Merchant> {
    /// A code of a merchant that its bank has registered.
    ///
    /// `merchant_id` and `acquiring_bank` have at most 32 characters, `merchant_name` at most 25.
    #[must_use]
    pub const fn merchant(
        account: AccountId<'a>,
        merchant_id: &'a str,
        acquiring_bank: &'a str,
        merchant_name: &'a str,
    ) -> Self {
        let mut content = Content::new(AccountKind::Merchant, account, merchant_name);
        content.account_detail = Some(merchant_id);
        content.acquiring_bank = Some(acquiring_bank);
        Self {
            content,
            kind: PhantomData,
        }
    }
}

impl<'a, Kind> KhqrBuilder<'a, Kind> {
    /// The city (60), at most 15 characters; `Phnom Penh` unless said.
    #[must_use]
    pub const fn merchant_city(mut self, text: &'a str) -> Self {
        self.content.merchant_city = text;
        self
    }

    /// The merchant category code (52), four digits (ISO 18245); `5999` unless said.
    #[must_use]
    pub const fn merchant_category_code(mut self, text: &'a str) -> Self {
        self.content.category_code = text;
        self
    }

    /// A UnionPay merchant account (15), at most 31 characters; for codes in KHR only.
    #[must_use]
    pub const fn union_pay_account(mut self, text: &'a str) -> Self {
        self.content.union_pay = Some(text);
        self
    }

    /// The bill number (62/01), at most 25 characters. Give every order its own: two codes of the same
    /// text share one MD5 and cannot be told apart.
    #[must_use]
    pub const fn bill_number(mut self, text: &'a str) -> Self {
        self.content.bill_number = Some(text);
        self
    }

    /// The mobile number (62/02), at most 25 characters.
    #[must_use]
    pub const fn mobile_number(mut self, text: &'a str) -> Self {
        self.content.mobile_number = Some(text);
        self
    }

    /// The store label (62/03), at most 25 characters.
    #[must_use]
    pub const fn store_label(mut self, text: &'a str) -> Self {
        self.content.store_label = Some(text);
        self
    }

    /// The terminal label (62/07), at most 25 characters.
    #[must_use]
    pub const fn terminal_label(mut self, text: &'a str) -> Self {
        self.content.terminal_label = Some(text);
        self
    }

    /// The purpose of the transaction (62/08), at most 25 characters.
    #[must_use]
    pub const fn purpose_of_transaction(mut self, text: &'a str) -> Self {
        self.content.purpose = Some(text);
        self
    }

    /// The name, and the city if wanted, in a second language (64): `language` has two letters (ISO
    /// 639-1, such as `km`), the name at most 25 characters, the city at most 15.
    #[must_use]
    pub const fn second_language(
        mut self,
        language: &'a str,
        merchant_name: &'a str,
        merchant_city: Option<&'a str>,
    ) -> Self {
        self.content.second_language = Some(SecondLanguage {
            language,
            merchant_name,
            merchant_city,
        });
        self
    }

    /// A code without an amount, to be printed and paid again and again.
    ///
    /// # Errors
    /// The first field that KHQR does not allow, in the official SDK's order and with its code (account and
    /// amount are checked before, where they are made).
    pub fn static_code(&self, currency: Currency) -> Result<KhqrDraft<'a>, Error> {
        self.content.check(Validity::Static(currency))
    }

    /// A code for one payment of `amount`, until `expires_at`. NBC advises at most ten minutes. Whether that
    /// is past already is for [`Khqr::verify`](crate::Khqr::verify) to say.
    ///
    /// An [`Amount`](crate::Amount) is written as the SDK writes a number; see [`PayloadAmount`] for
    /// what it makes of a text.
    ///
    /// # Errors
    /// The first field that KHQR does not allow, in the official SDK's order and with its code (account and
    /// amount are checked before, where they are made). The
    /// amount must be above zero and have at most 13 characters; both times must have 13 digits, and
    /// the expiry must not be before the creation.
    pub fn dynamic_code(
        &self,
        amount: impl Into<PayloadAmount>,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<KhqrDraft<'a>, Error> {
        let payment = Payment {
            amount: amount.into(),
            created_at,
            expires_at,
        };
        self.content.check(Validity::Dynamic(payment))
    }
}

impl<'a> Content<'a> {
    /// Checks everything in the order in which the official SDK does, so that the first error is its.
    fn check(&self, validity: Validity) -> Result<KhqrDraft<'a>, Error> {
        let mut plain = Plain(true);
        if let Some(value) = self.union_pay {
            plain.check(value, Tag::UNION_PAY.into(), limits::UNION_PAY_ACCOUNT)?;
        }
        let details = &self.account_fields()[1..];
        plain.check_fields(details, self.kind.tag(), limits::MERCHANT_ID)?;
        rules::category_code(self.category_code)
            .map_err(|kind| Error::at(kind, Tag::MERCHANT_CATEGORY_CODE))?;
        if self.union_pay.is_some() && validity.currency() == Currency::Usd {
            return Err(Error::at(ErrorKind::UnionPayInUsd, Tag::UNION_PAY));
        }
        validity.check_amount()?;
        plain.check(
            self.merchant_name,
            Tag::MERCHANT_NAME.into(),
            limits::MERCHANT_NAME,
        )?;
        plain.check(
            self.merchant_city,
            Tag::MERCHANT_CITY.into(),
            limits::MERCHANT_CITY,
        )?;
        let data = self.additional_data();
        plain.check_fields(&data, Tag::ADDITIONAL_DATA, limits::ADDITIONAL_DATA)?;
        if let Some(second) = self.second_language {
            let tag = |sub| Tag::LANGUAGE_TEMPLATE.sub(sub);
            if second.merchant_name.is_empty() {
                return Err(Error::at(ErrorKind::Missing, tag(sub::ALTERNATE_NAME)));
            }
            rules::language_code(second.language)
                .map_err(|kind| Error::at(kind, tag(sub::LANGUAGE)))?;
            plain.0 = plain.0 && is_plain(second.language.as_bytes());
            plain.check(
                second.merchant_name,
                tag(sub::ALTERNATE_NAME),
                limits::ALTERNATE_NAME,
            )?;
            if let Some(city) = second.merchant_city {
                plain.check(city, tag(sub::ALTERNATE_CITY), limits::ALTERNATE_CITY)?;
            }
        }
        validity.check_times()?;
        plain.0 = plain.0 && is_plain(self.account.as_str().as_bytes());
        KhqrDraft::new(self, validity, plain.0)
    }
}

/// Whether all texts so far are visible ASCII, whose length as KHQR counts it is their length in bytes.
struct Plain(bool);

impl Plain {
    #[inline]
    fn check(&mut self, value: &str, tag: TagPath, max: u8) -> Result<(), Error> {
        if (1..=usize::from(max)).contains(&value.len()) && is_plain(value.as_bytes()) {
            return Ok(());
        }
        self.check_other(value, tag, max)
    }

    #[inline(never)]
    fn check_other(&mut self, value: &str, tag: TagPath, max: u8) -> Result<(), Error> {
        self.0 = false;
        rules::text(value, max).map_err(|kind| Error::at(kind, tag))
    }

    fn check_fields(
        &mut self,
        fields: &[SubField<'_>],
        template: Tag,
        max: u8,
    ) -> Result<(), Error> {
        fields.iter().try_for_each(|(tag, value)| match value {
            Some(value) => self.check(value, template.sub(*tag), max),
            None => Ok(()),
        })
    }
}
