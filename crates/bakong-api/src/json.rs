//! Reading JSON as it comes: no field is counted on, no number goes through a float.
//!
//! Bakong's answers vary where a derived decoder breaks (a float for an integer, a string for a number,
//! a field twice), and a decoder that breaks on a paid answer loses an order.

use std::borrow::Cow;
use std::cell::Cell;

use crate::scan::{Member, Scanner};

/// A JSON value as its own text, without white space around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Raw<'a> {
    text: &'a str,
    has_escapes: bool,
}

impl<'a> Raw<'a> {
    /// A text that was found to be one JSON value, and whether that is a string with escapes in it.
    pub(crate) const fn new(text: &'a str, has_escapes: bool) -> Self {
        Self { text, has_escapes }
    }

    pub(crate) const fn get(self) -> &'a str {
        self.text
    }
}

/// A JSON object's members, each value as its own text.
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
    /// Whether a member stands more than once with different values.
    contradicts_itself: bool,
    /// Where the next member is looked for first: they are mostly asked for in their order.
    next: Cell<usize>,
}

impl<'a> Object<'a> {
    /// The members of `raw`, or `None` if it is no object.
    pub(crate) fn read(raw: Raw<'a>) -> Option<Self> {
        Self::parse(raw.get())
    }

    /// The members of the object that is all of `text`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        Scanner::new(text).whole(Scanner::members).map(Self::of)
    }

    fn of(members: Vec<Member<'a>>) -> Self {
        Self {
            contradicts_itself: contradict(&members),
            members,
            next: Cell::new(0),
        }
    }

    /// The member's value as an object, if it is one. To be taken once.
    pub(crate) fn take_object(&mut self, key: &str) -> Option<Self> {
        let mut members = self.members.iter_mut().rev();
        let member = members.find(|member| member.name == key)?;
        member.inside.take().map(Self::of)
    }

    /// Whether a member stands more than once with different values: what the object says is open then.
    pub(crate) const fn contradicts_itself(&self) -> bool {
        self.contradicts_itself
    }

    /// The member's values as a list, if it stands more than once with different ones.
    #[inline]
    pub(crate) fn contradiction(&self, key: &str) -> Option<String> {
        let differing = || self.differing_values(key);
        self.contradicts_itself.then(differing).flatten()
    }

    fn differing_values(&self, key: &str) -> Option<String> {
        let values = || self.members.iter().filter(|member| member.name == key);
        let values = || values().map(|member| member.value.get());
        let first = values().next()?;
        values().any(|value| value != first).then(|| {
            let values: Vec<_> = values().collect();
            format!("[{}]", values.join(","))
        })
    }

    /// Whether one of these members is there and says something.
    pub(crate) fn says(&self, mut keys: impl Iterator<Item = &'static str>) -> bool {
        keys.any(|key| self.get(key).is_some_and(|raw| !is_empty(raw)))
    }

    /// Whether one of these members is there, at whatever depth, in what is in members other than `known`.
    pub(crate) fn hides(&self, keys: &[&'static str], known: &[&str]) -> bool {
        let mut others = self.members.iter();
        others.any(|member| !known.contains(&&*member.name) && says_within(member.value, keys))
    }

    /// The member's value; `None` if it is absent or null. Of a member that stands twice, the last, as
    /// JavaScript has it.
    pub(crate) fn get(&self, key: &str) -> Option<Raw<'a>> {
        let expected = self.next.get();
        let member = match self.members.get(expected) {
            Some(member) if !self.contradicts_itself && member.name == key => {
                self.next.set(expected + 1);
                member
            }
            _ => self.find(key)?,
        };
        (member.value.get() != "null").then_some(member.value)
    }

    /// The last of the members with this name.
    fn find(&self, key: &str) -> Option<&Member<'a>> {
        let at = self.members.iter().rposition(|member| member.name == key)?;
        self.next.set(at + 1);
        self.members.get(at)
    }
}

/// Whether a name stands more than once with different values.
fn contradict(members: &[Member<'_>]) -> bool {
    let differ =
        |one: &Member<'_>, other: &Member<'_>| one.name == other.name && one.value != other.value;
    if members.len() <= 32 {
        // Only names with the same mark need to be compared, of which there are mostly none.
        let mut seen = 0u64;
        return members.iter().enumerate().any(|(at, member)| {
            let mark = mark(&member.name);
            let may_stand_twice = seen & mark != 0;
            seen |= mark;
            may_stand_twice && members.iter().take(at).any(|other| differ(member, other))
        });
    }
    // Sorted, since comparing each with each takes minutes for what a hostile server may send.
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|one, other| one.name.cmp(&other.name));
    members.windows(2).any(|pair| differ(pair[0], pair[1]))
}

