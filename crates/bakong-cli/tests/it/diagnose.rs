//! Why a payment is not found.

use std::time::Duration;

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox, TransferOptions};
use http::StatusCode;
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};

use crate::support::{Finished, bakong, dara, token};

/// The MD5 and text of a code.
fn code(sandbox: &Sandbox, bill: &str) -> (String, String) {
    let now = sandbox.now();
    let text = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .bill_number(bill)
        .dynamic_code(
            Amount::from_minor_units(150, Currency::Usd),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )
        .unwrap()
        .to_text();
    (Md5Handle::of(&text).to_string(), text)
}

async fn diagnose(sandbox: &Sandbox, clues: &[&str]) -> Finished {
    let url = sandbox.base_url();
    let arguments = [&["tx", "diagnose", "--base-url", &url], clues].concat();
    let output = bakong(&arguments)
        .env("BAKONG_TOKEN", token(sandbox))
        .output()
        .await;
    Finished::of(output.unwrap())
}

#[track_caller]
fn verdict(finished: &Finished, exit: i32, status: &str, finding: &str) {
    let json = finished.json();
    assert_eq!(
        (finished.exit, &json["status"]),
        (exit, &status.into()),
        "{json}"
    );
    assert_eq!(json["findings"][0]["kind"], finding, "{json}");
}

#[tokio::test]
async fn a_payment_that_all_ways_find() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, text) = code(&sandbox, "1");
    let payment = dara(&sandbox).pay(&text).unwrap();
    let finished = diagnose(&sandbox, &["--md5", &md5, "--json"]).await;
    verdict(&finished, 0, "paid", "found");
    let json = finished.json();
    assert_eq!(json["transaction"]["hash"], payment.hash());
    let by = |place: usize| json["answers"][place]["by"].clone();
    assert_eq!(
        (by(0), by(1), by(2)),
        ("md5".into(), "hash".into(), "short_hash".into())
    );

    let short = &payment.hash()[..8];
    let clues = [
        "--short-hash",
        short,
        "--amount",
        "1.50",
        "--currency",
        "USD",
    ];
    let finished = diagnose(&sandbox, &clues).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(finished.row("MD5"), "not asked: it is not known");
    assert_eq!(
        finished.row("short hash"),
        format!("paid: {}", payment.hash())
    );
    let alone = "By short hash Bakong knows the payment; there is no other answer";
    assert!(finished.out.contains(alone), "{finished:?}");
    let finished = diagnose(&sandbox, &["--md5", &md5]).await;
    assert!(finished.out.contains("all answers agree"), "{finished:?}");
    assert_eq!(finished.row("paid"), "1.50 USD");
}

#[tokio::test]
async fn a_code_that_was_generated_anew() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, _) = code(&sandbox, "shown");
    let (_, text) = code(&sandbox, "paid");
    let payment = dara(&sandbox).pay(&text).unwrap();
    let clues = ["--md5", &md5, "--hash", payment.hash(), "--json"];
    let finished = diagnose(&sandbox, &clues).await;
    verdict(&finished, 4, "disagreement", "found_only_by");
    let json = finished.json();
    assert_eq!(json["findings"][0]["by"][1], "md5");
    let finished = diagnose(&sandbox, &clues[..4]).await;
    assert!(finished.out.contains("generated anew"), "{finished:?}");
    assert_eq!(finished.row("MD5"), "not found");
}

#[tokio::test]
async fn a_payment_that_is_not_there_or_failed_or_has_a_static_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, text) = code(&sandbox, "1");
    let finished = diagnose(&sandbox, &["--md5", &md5, "--json"]).await;
    verdict(&finished, 3, "not_found", "not_found");
    assert_eq!(finished.json()["notAsked"][0]["kind"], "unknown");

    let failing = TransferOptions::new().failing();
    dara(&sandbox).pay_with(&text, &failing).unwrap();
    let finished = diagnose(&sandbox, &["--md5", &md5, "--json"]).await;
    verdict(&finished, 4, "failed", "failed");

    let fixed = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha");
    let fixed = fixed.static_code(Currency::Khr).unwrap().to_text();
    let amount = TransferOptions::new().amount(Amount::from_minor_units(100, Currency::Khr));
    dara(&sandbox).pay_with(&fixed, &amount).unwrap();
    let md5 = Md5Handle::of(&fixed).to_string();
    let finished = diagnose(&sandbox, &["--md5", &md5, "--json"]).await;
    verdict(&finished, 4, "static_qr", "static_qr");
}

#[tokio::test]
async fn what_could_not_be_asked_is_never_not_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let (md5, _) = code(&sandbox, "1");
    let check = ApiEndpoint::CheckTransactionByMd5;
    sandbox.fault(
        Fault::html(StatusCode::BAD_GATEWAY, "<html>")
            .on(check)
            .always(),
    );
    let hash = "0".repeat(64);
    let clues = ["--md5", &md5, "--hash", &hash, "--json"];
    let before = sandbox.requests().len();
    let finished = diagnose(&sandbox, &clues).await;
    verdict(&finished, 1, "could_not_ask", "could_not_ask");
    let json = finished.json();
    assert_eq!(json["error"]["class"], "unavailable");
    assert_eq!(json["answers"][0]["error"]["status"], 502);
    assert_eq!(json["notAsked"][0]["kind"], "pointless");
    // Asked once, and nothing more where nobody answers.
    assert_eq!(sandbox.requests().len() - before, 1);

    // One way that is not answered keeps what the other knows from being the last word.
    sandbox.clear_faults();
    let check = ApiEndpoint::CheckTransactionByHash;
    sandbox.fault(Fault::status(StatusCode::BAD_GATEWAY).on(check).always());
    let finished = diagnose(&sandbox, &clues).await;
    verdict(&finished, 1, "could_not_ask", "not_found");

    // A spent quota answers no other question either.
    sandbox.clear_faults();
    sandbox.fault(Fault::quota_exhausted().always());
    let finished = diagnose(&sandbox, &clues).await;
    verdict(&finished, 1, "could_not_ask", "could_not_ask");
    let json = finished.json();
    assert_eq!(json["notAsked"][0]["kind"], "pointless");
    assert!(json["error"]["retryAt"].is_u64(), "{json}");
    let finished = diagnose(&sandbox, &clues[..4]).await;
    assert!(finished.row("MD5").contains("midnight"), "{finished:?}");
}
