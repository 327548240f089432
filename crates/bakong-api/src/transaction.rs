//! A transaction as Bakong tells it, with nothing lost that cannot be understood.

use khqr_core::{Amount, Currency, Timestamp};

use crate::json::{Decimal, Object, Raw, string, unquoted};

/// One field of an answer.
///
/// A transaction is a payment even where one of its fields is in a form never seen before, so a field
/// that cannot be understood keeps its JSON text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading<T> {
    /// It is there and understood.
    Known(T),
    /// It is missing or null.
    Absent,
    /// It is there, as this JSON text, and not understood. What is there twice and differently is a list of
    /// both.
    Unreadable(Box<str>),
}

impl<T> Reading<T> {
    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    fn of<'a>(object: &Object<'a>, key: &str, read: impl FnOnce(Raw<'a>) -> Option<T>) -> Self {
        if let Some(values) = object.contradiction(key) {
            return Self::Unreadable(values.into());
        }
        match object.get(key) {
            None => Self::Absent,
            Some(raw) => read(raw).map_or_else(|| Self::Unreadable(raw.get().into()), Self::Known),
        }
    }
}

impl Reading<String> {
    /// The text, if it is known.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.known().map(String::as_str)
    }
}

/// A payment that Bakong knows of.
///
/// Its texts are strangers': print them through [`Printable`](khqr_core::Printable).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Transaction {
    /// The full hash, 64 hexadecimal digits; its first eight are the short hash.
    pub hash: Reading<String>,
    /// The payer's account.
    pub from_account_id: Reading<String>,
    /// The account that was paid.
    pub to_account_id: Reading<String>,
    /// The currency.
    pub currency: Reading<Currency>,
    /// The amount, read exactly from the number's own text. Not readable without its currency.
    pub amount: Reading<Amount>,
    /// The payer's remark.
    pub description: Reading<String>,
    /// When it was made (`createdDateMs`).
    pub created_at: Reading<Timestamp>,
    /// When the receiving bank acknowledged it (`acknowledgedDateMs`).
    pub acknowledged_at: Reading<Timestamp>,
    /// Where it is between the banks.
    pub tracking_status: Reading<String>,
    /// The receiving bank.
    pub receiver_bank: Reading<String>,
    /// The account at the receiving bank.
    pub receiver_bank_account: Reading<String>,
    /// The reference that the payer's bank assigned.
    pub instruction_ref: Reading<String>,
    /// The payer bank's own reference (`100FT…`); not the merchant's.
    pub external_ref: Reading<String>,
    json: Box<str>,
}

impl Transaction {
    /// The members that only an answer about a transaction has.
    pub(crate) const TELLING: [&str; 11] = [
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

    /// Reads a transaction's JSON, as [`Transaction::as_json`] gives it; `None` if it is no object with at
    /// least one of hash, recipient and amount.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json.trim_ascii();
        Self::of(&Object::parse(json)?, Raw::new(json, false))
    }

    /// All that Bakong said of it, members that are not known here included, as it came.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Reads `data`; `None` if it is no object with at least one field of a transaction.
    pub(crate) fn read(data: Raw<'_>) -> Option<Self> {
        Self::of(&Object::read(data)?, data)
    }

    /// Reads the object that `data` is.
    pub(crate) fn of(object: &Object<'_>, data: Raw<'_>) -> Option<Self> {
        let text = |key| Reading::of(object, key, string);
        let time = |key| Reading::of(object, key, millis);
        let (hash, from_account_id, to_account_id) =
            (text("hash"), text("fromAccountId"), text("toAccountId"));
        let currency = Reading::of(object, "currency", |raw| string(raw)?.parse().ok());
        let amount = Reading::of(object, "amount", |raw| amount(raw, *currency.known()?));
        let transaction = Self {
            hash,
            from_account_id,
            to_account_id,
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
            json: data.get().into(),
        };
        let says_nothing = transaction.hash == Reading::Absent
            && transaction.to_account_id == Reading::Absent
            && transaction.amount == Reading::Absent;
        (!says_nothing).then_some(transaction)
    }

    /// The short hash: the first eight digits of the full one.
    #[must_use]
    pub fn short_hash(&self) -> Option<&str> {
        self.hash.as_deref()?.get(..8)
    }
}

/// A number or a string that holds one, exactly, as whole minor units.
fn amount(raw: Raw<'_>, currency: Currency) -> Option<Amount> {
    let units = Decimal::parse(unquoted(raw))?.scaled(currency.decimals())?;
    Some(Amount::from_minor_units(units, currency))
}

/// Milliseconds, sometimes with a fraction, which is dropped.
fn millis(raw: Raw<'_>) -> Option<Timestamp> {
    Decimal::parse(unquoted(raw))?
        .floor()
        .map(Timestamp::from_millis)
}
