//! Reads the JSON object: known fields, each at most once, as text or exact number.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::number;
use crate::common::refusal::Refusal;

macro_rules! keys {
    ($($key:ident = $name:literal,)*) => {
        /// A field of the object.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Key {
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
    /// Whether a JSON number differs from a string of the same digits.
    const fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Amount | Self::Currency | Self::ExpirationTimestamp | Self::CreationTimestamp
        )
    }
}

/// The value of a field.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) enum Value<'a> {
    /// The object does not have the field.
    #[default]
    Absent,
    /// A value that the SDK treats as absent: null, an empty string, zero or false.
    Empty,
    Text(Cow<'a, str>),
    /// A number other than zero, in plain notation.
    Number(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Reads a JSON value. Returns `None` unless it is a string, a number, null or false.
    fn read(raw: &'a RawValue) -> Option<Self> {
        let raw = raw.get();
        match raw.as_bytes() {
            b"null" | b"false" | b"\"\"" => Some(Self::Empty),
            [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => {
                // A string without escapes is borrowed. Each quotation mark is one byte.
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

/// A request for a code: a JSON object with known fields, whose values are not checked yet.
#[derive(Default, Debug)]
pub(in crate::commands::qr) struct CodeRequest<'a> {
    values: [Value<'a>; KEYS],
    /// The first field that is unknown, repeated or of the wrong type.
    fault: Option<Refusal>,
}

impl<'a> CodeRequest<'a> {
    /// Parses a line. Invalid JSON takes precedence over an invalid field.
    pub(in crate::commands::qr) fn parse(line: &'a str) -> Result<Self, Refusal> {
        let mut request: Self = serde_json::from_str(line).map_err(|error| not_json(&error))?;
        request.fault.take().map_or(Ok(request), Err)
    }

    pub(super) fn value(&self, key: Key) -> &Value<'a> {
        &self.values[key as usize]
    }

    /// The string or the number of a field, unless it is absent or empty.
    pub(super) fn text(&self, key: Key) -> Option<&str> {
        match self.value(key) {
            Value::Absent | Value::Empty => None,
            Value::Text(text) | Value::Number(text) => Some(text),
        }
    }

    fn set(&mut self, key: Key, raw: &'a RawValue) -> Result<(), Refusal> {
        let refused = |kind, reason| Refusal::of_line(kind, format!("{}: {reason}", key.name()));
        let slot = &mut self.values[key as usize];
        if *slot != Value::Absent {
            return Err(refused("RepeatedField", "the field appears twice"));
        }
        *slot = match Value::read(raw) {
            Some(Value::Number(number)) if !key.is_numeric() => {
                if number.contains('.') {
                    return Err(refused("WrongType", "must be a string or a whole number"));
                }
                Value::Text(number)
            }
            Some(value) => value,
            None => return Err(refused("WrongType", "must be a string or a number")),
        };
        Ok(())
    }
}

impl<'de> Deserialize<'de> for CodeRequest<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RequestVisitor;

        impl<'de> Visitor<'de> for RequestVisitor {
            type Value = CodeRequest<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut request = CodeRequest::default();
                while let Some(Name(name)) = map.next_key()? {
                    let fault = match Key::of(&name) {
                        Some(key) => request.set(key, map.next_value()?).err(),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                            Some(unknown_field(&name))
                        }
                    };
                    request.fault = request.fault.or(fault);
                }
                Ok(request)
            }
        }

        deserializer.deserialize_map(RequestVisitor)
    }
}

/// The name of a field, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn unknown_field(name: &str) -> Refusal {
    let start: String = name.chars().take(40).collect();
    Refusal::of_line("UnknownField", format!("{start}: unknown field"))
}

/// The refusal for invalid JSON, with the byte offset, or for JSON that is not an object.
fn not_json(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    if error.is_data() {
        return Refusal::of_line("NotJson", "must be a JSON object");
    }
    // The column counts the bytes up to and including the unexpected one.
    let byte = error.column().saturating_sub(usize::from(!error.is_eof()));
    let reason = text.split(" at line ").next().unwrap_or_default();
    Refusal::of_line("NotJson", format!("byte {byte}: not JSON: {reason}")).at_byte(byte)
}
