//! What a code says beside its amount and times.

use crate::account::AccountId;
use crate::khqr::AccountKind;
use crate::tag::{Tag, sub};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: AccountKind,
    pub(super) account: AccountId<'a>,
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

/// A field of a template: its tag, and its value if the code has it.
pub(super) type SubField<'a> = (Tag, Option<&'a str>);

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
        [
            (sub::ACCOUNT, Some(self.account.as_str())),
            (sub::ACCOUNT_DETAIL, self.account_detail),
            (sub::ACQUIRING_BANK, self.acquiring_bank),
        ]
    }

    #[inline]
    pub(super) const fn additional_data(&self) -> [SubField<'a>; 5] {
        [
            (sub::BILL_NUMBER, self.bill_number),
            (sub::MOBILE_NUMBER, self.mobile_number),
            (sub::STORE_LABEL, self.store_label),
            (sub::TERMINAL_LABEL, self.terminal_label),
            (sub::PURPOSE, self.purpose),
        ]
    }

    #[inline]
    pub(super) const fn language_template(&self) -> [SubField<'a>; 3] {
        match self.second_language {
            Some(second) => [
                (sub::LANGUAGE, Some(second.language)),
                (sub::ALTERNATE_NAME, Some(second.merchant_name)),
                (sub::ALTERNATE_CITY, second.merchant_city),
            ],
            None => [(sub::LANGUAGE, None); 3],
        }
    }
}
