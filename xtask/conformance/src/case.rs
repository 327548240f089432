//! One question, what each side answered, and what is to be thought of it.

use serde_json::Value as Json;

use super::input::{Input, quoted};
use super::rows::Row;
use super::wanted::Wanted;
use super::{payable, shown, written};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Generate,
    Verify,
    Decode,
    Inspect,
}

impl What {
    pub(super) const ALL: [Self; 4] = [Self::Generate, Self::Verify, Self::Decode, Self::Inspect];

    /// Its name on our command line and in the harness.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Verify => "verify",
            Self::Decode => "decode",
            Self::Inspect => "inspect",
        }
    }
}

/// What it is asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Input(Input),
    Text(String),
}

impl Question {
    /// The line on which our command is asked.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Input(input) => input.to_json(),
            Self::Text(text) => text.clone(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Input(input) => input.to_json(),
            Self::Text(text) => quoted(text),
        }
    }

    /// The moment at which the SDK is asked it: a code is made when the input says it is.
    fn moment(&self, now: u64) -> String {
        let created = match self {
            Self::Input(input) => input.given("creationTimestamp"),
            Self::Text(_) => None,
        };
        created.map_or(now.to_string(), |created| created.as_str().to_owned())
    }

    /// The line on which the harness is asked.
    pub(super) fn request(&self, side: &str, what: What, now: u64) -> String {
        format!(
            r#"{{"side":"{side}","what":"{}","input":{},"now":{}}}"#,
            what.word(),
            self.to_json(),
            self.moment(now)
        )
    }
}

/// A question with its answers and the verdict on ours.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) what: What,
    pub(super) question: Question,
    pub(super) now: u64,
    pub(super) official: Json,
    pub(super) ours: Json,
    /// `None` where ts-khqr was not asked.
    other: Option<Json>,
    /// The row that explains why ours is not the SDK's, if it is not; or why it is wrong.
    pub(super) verdict: Result<Option<Row>, String>,
}

impl Case {
    pub(super) fn new(
        what: What,
        question: Question,
        now: u64,
        official: Json,
        ours: Json,
        other: Option<Json>,
    ) -> Self {
        let wanted = match (&question, what) {
            (Question::Input(input), _) => written::wanted(input, &official),
            (Question::Text(text), What::Verify) => payable::wanted(text, now, &official),
            (Question::Text(text), What::Decode) => shown::wanted_fields(text, &official),
            (Question::Text(text), _) => shown::wanted_tree(text, &official),
        };
        let verdict = wanted.and_then(|wanted| verdict(&wanted, &ours));
        Self {
            what,
            question,
            now,
            official,
            ours,
            other,
            verdict,
        }
    }

    /// Whether the SDK and we took it.
    pub(super) fn is_good_for_both(&self) -> bool {
        ["qr", "valid", "khqr", "tree"].iter().any(|name| {
            let said = &self.official[name];
            let takes = said.is_string() || said.is_object() || *said == true;
            takes && self.ours.get("error").is_none()
        })
    }

    /// The SDK's answer in a word, to have one of each kind.
    pub(super) fn official_kind(&self) -> String {
        let official = &self.official;
        if let Some(code) = official["code"].as_u64() {
            return code.to_string();
        }
        let kinds = ["looped", "exception"];
        let kind = kinds.iter().find(|kind| official.get(**kind).is_some());
        kind.map_or("good", |kind| kind).to_owned()
    }

    /// What it has in common with others that are alike.
    pub(super) fn kind_of_difference(&self, why: &str) -> String {
        let error = &self.ours["error"];
        let ours = if error.is_object() {
            format!("{} of {} ({})", error["kind"], error["tag"], error["code"])
        } else {
            "no error".to_owned()
        };
        let why: String = why.chars().take(70).collect();
        format!(
            "{}: SDK {}, ours {ours}; {}",
            self.what.word(),
            self.official_kind(),
            escaped(&why)
        )
    }

    pub(super) fn describe(&self, why: &str) -> String {
        format!(
            "{} at {}: {why}\n  input {}\n  SDK   {}\n  ours  {}",
            self.what.word(),
            self.now,
            escaped(&self.question.to_json()),
            escaped(&self.official.to_string()),
            escaped(&self.ours.to_string())
        )
    }

    /// How ts-khqr's answer compares with the SDK's and with ours.
    pub(super) fn other_kinds(&self) -> [Option<&'static str>; 2] {
        [&self.official, &self.ours].map(|answer| {
            let other = self.other.as_ref()?;
            Some(kind_of_agreement(other, answer))
        })
    }
}

fn verdict(wanted: &Wanted, ours: &Json) -> Result<Option<Row>, String> {
    if wanted.answer.is_given_by(ours) {
        return Ok(wanted.row);
    }
    let because = wanted.row.map_or("the SDK's own", Row::id);
    Err(format!("wanted was {:?} ({because})", wanted.answer))
}

fn kind_of_agreement(other: &Json, answer: &Json) -> &'static str {
    if other.get("inexpressible").is_some() {
        return "(its types cannot say it)";
    }
    for (kind, sentence) in [("looped", "it never returns"), ("exception", "it throws")] {
        if other.get(kind).is_some() {
            return sentence;
        }
    }
    let refused = |answer: &Json| {
        answer["valid"] == false
            || ["error", "code", "looped", "exception"]
                .iter()
                .any(|kind| answer.get(*kind).is_some())
    };
    let code = |answer: &Json| answer["code"].as_u64().or(answer["error"]["code"].as_u64());
    match (refused(other), refused(answer)) {
        (true, true) if code(other) == code(answer) => "same",
        (true, true) => "another code",
        (true, false) => "refuses what is taken",
        (false, true) => "takes what is refused",
        (false, false) => {
            let same = ["qr", "md5", "valid", "khqr"]
                .iter()
                .all(|name| other[name] == answer[name]);
            if same { "same" } else { "another answer" }
        }
    }
}

/// Without anything that would move a terminal's cursor.
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
    use super::*;
    use serde_json::json;

    fn case(official: Json, ours: Json) -> Case {
        let mut input = Input::default();
        input.set("bakongAccountID", super::super::input::Value::text("a@b"));
        Case::new(
            What::Generate,
            Question::Input(input),
            1,
            official,
            ours,
            None,
        )
    }

    #[test]
    fn a_difference_without_a_row_is_none() {
        let written = json!({"qr": "x", "md5": "y", "verified": {"valid": true}});
        assert_eq!(
            case(written.clone(), json!({"qr": "x", "md5": "y"})).verdict,
            Ok(None)
        );
        for ours in [
            json!({"qr": "z", "md5": "y"}),
            json!({"error": {"code": 4}}),
            json!({"error": {"code": null}}),
        ] {
            assert!(case(written.clone(), ours).verdict.is_err());
        }
        let refused = json!({"code": 7});
        assert_eq!(
            case(refused.clone(), json!({"error": {"code": 7}})).verdict,
            Ok(None)
        );
        assert!(
            case(refused.clone(), json!({"error": {"code": 21}}))
                .verdict
                .is_err()
        );
        assert!(
            case(refused, json!({"qr": "x", "md5": "y"}))
                .verdict
                .is_err()
        );
        assert!(
            case(
                json!({"exception": "TypeError"}),
                json!({"error": {"code": 3}})
            )
            .verdict
            .is_err()
        );
    }

    #[test]
    fn nothing_shown_moves_the_cursor() {
        assert_eq!(
            escaped("a\u{1b}\u{85}\u{202e}ច"),
            "a\\u{1b}\\u{85}\\u{202e}ច"
        );
    }
}
