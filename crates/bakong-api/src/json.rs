//! Reads JSON without decoding it into fixed types.
//!
//! Bakong's answers vary in ways that a derived decoder rejects: an integer arrives as a float, a number arrives
//! as a string, a member occurs twice. A decoder that rejects a paid answer loses an order. So every value is kept as
//! the text that Bakong sent, and is interpreted only where it is used. No number is converted to a float.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object, in the order in which they occur.
pub(crate) struct Object<'a>(Vec<Member<'a>>);

type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// A JSON string, borrowed from the input unless it contains escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // A transaction has 13 members.
                let mut members = Vec::with_capacity(16);
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    /// Parses `text`; `None` unless all of it is one JSON object (RFC 8259).
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the values of the member `name`, the last one first.
    fn values(&self, name: &str) -> impl Iterator<Item = &'a RawValue> {
        let members = self.0.iter().rev().filter(move |(own, _)| own == name);
        members.map(|(_, value)| *value)
    }

    /// Returns the member's value, or `None` if it is absent or null. The last of several members with the
    /// same name counts, as in JavaScript.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let value = self.values(name).next()?;
        (value.get() != "null").then_some(value)
    }

    /// Whether any member occurs more than once with different values.
    pub(crate) fn contradicts_itself(&self) -> bool {
        // Sorting avoids comparing all pairs: a hostile server may send a hundred thousand members.
        let mut members: Vec<_> = self.0.iter().collect();
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut pairs = members.iter().zip(members.iter().skip(1));
        pairs.any(|((one, value), (other, next))| one == other && value.get() != next.get())
    }

    /// Returns the member's value, like [`get`](Self::get).
    ///
    /// # Errors
    /// The values as a JSON list if the member occurs more than once with different values.
    pub(crate) fn get_unique(&self, name: &str) -> Result<Option<&'a RawValue>, String> {
        let mut values = self.values(name);
        let Some(last) = values.next() else {
            return Ok(None);
        };
        if values.all(|value| value.get() == last.get()) {
            return Ok((last.get() != "null").then_some(last));
        }
        let mut values: Vec<_> = self.values(name).map(RawValue::get).collect();
        values.reverse();
        Err(format!("[{}]", values.join(",")))
    }

    /// Whether any of these members is present.
    pub(crate) fn contains_any(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| names.contains(&&**name))
    }

    /// Whether any of these members is present and not empty.
    pub(crate) fn has_any(&self, mut names: impl Iterator<Item = &'static str>) -> bool {
        names.any(|name| self.get(name).is_some_and(|value| !is_empty(value)))
    }

    /// Whether any of `names` occurs, at any depth, inside a member that is not in `known`.
    ///
    /// Values nested deeper than [`MAX_DEPTH`] are not searched and count as a match.
    pub(crate) fn hides_any(&self, names: &[&'static str], known: &[&str]) -> bool {
        let mut unknown = self.0.iter().filter(|(name, _)| !known.contains(&&**name));
        unknown.any(|(_, value)| contains_any(value, names, MAX_DEPTH))
    }
}

/// The depth to which [`Object::hides_any`] searches. Bakong's answers have fewer than five levels. The limit keeps a
/// hostile server from exhausting the stack or wasting time.
const MAX_DEPTH: u32 = 127;

fn contains_any(value: &RawValue, names: &[&'static str], depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    match value.get().as_bytes().first() {
        Some(b'{') => Object::parse(value.get()).is_some_and(|object| {
            let mut members = object.0.iter();
            object.has_any(names.iter().copied())
                || members.any(|(_, value)| contains_any(value, names, depth))
        }),
        Some(b'[') => items(value).is_some_and(|items| {
            let mut items = items.into_iter();
            items.any(|item| contains_any(item, names, depth))
        }),
        _ => false,
    }
}

/// Repairs a body that is not valid JSON: removes a byte order mark, and replaces invalid UTF-8 and raw control
/// characters. Such bytes occur in payers' remarks.
pub(crate) fn repair(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    text.replace(|c: char| c.is_ascii_control(), " ")
}

/// Returns the items of a list, or `None` if the value is not a list.
pub(crate) fn items(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// Whether an object, list or string contains nothing but white space.
pub(crate) fn is_empty(value: &RawValue) -> bool {
    let inside = value.get().strip_prefix(['{', '[', '"']);
    inside
        .and_then(|text| text.strip_suffix(['}', ']', '"']))
        .is_some_and(|text| text.trim().is_empty())
}

/// Returns the text of a string, or `None` if the value is not a string.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get())
        .ok()
        .map(|Text(text)| text)
}

/// Returns the text of a value that should be a number, without the quotes if it was sent as a string.
fn unquoted(value: &RawValue) -> &str {
    let text = value.get();
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .map_or(text, str::trim)
}

/// Reads a whole number in any form: `1`, `1.0`, `"1"`.
pub(crate) fn integer(value: &RawValue) -> Option<i64> {
    let text = unquoted(value);
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let value = i64::try_from(Decimal::parse(magnitude)?.scaled(0)?).ok()?;
    Some(if negative { -value } else { value })
}

