//! `bakong qr inspect`: any EMVCo code, from any country, as a tree of fields.

use khqr_core::{Field, Fields, Khqr, Payload, Printable, Tag, TagPath};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::checksum::Corrected;
use crate::arguments::TextArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::output;
use crate::common::refusal::Refusal;

const NOT_EMVCO: &str = "not an EMVCo code";

/// Shows the tree of one code.
pub(super) fn inspect(text: &str, arguments: &TextArguments) -> Result<Exit, Failure> {
    match Payload::parse(text) {
        Ok(payload) if arguments.json => output::print_json(&Tree(payload.fields())),
        Ok(payload) => lines(payload).iter().for_each(output::print),
        Err(error) => {
            let refusal = Refusal::of_text(text, error);
            return match Corrected::of(text, error) {
                Some(corrected) => report_corrected(&corrected, &refusal, arguments.json),
                None => Err(refusal.failure_of(Exit::NotValid, NOT_EMVCO)),
            };
        }
    }
    Ok(Exit::Success)
}

/// Shows the tree of a code with a wrong checksum, if its fields can be read, and fails.
fn report_corrected(corrected: &Corrected, refusal: &Refusal, json: bool) -> Result<Exit, Failure> {
    let payload = Payload::parse(&corrected.text).ok();
    if json {
        output::print_json(&json!({
            "error": refusal,
            "expectedCrc": corrected.crc.to_string(),
            "fields": payload.map(|payload| Tree(payload.fields())),
        }));
        return Ok(Exit::NotValid);
    }
    if let Some(payload) = payload {
        // The last line would show the corrected checksum as if the code had it.
        let tree = lines(payload);
        let fields = tree.iter().filter(|line| !line.starts_with("63 "));
        fields.for_each(output::print);
    }
    output::print(corrected.warning());
    Err(refusal.failure_of(Exit::NotValid, NOT_EMVCO))
}

/// The fields of one level, as a JSON object in the order of the text. A repeated tag has an array of its values, at
/// the position of the first one.
pub(super) struct Tree<'a>(pub(super) Fields<'a>);

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut counts = [0usize; 100];
        let number = |field: &Field<'_>| usize::from(field.tag().number());
        self.0.clone().for_each(|field| counts[number(&field)] += 1);
        let mut map = serializer.serialize_map(None)?;
        for field in self.0.clone() {
            match std::mem::take(&mut counts[number(&field)]) {
                // Already written with the first field of this tag.
                0 => {}
                1 => map.serialize_entry(&field.tag(), &Branch(field))?,
                _ => {
                    let same = self.0.clone().filter(|other| other.tag() == field.tag());
                    let branches: Vec<_> = same.map(Branch).collect();
                    map.serialize_entry(&field.tag(), &branches)?;
                }
            }
        }
        map.end()
    }
}

struct Branch<'a>(Field<'a>);

impl Serialize for Branch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.template() {
            Some(fields) => Tree(fields).serialize(serializer),
            None => serializer.serialize_str(self.0.value()),
        }
    }
}

/// The tree as text, one line for each field.
fn lines(payload: Payload<'_>) -> Vec<String> {
    let mut tree = Lines {
        is_khqr: Khqr::from_payload(payload).is_ok(),
        lines: Vec::new(),
    };
    tree.add(payload.fields(), 0, None);
    tree.lines
}

struct Lines {
    is_khqr: bool,
    lines: Vec<String>,
}

impl Lines {
    fn add(&mut self, fields: Fields<'_>, depth: usize, top: Option<Tag>) {
        for field in fields {
            let path = match (depth, top) {
                (0, _) => Some(TagPath::from(field.tag())),
                (1, Some(top)) => Some(top.sub(field.tag())),
                _ => None,
            };
            let name = path.and_then(|path| self.name(path)).unwrap_or_default();
            let indent = 2 * depth;
            let start = format!("{:indent$}{} {name}", "", field.tag());
            let template = field.template();
            let line = match &template {
                Some(_) => start.trim_end().to_owned(),
                None => format!("{start:<36} {}", Printable(field.value())),
            };
            self.lines.push(line);
            if let Some(fields) = template {
                self.add(fields, depth + 1, Some(field.tag()));
            }
        }
    }

    /// The name of a field. Codes that are not a KHQR get only the names that EMVCo defines.
    fn name(&self, path: TagPath) -> Option<&'static str> {
        let is_emvco = matches!(path.top().number(), 0 | 1 | 52..=64);
        path.name().filter(|_| self.is_khqr || is_emvco)
    }
}

#[cfg(test)]
mod tests {
    use khqr_core::Crc;

    use super::*;

    fn sealed(body: &str) -> String {
        let covered = format!("{body}6304");
        format!("{covered}{}", Crc::of(covered.as_bytes()))
    }

    fn json(body: &str) -> String {
        let text = sealed(body);
        let tree = Tree(Payload::parse(&text).unwrap().fields());
        let json = serde_json::to_string(&tree).unwrap();
        let (tree, crc) = json.rsplit_once(r#","63":""#).unwrap();
        assert_eq!(crc.len(), 4 + r#""}"#.len());
        format!("{tree}}}")
    }

    #[test]
    fn the_tree_keeps_the_order_of_the_text() {
        assert_eq!(
            json("5802KH00020129150003a@b0104ក\"xy"),
            r#"{"58":"KH","00":"01","29":{"00":"a@b","01":"ក\"xy"}}"#
        );
        assert_eq!(
            json("621450050001x0101a"),
            r#"{"62":{"50":{"00":"x"},"01":"a"}}"#
        );
    }

    #[test]
    fn a_repeated_tag_has_an_array_at_its_first_position() {
        assert_eq!(
            json("9901a29050101a5901x29050101b2902995900"),
            r#"{"99":"a","29":[{"01":"a"},{"01":"b"},"99"],"59":["x",""]}"#
        );
        assert_eq!(json("29100101a0101b"), r#"{"29":{"01":["a","b"]}}"#);
    }

    #[test]
    fn khqr_names_are_used_only_in_a_khqr() {
        let lines = |body: &str| lines(Payload::parse(&sealed(body)).unwrap()).join("\n");
        let khqr = lines("29070003a@b5901A");
        assert!(
            khqr.contains("29 individual account\n  00 Bakong account "),
            "{khqr}"
        );
        let other = lines("29080004PPAY5903A\u{1b}B620950050001\u{202e}");
        assert!(other.starts_with("29\n  00  "), "{other}");
        assert!(other.contains("59 merchant name "), "{other}");
        assert!(
            other.contains("62 additional data\n  50\n    00  "),
            "{other}"
        );
        assert!(!other.contains(['\u{1b}', '\u{202e}']), "{other}");
    }
}
