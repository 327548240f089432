//! `bakong tx check`.

use bakong_sandbox::{Fault, Sandbox, TransferOptions};
use http::StatusCode;
use khqr_core::{Amount, Md5Handle};
use serde_json::Value;

use crate::support::{Finished, ask, dara, dynamic_code, static_code};

async fn check(sandbox: &Sandbox, code: &str, options: &str) -> Finished {
    ask(
        sandbox,
        &format!("tx check --md5 {} {options}", Md5Handle::of(code)),
    )
    .await
}

#[tokio::test]
async fn each_answer_has_its_exit_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let amount = Amount::us_cents(150);
    let code = |bill| dynamic_code(sandbox.now(), bill, amount);
    let customer = dara(&sandbox);

    check(&sandbox, &code("1"), "--json")
        .await
        .status(3, "not_found");

    let paid = code("2");
    customer.pay(&paid).unwrap();
    let json = check(&sandbox, &paid, "--json").await.status(0, "paid");
    assert_eq!(json["transaction"]["amount"], "1.50");
    let finished = check(&sandbox, &paid, "").await.exits(0);
    assert_eq!(finished.row("paid"), "1.50 USD");
    finished.shows("not compared with an order");

    let order = "--account sokha@devb --amount 1.50 --currency USD";
    let finished = check(&sandbox, &paid, order).await.exits(0);
    finished.shows("PAID: amount, currency and recipient match");
    let order = "--account other@devb --amount 2 --currency USD";
    let json = check(&sandbox, &paid, &format!("{order} --json")).await;
    let json = json.status(4, "needs_review");
    assert_eq!(json["transaction"]["amount"], "1.50");
    assert_eq!(json["mismatches"][0]["kind"], "short");
    assert_eq!(json["mismatches"][1]["paid"], "sokha@devb");
    let finished = check(&sandbox, &paid, order).await.exits(4);
    finished
        .shows("NEEDS REVIEW: too little was paid: 1.50 USD; another account was paid: sokha@devb");

    let failed = code("3");
    let failing = TransferOptions::new().failing();
    customer.pay_with(&failed, &failing).unwrap();
    check(&sandbox, &failed, "").await.exits(4);

    let fixed = static_code("Sokha");
    let options = TransferOptions::new().amount(amount);
    customer.pay_with(&fixed, &options).unwrap();
    check(&sandbox, &fixed, "--json")
        .await
        .status(4, "static_qr");

    sandbox.fault(Fault::html(StatusCode::FORBIDDEN, "<html>"));
    check(&sandbox, &paid, "--json").await.error(1, "blocked");
}

#[tokio::test]
async fn a_code_is_looked_up_by_its_md5_and_compared_with_its_amount_and_account() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code(sandbox.now(), "1", Amount::us_cents(150));
    let check = async |arguments: &str| ask(&sandbox, &format!("tx check {arguments}")).await;
    check(&format!("'{code}' --json"))
        .await
        .status(3, "not_found");
    dara(&sandbox).pay(&code).unwrap();
    let finished = check(&format!("'{code}'")).await.exits(0);
    finished.shows("PAID: amount, currency and recipient match");
    let json = check(&format!("'{code}' --json")).await.status(0, "paid");
    assert_eq!(json["compared"], true);

    // No request is sent for these.
    let sent = sandbox.requests().len();
    let line = format!("'{code}' --amount 1.50 --currency USD");
    check(&line).await.exits(2).shows("leave out --amount");
    let line = format!("'{}'", static_code("Sokha"));
    check(&line).await.exits(2).shows("--short-hash");
    check("'not a code'").await.exits(2).shows("not a KHQR: ");
    let line = format!("' {code}'");
    check(&line).await.exits(2).shows("a blank does not belong");
    assert_eq!(sandbox.requests().len(), sent);
}

