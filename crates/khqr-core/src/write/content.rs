//! The content of a code: its texts, and their checks in the order of the official SDK.

use super::payment::Payment;
use crate::account::AccountId;
use crate::currency::Currency;
use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::khqr::AccountKind;
use crate::rules;
use crate::text::is_plain;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: AccountKind,
    pub(super) account: AccountId<'a>,
    /// Account information (29/01) or merchant ID (30/01).
    pub(super) account_detail: Option<&'a str>,
    pub(super) acquiring_bank: Option<&'a str>,
    pub(super) merchant_name: &'a str,
    pub(super) merchant_city: &'a str,
    pub(super) category_code: &'a str,
    pub(super) union_pay: Option<&'a str>,
    pub(super) bill_number: Option<&'a str>,
    pub(super) mobile_number: Option<&'a str>,
    pub(super) store_label: Option<&'a str>,
    pub(super) terminal_label: Option<&'a str>,
    pub(super) purpose: Option<&'a str>,
    pub(super) second_language: Option<SecondLanguage<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SecondLanguage<'a> {
    pub(super) language: &'a str,
    pub(super) merchant_name: &'a str,
    pub(super) merchant_city: Option<&'a str>,
}

/// A field of a template; `None` if the code does not have it.
pub(super) type SubField<'a> = (FieldId, Option<&'a str>);

impl<'a> Content<'a> {
    pub(super) const fn new(
        kind: AccountKind,
        account: AccountId<'a>,
        merchant_name: &'a str,
    ) -> Self {
        Self {
            kind,
            account,
            account_detail: None,
            acquiring_bank: None,
            merchant_name,
            merchant_city: "Phnom Penh",
            category_code: "5999",
            union_pay: None,
            bill_number: None,
            mobile_number: None,
            store_label: None,
            terminal_label: None,
            purpose: None,
            second_language: None,
        }
    }

    #[inline]
    pub(super) const fn account_fields(&self) -> [SubField<'a>; 3] {
        let [detail, bank] = match self.kind {
            AccountKind::Individual => [FieldId::AccountInformation, FieldId::IndividualBank],
            AccountKind::Merchant => [FieldId::MerchantId, FieldId::MerchantBank],
        };
        [
            (self.kind.account(), Some(self.account.as_str())),
            (detail, self.account_detail),
            (bank, self.acquiring_bank),
        ]
    }

    #[inline]
    pub(super) const fn additional_data(&self) -> [SubField<'a>; 5] {
        [
            (FieldId::BillNumber, self.bill_number),
            (FieldId::MobileNumber, self.mobile_number),
            (FieldId::StoreLabel, self.store_label),
            (FieldId::TerminalLabel, self.terminal_label),
            (FieldId::Purpose, self.purpose),
        ]
    }

    #[inline]
    pub(super) const fn language_template(&self) -> [SubField<'a>; 3] {
        match self.second_language {
            Some(second) => [
                (FieldId::Language, Some(second.language)),
                (FieldId::AlternateName, Some(second.merchant_name)),
                (FieldId::AlternateCity, second.merchant_city),
            ],
            None => [(FieldId::Language, None); 3],
        }
    }

    /// Checks all values in the SDK's order, so that both report the same first error. Returns whether all
    /// texts are visible ASCII.
    pub(super) fn check(
        &self,
        currency: Currency,
        payment: Option<&Payment>,
    ) -> Result<bool, Error> {
        let mut texts = Texts { plain: true };
        texts.check((FieldId::UnionPay, self.union_pay))?;
        let [_, detail, bank] = self.account_fields();
        texts.check(detail)?;
        texts.check(bank)?;
        rules::category_code(self.category_code)
            .map_err(|kind| Error::at(kind, FieldId::CategoryCode.path()))?;
        if self.union_pay.is_some() && currency == Currency::Usd {
            return Err(Error::at(
                ErrorKind::UnionPayInUsd,
                FieldId::UnionPay.path(),
            ));
        }
        if let Some(payment) = payment {
            payment.check_amount()?;
        }
        texts.check((FieldId::MerchantName, Some(self.merchant_name)))?;
        texts.check((FieldId::MerchantCity, Some(self.merchant_city)))?;
        for field in self.additional_data() {
            texts.check(field)?;
        }
        if let Some(second) = self.second_language {
            if second.merchant_name.is_empty() {
                return Err(Error::at(ErrorKind::Missing, FieldId::AlternateName.path()));
            }
            rules::language_code(second.language)
                .map_err(|kind| Error::at(kind, FieldId::Language.path()))?;
            texts.plain &= is_plain(second.language.as_bytes());
            texts.check((FieldId::AlternateName, Some(second.merchant_name)))?;
            texts.check((FieldId::AlternateCity, second.merchant_city))?;
        }
        if let Some(payment) = payment {
            payment.check_times()?;
        }
        Ok(texts.plain && is_plain(self.account.as_str().as_bytes()))
    }
}

/// Checks texts against the field table.
struct Texts {
    /// Whether all texts so far are visible ASCII, so that UTF-16 code units and bytes are equal in number.
    plain: bool,
}

impl Texts {
    #[inline]
    fn check(&mut self, (id, value): SubField<'_>) -> Result<(), Error> {
        let Some(value) = value else {
            return Ok(());
        };
        let max = id.spec().max;
        if (1..=usize::from(max)).contains(&value.len()) && is_plain(value.as_bytes()) {
            return Ok(());
        }
        self.check_unicode(id, value)
    }

    #[inline(never)]
    fn check_unicode(&mut self, id: FieldId, value: &str) -> Result<(), Error> {
        self.plain = false;
        rules::text(value, id.spec().max).map_err(|kind| Error::at(kind, id.path()))
    }
}
