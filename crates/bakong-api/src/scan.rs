//! Finds where each value of a JSON text begins and ends, and whether the text is JSON at all (RFC 8259).
//!
//! What the values say is read later, and of most of them never: this is all that an answer costs which is
//! asked for thousands of times. `serde_json` is the oracle of its tests, and reads what has escapes in it.

use std::borrow::Cow;

use crate::json::Raw;

/// How deep values may stand in one another. No answer has more than a handful of levels, and whoever sends a
/// million shall not use up the stack.
const DEEPEST: u32 = 127;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;

/// How many of the first bytes are part of a string as they stand: no quote, backslash or control character.
fn plain_len(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte that is below another has its high bit set by the subtraction. So may those after it by what
        // is borrowed, but only the first counts.
        let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH_BITS;
        // With this one bit turned over, the control characters and the quote are what is below 0x21.
        let control_or_quote = below(word ^ (ONES * 0x02), 0x21);
        let ends = control_or_quote | below(word ^ (ONES * u64::from(b'\\')), 1);
        if ends != 0 {
            return index * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let of_rest = rest.iter().position(ends).unwrap_or(rest.len());
    words.len() * 8 + of_rest
}

/// A member of an object.
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Raw<'a>,
    /// Its own members, where it is an answer's data.
    pub(crate) inside: Option<Vec<Member<'a>>>,
}

