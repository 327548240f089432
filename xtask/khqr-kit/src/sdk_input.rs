//! The input of a code in the vocabulary of the official SDK, as JSON.

use std::collections::BTreeMap;

use khqr_core::Currency;
use serde_json::value::RawValue;

use crate::naive::writer::{Input, Money, Payment};

/// The text fields and their maximum lengths in UTF-16 units.
pub const TEXTS: [(&str, usize); 13] = [
    ("merchantName", 25),
    ("merchantCity", 15),
    ("merchantID", 32),
    ("acquiringBank", 32),
    ("accountInformation", 32),
    ("billNumber", 25),
    ("mobileNumber", 25),
    ("storeLabel", 25),
    ("terminalLabel", 25),
    ("purposeOfTransaction", 25),
    ("merchantNameAlternateLanguage", 25),
    ("merchantCityAlternateLanguage", 15),
    ("upiMerchantAccount", 31),
];

/// The fields of tag 62.
pub const LABELS: [&str; 5] = [
    "billNumber",
    "mobileNumber",
    "storeLabel",
    "terminalLabel",
    "purposeOfTransaction",
];

/// Returns the maximum length of a text field.
#[must_use]
pub fn longest(name: &str) -> usize {
    let found = TEXTS.iter().find(|(other, _)| *other == name);
    found.map_or(0, |(_, max)| *max)
}

/// A JSON value. A number is kept as text, so that its notation is preserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A number as it is written in JSON.
    Number(String),
}

impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with these digits.
    pub fn number(digits: impl Into<String>) -> Self {
        Self::Number(digits.into())
    }

    /// Returns the text, or the digits of the number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// The fields of a code to write, by the SDK's names. Fields may be missing, empty or of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SdkInput(BTreeMap<String, Value>);

impl SdkInput {
    /// Sets a field.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Removes empty fields, which the SDK treats as missing and khqr-core as invalid.
    pub fn remove_empty(&mut self) {
        self.0.retain(|_, value| !value.as_str().is_empty());
    }

    /// Returns a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a field unless it is empty. The SDK treats an empty string as a missing field.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.as_str().is_empty())
    }

    /// Returns a field if it is a non-empty string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns whether the account is a merchant's.
    #[must_use]
    pub fn is_merchant(&self) -> bool {
        self.get("kind").map(Value::as_str) == Some("merchant")
    }

    /// Returns whether the currency is US dollars.
    #[must_use]
    pub fn is_usd(&self) -> bool {
        matches!(
            self.given("currency").map(Value::as_str),
            Some("840" | "USD")
        )
    }

    /// Returns the input on one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| match value {
                Value::Text(text) => format!("{}:{}", quoted(name), quoted(text)),
                Value::Number(digits) => format!("{}:{digits}", quoted(name)),
            })
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    /// Reads a JSON object of texts and numbers. Skips fields that are `null`.
    ///
    /// # Errors
    /// If the text is not an object of texts and numbers.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json)?;
        let mut input = Self::default();
        for (name, value) in raw {
            let value = value.get();
            match value.as_bytes() {
                b"null" => {}
                [b'-' | b'0'..=b'9', ..] => input.set(&name, Value::number(value)),
                _ => input.set(&name, Value::Text(serde_json::from_str(value)?)),
            }
        }
        Ok(input)
    }

    /// Converts the input to the typed input of khqr-core's builder. A currency other than US dollars becomes riel.
    /// A missing or invalid creation time becomes `now`; such an expiry becomes 0. A JSON integer is in minor units.
    #[must_use]
    pub fn to_typed(&self, now: u64) -> Input {
        let own = |name: &str| self.get(name).map(|value| value.as_str().to_owned());
        let time = |name: &str| self.get(name)?.as_str().parse().ok();
        let is_merchant = self.is_merchant();
        let required = |text: Option<String>| text.or_else(|| is_merchant.then(String::new));
        let detail = if is_merchant {
            "merchantID"
        } else {
            "accountInformation"
        };
        let second_language = own("merchantNameAlternateLanguage").map(|name| {
            let language = own("languagePreference").unwrap_or_default();
            (language, name, own("merchantCityAlternateLanguage"))
        });
        Input {
            is_merchant,
            account: own("bakongAccountID").unwrap_or_default(),
            account_detail: required(own(detail)),
            acquiring_bank: required(own("acquiringBank")),
            name: own("merchantName").unwrap_or_default(),
            city: own("merchantCity"),
            category: own("merchantCategoryCode"),
            union_pay: own("upiMerchantAccount"),
            additional: LABELS.map(own),
            second_language,
            currency: if self.is_usd() {
                Currency::Usd
            } else {
                Currency::Khr
            },
            payment: self.get("amount").map(|amount| Payment {
                amount: match (amount, amount.as_str().parse()) {
                    (Value::Number(_), Ok(units)) => Money::Units(units),
                    _ => Money::Text(amount.as_str().to_owned()),
                },
                created: time("creationTimestamp").unwrap_or(now),
                expires: time("expirationTimestamp").unwrap_or_default(),
            }),
        }
    }
}

/// Encodes a string as JSON.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_digit_and_character() {
        let mut input = SdkInput::default();
        input.set("kind", Value::text("merchant"));
        input.set("amount", Value::number("5.00"));
        input.set("merchantName", Value::text("a\"\n\u{2028}😀"));
        let json = input.to_json();
        assert!(
            !json.contains('\n') && json.contains("\"amount\":5.00"),
            "{json}"
        );
        assert_eq!(SdkInput::from_json(&json).unwrap(), input);
        assert!(SdkInput::from_json(r#"{"a":[1]}"#).is_err());
        let without_null = SdkInput::from_json(r#"{"a":null}"#).unwrap();
        assert_eq!(without_null, SdkInput::default());
    }
}
