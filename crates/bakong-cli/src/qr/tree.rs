//! Any EMVCo code as a tree of fields, whatever country it is from.

use khqr_core::{Field, Fields, Khqr, Payload, Printable, Tag, TagPath};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The fields of a level, as a JSON object in the order of the text. A tag that stands twice has an array
/// of its values, at its first place.
pub(super) struct Tree<'a>(pub(super) Fields<'a>);

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A tag has two digits.
        let mut counts = [0usize; 100];
        let number = |field: &Field<'_>| usize::from(field.tag().number());
        self.0.clone().for_each(|field| counts[number(&field)] += 1);
        let mut map = serializer.serialize_map(None)?;
        for field in self.0.clone() {
            match std::mem::take(&mut counts[number(&field)]) {
                // Told at the tag's first place.
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

/// The tree for people, a line a field.
pub(super) fn lines(payload: Payload<'_>) -> Vec<String> {
    let mut tree = Lines {
        is_khqr: Khqr::parse(payload.text()).is_ok(),
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

    /// What the field is called: KHQR's name in a KHQR, else only what EMVCo calls so too.
    fn name(&self, path: TagPath) -> Option<&'static str> {
        let is_emvco = matches!(path.top().number(), 0 | 1 | 52..=64);
        path.name().filter(|_| self.is_khqr || is_emvco)
    }
}