/// A place in a JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What `read` finds, if it is all of the text but white space.
    pub(crate) fn whole<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.skip_space();
        let found = read(&mut self)?;
        self.skip_space();
        (self.at == self.text.len()).then_some(found)
    }

    /// The members of an object, in their order, and those of its `data` if that is an object: an answer's data
    /// is read as often as the answer.
    pub(crate) fn members(&mut self) -> Option<Vec<Member<'a>>> {
        self.members_to(DEEPEST, true)
    }

    fn members_to(&mut self, levels: u32, nested: bool) -> Option<Vec<Member<'a>>> {
        let below = levels.checked_sub(1)?;
        let mut members = Vec::new();
        self.elements(b'{', b'}', |scanner| {
            let name = scanner.name()?;
            let start = scanner.at;
            if members.is_empty() {
                // As many as an envelope has, and a transaction. Not before there is one.
                members.reserve(if nested { 4 } else { 13 });
            }
            let (inside, has_escapes) = match scanner.peek()? {
                b'{' if nested && name == "data" => {
                    (Some(scanner.members_to(below, false)?), false)
                }
                _ => (None, scanner.value(below)?),
            };
            let value = Raw::new(scanner.text.get(start..scanner.at)?, has_escapes);
            members.push(Member {
                name,
                value,
                inside,
            });
            Some(())
        })?;
        Some(members)
    }

    /// The items of a list.
    pub(crate) fn items(&mut self) -> Option<Vec<Raw<'a>>> {
        let mut items = Vec::new();
        self.elements(b'[', b']', |scanner| {
            items.push(scanner.raw(DEEPEST - 1)?);
            Some(())
        })?;
        Some(items)
    }

    /// What stands between two brackets, separated by commas.
    fn elements(
        &mut self,
        open: u8,
        close: u8,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        self.skip_space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Some(());
        }
        loop {
            self.skip_space();
            element(self)?;
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A member's name and its colon. One with escapes is read, all others are the text itself.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        let has_escapes = self.string()?;
        let quoted = self.text.get(start..self.at)?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        if has_escapes {
            return serde_json::from_str(quoted).ok().map(Cow::Owned);
        }
        quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
    }

    /// A value, with so many levels below it at most.
    fn raw(&mut self, levels: u32) -> Option<Raw<'a>> {
        let start = self.at;
        let has_escapes = self.value(levels)?;
        let text = self.text.get(start..self.at)?;
        Some(Raw::new(text, has_escapes))
    }

    /// The same. Says whether it is a string with escapes in it.
    fn value(&mut self, levels: u32) -> Option<bool> {
        let found = match self.peek()? {
            b'"' => return self.string(),
            b'{' => {
                let below = levels.checked_sub(1)?;
                self.elements(b'{', b'}', |scanner| {
                    scanner.string()?;
                    scanner.skip_space();
                    scanner.expect(b':')?;
                    scanner.skip_space();
                    scanner.value(below).map(drop)
                })
            }
            b'[' => {
                let below = levels.checked_sub(1)?;
                self.elements(b'[', b']', |scanner| scanner.value(below).map(drop))
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        };
        found.map(|()| false)
    }

    /// A string. Says whether there are escapes in it.
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        self.skip_plain()?;
        if self.peek()? == b'"' {
            self.at += 1;
            return Some(false);
        }
        self.rest_of_string().map(|()| true)
    }

    /// The rest of a string, from the first byte that is not part of it as it stands. Apart, so that the others,
    /// which are nearly all, are read in place.
    #[inline(never)]
    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                // A control character has to be escaped.
                _ => return None,
            }
            self.skip_plain()?;
        }
    }

    fn skip_plain(&mut self) -> Option<()> {
        self.at += plain_len(self.text.as_bytes().get(self.at..)?);
        Some(())
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let digits = match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return None,
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.peek()?.is_ascii_hexdigit() {
                return None;
            }
            self.at += 1;
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes())
            .then(|| self.at += word.len())
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    use super::*;

    /// The members of an object, sorted, as `serde_json` finds them; the last of those with one name.
    fn oracle(text: &str) -> Option<BTreeMap<String, String>> {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let members = members.into_iter();
        Some(
            members
                .map(|(name, raw)| (name, raw.get().to_owned()))
                .collect(),
        )
    }

    fn found(text: &str) -> Option<BTreeMap<String, String>> {
        let members = Scanner::new(text).whole(Scanner::members)?;
        let text_of =
            |member: &Member<'_>| (member.name.to_string(), member.value.get().to_owned());
        for member in &members {
            // What was found inside is what is found there.
            let inside = |members: Vec<Member<'_>>| members.iter().map(text_of).collect::<Vec<_>>();
            let again = Scanner::new(member.value.get()).whole(Scanner::members);
            if member.name != "data" {
                assert!(member.inside.is_none());
                continue;
            }
            let found = member
                .inside
                .as_ref()
                .map(|members| members.iter().map(text_of).collect());
            assert_eq!(found, again.map(inside));
        }
        Some(members.iter().map(text_of).collect())
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,8}|\\PC{0,4}|[\"\\\\\u{1}\n\u{e9}]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-c\"\\\\\u{e9}]{0,3}|data", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn what_is_no_json_is_refused_as_the_oracle_does() {
        for value in [
            "0",
            "-0",
            "01",
            "1.",
            ".1",
            "1.0",
            "1e",
            "1e5",
            "1E+5",
            "1e-05",
            "-",
            "+1",
            "--1",
            "1a",
            "true",
            "tru",
            "truex",
            "null",
            "nul",
            "NaN",
            "\"\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12G4\"",
            "\"\\u1234\"",
            "\"\\ud800\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "[]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" : 1 , \"b\":[ ]}",
            "{\"a\"}",
            "",
            " ",
            "1,2",
            "\u{a0}1",
        ] {
            for text in [
                format!("{{\"v\":{value}}}"),
                format!(" {{ \"v\" : {value} }}\n"),
                value.to_owned(),
                format!("{{\"v\":{value}}}x"),
            ] {
                assert_eq!(found(&text), oracle(&text), "{text}");
            }
        }
        for name in ["\\u0061", "a\\\"b", "\\ud800", "\\ud83d\\ude00", "\u{1}"] {
            let text = format!("{{\"{name}\":1}}");
            assert_eq!(found(&text), oracle(&text), "{text}");
        }
    }

    #[test]
    fn what_is_deep_is_refused_and_not_followed() {
        for levels in [1, 126, 127, 128, 129, 100_000] {
            let text = format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(found(&text).is_some(), levels <= 126, "{levels}");
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_are_counted_one_by_one_as_well(text: Vec<u8>) {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let expected = text.iter().position(ends).unwrap_or(text.len());
            prop_assert_eq!(plain_len(&text), expected);
        }

        #[test]
        fn it_finds_what_the_oracle_finds(value in json(), pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            prop_assert_eq!(found(&text), oracle(&text));
            let items = Scanner::new(&text).whole(Scanner::items);
            let items = items.map(|items| items.into_iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>());
            let expected: Option<Vec<&RawValue>> = serde_json::from_str(&text).ok();
            let expected = expected.map(|items| items.into_iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>());
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn a_changed_text_is_judged_as_the_oracle_does(
            value in json(),
            at: prop::sample::Index,
            byte in prop::sample::select(b"\"\\{}[],:0-e.+tn \n\x01a".to_vec()),
            cut: bool,
        ) {
            let mut text = serde_json::json!({ "v": value, "w": 1 }).to_string().into_bytes();
            let at = at.index(text.len());
            if cut {
                text.truncate(at);
            } else {
                text[at] = byte;
            }
            if let Ok(text) = String::from_utf8(text) {
                prop_assert_eq!(found(&text), oracle(&text), "{}", text);
            }
        }

        #[test]
        fn any_text_is_an_object_or_not(text in "[\\[\\]{}\",:0-9a-z \\\\.-]{0,60}") {
            prop_assert_eq!(found(&text), oracle(&text));
        }
    }
}
