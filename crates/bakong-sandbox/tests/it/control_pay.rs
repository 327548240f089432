//! Payments and scans over HTTP.

use bakong_sandbox::{Sandbox, TransferStatus};
use khqr_core::Currency;
use serde_json::{Value, json};

use crate::client::{check, post};
use crate::control::{command, get, rejected};
use crate::{
    EMAIL, NOW, TEN_MINUTES, assert_contains, assert_has, customer, dynamic_code, md5_of, sandbox,
    shop, static_code, usd, with_token,
};

/// Pays, and returns the first payment.
async fn pay(sandbox: &Sandbox, order: Value) -> Value {
    command(sandbox, "pay", order).await["payments"][0].clone()
}

async fn open_codes(sandbox: &Sandbox) -> Value {
    get(sandbox, "codes").await["codes"].clone()
}

#[tokio::test]
async fn a_payment_has_the_bill_number_of_its_code() {
    let sandbox = sandbox().await;
    let end = NOW.saturating_add(TEN_MINUTES);
    let code = shop().bill_number("INV-7");
    let code = code.dynamic_code(usd(150), NOW, end).unwrap().to_text();
    let payment = pay(&sandbox, json!({"qr": code})).await;
    assert_eq!(payment["billNumber"], "INV-7");
    let payment = pay(&sandbox, json!({"qr": dynamic_code(usd(150))})).await;
    assert_eq!(payment["billNumber"], Value::Null);
    let list = get(&sandbox, "payments").await["payments"].clone();
    let bills: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["billNumber"])
        .collect();
    assert_eq!(bills, [&Value::Null, &json!("INV-7")]);
    assert_eq!(sandbox.payments()[0].bill_number(), Some("INV-7"));
}

#[tokio::test]
async fn a_check_finds_a_payment_over_http() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let issued = command(&sandbox, "tokens", json!({"email": EMAIL})).await;
    let token = issued["token"].as_str().unwrap();
    assert_eq!(issued["expiresAt"], 1_768_930_142_000_u64);
    assert_eq!(check(&sandbox, token, &code).await.error_code(), 1);
    let md5 = md5_of(&code).to_string();
    let open = open_codes(&sandbox).await;
    assert_has(&open[0], json!({"md5": md5, "checks": 1}));

    let payment = pay(&sandbox, json!({"qr": code})).await;
    let hash = payment["hash"].as_str().unwrap();
    assert_has(
        &payment,
        json!({"status": "transferred", "amount": "1.50", "currency": "USD",
            "from": "dara@devb", "to": "shop@devb", "shortHash": &hash[..8]}),
    );
    assert_contains(check(&sandbox, token, &code).await.json(200), &[hash]);
    assert_eq!(open_codes(&sandbox).await, json!([]));
    assert_eq!(sandbox.payments()[0].hash(), hash);

    let error = rejected(&sandbox, "pay", json!({"qr": code}), 422).await;
    assert_eq!(error["reason"]["kind"], "AlreadyPaid");
    let again = json!({"qr": code, "again": true, "times": 2, "from": "sokha@devb"});
    let paid = command(&sandbox, "pay", again).await;
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
    let last = get(&sandbox, "payments?limit=2").await;
    assert_eq!(last["total"], 3);
    assert_eq!(last["payments"].as_array().unwrap().len(), 2);
    assert_eq!(last["payments"][1]["from"], "sokha@devb");
    let none = get(&sandbox, &format!("payments?md5={}", md5_of("x"))).await;
    assert_has(&none, json!({"payments": [], "total": 3}));
}

#[tokio::test]
async fn payment_options_override_the_code() {
    let sandbox = sandbox().await;
    let underpaid = json!({"qr": dynamic_code(usd(150)), "amount": "1.49", "delayMs": 5000,
        "failing": false, "to": "other@devb", "description": "coffee", "instructionRef": "FT1"});
    assert_has(
        &pay(&sandbox, underpaid).await,
        json!({"status": "scheduled", "amount": "1.49", "createdAt": NOW.as_millis() + 5_000,
            "to": "other@devb", "description": "coffee", "instructionRef": "FT1"}),
    );
    command(&sandbox, "clock", json!({"advanceMs": 5000})).await;
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);

    let riel = json!({"qr": dynamic_code(usd(151)), "amount": 4400, "currency": "KHR",
        "failing": true});
    assert_has(
        &pay(&sandbox, riel).await,
        json!({"status": "failed", "amount": "4400", "currency": "KHR"}),
    );

    let late = dynamic_code(usd(152));
    command(&sandbox, "clock", json!({"advanceMs": 600_000})).await;
    let error = rejected(&sandbox, "pay", json!({"qr": late}), 422).await;
    assert_eq!(error["where"], "body.qr");
    assert_has(&error["reason"], json!({"kind": "Expired", "sdkCode": 46}));
    pay(&sandbox, json!({"qr": late, "late": true})).await;

    // A static code accepts any amount, any number of times.
    let code = static_code(Currency::Usd);
    let error = rejected(&sandbox, "pay", json!({"qr": code}), 422).await;
    assert_eq!(error["where"], "body.amount");
    for amount in [json!("0.01"), json!(7), json!("7.5")] {
        pay(&sandbox, json!({"qr": code, "amount": amount})).await;
    }
}

