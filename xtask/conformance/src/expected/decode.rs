//! The expected fields and tree of a code. The SDK reports no errors here, so any error of khqr-core is a deviation.

use std::collections::BTreeMap;

use khqr_kit::naive::{Code, Node, length, payload, template};
use serde_json::{Map, Value as Json};

use super::{Answer, Expected, Unreadable, subfields};
use crate::deviation::Deviation;

/// Returns the expected fields of a KHQR.
pub(crate) fn fields(text: &str, official: &Json) -> Result<Expected, String> {
    let code = match Code::read(text).map_err(Unreadable::from) {
        Ok(code) => code,
        Err(reason) => {
            let deviation = match reason {
                _ if official["looped"] == true => Deviation::EndlessLoop,
                Unreadable::TooLong => Deviation::TextTooLong,
                Unreadable::NoChecksum | Unreadable::WrongChecksum => Deviation::DecodeUnchecked,
                Unreadable::Form(deviation) => deviation,
                Unreadable::Account(_) => Deviation::DecodeForeign,
            };
            return Ok(Expected {
                answer: Answer::error(reason.code()),
                deviation: Some(deviation),
            });
        }
    };
    let Some(decoded) = official["khqr"].as_object() else {
        return Err("no deviation explains why the SDK does not decode this text".to_owned());
    };
    let spread = has_spread_template(&code);
    let is_character = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let kept: Map<String, Json> = decoded
        .iter()
        .filter(|(name, _)| !(spread && is_character(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Expected {
        deviation: (kept.len() != decoded.len()).then_some(Deviation::DecodeSpread),
        answer: Answer::Fields(Json::Object(kept)),
    })
}

/// Returns whether a template has only fields unknown to KHQR. The SDK decodes such a template into characters.
fn has_spread_template(code: &Code) -> bool {
    let known: [(&str, &[&str]); 3] = [
        ("62", &["01", "02", "03", "07", "08"]),
        ("64", &["00", "01", "02"]),
        ("99", &["00", "01"]),
    ];
    known.iter().any(|(tag, known)| {
        code.get(tag).is_some_and(|value| !value.is_empty())
            && known
                .iter()
                .all(|sub| code.get(&format!("{tag}/{sub}")).is_none())
    })
}

/// Returns the expected tree of any EMVCo text.
pub(crate) fn tree(text: &str, official: &Json) -> Result<Expected, String> {
    let nodes = match payload(text).map_err(Unreadable::from) {
        Ok(nodes) => nodes,
        Err(reason) => {
            let deviation = match reason {
                Unreadable::TooLong => Deviation::TextTooLong,
                _ => Deviation::TreeUnchecked,
            };
            return Ok(Expected {
                answer: Answer::error(reason.code()),
                deviation: Some(deviation),
            });
        }
    };
    let tree = json_tree(&nodes, &[]);
    let deviation = if official["tree"] == tree {
        None
    } else {
        Some(tree_deviation(&nodes).ok_or("no deviation explains why the trees differ")?)
    };
    Ok(Expected {
        answer: Answer::Tree(tree),
        deviation,
    })
}

/// Converts the fields inside the templates `above` to JSON. The values of a repeated tag become a list.
fn json_tree(nodes: &[Node], above: &[String]) -> Json {
    let mut values: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for node in nodes {
        let value = match template(above, node) {
            Some(inner) => json_tree(&inner, &[above, std::slice::from_ref(&node.tag)].concat()),
            None => Json::from(node.value.as_str()),
        };
        values.entry(&node.tag).or_default().push(value);
    }
    let single_or_list = |mut values: Vec<Json>| match values.len() {
        1 => values.remove(0),
        _ => Json::Array(values),
    };
    values
        .into_iter()
        .map(|(tag, values)| (tag.to_owned(), single_or_list(values)))
        .collect()
}

/// Returns the first deviation that makes the SDK's tree of these fields differ.
fn tree_deviation(nodes: &[Node]) -> Option<Deviation> {
    if repeats(nodes) {
        return Some(Deviation::TreeRepeated);
    }
    let is_template = |node: &&Node| {
        let tag: u8 = node.tag.parse().unwrap_or_default();
        matches!(tag, 26..=51 | 62 | 64 | 80..=99)
    };
    let templates = nodes.iter().filter(is_template);
    templates.filter_map(template_deviation).min()
}

fn template_deviation(node: &Node) -> Option<Deviation> {
    let Some(fields) = subfields(&node.value) else {
        return Some(Deviation::TreePartial);
    };
    if repeats(&fields) {
        return Some(Deviation::TreeRepeated);
    }
    if (1..6).contains(&length(&node.value)) {
        return Some(Deviation::TreeShort);
    }
    let is_nested = |field: &&Node| node.tag == "62" && field.tag.as_str() >= "50";
    let nested = fields
        .iter()
        .filter(is_nested)
        .map(|field| subfields(&field.value));
    let nested: Vec<Option<Vec<Node>>> = nested.collect();
    if nested.iter().any(Option::is_none) {
        return Some(Deviation::TreePartial);
    }
    if nested.iter().flatten().any(|fields| repeats(fields)) {
        return Some(Deviation::TreeRepeated);
    }
    let first = fields.iter().position(|field| is_nested(&field))?;
    (first + 1 < fields.len()).then_some(Deviation::TreeSticky)
}

fn repeats(fields: &[Node]) -> bool {
    let repeated =
        |(index, field): (usize, &Node)| fields[..index].iter().any(|other| other.tag == field.tag);
    fields.iter().enumerate().any(repeated)
}
