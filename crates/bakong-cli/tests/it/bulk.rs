//! `bakong qr … --jsonl`.

use std::process::Stdio;
use std::time::Duration;

use khqr_core::Crc;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::error_objects::assert_error_object;
#[cfg(unix)]
use crate::support::unread_output;
use crate::support::{Finished, bakong, feed, run, run_line, static_code, words};

/// Runs `bakong qr COMMAND --jsonl` with this input.
async fn bulk(command: &str, input: impl Into<Vec<u8>>) -> Finished {
    let line = format!("qr {command} --jsonl --now 1795000000000");
    let finished = feed(bakong(&words(&line)), input).await.exits(0);
    assert_eq!(finished.err, "");
    finished
}

fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{}", Crc::of(covered.as_bytes()))
}

/// Valid and invalid lines, with every kind of line ending.
fn mixed(good: &str) -> Vec<u8> {
    let long = "x".repeat((1 << 20) + 1);
    let mut lines = format!("{good}\n\n{good}\r\nnonsense\n{long}\n").into_bytes();
    lines.extend_from_slice(b"\xff\n");
    lines.extend_from_slice(good.as_bytes());
    lines
}

const KINDS: [&str; 4] = ["Missing", "Missing", "LineTooLong", "NotUtf8"];

/// Checks the answers to [`mixed`]: `good` for valid lines, and these kinds of errors for the others.
#[track_caller]
fn assert_mixed(answers: &[Value], good: &Value, kinds: [&str; 4]) {
    let kind = |at: usize| &answers[at]["error"]["kind"];
    assert_eq!(answers.len(), 7);
    assert_eq!([&answers[0], &answers[2], &answers[6]], [good; 3]);
    assert_eq!([kind(1), kind(3), kind(4), kind(5)], kinds);
    for answer in [1, 3, 4, 5].map(|at| &answers[at]) {
        assert_error_object(&answer["error"]);
    }
}

#[tokio::test]
async fn verify_answers_every_line() {
    let found = bulk("verify", mixed(&static_code("Sokha")))
        .await
        .json_lines();
    assert_mixed(&found, &json!({ "valid": true }), KINDS);
    assert_eq!(found[1]["valid"], false);
    let error = &found[3]["error"];
    assert_eq!((&error["code"], &error["tag"]), (&json!(24), &json!("63")));
    assert_eq!(error["sdkMessage"], "CRC tag required");
    assert_eq!(found[5]["error"]["offset"], 0);
}

#[tokio::test]
async fn decode_answers_every_line() {
    let code = static_code("Sokha\u{202e}");
    let finished = bulk("decode", mixed(&code)).await;
    finished.hides("\u{202e}");
    let found = finished.json_lines();
    let khqr = &found[0]["khqr"];
    assert_eq!(khqr["bakongAccountID"], "sokha@devb");
    assert_eq!(khqr["merchantName"], "Sokha\u{202e}");
    assert_eq!(khqr.as_object().unwrap().len(), 25);
    assert_mixed(&found, &json!({ "khqr": khqr }), KINDS);
    // Decoding the code alone gives the same object.
    let single = run(&["qr", "decode", "--json", &code]).await.json();
    assert_eq!(single["khqr"], *khqr);
}

#[tokio::test]
async fn inspect_answers_every_line() {
    let code = sealed("58020229080004PPAY2900");
    let finished = bulk("inspect", mixed(&code)).await;
    let (_, crc) = code.split_at(code.len() - 4);
    let tree = json!({ "58": "02", "29": [{ "00": "PPAY" }, ""], "63": crc });
    assert_mixed(&finished.json_lines(), &tree, KINDS);
    let first = format!(r#"{{"58":"02","29":[{{"00":"PPAY"}},""],"63":"{crc}"}}"#);
    assert_eq!(finished.out.lines().next(), Some(first.as_str()));
    let single = run(&["qr", "inspect", "--json", &code]).await.exits(0);
    assert_eq!(single.out.trim_end(), first.as_str());
}

#[tokio::test]
async fn generate_answers_every_line() {
    // Generated with bakong-khqr 1.0.20 at that time.
    let line = r#"{"kind":"merchant","bakongAccountID":"sokha@devb","merchantName":"Sokha",
        "merchantID":"123456","acquiringBank":"Dev Bank","currency":840,"amount":1.1,
        "billNumber":"INV-1","mobileNumber":85512345678,"storeLabel":"Toul Kork",
        "terminalLabel":"T1","purposeOfTransaction":"Coffee","languagePreference":"km",
        "merchantNameAlternateLanguage":"សុខា","merchantCityAlternateLanguage":"តាកែវ",
        "merchantCategoryCode":5411,"expirationTimestamp":"1795000600000"}"#;
    let good = json!({
        "qr": "00020101021230360010sokha@devb01061234560208Dev Bank52045411530384054041.105802KH\
            5905Sokha6010Phnom Penh62530105INV-10211855123456780309Toul Kork0702T10806Coffee\
            64230002km0104សុខា0205តាកែវ993400131795000000000011317950006000006304EB57",
        "md5": "d38ff11a2682041398a2473cc6afc27e",
    });
    let kinds = ["NotJson", "NotJson", "LineTooLong", "NotUtf8"];
    let finished = bulk("generate", mixed(&line.replace('\n', ""))).await;
    assert_mixed(&finished.json_lines(), &good, kinds);
}

