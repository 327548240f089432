//! Writes a code field by field, and adds a payment to an existing code.

use khqr_core::{Currency, ErrorKind};

use super::form::{Node, encoded as field, sealed};
use super::{
    Code, Defect, account_defect, amount, category_defect, language_defect, length, text_defect,
};

/// The content of a code to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Whether the account is written as tag 30 instead of tag 29.
    pub is_merchant: bool,
    /// The Bakong account.
    pub account: String,
    /// Account information, or the merchant id, which is required for a merchant.
    pub account_detail: Option<String>,
    /// Required for a merchant.
    pub acquiring_bank: Option<String>,
    /// Tag 59.
    pub name: String,
    /// Tag 60.
    pub city: Option<String>,
    /// Tag 52.
    pub category: Option<String>,
    /// Tag 15.
    pub union_pay: Option<String>,
    /// 62/01, 02, 03, 07 and 08.
    pub additional: [Option<String>; 5],
    /// Tag 64: language, name and city.
    pub second_language: Option<(String, String, Option<String>)>,
    /// Tag 53.
    pub currency: Currency,
    /// Tags 54 and 99, for a dynamic code.
    pub payment: Option<Payment>,
}

/// The amount and the times of a dynamic code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Tag 54.
    pub amount: Money,
    /// Milliseconds since 1970.
    pub created: u64,
    /// Milliseconds since 1970.
    pub expires: u64,
}

/// An amount as a caller of the SDK gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Money {
    /// Riel or cents.
    Units(u64),
    /// A decimal number.
    Text(String),
}

impl Money {
    /// Formats the amount for tag 54.
    fn written(&self, currency: Currency) -> Result<String, Defect> {
        match self {
            Self::Units(units) => Ok(amount::written(*units, currency)),
            Self::Text(text) => amount::written_from_text(text, currency)
                .map_err(|kind| Defect::of_field(kind, "54")),
        }
    }
}

