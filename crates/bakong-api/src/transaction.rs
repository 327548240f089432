//! A transaction as Bakong reports it. Fields that cannot be interpreted keep their JSON text.

use std::borrow::Cow;

use khqr_core::{Amount, Currency, Timestamp};
use serde_json::value::RawValue;

use crate::hash;
use crate::json::{Decimal, Object, string};

/// One field of an answer.
///
/// A transaction is a payment even if one of its fields has an unknown form, so a field that cannot be
/// interpreted keeps its JSON text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading<T> {
    /// The field is present and was interpreted.
    Known(T),
    /// The field is missing or null.
    Absent,
    /// The field's JSON text, which could not be interpreted. If the field occurs twice with different values,
    /// this is a JSON list of both.
    Unreadable(Box<str>),
}

impl<T> Reading<T> {
    /// Returns the value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    fn of<'a>(
        object: &Object<'a>,
        name: &str,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Self {
        match object.get_unique(name) {
            Err(values) => Self::Unreadable(values.into()),
            Ok(None) => Self::Absent,
            Ok(Some(raw)) => {
                read(raw).map_or_else(|| Self::Unreadable(raw.get().into()), Self::Known)
            }
        }
    }
}

impl Reading<String> {
    /// Returns the text, if it is known.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.known().map(String::as_str)
    }
}

/// A payment that Bakong knows.
///
/// The text fields come from untrusted sources: print them through [`Printable`](khqr_core::Printable).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Transaction {
    /// The full hash, 64 hexadecimal digits in lower case. The first eight are the short hash.
    ///
    /// White space, invisible characters and a leading `0x` are removed, so that each transaction has only one hash.
    /// Unreadable if the rest is not a full hash. Without a known hash, a transaction cannot be recognized
    /// when it is found again.
    pub hash: Reading<String>,
    /// The payer's account.
    pub from_account_id: Reading<String>,
    /// The recipient's account.
    pub to_account_id: Reading<String>,
    /// The currency.
    pub currency: Reading<Currency>,
    /// The amount, read exactly from the number's text. Unreadable if the currency is unreadable.
    pub amount: Reading<Amount>,
    /// The payer's remark.
    pub description: Reading<String>,
    /// When the transaction was made (`createdDateMs`).
    pub created_at: Reading<Timestamp>,
    /// When the receiving bank acknowledged the transaction (`acknowledgedDateMs`).
    pub acknowledged_at: Reading<Timestamp>,
    /// The state of the transfer between the banks.
    pub tracking_status: Reading<String>,
    /// The receiving bank.
    pub receiver_bank: Reading<String>,
    /// The account at the receiving bank.
    pub receiver_bank_account: Reading<String>,
    /// The reference that the payer's bank assigned to the payment instruction.
    pub instruction_ref: Reading<String>,
    /// The payer bank's own reference (`100FT…`), which is not the merchant's reference.
    pub external_ref: Reading<String>,
    json: Box<str>,
}

/// Serializes the transaction as a string: the JSON text of [`Transaction::as_json`].
#[cfg(feature = "serde")]
impl serde::Serialize for Transaction {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.json)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Transaction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = String::deserialize(deserializer)?;
        let transaction = Self::from_json(&json);
        transaction.ok_or_else(|| serde::de::Error::custom("the text is not a transaction"))
    }
}

impl Transaction {
    /// The members that occur only in an answer about a transaction.
    pub(crate) const MARKERS: [&str; 11] = [
        "hash",
        "fromAccountId",
        "toAccountId",
        "amount",
        "createdDateMs",
        "acknowledgedDateMs",
        "trackingStatus",
        "receiverBank",
        "receiverBankAccount",
        "instructionRef",
        "externalRef",
    ];

    /// Parses a transaction's JSON, as returned by [`Transaction::as_json`]. Returns `None` unless the text is
    /// an object with a hash, a recipient or an amount.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json.trim_ascii();
        let object = &Object::parse(json)?;
        let text = |name| Reading::of(object, name, |raw| string(raw).map(Cow::into_owned));
        let time = |name| Reading::of(object, name, millis);
        let currency = Reading::of(object, "currency", |raw| string(raw)?.parse().ok());
        let amount = Reading::of(object, "amount", |raw| amount(raw, *currency.known()?));
        let transaction = Self {
            hash: Reading::of(object, "hash", |raw| hash::full(&string(raw)?)),
            from_account_id: text("fromAccountId"),
            to_account_id: text("toAccountId"),
            currency,
            amount,
            description: text("description"),
            created_at: time("createdDateMs"),
            acknowledged_at: time("acknowledgedDateMs"),
            tracking_status: text("trackingStatus"),
            receiver_bank: text("receiverBank"),
            receiver_bank_account: text("receiverBankAccount"),
            instruction_ref: text("instructionRef"),
            external_ref: text("externalRef"),
            json: json.into(),
        };
        let identifies_nothing = transaction.hash == Reading::Absent
            && transaction.to_account_id == Reading::Absent
            && transaction.amount == Reading::Absent;
        (!identifies_nothing).then_some(transaction)
    }

    /// Returns the JSON that Bakong sent, unchanged, including members that have no field here.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Returns the short hash: the first eight digits of the full hash.
    #[must_use]
    pub fn short_hash(&self) -> Option<&str> {
        self.hash.as_deref()?.get(..8)
    }
}

/// Reads a number, or a string that contains one, as whole minor units.
fn amount(value: &RawValue, currency: Currency) -> Option<Amount> {
    let units = Decimal::read(value)?.scaled(currency.decimals())?;
    Some(Amount::from_minor_units(units, currency))
}

/// Reads milliseconds. Bakong sometimes sends a fraction, which is dropped.
fn millis(value: &RawValue) -> Option<Timestamp> {
    Decimal::read(value)?.floor().map(Timestamp::from_millis)
}
