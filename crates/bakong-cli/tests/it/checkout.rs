//! Payments that are taken, and those that are not.

use std::time::{Duration, Instant};

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox, TransferOptions};
use http::StatusCode;
use khqr_core::{AccountId, Amount, Currency, Khqr, Md5Handle};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Shop, dara, run};
use crate::qr_scanner::scan;

#[tokio::test]
async fn with_nothing_set_up_a_payment_is_taken() {
    let finished = run(&["checkout", "--sandbox", "--pay-after", "1s"]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let code = finished.row("code");
    assert_eq!(scan(finished.out.lines()), code);
    assert_eq!(finished.row("MD5"), Md5Handle::of(code).to_string());
    let (shown, receipt) = finished.out.split_once("PAID\n").unwrap();
    assert!(shown.contains("10000 KHR") && shown.contains("Sokha Coffee, Phnom Penh"));
    assert!(receipt.contains("10000 KHR") && receipt.contains("dara@devb"));
    assert!(finished.err.contains("10:00 left"), "{}", finished.err);
}

#[tokio::test]
async fn every_option_ends_up_in_the_code() {
    let finished = run(&[
        "checkout",
        "--sandbox",
        "--pay-after",
        "0s",
        "--json",
        "--account",
        "shop@aclb",
        "--name",
        "ហាងកាហ្វេ",
        "--city",
        "Siem Reap",
        "--amount",
        "1.50",
        "--currency",
        "USD",
        "--merchant-id",
        "M-1",
        "--bank",
        "ACLEDA",
        "--bill",
        "INV-7",
        "--expires-in",
        "2m",
    ])
    .await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let json = finished.json();
    assert_eq!(json["status"], "paid");
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
    let usd = Amount::from_minor_units(150, Currency::Usd);
    assert_eq!(khqr.amount(), Ok(Some(usd)));
    let (created, expires) = (khqr.created_at().unwrap(), khqr.expires_at().unwrap());
    let life = expires.unwrap().saturating_since(created.unwrap());
    assert_eq!(life, Duration::from_secs(120));
    assert_eq!(json["expiresAt"], expires.unwrap().as_millis());
}

#[tokio::test]
async fn a_code_that_nobody_pays_expires_within_seconds() {
    let start = Instant::now();
    let finished = run(&[
        "checkout",
        "--sandbox",
        "--pay-after",
        "never",
        "--expires-in",
        "2s",
    ])
    .await;
    assert_eq!(finished.exit, 5, "{finished:?}");
    assert!(finished.out.contains("EXPIRED"), "{}", finished.out);
    // Not before the grace, whatever the machine's load.
    assert!(start.elapsed() >= Duration::from_secs(5));
    let finished = run(&[
        "checkout",
        "--sandbox",
        "--pay-after",
        "9m",
        "--expires-in",
        "1s",
        "--json",
    ])
    .await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (5, &"expired".into())
    );
}

#[tokio::test]
async fn a_bakong_elsewhere_differs_in_its_address_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &["--amount", "4400"]).await;
    assert_eq!(scan(shop.before.iter().map(String::as_str)), shop.code);
    dara(&sandbox).pay(&shop.code).unwrap();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(finished.row("paid"), "4400 KHR");
}

#[tokio::test]
async fn money_that_is_not_what_was_asked_for_needs_review() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &[]).await;
    let options = TransferOptions::new()
        .amount(Amount::from_minor_units(1_000, Currency::Khr))
        .payee(AccountId::new("thief@devb").unwrap());
    dara(&sandbox).pay_with(&shop.code, &options).unwrap();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 4, "{finished:?}");
    assert!(finished.out.contains("NEEDS REVIEW"));
    assert!(finished.out.contains("too little was paid: 1000 KHR"));
    assert!(
        finished
            .out
            .contains("another account was paid: thief@devb")
    );
}

#[tokio::test]
async fn a_payment_that_failed_is_told_apart() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &[]).await;
    let options = TransferOptions::new().failing();
    dara(&sandbox).pay_with(&shop.code, &options).unwrap();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 4, "{finished:?}");
    assert!(finished.out.contains("FAILED"));
}

#[tokio::test]
async fn an_outage_in_the_middle_is_waited_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut shop = Shop::open(&sandbox, &[]).await;
    let check = ApiEndpoint::CheckTransactionByMd5;
    let fault = Fault::html(StatusCode::BAD_GATEWAY, "<html>");
    sandbox.fault(fault.on(check).always());
    // However often the transport asks again by itself, in the end the shop is told.
    let mut notes = BufReader::new(shop.child.stderr.take().unwrap()).lines();
    let mut next = async || notes.next_line().await.unwrap().expect("a note");
    while !next().await.contains("out of order") {}
    sandbox.clear_faults();
    while next().await != "Bakong answers again." {}
    dara(&sandbox).pay(&shop.code).unwrap();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 0, "{finished:?}");
}
