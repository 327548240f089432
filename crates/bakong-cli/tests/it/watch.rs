//! `bakong watch`.

use std::process::Stdio;

use bakong_sandbox::{Fault, Sandbox, TransferOptions};
use khqr_core::{Amount, Currency, Khqr, Md5Handle};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::support::{
    Finished, Folder, bakong, dara, dynamic_code, feed, interrupt, run_line, static_code, token,
    words,
};

/// A code for 10,000 riel that expires in ten minutes.
fn code(sandbox: &Sandbox, bill: &str) -> String {
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    dynamic_code(sandbox.now(), bill, amount)
}

fn command(sandbox: &Sandbox, options: &str) -> tokio::process::Command {
    let line = format!("watch --base-url {} {options}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    command.env("BAKONG_TOKEN", token(sandbox));
    command
}

async fn watch(sandbox: &Sandbox, options: &str, input: &str) -> Finished {
    feed(command(sandbox, options), input).await
}

fn events(finished: &Finished, kind: &str) -> Vec<Value> {
    let mut events = finished.json_lines();
    events.retain(|event| event["event"] == kind);
    events
}

#[tokio::test]
async fn each_payment_is_watched_until_it_is_final() {
    let sandbox = Sandbox::start().await.unwrap();
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    for code in &codes {
        let _ = dara(&sandbox).pay(code).unwrap();
    }
    let named = json!({ "qr": codes[1], "order": "order 2" });
    let input = format!("{}\n\n{named}\r\n", codes[0]);
    let finished = watch(&sandbox, "--json", &input).await.exits(0);
    let ended = events(&finished, "final");
    let mut orders: Vec<_> = ended.iter().map(|event| &event["order"]).collect();
    orders.sort_unstable_by_key(|order| order.as_str());
    assert_eq!(orders, ["A-1", "order 2"]);
    for event in &ended {
        assert_eq!(event["status"], "paid");
        assert_eq!(event["late"], false);
        assert_eq!(event["transaction"]["fromAccountId"], "dara@devb");
    }
    let watching = events(&finished, "watching");
    assert_eq!(watching[0]["md5"], Md5Handle::of(&codes[0]).to_string());
    // One list request, or two checks, but never more.
    assert!(sandbox.requests().len() <= 2, "{:?}", sandbox.requests());
}

#[tokio::test]
async fn text_output_shows_paid_and_needs_review() {
    let sandbox = Sandbox::start().await.unwrap();
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    let _ = dara(&sandbox).pay(&codes[0]).unwrap();
    let too_little = TransferOptions::new().amount(Amount::from_minor_units(1, Currency::Khr));
    let _ = dara(&sandbox).pay_with(&codes[1], &too_little).unwrap();
    // Editors on Windows write a byte order mark.
    let input = format!("\u{feff}{}\r\n{}\r\n", codes[0], codes[1]);
    let finished = watch(&sandbox, "--no-lists", &input).await.exits(4);
    finished.shows("A-1: PAID");
    finished.shows("A-2: NEEDS REVIEW: too little was paid: 1 KHR");
}

#[tokio::test]
async fn refused_lines_are_reported_with_their_number() {
    let sandbox = Sandbox::start().await.unwrap();
    let good = code(&sandbox, "A-1");
    let _ = dara(&sandbox).pay(&good).unwrap();
    let lines = [
        "no code\u{1b}[31m",
        &static_code("Sokha"),
        r#"{"qr":7}"#,
        r#"{"code":"x"}"#,
        &"0".repeat((1 << 20) + 1),
        &good,
        &good,
    ];
    let finished = watch(&sandbox, "--json", &lines.join("\n")).await.exits(1);
    let refused = events(&finished, "refused");
    let numbers: Vec<_> = refused.iter().map(|event| &event["line"]).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 7]);
    for (at, part) in [
        (1, "static"),
        (2, "{\"qr\":"),
        (4, "longer than 1048576 bytes"),
        (5, "bill number"),
    ] {
        let message = refused[at]["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(events(&finished, "final").len(), 1);
    finished.hides("\u{1b}");
}

#[tokio::test]
async fn a_code_that_exceeds_the_quota_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = code(&sandbox, "A-1");
    let finished = watch(&sandbox, "--json --quota 2", &code).await.exits(1);
    let refused = events(&finished, "refused");
    let retry_at = refused[0]["error"]["retryAt"].as_u64().unwrap();
    assert!(sandbox.requests().is_empty());
    // If the quota is reset soon, the code is still valid after the reset.
    let expires_at = Khqr::parse(&code).unwrap().expires_at().unwrap().unwrap();
    let advice = if retry_at < expires_at.as_millis() {
        "Do not show it before"
    } else {
        "Make a new code after"
    };
    let message = refused[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains(advice), "{message}");
}

#[tokio::test]
async fn a_payment_without_an_answer_stays_open() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = code(&sandbox, "A-1");
    let _ = dara(&sandbox).pay(&code).unwrap();
    sandbox.fault(Fault::forbidden());
    let mut command = command(&sandbox, "--json");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = format!("{code}\n");
    stdin.write_all(input.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || -> Value {
        let line = lines.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(next().await["event"], "watching");
    let event = next().await;
    assert_eq!(event["event"], "no_answer");
    assert_eq!(event["error"]["class"], "blocked");
    // The input is still open, and so is the payment. A signal ends the command.
    interrupt(&child);
    let open = [Md5Handle::of(&code).to_string()];
    assert_eq!(next().await, json!({ "event": "stopped", "open": open }));
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
async fn an_error_of_all_requests_is_printed_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    for code in &codes {
        let _ = dara(&sandbox).pay(code).unwrap();
        sandbox.fault(Fault::status(http::StatusCode::SERVICE_UNAVAILABLE));
    }
    let input = format!("{}\n{}", codes[0], codes[1]);
    let finished = watch(&sandbox, "--no-lists", &input).await.exits(0);
    assert_eq!(finished.err.matches("No answer").count(), 1, "{finished:?}");
    finished.shows("A-1: PAID");
    finished.shows("A-2: PAID");
}

#[tokio::test]
async fn an_empty_file_is_not_an_error() {
    let folder = Folder::new();
    let sandbox = Sandbox::start().await.unwrap();
    let file = folder.write("codes", "\n\n");
    let finished = watch(&sandbox, &file, "").await.exits(0);
    assert_eq!(finished.out, "");
    let missing = folder.file("none");
    run_line(&format!("watch {missing} --env sit"))
        .await
        .exits(2);
}