#[tokio::test]
async fn a_refused_request_has_the_code_and_message_of_the_sdk() {
    let lines = r#"{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","amount":5}
{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","expirationTimestmp":5}"#;
    let answers = bulk("generate", lines).await.json_lines();
    let expected = json!({
        "code": 45,
        "kind": "Missing",
        "message": "expiration timestamp (tag 99/01): missing; a code with an amount must have an expiry",
        "sdkMessage": "Expiration timestamp is required for dynamic KHQR",
        "tag": "99/01",
        "offset": null,
        "class": "invalid_input",
        "advice": null,
        "status": null,
        "retryAt": null,
    });
    assert_eq!(answers[0]["error"], expected);
    let error = &answers[1]["error"];
    assert_eq!(error["kind"], "UnknownField");
    assert_eq!(error["message"], "expirationTimestmp: unknown field");
}

#[tokio::test]
async fn a_line_is_answered_before_the_next_is_sent() {
    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["Sokha", "Dara", "Bopha"] {
        let code = static_code(name) + "\n";
        let (start, end) = code.split_at(20);
        stdin.write_all(start.as_bytes()).await.unwrap();
        stdin.write_all(end.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(60), answers.next_line());
        let answer = answer.await.expect("an answer").unwrap();
        assert_eq!(answer.as_deref(), Some(r#"{"valid":true}"#));
    }
    drop(stdin);
    assert_eq!(answers.next_line().await.unwrap(), None);
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn empty_input_gives_empty_output() {
    assert_eq!(bulk("verify", "").await.out, "");
}

#[cfg(unix)]
#[tokio::test]
async fn a_closed_pipe_ends_the_command_while_input_is_open() {
    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    command.stdin(Stdio::piped()).stdout(unread_output());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"nonsense\n").await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
    let finished = Finished::of(output.await.expect("it ends").unwrap());
    // There is no message, but the exit code shows that not every line was answered.
    assert_eq!((finished.exit, finished.err.as_str()), (1, ""));
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_failed_read_or_write_is_not_a_success() {
    let open = |path| std::fs::File::open(path).unwrap();
    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    command
        .stdin(open("/proc/self/status"))
        .stdout(full.unwrap());
    let output = command.spawn().unwrap().wait_with_output().await;
    let finished = Finished::of(output.unwrap()).exits(1);
    assert!(
        finished.err.starts_with("error: standard output: "),
        "{finished:?}"
    );

    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    let output = command.stdin(open("/")).output().await;
    let finished = Finished::of(output.unwrap()).exits(1);
    assert!(
        finished.err.starts_with("error: standard input: "),
        "{finished:?}"
    );
}

#[tokio::test]
async fn jsonl_excludes_the_options_for_one_code() {
    for line in [
        "verify --jsonl text",
        "decode --jsonl --json",
        "inspect",
        "generate --jsonl --account a@b",
        "generate --jsonl --currency USD",
        "generate --jsonl --city Takeo",
        "generate --jsonl --json",
        "generate --name A",
    ] {
        let finished = run_line(&format!("qr {line}")).await.exits(2);
        if line.contains("--json") {
            assert_error_object(&finished.json()["error"]);
        } else {
            assert_eq!(finished.out, "", "{line}");
        }
        assert!(finished.err.contains("error: "), "{finished:?}");
    }
}
