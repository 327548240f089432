//! `bakong checkout`.

use std::time::{Duration, Instant};

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox, TransferOptions};
use http::StatusCode;
use khqr_core::{AccountId, Amount, Currency, Khqr, Md5Handle};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::qr_scanner::scan;
use crate::support::{Finished, Folder, Shop, bakong, dara, run_line, token, words};

#[tokio::test]
async fn a_payment_in_the_embedded_sandbox() {
    let finished = run_line("checkout --sandbox --qr light --pay-after 1s")
        .await
        .exits(0);
    let code = finished.row("code");
    assert_eq!(scan(finished.out.lines()), code);
    assert_eq!(finished.row("MD5"), Md5Handle::of(code).to_string());
    let (shown, receipt) = finished.out.split_once("PAID\n").unwrap();
    assert!(shown.contains("10000 KHR") && shown.contains("Sokha Coffee, Phnom Penh"));
    assert!(receipt.contains("10000 KHR") && receipt.contains("dara@devb"));
    assert!(finished.err.contains("10:00 left"), "{}", finished.err);
}

#[tokio::test]
async fn every_option_is_in_the_code() {
    let line = "checkout --sandbox --pay-after 0s --json --account shop@aclb --name ហាងកាហ្វេ \
        --city 'Siem Reap' --amount 1.50 --currency USD --merchant-id M-1 --bank ACLEDA --bill INV-7 \
        --expires-in 2m";
    let json = run_line(line).await.status(0, "paid");
    assert_eq!(json["transaction"]["toAccountId"], "shop@aclb");
    assert_eq!(json["transaction"]["amount"], "1.50");
    let code = json["qr"].as_str().unwrap();
    assert_eq!(json["md5"], Md5Handle::of(code).to_string());
    let khqr = Khqr::parse(code).unwrap();
    assert_eq!(khqr.merchant_id(), Some("M-1"));
    assert_eq!(khqr.acquiring_bank(), Some("ACLEDA"));
    assert_eq!(khqr.merchant_name(), Some("ហាងកាហ្វេ"));
    assert_eq!(khqr.merchant_city(), Some("Siem Reap"));
    assert_eq!(khqr.bill_number(), Some("INV-7"));
    assert_eq!(khqr.amount(), Ok(Some(Amount::us_cents(150))));
    let (created, expires) = (khqr.created_at().unwrap(), khqr.expires_at().unwrap());
    let life = expires.unwrap().saturating_since(created.unwrap());
    assert_eq!(life, Duration::from_secs(120));
    assert_eq!(json["expiresAt"], expires.unwrap().as_millis());
}

#[tokio::test]
async fn an_unpaid_code_expires() {
    let start = Instant::now();
    let finished = run_line("checkout --sandbox --pay-after never --expires-in 2s").await;
    finished.exits(5).shows("EXPIRED");
    // The final check comes after the grace period, not before.
    assert!(start.elapsed() >= Duration::from_secs(5));
    let line = "checkout --sandbox --pay-after 9m --expires-in 1s --json";
    run_line(line).await.status(5, "expired");
}

#[tokio::test]
async fn a_payment_at_another_address() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "--amount 4400").await;
    assert_eq!(scan(shop.before.iter().map(String::as_str)), shop.code);
    dara(&sandbox).pay(&shop.code).unwrap();
    let finished = shop.finish().await.exits(0);
    assert_eq!(finished.row("paid"), "4400 KHR");
}

#[tokio::test]
async fn a_payment_that_differs_from_the_order_needs_review() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "").await;
    let options = TransferOptions::new()
        .amount(Amount::from_minor_units(1_000, Currency::Khr))
        .payee(AccountId::new("thief@devb").unwrap());
    dara(&sandbox).pay_with(&shop.code, &options).unwrap();
    let finished = shop.finish().await.exits(4);
    finished.shows("NEEDS REVIEW: ");
    finished.shows("too little was paid: 1000 KHR");
    finished.shows("another account was paid: thief@devb");
}

#[tokio::test]
async fn a_failed_payment() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "").await;
    let options = TransferOptions::new().failing();
    dara(&sandbox).pay_with(&shop.code, &options).unwrap();
    shop.finish().await.exits(4).shows("FAILED");
}

/// The sandbox answers every check with this status.
fn fail(sandbox: &Sandbox, status: StatusCode) {
    let fault = Fault::html(status, "<html>");
    sandbox.fault(fault.on(ApiEndpoint::CheckTransactionByMd5).always());
}

#[tokio::test]
async fn no_failure_ends_a_code_that_can_be_paid() {
    tokio::join!(
        a_payment_after_failures(StatusCode::BAD_GATEWAY),
        a_payment_after_failures(StatusCode::FORBIDDEN),
        a_payment_after_failures(StatusCode::NOT_FOUND),
        a_payment_after_failures(StatusCode::CONFLICT),
    );
}

/// Checks fail with this status until the command has reported a failure. Then the customer pays.
async fn a_payment_after_failures(status: StatusCode) {
    let sandbox = Sandbox::start().await.unwrap();
    let mut shop = Shop::open(&sandbox, "").await;
    fail(&sandbox, status);
    let mut notes = BufReader::new(shop.child.stderr.take().unwrap()).lines();
    let mut next = async || notes.next_line().await.unwrap().expect("a note");
    while !next().await.starts_with("No answer: ") {}
    sandbox.clear_faults();
    while next().await != "Bakong answers again." {}
    dara(&sandbox).pay(&shop.code).unwrap();
    shop.finish().await.exits(0);
}

#[tokio::test]
async fn failures_until_the_code_has_expired_leave_the_payment_unknown() {
    let run = async |status| {
        let sandbox = Sandbox::start().await.unwrap();
        let start = Instant::now();
        let shop = Shop::open(&sandbox, "--expires-in 2s").await;
        fail(&sandbox, status);
        let finished = shop.finish().await.exits(1);
        // The final check is due 15 s after the expiry.
        assert!(start.elapsed() > Duration::from_secs(17), "{status}");
        finished.shows("UNKNOWN: could not ask Bakong");
        finished.shows("may have been paid before it expired");
        finished.shows("bakong tx check --md5");
        finished.hides("EXPIRED");
    };
    tokio::join!(run(StatusCode::FORBIDDEN), run(StatusCode::BAD_GATEWAY));
}

/// A command with a rejected token must ask Bakong before it shows a code, also if it waited for the lease of another command.
#[tokio::test]
async fn no_code_is_shown_without_a_look_up_after_another_command_failed_or_was_killed() {
    let (sandbox, folder) = (Sandbox::start().await.unwrap(), Folder::new());
    let line = format!("checkout --qr light --base-url {}", sandbox.base_url());
    let command = |token: &str| {
        let mut command = bakong(&words(&line));
        command.env("BAKONG_STORE", folder.file("payments.db"));
        command.env("BAKONG_TOKEN", token);
        command
    };
    let valid = token(&sandbox);
    // The token of the same registration, with another signature.
    let (signed, _) = valid.rsplit_once('.').unwrap();
    let rejected = format!("{signed}.c2VjcmV0");
    let is_refused = async || {
        let output = tokio::time::timeout(Duration::from_secs(60), command(&rejected).output());
        let finished = Finished::of(output.await.expect("a code was shown").unwrap()).exits(1);
        finished.shows("No code was shown");
        finished.hides("000201");
    };
    is_refused().await;
    is_refused().await;
    let mut killed = Shop::started(command(&valid)).await;
    killed.child.kill().await.unwrap();
    is_refused().await;
}