#[tokio::test]
async fn invalid_payments_are_rejected_with_the_reason() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let damaged = code.replace("Shop", "Shoq");
    let error = rejected(&sandbox, "pay", json!({"qr": damaged}), 422).await;
    assert_eq!(error["reason"]["kind"], "CrcMismatch");
    assert!(error["reason"]["offset"].is_number());
    let thb = json!({"qr": code, "currency": "THB", "amount": 1});
    for (body, place) in [
        (json!({}), "body.qr"),
        (json!({"qr": 7}), "body.qr"),
        (json!({"qr": code, "from": "nobody"}), "body.from"),
        (json!({"qr": code, "amount": "1.505"}), "body.amount"),
        (json!({"qr": code, "amount": -1}), "body.amount"),
        (json!({"qr": code, "currency": "KHR"}), "body.currency"),
        (thb, "body.currency"),
        (json!({"qr": code, "times": 0}), "body.times"),
        (json!({"qr": code, "times": 101}), "body.times"),
        (json!({"qr": code, "late": "yes"}), "body.late"),
        (json!({"qr": code, "amout": 1}), "body.amout"),
        (json!([1]), "body"),
    ] {
        let error = rejected(&sandbox, "pay", body, 400).await;
        assert_eq!(error["where"], place);
    }
    let zero = json!({"qr": code, "amount": 0});
    let error = rejected(&sandbox, "pay", zero, 422).await;
    assert_eq!(error["reason"]["kind"], "AmountZero");
    assert_eq!(sandbox.payments().len(), 0);
}

#[tokio::test]
async fn a_scan_shows_the_code_and_whether_it_is_payable() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let scanned = command(&sandbox, "scan", json!({"qr": code})).await;
    assert_has(&scanned, json!({"payable": true, "reason": null}));
    let details = json!({"merchantName": "Shop", "amount": "1.50"});
    assert_has(&scanned["khqr"], details);
    customer(&sandbox).pay(&code).unwrap();
    let scanned = command(&sandbox, "scan", json!({"qr": code})).await;
    assert_eq!(scanned["reason"]["kind"], "AlreadyPaid");
    rejected(&sandbox, "scan", json!({"qr": "hello"}), 422).await;
}

/// A check contains only the MD5, which does not show whether the code is static.
#[tokio::test]
async fn a_check_returns_the_static_code_error_once_the_text_is_known() {
    let (sandbox, token) = with_token().await;
    let error_code = async |code: &str| check(&sandbox, &token, code).await.error_code();
    let [riel, dollars] = [Currency::Khr, Currency::Usd].map(static_code);
    let labelled = |label| {
        let code = shop().store_label(label).static_code(Currency::Khr);
        code.unwrap().to_text()
    };
    assert_eq!(error_code(&riel).await, 1);
    assert_eq!(open_codes(&sandbox).await[0]["checks"], 1);
    let dry_run = json!({"qr": riel, "dryRun": true});
    command(&sandbox, "scan", dry_run).await;
    assert_eq!(error_code(&riel).await, 1);
    command(&sandbox, "scan", json!({"qr": riel})).await;
    assert_eq!(error_code(&riel).await, 2);
    assert_eq!(open_codes(&sandbox).await, json!([]));
    // A rejected payment and a link contain the text, too.
    rejected(&sandbox, "pay", json!({"qr": dollars}), 422).await;
    assert_eq!(error_code(&dollars).await, 2);
    let linked = labelled("2");
    let body = json!({"qr": linked}).to_string();
    post(&sandbox, "/v1/generate_deeplink_by_qr", None, &body).await;
    assert_eq!(error_code(&linked).await, 2);
    let rejected = labelled("3");
    assert!(customer(&sandbox).pay(&rejected).is_err());
    assert_eq!(error_code(&rejected).await, 2);
}

#[tokio::test]
async fn a_scanned_code_is_open_until_it_is_paid_or_expires() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let md5 = md5_of(&code).to_string();
    // White space around a pasted code is ignored.
    let pasted = format!("\n {code}\r\n");
    let dry_run = json!({"qr": pasted, "dryRun": true});
    let dry_run = command(&sandbox, "scan", dry_run).await;
    assert_eq!(open_codes(&sandbox).await, json!([]));
    let scanned = command(&sandbox, "scan", json!({"qr": pasted})).await;
    assert_eq!(dry_run, scanned);
    assert_eq!(scanned["khqr"]["md5"], md5);
    let open = open_codes(&sandbox).await;
    assert_has(&open[0], json!({"qr": code, "checks": 0}));
    let payment = pay(&sandbox, json!({"qr": pasted, "amount": "1.5"})).await;
    assert_eq!(payment["md5"], md5);
    assert_eq!(open_codes(&sandbox).await, json!([]));
    command(&sandbox, "scan", json!({"qr": code})).await;
    assert_eq!(open_codes(&sandbox).await, json!([]));

    let old = dynamic_code(usd(151));
    command(&sandbox, "clock", json!({"advanceMs": 600_001})).await;
    command(&sandbox, "scan", json!({"qr": old})).await;
    assert_eq!(open_codes(&sandbox).await, json!([]));
}
