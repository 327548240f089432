//! The generic tree of khqr-core equals the naive tree, including offsets.

use khqr_core::{Error, Field, Fields, Payload};

use crate::naive::{Defect, Node, payload, template};

/// The maximum depth: tag 62, a tag from 50 to 99 inside it, and a field inside that one.
const DEEPEST: usize = 3;

/// Compares both trees of `text`.
pub fn trees_agree(text: &str) {
    let (fast, naive) = (Payload::parse(text), payload(text));
    let (fast, naive) = match (fast, naive) {
        (Ok(fast), Ok(naive)) => (fast, naive),
        (fast, naive) => {
            let fast: Result<(), Error> = fast.map(drop);
            assert_eq!(fast.map_err(Defect::from), naive.map(drop), "{text:?}");
            return;
        }
    };
    assert_eq!(fast.text(), text);
    assert_eq!(
        format!("{:04X}", fast.crc().value()),
        fast.crc().to_string()
    );
    assert!(text.to_uppercase().ends_with(&fast.crc().to_string()));
    level_agrees(text, text, fast.fields(), &naive, &[]);
    for node in &naive {
        let first = naive.iter().find(|other| other.tag == node.tag).unwrap();
        let found = fast.field(node.tag.parse().unwrap()).unwrap();
        assert_eq!(
            found.offset(),
            first.offset,
            "`field` returns the first field with a tag"
        );
    }
}

/// Compares the fields of one level, which together form `whole`, a part of `text`.
fn level_agrees(text: &str, whole: &str, fields: Fields<'_>, nodes: &[Node], above: &[String]) {
    assert!(above.len() < DEEPEST);
    let joined: String = fields.clone().map(Field::encoded).collect();
    assert_eq!(joined, whole);
    assert_eq!(fields.clone().count(), nodes.len());
    for (field, node) in fields.zip(nodes) {
        let actual = Node {
            tag: field.tag().to_string(),
            value: field.value().to_owned(),
            offset: field.offset(),
        };
        assert_eq!(&actual, node, "{text:?}");
        assert_eq!(field.encoded(), node.encoded());
        assert!(text[field.offset()..].starts_with(field.encoded()));
        let (inside, expected) = (field.template(), template(above, node));
        assert_eq!(
            inside.is_some(),
            expected.is_some(),
            "{node:?} in {above:?}"
        );
        if let (Some(inside), Some(expected)) = (inside, expected) {
            let above = [above, std::slice::from_ref(&node.tag)].concat();
            level_agrees(text, field.value(), inside, &expected, &above);
        }
    }
}