#[tokio::test]
async fn a_payment_is_found_by_each_kind_of_lookup() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code(sandbox.now(), "1", Amount::us_cents(150));
    let options = TransferOptions::new().instruction_ref("FT26325001");
    let payment = dara(&sandbox).pay_with(&code, &options).unwrap();
    let (hash, external_ref) = (payment.hash(), payment.external_ref());
    let short_hash = format!("--short-hash {} --currency", &hash[..8]);
    let dollars = format!("{short_hash} USD --amount 1.50");
    let check = async |lookup: &str| ask(&sandbox, &format!("tx check --json {lookup}")).await;

    for lookup in [
        &format!("--hash {hash}"),
        &dollars,
        "--instruction-ref FT26325001",
        &format!("--external-ref {external_ref}"),
    ] {
        let json = check(lookup).await.status(0, "paid");
        assert_eq!(json["transaction"]["hash"], hash, "{lookup}");
        assert_eq!(json["compared"], false, "{lookup}");
    }

    // A hash that was copied with a prefix, blanks or in upper case is the same hash.
    for copied in [
        format!("0x{hash}"),
        format!("'  0X{}	'", hash.to_uppercase()),
        format!("'{} {}'", &hash[..8], &hash[8..]),
    ] {
        let json = check(&format!("--hash {copied}")).await;
        assert_eq!(json.status(0, "paid")["transaction"]["hash"], hash);
        let copied = copied.replace(&hash[8..], "");
        let copied = copied.replace(&hash[8..].to_uppercase(), "");
        let short = format!("--short-hash {copied} --currency USD --amount 1.50");
        let json = check(&short).await;
        assert_eq!(json.status(0, "paid")["transaction"]["hash"], hash);
    }

    // With --account, a payment found by its short hash is compared with the order.
    let json = check(&format!("{dollars} --account sokha@devb")).await;
    assert_eq!(json.status(0, "paid")["compared"], true);
    let json = check(&format!("{dollars} --account other@devb")).await;
    let json = json.status(4, "needs_review");
    assert_eq!(json["compared"], true);
    assert_eq!(json["mismatches"][0]["kind"], "other_recipient");

    // Without --account, the amount and the currency are compared if Bakong reports them.
    for (currency, amount, kind) in [
        ("USD", "1", "short"),
        ("USD", "2", "over"),
        ("KHR", "1", "other_currency"),
    ] {
        let paid = format!(
            r#"{{"responseCode":0,"data":{{"hash":"{hash}","amount":{amount},"currency":"{currency}"}}}}"#
        );
        sandbox.fault(Fault::json(StatusCode::OK, paid));
        let json = check(&dollars).await.status(4, "needs_review");
        assert_eq!(json["mismatches"][0]["kind"], kind, "{json}");
        assert_eq!(json["transaction"]["hash"], hash);
    }

    // A short hash is not found with another currency.
    check(&format!("{short_hash} KHR --amount 2"))
        .await
        .status(3, "not_found");
    let json = check(&format!("--hash {}", "0".repeat(64))).await;
    assert_eq!(json.status(3, "not_found")["transaction"], Value::Null);
}

/// The answers of a fake Bakong that reports another currency, or an amount that cannot be read.
fn unreadable_payments(hash: &str) -> [(String, &'static str); 6] {
    [
        (r#""amount":1.50,"currency":"EUR""#, "unreadable_currency"),
        (r#""amount":1.50"#, "unreadable_currency"),
        (r#""amount":-1,"currency":"USD""#, "unreadable_amount"),
        (r#""amount":"abc","currency":"USD""#, "unreadable_amount"),
        (r#""amount":null,"currency":"USD""#, "unreadable_amount"),
        (r#""amount":1.505,"currency":"USD""#, "unreadable_amount"),
    ]
    .map(|(fields, kind)| {
        let data = format!(r#"{{"hash":"{hash}","toAccountId":"sokha@devb",{fields}}}"#);
        (format!(r#"{{"responseCode":0,"data":{data}}}"#), kind)
    })
}

#[tokio::test]
async fn an_amount_that_bakong_does_not_report_is_never_paid() {
    let sandbox = Sandbox::start().await.unwrap();
    let hash = "0123456789abcdef".repeat(4);
    let money = "--amount 1.50 --currency USD";
    for (answer, kind) in unreadable_payments(&hash) {
        sandbox.fault(Fault::json(StatusCode::OK, answer).always());
        for line in [
            format!("tx check --short-hash 01234567 {money}"),
            format!("tx check --short-hash 01234567 {money} --account sokha@devb"),
            format!("tx check --hash {hash} {money} --account sokha@devb"),
            format!("tx diagnose --short-hash 01234567 {money}"),
            format!("tx diagnose --hash {hash} {money}"),
            format!("tx diagnose --hash {hash} --short-hash 01234567 {money}"),
        ] {
            let json = ask(&sandbox, &format!("{line} --json")).await;
            let json = json.status(4, "needs_review");
            assert_eq!(json["mismatches"][0]["kind"], kind, "{line} {json}");
            let finished = ask(&sandbox, &line).await.exits(4);
            finished.shows("NEEDS REVIEW: ");
        }
        sandbox.clear_faults();
    }
}

#[tokio::test]
async fn every_lookup_compares_the_amount_in_the_same_way() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code(sandbox.now(), "1", Amount::us_cents(150));
    let hash = dara(&sandbox).pay(&code).unwrap().hash().to_owned();
    let md5 = Md5Handle::of(&code);
    for (money, kind) in [
        ("--amount 2 --currency USD", "short"),
        ("--amount 1 --currency USD", "over"),
        ("--amount 150 --currency KHR", "other_currency"),
    ] {
        for line in [
            format!("tx check --md5 {md5} --account sokha@devb"),
            format!("tx check --hash {hash} --account sokha@devb"),
            format!("tx diagnose --md5 {md5}"),
            format!("tx diagnose --hash {hash}"),
        ] {
            let json = ask(&sandbox, &format!("{line} {money} --json")).await;
            let json = json.status(4, "needs_review");
            assert_eq!(json["mismatches"][0]["kind"], kind, "{line} {json}");
        }
    }
}
