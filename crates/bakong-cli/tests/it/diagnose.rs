//! `bakong tx diagnose`.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox, TransferOptions};
use http::StatusCode;
use khqr_core::{Amount, Currency, Md5Handle};
use serde_json::Value;

use crate::support::{Finished, ask, dara, dynamic_code, static_code};

/// The MD5 and the text of a code for 1.50 USD.
fn code(sandbox: &Sandbox, bill: &str) -> (String, String) {
    let text = dynamic_code(sandbox.now(), bill, Amount::us_cents(150));
    (Md5Handle::of(&text).to_string(), text)
}

async fn diagnose(sandbox: &Sandbox, clues: &str) -> Finished {
    ask(sandbox, &format!("tx diagnose {clues}")).await
}

/// Checks the status and the first finding.
#[track_caller]
fn conclusion(finished: Finished, exit: i32, status: &str, finding: &str) -> Value {
    let json = finished.status(exit, status);
    assert_eq!(json["findings"][0]["kind"], finding, "{json}");
    json
}

#[tokio::test]
async fn a_payment_found_by_every_lookup() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, text) = code(&sandbox, "1");
    let payment = dara(&sandbox).pay(&text).unwrap();
    let finished = diagnose(&sandbox, &format!("--md5 {md5} --json")).await;
    let json = conclusion(finished, 0, "paid", "found");
    assert_eq!(json["transaction"]["hash"], payment.hash());
    let by = |index: usize| json["answers"][index]["by"].clone();
    assert_eq!([by(0), by(1), by(2)], ["md5", "hash", "short_hash"]);

    let clues = format!(
        "--short-hash {} --amount 1.50 --currency USD",
        &payment.hash()[..8]
    );
    let json = diagnose(&sandbox, &format!("{clues} --json")).await.json();
    assert_eq!(json["findings"][0]["by"], serde_json::json!(["short_hash"]));
    let finished = diagnose(&sandbox, &clues).await.exits(0);
    finished.shows(json["findings"][0]["message"].as_str().unwrap());
    assert!(finished.row("MD5").starts_with("not asked: "));
    let found = format!("paid: {}", payment.hash());
    assert_eq!(finished.row("short hash"), found);
    let finished = diagnose(&sandbox, &format!("--md5 {md5}")).await;
    assert_eq!(finished.row("full hash"), found);
    assert_eq!(finished.row("paid"), "1.50 USD");
}

#[tokio::test]
async fn a_code_that_was_generated_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, _) = code(&sandbox, "shown");
    let (_, text) = code(&sandbox, "paid");
    let payment = dara(&sandbox).pay(&text).unwrap();
    let clues = format!("--md5 {md5} --hash {}", payment.hash());
    let finished = diagnose(&sandbox, &format!("{clues} --json")).await;
    let json = conclusion(finished, 4, "disagreement", "found_only_by");
    assert_eq!(json["findings"][0]["by"][1], "md5");
    let finished = diagnose(&sandbox, &clues).await.exits(4);
    finished.shows(json["findings"][0]["message"].as_str().unwrap());
    assert_eq!(finished.row("MD5"), "not found");
}

#[tokio::test]
async fn missing_failed_and_static_payments() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, text) = code(&sandbox, "1");
    let clues = format!("--md5 {md5} --json");
    let json = conclusion(
        diagnose(&sandbox, &clues).await,
        3,
        "not_found",
        "not_found",
    );
    assert_eq!(json["notAsked"][0]["kind"], "unknown");

    let failing = TransferOptions::new().failing();
    dara(&sandbox).pay_with(&text, &failing).unwrap();
    conclusion(diagnose(&sandbox, &clues).await, 4, "failed", "failed");

    let fixed = static_code("Sokha");
    let amount = TransferOptions::new().amount(Amount::from_minor_units(100, Currency::Khr));
    dara(&sandbox).pay_with(&fixed, &amount).unwrap();
    let clues = format!("--md5 {} --json", Md5Handle::of(&fixed));
    conclusion(
        diagnose(&sandbox, &clues).await,
        4,
        "static_qr",
        "static_qr",
    );
}

#[tokio::test]
async fn a_failed_lookup_is_never_not_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, _) = code(&sandbox, "1");
    let fault = Fault::html(StatusCode::BAD_GATEWAY, "<html>");
    sandbox.fault(fault.on(ApiEndpoint::CheckTransactionByMd5).always());
    let clues = format!("--md5 {md5} --hash {}", "0".repeat(64));
    let json_clues = format!("{clues} --json");
    let before = sandbox.requests().len();
    let finished = diagnose(&sandbox, &json_clues).await;
    let json = conclusion(finished, 1, "could_not_ask", "could_not_ask");
    assert_eq!(json["error"]["class"], "unavailable");
    assert_eq!(json["answers"][0]["error"]["status"], 502);
    assert_eq!(json["notAsked"][0]["kind"], "pointless");
    // There is one request, and no further lookup after an outage.
    assert_eq!(sandbox.requests().len() - before, 1);

    // One failed lookup makes the state unknown, even if the other finds nothing.
    sandbox.clear_faults();
    let fault = Fault::status(StatusCode::BAD_GATEWAY);
    sandbox.fault(fault.on(ApiEndpoint::CheckTransactionByHash).always());
    let finished = diagnose(&sandbox, &json_clues).await;
    conclusion(finished, 1, "could_not_ask", "not_found");

    // An exhausted quota also stops further lookups.
    sandbox.clear_faults();
    sandbox.fault(Fault::quota_exhausted().always());
    let finished = diagnose(&sandbox, &json_clues).await;
    let json = conclusion(finished, 1, "could_not_ask", "could_not_ask");
    assert_eq!(json["notAsked"][0]["kind"], "pointless");
    assert!(json["error"]["retryAt"].is_u64(), "{json}");
    let finished = diagnose(&sandbox, &clues).await;
    assert!(finished.row("MD5").contains("midnight"), "{finished:?}");
}
