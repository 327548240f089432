//! Finds where each value of a JSON text begins and ends, and whether the text is JSON at all (RFC 8259).
//!
//! What the values say is read later, and of most of them never: this is all that an answer costs which is
//! asked for thousands of times. `serde_json` is the oracle of its tests, and reads what has escapes in it.

#[cfg(test)]
mod tests;

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
