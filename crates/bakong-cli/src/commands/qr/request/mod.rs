//! A code that a line of JSON asks for, in the words of the official SDK.

mod draft;
mod earliest;
mod number;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::Refusal;

pub(super) use draft::draft;

macro_rules! keys {
    ($($key:ident = $name:literal,)*) => {
        /// Everything that a line may say.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        enum Key {
            $($key,)*
        }

        const KEYS: usize = [$($name),*].len();

        impl Key {
            fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)*
                    _ => None,
                }
            }

            const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }
        }
    };
}

keys! {
    Kind = "kind",
    BakongAccountId = "bakongAccountID",
    MerchantName = "merchantName",
    MerchantCity = "merchantCity",
    MerchantId = "merchantID",
    AcquiringBank = "acquiringBank",
    AccountInformation = "accountInformation",
    Currency = "currency",
    Amount = "amount",
    BillNumber = "billNumber",
    MobileNumber = "mobileNumber",
    StoreLabel = "storeLabel",
    TerminalLabel = "terminalLabel",
    PurposeOfTransaction = "purposeOfTransaction",
    LanguagePreference = "languagePreference",
    MerchantNameAlternateLanguage = "merchantNameAlternateLanguage",
    MerchantCityAlternateLanguage = "merchantCityAlternateLanguage",
    UpiMerchantAccount = "upiMerchantAccount",
    MerchantCategoryCode = "merchantCategoryCode",
    ExpirationTimestamp = "expirationTimestamp",
    CreationTimestamp = "creationTimestamp",
}

impl Key {
    /// Whether a number is more than a way to write its digits.
    const fn takes_numbers(self) -> bool {
        matches!(
            self,
            Self::Amount | Self::Currency | Self::ExpirationTimestamp | Self::CreationTimestamp
        )
    }
}

/// What a line says under a key.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
enum Value<'a> {
    /// The key is not there.
    #[default]
    Unsaid,
    /// What the SDK takes for absent: null, an empty text, zero, false.
    Empty,
    Text(Cow<'a, str>),
    /// In plain notation, and not zero.
    Number(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Reads a value that is well-formed JSON; `None` if it is no text and no number.
    fn read(raw: &'a RawValue) -> Option<Self> {
        let raw = raw.get();
        match raw.as_bytes() {
            b"null" | b"false" | b"\"\"" => Some(Self::Empty),
            [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => {
                // The quotation marks are one byte each.
                raw.get(1..raw.len() - 1)
                    .map(|text| Self::Text(text.into()))
            }
            [b'"', ..] => serde_json::from_str(raw)
                .ok()
                .map(|text: String| Self::Text(text.into())),
            [b'-' | b'0'..=b'9', ..] => Some(match number::plain(raw) {
                zero if zero == "0" => Self::Empty,
                number => Self::Number(number),
            }),
            _ => None,
        }
    }
}

/// A line as far as JSON goes.
#[derive(Default, Debug)]
pub(super) struct Order<'a> {
    values: [Value<'a>; KEYS],
    /// The first thing in the line that has no meaning.
    fault: Option<Refusal>,
}

impl<'a> Order<'a> {
    /// Reads a line.
    pub(super) fn read(line: &'a str) -> Result<Self, Refusal> {
        let mut order: Self = serde_json::from_str(line).map_err(|error| not_json(&error))?;
        match order.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(order),
        }
    }

    fn value(&self, key: Key) -> &Value<'a> {
        &self.values[key as usize]
    }

    /// What the line says under a key, if anything. (Of a number, its plain notation.)
    fn text(&self, key: Key) -> Option<&str> {
        match self.value(key) {
            Value::Unsaid | Value::Empty => None,
            Value::Text(text) | Value::Number(text) => Some(text),
        }
    }

    fn put(&mut self, key: Key, raw: &'a RawValue) -> Result<(), Refusal> {
        let refused = |kind, reason| Refusal::of_line(kind, format!("{}: {reason}", key.name()));
        let slot = &mut self.values[key as usize];
        if *slot != Value::Unsaid {
            return Err(refused(
                "RepeatedField",
                "stands twice; which of the two counts is open",
            ));
        }
        *slot = match Value::read(raw) {
            Some(Value::Number(number)) if !key.takes_numbers() => {
                if number.contains('.') {
                    return Err(refused("WrongType", "must be a text or a whole number"));
                }
                Value::Text(number)
            }
            Some(value) => value,
            None => return Err(refused("WrongType", "must be a text or a number")),
        };
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Order<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrderVisitor;

        impl<'de> Visitor<'de> for OrderVisitor {
            type Value = Order<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut order = Order::default();
                while let Some(Name(key)) = map.next_key()? {
                    let fault = match key {
                        Ok(key) => order.put(key, map.next_value()?).err(),
                        Err(unknown) => {
                            map.next_value::<IgnoredAny>()?;
                            Some(unknown)
                        }
                    };
                    order.fault = order.fault.or(fault);
                }
                Ok(order)
            }
        }

        deserializer.deserialize_map(OrderVisitor)
    }
}

/// A key of the object, read without a copy of its name.
struct Name(Result<Key, Refusal>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                let unknown = || {
                    let start: String = name.chars().take(40).collect();
                    Refusal::of_line("UnknownField", format!("{start}: no such field"))
                };
                Ok(Name(Key::of(name).ok_or_else(unknown)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Where the line ceases to be JSON, or that it is JSON but no object.
fn not_json(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    if error.is_data() {
        return Refusal::of_line("NotJson", "must be a JSON object");
    }
    // It is one line. The column counts the bytes up to the one that was not expected.
    let byte = error.column().saturating_sub(usize::from(!error.is_eof()));
    let reason = text.split(" at line ").next().unwrap_or_default();
    Refusal::of_line("NotJson", format!("byte {byte}: not JSON: {reason}")).at_byte(byte)
}
