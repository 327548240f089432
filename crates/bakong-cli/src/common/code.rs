//! Generates a code from the fields on a command line or in a JSON line.

use khqr_core::{
    AccountId, Currency, Error, KhqrBuilder, KhqrDraft, Md5Handle, PayloadAmount, Tag, TagPath,
    Timestamp,
};

use crate::common::exit::Failure;

/// A generated code.
pub(crate) struct GeneratedCode {
    pub(crate) text: String,
    pub(crate) md5: Md5Handle,
}

impl From<KhqrDraft<'_>> for GeneratedCode {
    fn from(draft: KhqrDraft<'_>) -> Self {
        let text = draft.to_text();
        let md5 = Md5Handle::of(&text);
        Self { text, md5 }
    }
}

/// The fields of a code, without the account and the payment. Fields that are `None` are left out or have the
/// default of [`KhqrBuilder`].
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct CodeFields<'a> {
    pub(crate) name: &'a str,
    /// Makes the code a merchant code.
    pub(crate) merchant_id: Option<&'a str>,
    pub(crate) bank: Option<&'a str>,
    /// For individual codes only.
    pub(crate) account_information: Option<&'a str>,
    pub(crate) city: Option<&'a str>,
    pub(crate) category_code: Option<&'a str>,
    pub(crate) union_pay: Option<&'a str>,
    pub(crate) bill: Option<&'a str>,
    pub(crate) mobile: Option<&'a str>,
    pub(crate) store: Option<&'a str>,
    pub(crate) terminal: Option<&'a str>,
    pub(crate) purpose: Option<&'a str>,
    /// The language, and the name and the city in it.
    pub(crate) second_language: Option<(&'a str, &'a str, Option<&'a str>)>,
}

/// Whether the payer or the code decides the amount.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PaymentFields {
    Static(Currency),
    Dynamic {
        amount: PayloadAmount,
        created_at: Timestamp,
        expires_at: Timestamp,
    },
}

impl<'a> CodeFields<'a> {
    /// Checks the fields.
    pub(crate) fn draft(
        &self,
        account: AccountId<'a>,
        payment: PaymentFields,
    ) -> Result<KhqrDraft<'a>, Error> {
        if let Some(id) = self.merchant_id {
            let bank = self.bank.unwrap_or_default();
            return self.finish(KhqrBuilder::merchant(account, id, bank, self.name), payment);
        }
        let mut builder = KhqrBuilder::individual(account, self.name);
        if let Some(text) = self.account_information {
            builder = builder.account_information(text);
        }
        if let Some(text) = self.bank {
            builder = builder.acquiring_bank(text);
        }
        self.finish(builder, payment)
    }

    /// Sets the fields that both kinds of account have.
    fn finish<Kind>(
        &self,
        mut builder: KhqrBuilder<'a, Kind>,
        payment: PaymentFields,
    ) -> Result<KhqrDraft<'a>, Error> {
        type Set<'a, Kind> = fn(KhqrBuilder<'a, Kind>, &'a str) -> KhqrBuilder<'a, Kind>;
        let fields: [(Option<&'a str>, Set<'a, Kind>); 8] = [
            (self.city, KhqrBuilder::merchant_city),
            (self.category_code, KhqrBuilder::merchant_category_code),
            (self.union_pay, KhqrBuilder::union_pay_account),
            (self.bill, KhqrBuilder::bill_number),
            (self.mobile, KhqrBuilder::mobile_number),
            (self.store, KhqrBuilder::store_label),
            (self.terminal, KhqrBuilder::terminal_label),
            (self.purpose, KhqrBuilder::purpose_of_transaction),
        ];
        for (text, set) in fields {
            if let Some(text) = text {
                builder = set(builder, text);
            }
        }
        if let Some((language, name, city)) = self.second_language {
            builder = builder.second_language(language, name, city);
        }
        match payment {
            PaymentFields::Static(currency) => builder.static_code(currency),
            PaymentFields::Dynamic {
                amount,
                created_at,
                expires_at,
            } => builder.dynamic_code(amount, created_at, expires_at),
        }
    }
}

/// The usage error for an invalid field. It names the option that sets the field.
pub(crate) fn usage_error(error: &Error) -> Failure {
    let option = error.tag().and_then(option_of);
    Failure::usage(option.map_or_else(|| error.to_string(), |option| format!("{option}: {error}")))
}

/// The error without its tag, for a value that is not part of a code.
pub(crate) fn without_tag(error: &Error) -> String {
    let text = error.to_string();
    match error.tag() {
        Some(tag) => text.replacen(&format!(" (tag {tag})"), "", 1),
        None => text,
    }
}

/// The option that sets a field.
fn option_of(tag: TagPath) -> Option<&'static str> {
    Some(match (tag.top().number(), tag.sub().map(Tag::number)) {
        (15, None) => "--union-pay",
        (29 | 30, Some(0)) => "--account",
        (29, Some(1)) => "--account-information",
        (30, Some(1)) => "--merchant-id",
        (29 | 30, Some(2)) => "--bank",
        (52, None) => "--category-code",
        (54, None) => "--amount",
        (59, None) => "--name",
        (60, None) => "--city",
        (62, Some(1)) => "--bill",
        (62, Some(2)) => "--mobile",
        (62, Some(3)) => "--store",
        (62, Some(7)) => "--terminal",
        (62, Some(8)) => "--purpose",
        (64, Some(0)) => "--language",
        (64, Some(1)) => "--alternate-name",
        (64, Some(2)) => "--alternate-city",
        (99, Some(0)) => "--now",
        (99, Some(1)) => "--expires-in",
        _ => return None,
    })
}
