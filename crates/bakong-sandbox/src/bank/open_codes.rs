//! Open codes: known codes that are not paid.
//!
//! A check contains only the MD5 of a code. The text is known if a link to the code was created, or if a
//! customer scanned the code or tried to pay it.

use std::collections::HashMap;

use khqr_core::{Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};

/// The maximum number of stored codes. A new code replaces the code that was checked longest ago.
const CAPACITY: usize = 200;

/// An open code, as the state file records it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OpenCode {
    pub(crate) md5: Md5Handle,
    /// The text of the code. `None` keeps the text that is already known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    pub(crate) first_asked: Timestamp,
    pub(crate) last_asked: Timestamp,
    pub(crate) checks: u32,
}

#[derive(Default)]
pub(crate) struct OpenCodes(HashMap<Md5Handle, OpenCode>);

impl OpenCodes {
    /// The code as it is after a check at `now` that did not find a payment. Its text is omitted.
    pub(crate) fn checked(&self, md5: Md5Handle, now: Timestamp) -> OpenCode {
        let code = self.get_or_new(md5, now);
        OpenCode {
            text: None,
            last_asked: now,
            checks: code.checks.saturating_add(1),
            ..code
        }
    }

    /// The code with its text, or `None` if the text is known already.
    pub(crate) fn with_text(&self, md5: Md5Handle, text: &str, now: Timestamp) -> Option<OpenCode> {
        let code = self.get_or_new(md5, now);
        let text = Some(text.to_owned());
        (code.text != text).then_some(OpenCode { text, ..code })
    }

    fn get_or_new(&self, md5: Md5Handle, now: Timestamp) -> OpenCode {
        self.0.get(&md5).cloned().unwrap_or(OpenCode {
            md5,
            text: None,
            first_asked: now,
            last_asked: now,
            checks: 0,
        })
    }

    pub(crate) fn get(&self, md5: Md5Handle) -> Option<&OpenCode> {
        self.0.get(&md5)
    }

    /// Every code, the most recently checked first.
    pub(crate) fn sorted(&self) -> Vec<&OpenCode> {
        let mut codes: Vec<_> = self.0.values().collect();
        codes.sort_by_key(|code| (std::cmp::Reverse(code.last_asked), code.md5));
        codes
    }
}

/// Modifications, which only `State::apply` calls.
impl OpenCodes {
    pub(crate) fn insert(&mut self, code: &OpenCode) {
        if let Some(known) = self.0.get_mut(&code.md5) {
            let text = code.text.clone().or_else(|| known.text.take());
            *known = OpenCode { text, ..*code };
            return;
        }
        if self.0.len() >= CAPACITY {
            let codes = self.0.values();
            let oldest = codes.min_by_key(|code| (code.last_asked, code.md5));
            if let Some(oldest) = oldest.map(|code| code.md5) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(code.md5, code.clone());
    }

    pub(crate) fn remove(&mut self, md5: Md5Handle) {
        self.0.remove(&md5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_code_replaces_the_one_checked_longest_ago() {
        let at = Timestamp::from_millis;
        let md5 = |number: u64| Md5Handle::of(&number.to_string());
        let mut codes = OpenCodes::default();
        let check = |codes: &mut OpenCodes, number, time| {
            codes.insert(&codes.checked(md5(number), at(time)));
        };
        for number in 0..210 {
            check(&mut codes, number, number);
        }
        check(&mut codes, 10, 300);
        let code = codes.with_text(md5(11), "text", at(301)).unwrap();
        codes.insert(&code);
        assert_eq!(codes.with_text(md5(11), "text", at(302)), None);
        check(&mut codes, 11, 11);
        let all = codes.sorted();
        assert_eq!(all.len(), CAPACITY);
        assert_eq!((all[0].md5, all[0].checks), (md5(10), 2));
        assert_eq!(all[0].first_asked, at(10));
        assert_eq!(codes.get(md5(9)), None);
        let text = codes.get(md5(11)).unwrap().text.as_deref();
        assert_eq!(text, Some("text"));
        codes.remove(md5(10));
        assert_eq!(codes.get(md5(10)), None);
    }
}
