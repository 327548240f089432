//! Writes some cases of each kind to `crates/khqr-core/tests/vectors`, so that tests check them without Node.

use std::collections::BTreeMap;

use anyhow::Result;
use khqr_kit::quoted;
use serde_json::Value as Json;
use xshell::Shell;

use crate::case::{Case, Function};
use crate::deviation::Deviation;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/khqr-core/tests/vectors"
);

/// The maximum number of recorded cases that have the same SDK error code and the same deviation.
const CASES_OF_A_KIND: usize = 4;

/// The maximum number of recorded cases that the SDK accepts and answers as khqr-core does.
const EQUAL_CASES: usize = 100;

/// The maximum length of a recorded line, in bytes.
const MAX_LINE: usize = 1_500;

/// Writes one file for each function. `cases` are the explained cases.
pub(crate) fn write(cases: &[(Case, Option<Deviation>)]) -> Result<()> {
    let shell = Shell::new()?;
    for function in Function::ALL {
        let lines = selected(cases.iter().filter(|(case, _)| case.function == function));
        let name = format!("{}.jsonl", function.name());
        shell.write_file(format!("{FOLDER}/{name}"), lines.concat())?;
        println!("wrote {} cases to {name}", lines.len());
    }
    Ok(())
}

fn selected<'a>(cases: impl Iterator<Item = &'a (Case, Option<Deviation>)>) -> Vec<String> {
    let mut kinds: BTreeMap<(Option<Deviation>, String), usize> = BTreeMap::new();
    let mut lines: Vec<String> = Vec::new();
    for (case, deviation) in cases {
        let line = line(case, *deviation);
        let kind = (*deviation, case.official_kind());
        let limit = match deviation {
            None if kind.1 == "good" => EQUAL_CASES,
            _ => CASES_OF_A_KIND,
        };
        let count = kinds.entry(kind).or_default();
        let is_short =
            line.len() <= MAX_LINE || *deviation == Some(Deviation::TextTooLong) && *count == 0;
        // The SDK's own tests repeat some questions.
        if *count < limit && is_short && !lines.contains(&line) {
            *count += 1;
            lines.push(line);
        }
    }
    lines
}

fn line(case: &Case, deviation: Option<Deviation>) -> String {
    format!(
        "{{\"input\":{},\"now\":{},\"sdk\":{},\"ours\":{},\"deviation\":{}}}\n",
        case.question.to_json(),
        case.now,
        case.official,
        without_message(case.ours.clone()),
        deviation.map_or("null".to_owned(), |deviation| quoted(deviation.name()))
    )
}

/// Removes the message of an error, because the wording may change.
fn without_message(mut answer: Json) -> Json {
    if let Some(error) = answer.get_mut("error").and_then(Json::as_object_mut) {
        error.retain(|name, _| matches!(name.as_str(), "code" | "kind" | "tag" | "offset"));
    }
    answer
}
