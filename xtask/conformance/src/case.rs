//! A question, the answers of all implementations, and the verdict.

use khqr_kit::{SdkInput, quoted};
use serde_json::Value as Json;

use crate::deviation::Deviation;
use crate::expected::{self, Expected};

/// The function under comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Generate,
    Verify,
    Decode,
    Inspect,
}

impl Function {
    pub(crate) const ALL: [Self; 4] = [Self::Generate, Self::Verify, Self::Decode, Self::Inspect];

    /// Returns the name on the command line of `bakong qr` and in the harness.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Verify => "verify",
            Self::Decode => "decode",
            Self::Inspect => "inspect",
        }
    }
}

/// The argument of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    Input(SdkInput),
    Text(String),
}

impl Question {
    /// Returns the input line of `bakong qr`.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Input(input) => input.to_json(),
            Self::Text(text) => text.clone(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Input(input) => input.to_json(),
            Self::Text(text) => quoted(text),
        }
    }

    /// Returns the input line of the harness. Sets the SDK's clock to the creation time of the input, or to `now`.
    pub(crate) fn request(&self, side: &str, function: Function, now: u64) -> String {
        let created = match self {
            Self::Input(input) => input.given("creationTimestamp"),
            Self::Text(_) => None,
        };
        let clock = created.map_or(now.to_string(), |created| created.as_str().to_owned());
        format!(
            r#"{{"side":"{side}","what":"{}","input":{},"now":{clock}}}"#,
            function.name(),
            self.to_json(),
        )
    }
}

/// The answers to one question.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) function: Function,
    pub(crate) question: Question,
    pub(crate) now: u64,
    pub(crate) official: Json,
    pub(crate) ours: Json,
    /// The answer of ts-khqr; `None` for `inspect`, which ts-khqr lacks.
    pub(crate) other: Option<Json>,
}

/// The deviation that explains a difference from the SDK's answer, or the reason why khqr-core's answer is wrong.
pub(crate) type Verdict = Result<Option<Deviation>, String>;

impl Case {
    /// Compares the answer of khqr-core with the expected one.
    pub(crate) fn verdict(&self) -> Verdict {
        let official = &self.official;
        let Expected { answer, deviation } = match (&self.question, self.function) {
            (Question::Input(input), _) => expected::generate::expected(input, official),
            (Question::Text(text), Function::Verify) => {
                expected::verify::expected(text, self.now, official)
            }
            (Question::Text(text), Function::Decode) => expected::decode::fields(text, official),
            (Question::Text(text), _) => expected::decode::tree(text, official),
        }?;
        if answer.matches(&self.ours) {
            return Ok(deviation);
        }
        let source = deviation.map_or("the SDK", Deviation::name);
        Err(format!("expected {answer:?} ({source})"))
    }

    /// Returns whether both the SDK and khqr-core accept the question.
    pub(crate) fn is_accepted_by_both(&self) -> bool {
        ["qr", "valid", "khqr", "tree"].iter().any(|name| {
            let answer = &self.official[name];
            let accepted = answer.is_string() || answer.is_object() || *answer == true;
            accepted && self.ours.get("error").is_none()
        })
    }

    /// Returns the error code of the SDK, or a word for any other answer.
    pub(crate) fn official_kind(&self) -> String {
        if let Some(code) = self.official["code"].as_u64() {
            return code.to_string();
        }
        let kinds = ["looped", "exception"];
        let kind = kinds
            .iter()
            .find(|kind| self.official.get(**kind).is_some());
        kind.map_or("good", |kind| kind).to_owned()
    }

    /// Returns a short description that is the same for similar unexplained cases.
    pub(crate) fn difference_kind(&self, why: &str) -> String {
        let error = &self.ours["error"];
        let ours = if error.is_object() {
            format!("{} of {} ({})", error["kind"], error["tag"], error["code"])
        } else {
            "no error".to_owned()
        };
        let why: String = why.chars().take(70).collect();
        let (function, sdk) = (self.function.name(), self.official_kind());
        format!("{function}: SDK {sdk}, ours {ours}; {}", escaped(&why))
    }

    pub(crate) fn describe(&self, why: &str) -> String {
        format!(
            "{} at {}: {why}\n  input {}\n  SDK   {}\n  ours  {}",
            self.function.name(),
            self.now,
            escaped(&self.question.to_json()),
            escaped(&self.official.to_string()),
            escaped(&self.ours.to_string())
        )
    }

    /// Compares the answer of ts-khqr with the SDK's and with ours.
    pub(crate) fn other_agreements(&self) -> Option<[&'static str; 2]> {
        let other = self.other.as_ref()?;
        Some([&self.official, &self.ours].map(|answer| agreement(other, answer)))
    }
}

fn agreement(other: &Json, answer: &Json) -> &'static str {
    for (kind, sentence) in [
        ("inexpressible", "(its types cannot express it)"),
        ("looped", "it never returns"),
        ("exception", "it throws"),
    ] {
        if other.get(kind).is_some() {
            return sentence;
        }
    }
    let rejected = |answer: &Json| {
        let has = |kind: &&str| answer.get(*kind).is_some();
        answer["valid"] == false || ["error", "code", "looped", "exception"].iter().any(has)
    };
    let code = |answer: &Json| answer["code"].as_u64().or(answer["error"]["code"].as_u64());
    match (rejected(other), rejected(answer)) {
        (true, true) if code(other) == code(answer) => "same",
        (true, true) => "different code",
        (true, false) => "rejects an accepted case",
        (false, true) => "accepts a rejected case",
        (false, false) => {
            let names = ["qr", "md5", "valid", "khqr"];
            let same = names.iter().all(|name| other[name] == answer[name]);
            if same { "same" } else { "different answer" }
        }
    }
}

/// Escapes all characters that move the cursor of a terminal.
fn escaped(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
    };
    text.chars().fold(String::new(), |mut out, c| {
        if harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use khqr_kit::Value;
    use serde_json::json;

    use super::*;

    fn verdict(official: &Json, ours: Json) -> Verdict {
        let mut input = SdkInput::default();
        input.set("bakongAccountID", Value::text("a@b"));
        Case {
            function: Function::Generate,
            question: Question::Input(input),
            now: 1,
            official: official.clone(),
            ours,
            other: None,
        }
        .verdict()
    }

    #[test]
    fn a_difference_without_a_deviation_is_wrong() {
        let written = json!({"qr": "x", "md5": "y", "verified": {"valid": true}});
        assert_eq!(verdict(&written, json!({"qr": "x", "md5": "y"})), Ok(None));
        for ours in [
            json!({"qr": "z", "md5": "y"}),
            json!({"error": {"code": 4}}),
            json!({"error": {"code": null}}),
        ] {
            assert!(verdict(&written, ours).is_err());
        }
        let rejected = json!({"code": 7});
        assert_eq!(verdict(&rejected, json!({"error": {"code": 7}})), Ok(None));
        for ours in [
            json!({"error": {"code": 21}}),
            json!({"qr": "x", "md5": "y"}),
        ] {
            assert!(verdict(&rejected, ours).is_err());
        }
        let exception = json!({"exception": "TypeError"});
        assert!(verdict(&exception, json!({"error": {"code": 3}})).is_err());
    }

    #[test]
    fn escaped_text_does_not_move_the_cursor() {
        assert_eq!(
            escaped("a\u{1b}\u{85}\u{202e}ច"),
            "a\\u{1b}\\u{85}\\u{202e}ច"
        );
    }
}
