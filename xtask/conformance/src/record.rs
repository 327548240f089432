//! Some cases of each kind, written down, so that `cargo test` holds them without Node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::failure::Failure;

use super::case::{Case, What};
use super::input::quoted;
use super::rows::Row;

const FOLDER: &str = "crates/khqr-core/tests/vectors";

/// How many cases are kept that are alike in what the SDK says and in why we say otherwise.
const OF_A_KIND: usize = 4;

/// How many more where the two agree that it is good.
const GOOD: usize = 100;

/// Longer lines are left out: they say nothing that a shorter one does not.
const LONGEST: usize = 1_500;

/// Writes a file for each question.
pub(super) fn write(root: &Path, cases: &[Case]) -> Result<(), Failure> {
    for what in What::ALL {
        let file = root.join(FOLDER).join(format!("{}.jsonl", what.word()));
        let lines = chosen(cases.iter().filter(|case| case.what == what));
        fs::write(&file, lines.concat()).map_err(|error| {
            Failure::new(format!("{} could not be written: {error}", file.display()))
        })?;
        println!("wrote {} cases to {}", lines.len(), file.display());
    }
    Ok(())
}

fn chosen<'a>(cases: impl Iterator<Item = &'a Case>) -> Vec<String> {
    let mut kinds: BTreeMap<(Option<Row>, String), usize> = BTreeMap::new();
    let mut lines: Vec<String> = Vec::new();
    for case in cases {
        let Ok(row) = case.verdict else {
            continue;
        };
        let line = line(case, row);
        let kind = (row, case.official_kind());
        let limit = match row {
            None if kind.1 == "good" => GOOD,
            _ => OF_A_KIND,
        };
        let kept = kinds.entry(kind).or_default();
        let is_short = line.len() <= LONGEST || row == Some(Row::TextTooLong) && *kept == 0;
        // The SDK's own tests ask some things again and again.
        if *kept < limit && is_short && !lines.contains(&line) {
            *kept += 1;
            lines.push(line);
        }
    }
    lines
}

fn line(case: &Case, row: Option<Row>) -> String {
    format!(
        "{{\"input\":{},\"now\":{},\"sdk\":{},\"ours\":{},\"deviation\":{}}}\n",
        case.question.to_json(),
        case.now,
        case.official,
        without_wording(case.ours.clone()),
        row.map_or("null".to_owned(), |row| quoted(row.id()))
    )
}

/// Without what is said to people, which may be said better one day.
fn without_wording(mut answer: Json) -> Json {
    if let Some(error) = answer.get_mut("error").and_then(Json::as_object_mut) {
        error.retain(|name, _| matches!(name.as_str(), "code" | "kind" | "tag" | "offset"));
    }
    answer
}
