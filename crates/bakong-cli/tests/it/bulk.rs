//! Many codes at once: a line in, a line out.

use std::process::Stdio;
use std::time::Duration;

use khqr_core::{AccountId, Crc, Currency, KhqrBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::bakong::{Finished, bakong, run};

const NOW: [&str; 3] = ["--jsonl", "--now", "1795000000000"];

/// Runs `bakong qr COMMAND --jsonl` over this input.
async fn bulk(command: &str, input: impl Into<Vec<u8>>) -> Finished {
    let arguments = [&["qr", command], &NOW[..]].concat();
    let mut child = bakong(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    let writing = tokio::spawn(async move { stdin.write_all(&input).await });
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    writing.await.unwrap().unwrap();
    assert_eq!((finished.exit, finished.err.as_str()), (0, ""));
    finished
}

/// The answers, of which each is a line of JSON.
fn answers(finished: &Finished) -> Vec<Value> {
    let lines = finished.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn code(name: &str) -> String {
    let account = AccountId::new("sokha@devb").unwrap();
    let draft = KhqrBuilder::individual(account, name).static_code(Currency::Khr);
    draft.unwrap().to_text()
}

fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{}", Crc::of(covered.as_bytes()))
}

/// Good lines amid bad ones, with every kind of line end.
fn mixed(good: &str) -> Vec<u8> {
    let long = "x".repeat((1 << 20) + 1);
    let mut lines = format!("{good}\n\n{good}\r\nnonsense\n{long}\n").into_bytes();
    lines.extend_from_slice(b"\xff\n");
    lines.extend_from_slice(good.as_bytes());
    lines
}

const KINDS: [&str; 4] = ["Missing", "Missing", "LineTooLong", "NotUtf8"];

/// Good answers stand where good lines stood, and the others say why not.
#[track_caller]
fn assert_mixed(answers: &[Value], good: &Value, kinds: [&str; 4]) {
    let kind = |at: usize| &answers[at]["error"]["kind"];
    assert_eq!(answers.len(), 7);
    assert_eq!([&answers[0], &answers[2], &answers[6]], [good; 3]);
    assert_eq!([kind(1), kind(3), kind(4), kind(5)], kinds);
    let keys: Vec<_> = answers[1]["error"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["code", "kind", "message", "offset", "sdkMessage", "tag"]
    );
}

#[tokio::test]
async fn verify_answers_every_line() {
    let found = answers(&bulk("verify", mixed(&code("Sokha"))).await);
    assert_mixed(&found, &json!({ "valid": true }), KINDS);
    assert_eq!(found[1]["valid"], false);
    assert_eq!(
        (&found[3]["error"]["code"], &found[3]["error"]["tag"]),
        (&json!(24), &json!("63"))
    );
    assert_eq!(found[3]["error"]["sdkMessage"], "CRC tag required");
    assert_eq!(found[5]["error"]["offset"], 0);
}

#[tokio::test]
async fn decode_answers_every_line() {
    let code = code("Sokha\u{202e}");
    let finished = bulk("decode", mixed(&code)).await;
    assert!(!finished.out.contains('\u{202e}'), "{finished:?}");
    let found = answers(&finished);
    let khqr = &found[0]["khqr"];
    assert_eq!(khqr["bakongAccountID"], "sokha@devb");
    assert_eq!(khqr["merchantName"], "Sokha\u{202e}");
    assert_eq!(khqr.as_object().unwrap().len(), 25);
    assert_mixed(&found, &json!({ "khqr": khqr }), KINDS);
    // The same as for a single code.
    assert_eq!(
        run(&["qr", "decode", "--json", &code]).await.json()["khqr"],
        *khqr
    );
}

#[tokio::test]
async fn inspect_answers_every_line() {
    let code = sealed("58020229080004PPAY2900");
    let finished = bulk("inspect", mixed(&code)).await;
    let (_, crc) = code.split_at(code.len() - 4);
    let tree = json!({ "58": "02", "29": [{ "00": "PPAY" }, ""], "63": crc });
    assert_mixed(&answers(&finished), &tree, KINDS);
    let first = format!(r#"{{"58":"02","29":[{{"00":"PPAY"}},""],"63":"{crc}"}}"#);
    assert_eq!(finished.out.lines().next(), Some(first.as_str()));
    let single = run(&["qr", "inspect", "--json", &code]).await;
    assert_eq!((single.exit, single.out.trim_end()), (0, first.as_str()));
}

#[tokio::test]
async fn generate_answers_every_line() {
    // Made with bakong-khqr 1.0.20 at that moment.
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
    assert_mixed(&answers(&finished), &good, kinds);
}

#[tokio::test]
async fn a_refused_order_says_what_the_sdk_says() {
    let lines = r#"{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","amount":5}
{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","expirationTimestmp":5}"#;
    let answers = answers(&bulk("generate", lines).await);
    let wanted = json!({
        "code": 45,
        "kind": "Missing",
        "message": "expiration timestamp (tag 99/01): missing; a code with an amount must have an expiry",
        "sdkMessage": "Expiration timestamp is required for dynamic KHQR",
        "tag": "99/01",
        "offset": null,
    });
    assert_eq!(answers[0]["error"], wanted);
    assert_eq!(answers[1]["error"]["kind"], "UnknownField");
    assert_eq!(
        answers[1]["error"]["message"],
        "expirationTimestmp: no such field"
    );
}

#[tokio::test]
async fn the_order_is_kept_over_many_chunks() {
    let number = |number: u32| sealed(&format!("0006{number:06}"));
    let lines: String = (0..200_000).map(|at| number(at) + "\n").collect();
    let finished = bulk("inspect", lines).await;
    let wanted = (0..200_000).map(|number| format!(r#"{{"00":"{number:06}""#));
    assert_eq!(finished.out.lines().count(), 200_000);
    for (line, wanted) in finished.out.lines().zip(wanted) {
        assert!(line.starts_with(&wanted), "{line} {wanted}");
    }
}

#[tokio::test]
async fn a_line_is_answered_before_the_next_is_asked() {
    let arguments = ["qr", "verify", "--jsonl"];
    let mut child = bakong(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["Sokha", "Dara", "Bopha"] {
        let code = code(name);
        let (start, end) = code.split_at(20);
        stdin.write_all(start.as_bytes()).await.unwrap();
        stdin
            .write_all(format!("{end}\n").as_bytes())
            .await
            .unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(60), answers.next_line());
        let answer = answer.await.expect("it answers at once").unwrap();
        assert_eq!(answer.as_deref(), Some(r#"{"valid":true}"#));
    }
    drop(stdin);
    assert_eq!(answers.next_line().await.unwrap(), None);
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn nothing_in_is_nothing_out() {
    assert_eq!(bulk("verify", "").await.out, "");
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_it_though_input_is_to_come() {
    let arguments = ["qr", "verify", "--jsonl"];
    let mut child = bakong(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"nonsense\n").await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
    let finished = Finished::of(output.await.expect("it ends").unwrap());
    // Quietly, but not as if every line had been answered.
    assert_eq!((finished.exit, finished.err.as_str()), (1, ""));
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_written_or_read_is_no_success() {
    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    command.stdin(std::fs::File::open("/proc/self/status").unwrap());
    command.stdout(full.unwrap());
    let output = command.spawn().unwrap().wait_with_output().await;
    let finished = Finished::of(output.unwrap());
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(
        finished.err.starts_with("error: standard output: "),
        "{finished:?}"
    );

    let mut command = bakong(&["qr", "verify", "--jsonl"]);
    command.stdin(std::fs::File::open("/").unwrap());
    let finished = Finished::of(command.output().await.unwrap());
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(
        finished.err.starts_with("error: standard input: "),
        "{finished:?}"
    );
}

#[tokio::test]
async fn many_and_one_do_not_mix() {
    for arguments in [
        &["verify", "--jsonl", "text"][..],
        &["decode", "--jsonl", "--json"],
        &["inspect"],
        &["generate", "--jsonl", "--account", "a@b"],
        &["generate", "--jsonl", "--currency", "USD"],
        &["generate", "--jsonl", "--json"],
        &["generate", "--name", "A"],
    ] {
        let finished = run(&[&["qr"], arguments].concat()).await;
        assert_eq!(
            (finished.exit, finished.out.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(finished.err.contains("error: "), "{finished:?}");
    }
}
