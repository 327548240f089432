//! Compares the command with the recorded answers in `khqr-core/tests/vectors`. They were compared with the official
//! SDK when they were recorded.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{bakong, feed, words};

/// A recorded input and its answer.
struct Vector {
    /// A line of input, with the digits of all numbers as recorded.
    input: String,
    now: u64,
    answer: Value,
}

impl Vector {
    fn parse(line: &str) -> Self {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let input = fields["input"].get();
        Self {
            // A string is a code. An object stays JSON.
            input: serde_json::from_str(input).unwrap_or_else(|_| input.to_owned()),
            now: serde_json::from_str(fields["now"].get()).unwrap(),
            answer: serde_json::from_str(fields["ours"].get()).unwrap(),
        }
    }
}

fn recorded(command: &str) -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../khqr-core/tests/vectors");
    let text = std::fs::read_to_string(folder.join(format!("{command}.jsonl"))).unwrap();
    text.lines().map(Vector::parse).collect()
}

/// The answer without texts for people, which may change.
fn comparable(mut answer: Value) -> Value {
    if let Some(error) = answer.get_mut("error").and_then(Value::as_object_mut) {
        error.retain(|name, _| matches!(name.as_str(), "code" | "kind" | "tag" | "offset"));
    }
    answer
}

#[tokio::test]
async fn answers_equal_the_recorded_ones() {
    for command in ["generate", "verify", "decode", "inspect"] {
        let vectors = recorded(command);
        assert!(vectors.len() >= 100, "only {} of {command}", vectors.len());
        let mut by_time: BTreeMap<u64, Vec<Vector>> = BTreeMap::new();
        for vector in vectors {
            by_time.entry(vector.now).or_default().push(vector);
        }
        for (now, vectors) in by_time {
            let line = format!("qr {command} --jsonl --now {now}");
            let lines = vectors.iter().map(|vector| format!("{}\n", vector.input));
            let input: String = lines.collect();
            let answers = feed(bakong(&words(&line)), input).await.json_lines();
            assert_eq!(answers.len(), vectors.len(), "{command}");
            for (answer, vector) in answers.into_iter().zip(vectors) {
                let expected = comparable(vector.answer);
                assert_eq!(comparable(answer), expected, "{command} {:?}", vector.input);
            }
        }
    }
}