/// The exact value of a non-negative JSON number: `digits × 10^exponent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// Reads a number, or a string that contains one.
    pub(crate) fn read(value: &RawValue) -> Option<Self> {
        Self::parse(unquoted(value))
    }

    /// Parses `12`, `12.50` or `1.25e1`; `None` for any other text, or for too many digits or too large an exponent.
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        if whole.is_empty() {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut digits = 0u128;
        for byte in whole.bytes().chain(fraction.bytes()) {
            let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
            digits = digits.checked_mul(10)?.checked_add(u128::from(digit))?;
        }
        let places = i32::try_from(fraction.len()).ok()?;
        Some(Self {
            digits,
            exponent: i32::from(exponent) - places,
        })
    }

    /// Returns the number times `10^places`, if the product is a whole number that fits into 64 bits.
    pub(crate) fn scaled(self, places: u32) -> Option<u64> {
        let (value, rest) = self.divided(places)?;
        (rest == 0).then_some(value)
    }

    /// Returns the number without its fraction.
    pub(crate) fn floor(self) -> Option<u64> {
        self.divided(0).map(|(value, _)| value)
    }

    fn divided(self, places: u32) -> Option<(u64, u128)> {
        if self.digits == 0 {
            return Some((0, 0));
        }
        let exponent = self.exponent.checked_add(i32::try_from(places).ok()?)?;
        let (value, rest) = match 10u128.checked_pow(exponent.unsigned_abs()) {
            Some(power) if exponent >= 0 => (self.digits.checked_mul(power)?, 0),
            Some(power) => (self.digits / power, self.digits % power),
            None if exponent >= 0 => return None,
            None => (0, self.digits),
        };
        Some((u64::try_from(value).ok()?, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        let scaled = |text, places| Decimal::parse(text).and_then(|number| number.scaled(places));
        for (text, places, value) in [
            ("1", 2, Some(100)),
            ("1.0", 2, Some(100)),
            ("0.01", 2, Some(1)),
            ("4400", 0, Some(4_400)),
            ("4400.000", 0, Some(4_400)),
            ("4.4e3", 0, Some(4_400)),
            ("44000E-1", 0, Some(4_400)),
            ("0.29", 2, Some(29)),
            ("0.005", 2, None),
            ("0e99", 2, Some(0)),
            ("1e99", 2, None),
            ("1e-99", 2, None),
            ("18446744073709551615", 0, Some(u64::MAX)),
            ("18446744073709551616", 0, None),
        ] {
            assert_eq!(scaled(text, places), value, "{text}");
        }
        for text in [
            "", ".", "1.", ".1", "-1", "+1", "1e", "e1", "1,0", "NaN", " 1", "1e99999",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        let floor = |text| Decimal::parse(text).and_then(Decimal::floor);
        assert_eq!(floor("1636709123467.2"), Some(1_636_709_123_467));
        assert_eq!(floor("1.6057743706080e12"), Some(1_605_774_370_608));
        // The power of ten does not fit into 128 bits.
        assert_eq!((floor("1e-99"), floor("1e99")), (Some(0), None));
    }

    #[test]
    fn the_last_of_repeated_members_counts() {
        let object = Object::parse(r#"{"a":1,"\u0062":2,"a":3,"n":null}"#).unwrap();
        assert_eq!(object.get("a").map(RawValue::get), Some("3"));
        assert_eq!(object.get("b").map(RawValue::get), Some("2"));
        assert!(object.get("n").is_none() && object.get("x").is_none());
        let unique = |name| {
            object
                .get_unique(name)
                .map(|value| value.map(RawValue::get))
        };
        assert_eq!(unique("a"), Err("[1,3]".to_owned()));
        assert_eq!(unique("b"), Ok(Some("2")));
        assert_eq!((unique("n"), unique("x")), (Ok(None), Ok(None)));
        assert!(object.contains_any(&["x", "b"]) && !object.contains_any(&["x", "y"]));
        for text in ["", "[]", "{", "{}x", "<html>", "null", "{\"a\"}"] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_different_values_of_one_member_contradict() {
        let contradicts = |text| Object::parse(text).unwrap().contradicts_itself();
        assert!(contradicts(r#"{"a":1,"b":2,"a":2}"#));
        assert!(!contradicts(r#"{"a":1,"b":2,"a":1}"#));
        assert!(!contradicts("{}"));
    }

    #[test]
    fn values_nested_too_deep_count_as_hiding_a_member() {
        let hides = |levels: usize| {
            let text = format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
            Object::parse(&text).unwrap().hides_any(&["hash"], &[])
        };
        assert!(!hides(126));
        assert!(hides(128) && hides(100_000));
    }

    proptest! {
        #[test]
        fn amounts_are_exact_to_the_cent(units: u64) {
            let text = format!("{}.{:02}", units / 100, units % 100);
            prop_assert_eq!(Decimal::parse(&text).and_then(|number| number.scaled(2)), Some(units));
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in "[-+0-9.eE]{0,40}|\\PC*") {
            if let Some(number) = Decimal::parse(&text) {
                let _ = (number.floor(), number.scaled(2));
            }
        }
    }

    #[test]
    fn a_whole_number_keeps_its_sign() {
        let read = |text: &str| {
            let value: &RawValue = serde_json::from_str(text).unwrap();
            integer(value)
        };
        for (text, value) in [
            ("1", Some(1)),
            ("-1", Some(-1)),
            ("\"-1.0\"", Some(-1)),
            ("1.5", None),
            ("true", None),
        ] {
            assert_eq!(read(text), value, "{text}");
        }
    }
}