/// One bit, the same for the same name. Those of a transaction's members are all different.
fn mark(name: &str) -> u64 {
    let byte = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    let bytes = name.as_bytes();
    1 << ((byte(bytes.first()) + byte(bytes.last()) + 5 * bytes.len()) % 64)
}

/// The text of a body as strict JSON wants it: no byte order mark, no broken UTF-8 and no raw control
/// characters, which are no JSON inside strings and no more than white space outside.
pub(crate) fn repaired(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    text.replace(|c: char| c.is_ascii_control(), " ")
}

/// A list's items, each as its own text, or `None` if the value is no list.
pub(crate) fn items(raw: Raw<'_>) -> Option<Vec<Raw<'_>>> {
    Scanner::new(raw.get()).whole(Scanner::items)
}

/// Whether what this says, or something in it, has one of these members. A scanner goes no deeper than it
/// allows, so that nor does this.
fn says_within(raw: Raw<'_>, keys: &[&'static str]) -> bool {
    match raw.get().as_bytes().first() {
        Some(b'{') => Object::read(raw)
            .is_some_and(|object| object.says(keys.iter().copied()) || object.hides(keys, &[])),
        Some(b'[') => {
            items(raw).is_some_and(|items| items.into_iter().any(|item| says_within(item, keys)))
        }
        _ => false,
    }
}

/// Whether an object, a list or a string has nothing in it but white space.
pub(crate) fn is_empty(raw: Raw<'_>) -> bool {
    let inside = raw.get().strip_prefix(['{', '[', '"']);
    inside
        .and_then(|text| text.strip_suffix(['}', ']', '"']))
        .is_some_and(|text| text.trim().is_empty())
}

/// A string's text, or `None` if the value is no string.
pub(crate) fn string(raw: Raw<'_>) -> Option<String> {
    text(raw).map(Cow::into_owned)
}

/// The same, borrowed where there are no escapes in it.
pub(crate) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if raw.has_escapes {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inside))
}

/// A number's own text; a string that may hold a number without its quotes.
pub(crate) fn unquoted(raw: Raw<'_>) -> &str {
    let text = raw.get();
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .map_or(text, str::trim)
}

/// A whole number in any form: `1`, `1.0`, `"1"`.
pub(crate) fn integer(raw: Raw<'_>) -> Option<i64> {
    let text = unquoted(raw);
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let value = i64::try_from(Decimal::parse(magnitude)?.scaled(0)?).ok()?;
    Some(if negative { -value } else { value })
}

/// A number of JSON's grammar that is not negative, exactly: `digits × 10^exponent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// Reads `12`, `12.50`, `1.25e1`; `None` for all else, and for more digits than money or time has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Nearly all are whole and short, which needs no wide numbers.
        if let Some(digits) = short(text) {
            let digits = u128::from(digits);
            return Some(Self {
                digits,
                exponent: 0,
            });
        }
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

    /// The number times `10^places`, if that is whole and fits.
    pub(crate) fn scaled(self, places: u32) -> Option<u64> {
        let (value, rest) = self.divided(places)?;
        (rest == 0).then_some(value)
    }

    /// The whole part.
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

/// The number that these digits are, if they are so few that it fits whatever they are.
fn short(digits: &str) -> Option<u64> {
    if !(1..20).contains(&digits.len()) {
        return None;
    }
    digits.bytes().try_fold(0, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        Some(number * 10 + u64::from(digit))
    })
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
    }

    #[test]
    fn of_a_member_that_stands_twice_the_last_counts() {
        let object = Object::parse(r#"{"a":1,"\u0062":2,"a":3,"n":null}"#).unwrap();
        assert_eq!(object.get("a").map(Raw::get), Some("3"));
        assert_eq!(object.get("b").map(Raw::get), Some("2"));
        assert!(object.get("n").is_none() && object.get("x").is_none());
        for text in ["", "[]", "{", "{}x", "<html>", "null", "{\"a\"}"] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn contradictions_are_found() {
        let contradicts = |text| Object::parse(text).unwrap().contradicts_itself();
        assert!(contradicts(r#"{"a":1,"b":2,"a":2}"#));
        assert!(!contradicts(r#"{"a":1,"b":2,"a":1}"#));
        assert!(!contradicts("{}"));
    }

    proptest! {
        #[test]
        fn every_cent_survives(units: u64) {
            let text = format!("{}.{:02}", units / 100, units % 100);
            prop_assert_eq!(Decimal::parse(&text).and_then(|number| number.scaled(2)), Some(units));
        }

        #[test]
        fn any_text_is_a_number_or_not(text in "[-+0-9.eE]{0,40}|\\PC*") {
            if let Some(number) = Decimal::parse(&text) {
                let _ = (number.floor(), number.scaled(2));
            }
        }
    }
}
