//! What is wanted of us when a text is shown: the SDK's fields and its tree, but for the rows. The SDK
//! refuses nothing here, so that every refusal of ours has a row.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::naive::{self, Defect, Field, get, level, template};
use super::rows::Row;
use super::wanted::{Answer, Wanted};

/// What we are to answer when the fields are asked for.
pub(super) fn wanted_fields(text: &str, official: &Json) -> Result<Wanted, String> {
    let fields = match naive::khqr(text) {
        Ok(fields) => fields,
        Err(defect) => {
            let row = match defect {
                _ if official["looped"] == true => Row::EndlessLoop,
                Defect::TooLong => Row::TextTooLong,
                Defect::NoChecksum | Defect::WrongChecksum => Row::DecodeUnchecked,
                Defect::Form(row) => row,
                Defect::Account(_) => Row::DecodeForeign,
            };
            let answer = Answer::refused(defect.code());
            return Ok(Wanted {
                answer,
                row: Some(row),
            });
        }
    };
    let Some(said) = official["khqr"].as_object() else {
        return Err("no row explains why the SDK does not decode this".to_owned());
    };
    let spread = is_spread(&fields);
    let kept = said
        .iter()
        .filter(|(name, _)| !(spread && name.bytes().all(|byte| byte.is_ascii_digit())));
    let kept: Map<String, Json> = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let row = (kept.len() != said.len()).then_some(Row::DecodeSpread);
    let answer = Answer::Khqr(Json::Object(kept));
    Ok(Wanted { answer, row })
}

/// Whether a template has fields and none that KHQR knows.
fn is_spread(fields: &[Field]) -> bool {
    let known: [(u8, &[u8]); 3] = [(62, &[1, 2, 3, 7, 8]), (64, &[0, 1, 2]), (99, &[0, 1])];
    known.iter().any(|(tag, known)| {
        let subs = get(fields, *tag).and_then(|value| template(value).ok());
        subs.is_some_and(|subs| {
            !subs.is_empty() && known.iter().all(|sub| get(&subs, *sub).is_none())
        })
    })
}

/// What we are to answer when the tree is asked for.
pub(super) fn wanted_tree(text: &str, official: &Json) -> Result<Wanted, String> {
    let fields = match naive::payload(text) {
        Ok(fields) => fields,
        Err(defect) => {
            let row = match defect {
                Defect::TooLong => Row::TextTooLong,
                _ => Row::TreeUnchecked,
            };
            let answer = Answer::refused(defect.code());
            return Ok(Wanted {
                answer,
                row: Some(row),
            });
        }
    };
    let mut all = fields;
    all.push((
        63,
        text.get(text.len() - 4..).unwrap_or_default().to_owned(),
    ));
    let tree = tree(&all, true);
    let row = if official["tree"] == tree {
        None
    } else {
        Some(why_trees_differ(&all).ok_or("no row explains why the trees differ")?)
    };
    let answer = Answer::Tree(tree);
    Ok(Wanted { answer, row })
}

const fn is_template(tag: u8) -> bool {
    matches!(tag, 26..=51 | 62 | 64 | 80..=99)
}

const fn is_inner_template(tag: u8, sub: u8) -> bool {
    tag == 62 && sub >= 50
}

/// The fields of a template; none where it is not all fields, or empty.
fn opened(value: &str) -> Option<Vec<Field>> {
    level(value).ok().filter(|fields| !fields.is_empty())
}

/// A level as a tree; a tag that stands twice becomes a list.
fn tree(fields: &[Field], top: bool) -> Json {
    let mut nodes: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (tag, value) in fields {
        let opened = if top && is_template(*tag) {
            opened(value).map(|subs| inner_tree(*tag, &subs))
        } else {
            None
        };
        let node = opened.unwrap_or_else(|| Json::from(value.as_str()));
        nodes.entry(format!("{tag:02}")).or_default().push(node);
    }
    collapsed(nodes)
}

fn inner_tree(tag: u8, subs: &[Field]) -> Json {
    let mut nodes: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (sub, value) in subs {
        let opened = if is_inner_template(tag, *sub) {
            opened(value).map(|fields| tree(&fields, false))
        } else {
            None
        };
        let node = opened.unwrap_or_else(|| Json::from(value.as_str()));
        nodes.entry(format!("{sub:02}")).or_default().push(node);
    }
    collapsed(nodes)
}

fn collapsed(nodes: BTreeMap<String, Vec<Json>>) -> Json {
    let single = |mut values: Vec<Json>| match values.len() {
        1 => values.remove(0),
        _ => Json::Array(values),
    };
    nodes
        .into_iter()
        .map(|(tag, values)| (tag, single(values)))
        .collect()
}

/// The first row, if any, that these fields give a reason for.
fn why_trees_differ(fields: &[Field]) -> Option<Row> {
    if repeats(fields) {
        return Some(Row::TreeRepeated);
    }
    let templates = fields.iter().filter(|(tag, _)| is_template(*tag));
    let rows = templates.filter_map(|(tag, value)| {
        let Ok(subs) = level(value) else {
            return Some(Row::TreePartial);
        };
        if repeats(&subs) {
            return Some(Row::TreeRepeated);
        }
        if (1..6).contains(&naive::units(value)) {
            return Some(Row::TreeShort);
        }
        let inner = subs
            .iter()
            .position(|(sub, _)| is_inner_template(*tag, *sub))?;
        let levels = || subs.iter().filter(|(sub, _)| is_inner_template(*tag, *sub));
        if levels().any(|(_, value)| level(value).is_err()) {
            return Some(Row::TreePartial);
        }
        if levels().any(|(_, value)| level(value).is_ok_and(|fields| repeats(&fields))) {
            return Some(Row::TreeRepeated);
        }
        (inner + 1 < subs.len()).then_some(Row::TreeSticky)
    });
    rows.min()
}

fn repeats(fields: &[Field]) -> bool {
    fields
        .iter()
        .enumerate()
        .any(|(index, (tag, _))| get(&fields[..index], *tag).is_some())
}
