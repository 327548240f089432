//! The codes that somebody asked about or told of, and nobody has paid: what a shop is showing at the moment.
//!
//! A check brings a code's MD5 alone, which says nothing of the code. Its text is known if a link was made to it, or
//! if a customer scanned it or tried to pay it.

use std::collections::HashMap;

use khqr_core::{Khqr, Md5Handle, Timestamp};

use crate::control::view;
use crate::events::Event;
use crate::keep::Change;
use crate::ledger::LookUp;
use crate::state::State;

/// How many are kept.
const KEPT: usize = 200;

/// A code that is open, as far as anybody told.
#[derive(Clone)]
pub(crate) struct OpenCode {
    pub(crate) md5: Md5Handle,
    pub(crate) text: Option<String>,
    pub(crate) first_asked: Timestamp,
    pub(crate) last_asked: Timestamp,
    pub(crate) checks: u32,
}

impl State {
    /// Takes note of a code whose text somebody told. Of a static one every check by MD5 says from now on that it
    /// is one; a dynamic one that could be paid now is open.
    pub(crate) fn hear_of(&mut self, khqr: &Khqr<'_>, now: Timestamp) {
        let md5 = khqr.md5();
        match khqr.amount() {
            Ok(None) => {
                self.ledger.know_static(md5);
                self.open_codes.close(md5);
            }
            Ok(Some(_)) => {
                let is_unpaid = matches!(self.ledger.books(now).by_md5(md5), LookUp::Nothing);
                if is_unpaid && (khqr.verify(now).is_ok() || self.open_codes.has(md5)) {
                    let code = self.open_codes.told(md5, khqr.text(), now);
                    self.events.tell(Event::Code, || view::code(code));
                }
            }
            Err(_) => {}
        }
    }
}

#[derive(Default)]
pub(crate) struct OpenCodes {
    codes: HashMap<Md5Handle, OpenCode>,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

impl OpenCodes {
    /// Somebody asked about it and was told that it is not paid.
    pub(crate) fn asked(&mut self, md5: Md5Handle, now: Timestamp) {
        let (code, news) = self.of(md5, now);
        code.checks = code.checks.saturating_add(1);
        code.last_asked = now;
        // Its text is no news.
        news.push(Change::code(code, None));
    }

    /// Somebody told its text.
    pub(crate) fn told(&mut self, md5: Md5Handle, text: &str, now: Timestamp) -> &OpenCode {
        let (code, news) = self.of(md5, now);
        if code.text.as_deref() != Some(text) {
            code.text = Some(text.to_owned());
            news.push(Change::code(code, Some(text)));
        }
        code
    }

    /// It was paid, or is none that is open until then.
    pub(crate) fn close(&mut self, md5: Md5Handle) {
        if self.codes.remove(&md5).is_some() {
            self.news.push(Change::code_gone(md5));
        }
    }

    fn has(&self, md5: Md5Handle) -> bool {
        self.codes.contains_key(&md5)
    }

    pub(crate) fn forget(&mut self) {
        self.codes.clear();
        self.news.clear();
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }

    /// Puts one there as a state file has it. One without a text keeps the text that is known.
    pub(crate) fn restore(&mut self, code: OpenCode) {
        let known = self.codes.remove(&code.md5);
        let text = code.text.or_else(|| known?.text);
        self.codes.insert(code.md5, OpenCode { text, ..code });
    }

    /// All, the last asked about first.
    pub(crate) fn all(&self) -> Vec<OpenCode> {
        let mut all: Vec<_> = self.codes.values().cloned().collect();
        all.sort_by_key(|code| (std::cmp::Reverse(code.last_asked), code.md5));
        all
    }

    /// The code of this MD5, and where to note what becomes of it.
    fn of(&mut self, md5: Md5Handle, now: Timestamp) -> (&mut OpenCode, &mut Vec<Change>) {
        if self.codes.len() >= KEPT && !self.has(md5) {
            let codes = self.codes.values();
            let oldest = codes.min_by_key(|code| (code.last_asked, code.md5));
            if let Some(oldest) = oldest.map(|code| code.md5) {
                self.close(oldest);
            }
        }
        let code = self.codes.entry(md5).or_insert(OpenCode {
            md5,
            text: None,
            first_asked: now,
            last_asked: now,
            checks: 0,
        });
        (code, &mut self.news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_longest_ago_makes_room() {
        let at = Timestamp::from_millis;
        let md5 = |number: u64| Md5Handle::of(&number.to_string());
        let mut codes = OpenCodes::default();
        for number in 0..210 {
            codes.asked(md5(number), at(number));
        }
        codes.asked(md5(10), at(300));
        codes.told(md5(11), "text", at(301));
        let all = codes.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!((all[0].md5, all[0].checks), (md5(10), 2));
        assert_eq!(all[0].first_asked, at(10));
        assert!(all.iter().all(|code| code.md5 != md5(9)));
        let told = all.iter().find(|code| code.md5 == md5(11)).unwrap();
        assert_eq!(told.text.as_deref(), Some("text"));
        codes.close(md5(10));
        assert!(codes.all().iter().all(|code| code.md5 != md5(10)));
        codes.forget();
        assert_eq!(codes.all().len(), 0);
    }
}
