//! Parsing, verifying and writing still give the answers recorded in `tests/vectors`, which were compared with
//! the official SDK's when they were recorded.

use std::fs;
use std::path::Path;

use khqr_core::{Error, Khqr, Md5Handle, Timestamp};
use serde_json::{Value, from_str, json};

use crate::laws;

fn recorded(what: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = fs::read_to_string(folder.join(format!("{what}.jsonl"))).unwrap();
    let lines = text.lines();
    assert!(lines.clone().count() > 50, "{what}");
    // Under Miri, checking all lines would take hours.
    let lines = lines.step_by(STEP);
    lines.map(|line| from_str(line).unwrap()).collect()
}

const STEP: usize = if cfg!(miri) { 40 } else { 1 };

fn error_json(error: Error) -> Value {
    json!({
        "code": error.sdk_code(),
        "kind": error.kind().name(),
        "tag": error.tag().map(|tag| tag.to_string()),
        "offset": error.offset(),
    })
}

#[test]
fn verification_gives_the_recorded_answers() {
    for vector in recorded("verify") {
        let text = vector["input"].as_str().unwrap();
        let now = Timestamp::from_millis(vector["now"].as_u64().unwrap());
        let answer = match Khqr::parse(text).and_then(|khqr| khqr.verify(now)) {
            Ok(_) => json!({ "valid": true }),
            Err(error) => json!({ "valid": false, "error": error_json(error) }),
        };
        assert_eq!(answer, vector["ours"], "{text}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn fields_are_the_recorded_ones() {
    for vector in recorded("decode") {
        let text = vector["input"].as_str().unwrap();
        let answer = match Khqr::parse(text) {
            Ok(khqr) => json!({ "khqr": khqr.to_fields() }),
            Err(error) => json!({ "error": error_json(error) }),
        };
        assert_eq!(answer, vector["ours"], "{text}");
    }
}

#[test]
fn codes_of_the_sdk_are_parsed_and_rewritten() {
    let mut written = 0;
    for vector in recorded("generate") {
        let ours = &vector["ours"];
        let Some(text) = ours["qr"].as_str() else {
            continue;
        };
        assert_eq!(Md5Handle::of(text).to_string(), ours["md5"], "{text}");
        if vector["deviation"].is_null() {
            assert_eq!(ours["qr"], vector["sdk"]["qr"]);
        }
        laws::rewriting_keeps_the_code(text, &[]);
        written += 1;
    }
    assert!(written > 50 / STEP, "{written}");
}
