//! The recorded answers of `khqr-core/tests/vectors`, which were compared with the official SDK's when
//! they were recorded: the command still gives them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;

use crate::support::{Finished, bakong};

/// A recorded question and what was answered.
struct Vector {
    /// As the command is asked, numbers to their last digit.
    question: String,
    now: u64,
    ours: Value,
}

impl Vector {
    fn parse(line: &str) -> Self {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let input = fields["input"].get();
        Self {
            // A text is asked as it is, an object as JSON.
            question: serde_json::from_str(input).unwrap_or_else(|_| input.to_owned()),
            now: serde_json::from_str(fields["now"].get()).unwrap(),
            ours: serde_json::from_str(fields["ours"].get()).unwrap(),
        }
    }
}

fn recorded(what: &str) -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../khqr-core/tests/vectors");
    let text = std::fs::read_to_string(folder.join(format!("{what}.jsonl"))).unwrap();
    text.lines().map(Vector::parse).collect()
}

async fn answers(what: &str, now: u64, vectors: &[&Vector]) -> Vec<Value> {
    let mut child = bakong(&["qr", what, "--jsonl", "--now", &now.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = vectors
        .iter()
        .map(|vector| format!("{}\n", vector.question))
        .collect();
    let writer = tokio::spawn(async move { stdin.write_all(lines.as_bytes()).await });
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    writer.await.unwrap().unwrap();
    let answers = finished.out.lines();
    answers
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The answer without what is meant for people, which may be said better one day.
fn compared(mut answer: Value) -> Value {
    if let Some(error) = answer.get_mut("error").and_then(Value::as_object_mut) {
        error.retain(|name, _| matches!(name.as_str(), "code" | "kind" | "tag" | "offset"));
    }
    answer
}

async fn hold(what: &str) {
    let vectors = recorded(what);
    assert!(vectors.len() >= 100, "only {} of {what}", vectors.len());
    let mut by_moment: BTreeMap<u64, Vec<&Vector>> = BTreeMap::new();
    for vector in &vectors {
        by_moment.entry(vector.now).or_default().push(vector);
    }
    for (now, vectors) in by_moment {
        let answers = answers(what, now, &vectors).await;
        assert_eq!(answers.len(), vectors.len(), "{what}");
        for (answer, vector) in answers.into_iter().zip(vectors) {
            assert_eq!(
                compared(answer),
                compared(vector.ours.clone()),
                "{what}, asked {:?}",
                vector.question
            );
        }
    }
}

#[tokio::test]
async fn codes_are_written_as_recorded() {
    hold("generate").await;
}

#[tokio::test]
async fn codes_are_verified_as_recorded() {
    hold("verify").await;
}

#[tokio::test]
async fn fields_are_read_as_recorded() {
    hold("decode").await;
}

#[tokio::test]
async fn trees_are_shown_as_recorded() {
    hold("inspect").await;
}