impl Payment {
    fn check_amount(&self, currency: Currency) -> Result<(), Defect> {
        let written = self.amount.written(currency)?;
        if written.chars().all(|c| c == '0' || c == '.') {
            return Err(Defect::of_field(ErrorKind::AmountZero, "54"));
        }
        if written.len() > 13 {
            return Err(Defect::of_field(ErrorKind::TooLong { max: 13 }, "54"));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Defect> {
        for (moment, field) in [(self.expires, "99/01"), (self.created, "99/00")] {
            if moment.to_string().len() != 13 {
                let kind = ErrorKind::WrongLength { expected: 13 };
                return Err(Defect::of_field(kind, field));
            }
        }
        if self.expires < self.created {
            let kind = ErrorKind::ExpiresBeforeCreation;
            return Err(Defect::of_field(kind, "99/01"));
        }
        Ok(())
    }

    /// Returns the value of tag 99 followed by its other fields.
    fn times(&self, others: &str) -> String {
        let times = [
            field("00", &self.created.to_string()),
            field("01", &self.expires.to_string()),
        ];
        times.concat() + others
    }
}

fn check(value: &str, path: &str, max: u8) -> Result<(), Defect> {
    match text_defect(value, max) {
        Some(kind) => Err(Defect::of_field(kind, path)),
        None => Ok(()),
    }
}

impl Input {
    /// Writes the code.
    ///
    /// # Errors
    /// The first defect: of the account, then of the text of the amount, then in the order of the official SDK.
    pub fn write(&self) -> Result<String, Defect> {
        if let Some(kind) = account_defect(&self.account) {
            return Err(Defect::of_field(kind, "29/00"));
        }
        let written = match &self.payment {
            Some(payment) => Some(payment.amount.written(self.currency)?),
            None => None,
        };
        self.check()?;
        let account = if self.is_merchant { "30" } else { "29" };
        let mut fields = vec![field("00", "01")];
        fields.push(field("01", if written.is_some() { "12" } else { "11" }));
        fields.extend(self.union_pay.iter().map(|value| field("15", value)));
        fields.push(template(account, &self.account_fields())?);
        fields.push(field("52", self.category()));
        fields.push(field("53", self.currency.numeric_code()));
        fields.extend(written.iter().map(|amount| field("54", amount)));
        fields.push(field("58", "KH"));
        fields.push(field("59", &self.name));
        fields.push(field("60", self.city()));
        fields.push(template("62", &self.additional_data())?);
        fields.push(template("64", &self.language_template())?);
        fields.extend(
            self.payment
                .iter()
                .map(|payment| field("99", &payment.times(""))),
        );
        Ok(sealed(&fields.concat()))
    }

    fn check(&self) -> Result<(), Defect> {
        let account = if self.is_merchant { "30" } else { "29" };
        if let Some(value) = &self.union_pay {
            check(value, "15", 31)?;
        }
        for (tag, value) in &self.account_fields()[1..] {
            check(value, &format!("{account}/{tag}"), 32)?;
        }
        if let Some(kind) = category_defect(self.category()) {
            return Err(Defect::of_field(kind, "52"));
        }
        if self.union_pay.is_some() && self.currency == Currency::Usd {
            return Err(Defect::of_field(ErrorKind::UnionPayInUsd, "15"));
        }
        if let Some(payment) = &self.payment {
            payment.check_amount(self.currency)?;
        }
        check(&self.name, "59", 25)?;
        check(self.city(), "60", 15)?;
        for (tag, value) in self.additional_data() {
            check(value, &format!("62/{tag}"), 25)?;
        }
        if let Some((language, name, city)) = &self.second_language {
            if name.is_empty() {
                return Err(Defect::of_field(ErrorKind::Missing, "64/01"));
            }
            if let Some(kind) = language_defect(language) {
                return Err(Defect::of_field(kind, "64/00"));
            }
            check(name, "64/01", 25)?;
            city.iter().try_for_each(|city| check(city, "64/02", 15))?;
        }
        self.payment.iter().try_for_each(Payment::check_times)
    }

    /// Returns tag 52 or its default.
    #[must_use]
    pub fn category(&self) -> &str {
        self.category.as_deref().unwrap_or("5999")
    }

    /// Returns tag 60 or its default.
    #[must_use]
    pub fn city(&self) -> &str {
        self.city.as_deref().unwrap_or("Phnom Penh")
    }

    fn account_fields(&self) -> Vec<(&str, &str)> {
        let always = self.is_merchant.then_some("");
        let mut fields = vec![("00", self.account.as_str())];
        let detail = self.account_detail.as_deref().or(always);
        fields.extend(detail.map(|value| ("01", value)));
        let bank = self.acquiring_bank.as_deref().or(always);
        fields.extend(bank.map(|value| ("02", value)));
        fields
    }

    fn additional_data(&self) -> Vec<(&str, &str)> {
        let tags = ["01", "02", "03", "07", "08"];
        let values = tags.into_iter().zip(&self.additional);
        values
            .filter_map(|(tag, value)| Some((tag, value.as_deref()?)))
            .collect()
    }

    fn language_template(&self) -> Vec<(&str, &str)> {
        let Some((language, name, city)) = &self.second_language else {
            return Vec::new();
        };
        let mut fields = vec![("00", language.as_str()), ("01", name.as_str())];
        fields.extend(city.iter().map(|city| ("02", city.as_str())));
        fields
    }
}

/// Encodes a template, or returns an empty text for an empty template.
fn template(tag: &str, fields: &[(&str, &str)]) -> Result<String, Defect> {
    let value: String = fields
        .iter()
        .map(|(tag, value)| field(tag, value))
        .collect();
    match length(&value) {
        0 => Ok(String::new()),
        1..=99 => Ok(field(tag, &value)),
        _ => Err(Defect::of_field(ErrorKind::TemplateTooLong, tag)),
    }
}

impl Code {
    /// Turns the code into a dynamic code. `nodes` are all its fields. Each of the three written fields replaces the
    /// field with the same tag. If it is absent, tag 01 goes after tag 00 or first, tag 54 after tag 53, tag 99 last.
    ///
    /// # Errors
    /// The first defect of the currency, the amount, the times or the resulting text.
    pub fn with_payment(
        &self,
        nodes: &[Node],
        currency: Currency,
        payment: &Payment,
    ) -> Result<String, Defect> {
        let written = payment.amount.written(currency)?;
        if self.currency()? != currency {
            return Err(Defect::of_field(ErrorKind::CurrencyDiffers, "54"));
        }
        payment.check_amount(currency)?;
        payment.check_times()?;
        let mut others = String::new();
        let mut fields: Vec<(&str, String)> = Vec::new();
        for node in nodes.iter().filter(|node| node.tag != "63") {
            fields.push((&node.tag, node.encoded()));
            if node.tag == "99" {
                let kept = node.inner().0.into_iter();
                let kept = kept.filter(|field| field.tag != "00" && field.tag != "01");
                others = kept.map(|field| field.encoded()).collect();
            }
        }
        let times = payment.times(&others);
        if length(&times) > 99 {
            return Err(Defect::of_field(ErrorKind::TemplateTooLong, "99"));
        }
        put(&mut fields, "01", field("01", "12"), |fields| {
            fields
                .iter()
                .position(|(tag, _)| *tag == "00")
                .map_or(0, |at| at + 1)
        });
        put(&mut fields, "54", field("54", &written), |fields| {
            fields.iter().position(|(tag, _)| *tag == "53").unwrap() + 1
        });
        put(&mut fields, "99", field("99", &times), |fields| {
            fields.len()
        });
        let body: String = fields.into_iter().map(|(_, encoded)| encoded).collect();
        let text = sealed(&body);
        if text.len() > 7_089 {
            return Err(Defect::of_text(ErrorKind::TextTooLong));
        }
        Ok(text)
    }
}

/// Replaces the field with this tag, or inserts it at the index that `place` returns.
fn put<'t>(
    fields: &mut Vec<(&'t str, String)>,
    tag: &'t str,
    encoded: String,
    place: impl Fn(&[(&str, String)]) -> usize,
) {
    match fields.iter_mut().find(|(known, _)| *known == tag) {
        Some((_, old)) => *old = encoded,
        None => fields.insert(place(fields), (tag, encoded)),
    }
}
