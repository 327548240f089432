//! `bakong watch`: many codes, one quota, an event for each thing that happens.

use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox, TransferOptions};
use khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Md5Handle};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::support::{Finished, Folder, bakong, run, token};

/// A code of the shop's, good for ten minutes.
fn code(sandbox: &Sandbox, bill: &str) -> String {
    let now = sandbox.now();
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha Coffee")
        .bill_number(bill)
        .dynamic_code(amount, now, now.saturating_add(Duration::from_secs(600)))
        .unwrap()
        .to_text()
}

fn static_code() -> String {
    KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha Coffee")
        .static_code(Currency::Khr)
        .unwrap()
        .to_text()
}

async fn watch(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Finished {
    let url = sandbox.base_url();
    let mut all = vec!["watch", "--base-url", &url];
    all.extend(arguments);
    let mut child = bakong(&all)
        .env("BAKONG_TOKEN", token(sandbox))
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    Finished::of(child.wait_with_output().await.unwrap())
}

fn events(finished: &Finished, kind: &str) -> Vec<Value> {
    let events = finished
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    events
        .filter(|event: &Value| event["event"] == kind)
        .collect()
}

#[tokio::test]
async fn each_payment_is_followed_to_its_end() {
    let sandbox = Sandbox::start().await.unwrap();
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    for code in &codes {
        let _ = customer.pay(code).unwrap();
    }
    let named = json!({ "qr": codes[1], "order": "order 2" });
    let input = format!("{}\n\n{named}\r\n", codes[0]);
    let finished = watch(&sandbox, &["--json"], &input).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let ended = events(&finished, "final");
    let mut orders: Vec<_> = ended
        .iter()
        .map(|event| event["order"].as_str().unwrap())
        .collect();
    orders.sort_unstable();
    assert_eq!(orders, ["A-1", "order 2"]);
    for event in &ended {
        assert_eq!(
            (&event["status"], &event["late"]),
            (&json!("paid"), &json!(false))
        );
        assert_eq!(event["transaction"]["fromAccountId"], "dara@devb");
    }
    let watching = events(&finished, "watching");
    assert_eq!(watching[0]["md5"], Md5Handle::of(&codes[0]).to_string());
    // One list, or two checks: never more.
    assert!(sandbox.requests().len() <= 2, "{:?}", sandbox.requests());
}

#[tokio::test]
async fn for_people_it_says_paid_and_what_needs_them() {
    let sandbox = Sandbox::start().await.unwrap();
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    let _ = customer.pay(&codes[0]).unwrap();
    let too_little = TransferOptions::new().amount(Amount::from_minor_units(1, Currency::Khr));
    let _ = customer.pay_with(&codes[1], &too_little).unwrap();
    // As Windows' editors write it.
    let input = format!("\u{feff}{}\r\n{}\r\n", codes[0], codes[1]);
    let finished = watch(&sandbox, &["--no-lists"], &input).await;
    assert_eq!(finished.exit, 4, "{finished:?}");
    assert!(finished.out.contains("A-1: PAID"), "{}", finished.out);
    assert!(
        finished
            .out
            .contains("A-2: NEEDS REVIEW: too little was paid: 1 KHR")
    );
}

#[tokio::test]
async fn what_cannot_be_watched_is_told_by_its_line() {
    let sandbox = Sandbox::start().await.unwrap();
    let good = code(&sandbox, "A-1");
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let _ = customer.pay(&good).unwrap();
    let lines = [
        "no code\u{1b}[31m",
        &static_code(),
        r#"{"qr":7}"#,
        r#"{"code":"x"}"#,
        &"0".repeat(20_000),
        &good,
        &good,
    ];
    let finished = watch(&sandbox, &["--json"], &lines.join("\n")).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let refused = events(&finished, "refused");
    let numbers: Vec<_> = refused
        .iter()
        .map(|event| event["line"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 7]);
    let reason = |at: usize| refused[at]["error"]["message"].as_str().unwrap().to_owned();
    assert!(reason(1).contains("static"), "{}", reason(1));
    assert!(reason(2).contains("{\"qr\":"), "{}", reason(2));
    assert!(reason(4).contains("too long"), "{}", reason(4));
    assert!(reason(5).contains("bill number"), "{}", reason(5));
    assert_eq!(events(&finished, "final").len(), 1);
    assert!(!finished.out.contains('\u{1b}') && !finished.err.contains('\u{1b}'));
}

#[tokio::test]
async fn a_code_that_the_quota_does_not_reach_for_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = code(&sandbox, "A-1");
    let finished = watch(&sandbox, &["--json", "--quota", "2"], &code).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let refused = events(&finished, "refused");
    let retry_at = refused[0]["error"]["retryAt"].as_u64().unwrap();
    assert!(sandbox.requests().is_empty());
    // Shortly before the day turns, the code is good still when it can be shown.
    let expires_at = Khqr::parse(&code).unwrap().expires_at().unwrap().unwrap();
    let advice = if retry_at < expires_at.as_millis() {
        "Do not show it before"
    } else {
        "make a new one after"
    };
    let message = refused[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains(advice), "{message}");
}

#[tokio::test]
async fn no_answer_is_no_end() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = code(&sandbox, "A-1");
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let _ = customer.pay(&code).unwrap();
    sandbox.fault(Fault::forbidden());
    let mut child = bakong(&["watch", "--json", "--base-url", &sandbox.base_url()])
        .env("BAKONG_TOKEN", token(&sandbox))
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(format!("{code}\n").as_bytes())
        .await
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kinds = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let event: Value = serde_json::from_str(&line).unwrap();
        kinds.push(event["event"].as_str().unwrap().to_owned());
        if event["event"] == "no_answer" {
            assert_eq!(event["error"]["class"], "blocked");
            break;
        }
    }
    assert_eq!(kinds, ["watching", "no_answer"]);
    // Input may still come, and the payment is open: the user ends it.
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let last = lines.next_line().await.unwrap().unwrap();
    let event: Value = serde_json::from_str(&last).unwrap();
    let open = [Md5Handle::of(&code).to_string()];
    assert_eq!(event, json!({ "event": "stopped", "open": open }));
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
async fn what_is_wrong_with_all_is_told_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let codes = [code(&sandbox, "A-1"), code(&sandbox, "A-2")];
    for code in &codes {
        let _ = customer.pay(code).unwrap();
        sandbox.fault(Fault::status(http::StatusCode::SERVICE_UNAVAILABLE));
    }
    let input = format!("{}\n{}", codes[0], codes[1]);
    let finished = watch(&sandbox, &["--no-lists"], &input).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(finished.err.matches("No answer").count(), 1, "{finished:?}");
    for bill in ["A-1", "A-2"] {
        assert!(
            finished.out.contains(&format!("{bill}: PAID")),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_input_is_nothing_to_watch() {
    let folder = Folder::new();
    let file = folder.write("codes", "\n\n");
    let sandbox = Sandbox::start().await.unwrap();
    let finished = watch(&sandbox, &[&file], "").await;
    assert_eq!(
        (finished.exit, finished.out.as_str()),
        (0, ""),
        "{finished:?}"
    );
    let missing = run(&["watch", &folder.file("none"), "--env", "sit"]).await;
    assert_eq!(missing.exit, 2, "{missing:?}");
}
