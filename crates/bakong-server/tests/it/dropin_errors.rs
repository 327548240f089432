//! What a program learns from the drop-in if the answer is not a payment: never "not paid" without Bakong's word for it.

use bakong_sandbox::{ApiEndpoint, Fault, TransferOptions};
use http::StatusCode;
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};
use serde_json::{Value, json};

use crate::client::PATIENCE;
use crate::dropin::{call, foreign_code, look_up, requests, wait_until_paid};
use crate::harness::Harness;

async fn error_code(shop: &Harness, endpoint: &str, body: &Value) -> Value {
    call(shop, endpoint, body).await.expect(200)["errorCode"].clone()
}

/// Lets time pass until the program gets this error code.
async fn wait_for_code(shop: &Harness, code: &str, expected: u8) {
    let wait = async {
        while look_up(shop, code).await["errorCode"] != expected {
            shop.advance(3);
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

fn md5(code: &str) -> String {
    Md5Handle::of(code).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_an_answer_for_each_code() {
    let shop = Harness::start().await;
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let account = AccountId::new("sokha@sandbox").unwrap();
    let sticker = KhqrBuilder::individual(account, "Sokha Coffee");
    let sticker = sticker.static_code(Currency::Usd).unwrap().to_text();
    look_up(&shop, &sticker).await;
    let [paid, failed] = ["INV-1", "INV-2"].map(|bill| foreign_code(&shop, bill));
    look_up(&shop, &paid).await;
    look_up(&shop, &failed).await;
    let transfer = customer.pay(&paid).unwrap();
    let failing = TransferOptions::new().failing();
    customer.pay_with(&failed, &failing).unwrap();
    wait_until_paid(&shop, &paid).await;
    customer
        .pay_with(
            &sticker,
            &TransferOptions::new().amount(Amount::us_cents(150)),
        )
        .unwrap();
    wait_for_code(&shop, &failed, 3).await;
    wait_for_code(&shop, &sticker, 2).await;
    let open = foreign_code(&shop, "INV-3");
    let list = json!([
        md5(&paid),
        md5(&failed),
        md5(&sticker),
        md5(&open),
        "no MD5"
    ]);
    let answer = call(&shop, "check_transaction_by_md5_list", &list).await;
    let answer = answer.expect(200);
    let items = answer["data"].as_array().unwrap();
    let statuses: Vec<_> = items.iter().map(|item| &item["status"]).collect();
    assert_eq!(
        statuses,
        ["SUCCESS", "FAILED", "STATIC_QR", "NOT_FOUND", "NOT_FOUND"]
    );
    let asked: Vec<_> = items.iter().map(|item| item["md5"].clone()).collect();
    assert_eq!(Value::from(asked), list);
    assert_eq!(items[0]["data"]["hash"], transfer.hash());
    // The server watches the code that it had not seen before.
    customer.pay(&open).unwrap();
    wait_until_paid(&shop, &open).await;

    let long: Vec<_> = (0..51).map(|_| md5(&paid)).collect();
    for list in [json!([]), json!(long), json!({ "md5": md5(&paid) })] {
        let code = error_code(&shop, "check_transaction_by_md5_list", &list).await;
        assert_eq!(code, 5);
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_bakong_are_passed_on_with_its_codes() {
    let shop = Harness::start().await;
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let code = foreign_code(&shop, "INV-1");
    let failing = TransferOptions::new().failing();
    let failed = customer.pay_with(&code, &failing).unwrap();
    let source = json!({
        "appIconUrl": "https://shop.example/icon.png",
        "appName": "Shop",
        "appDeepLinkCallback": "https://shop.example/back",
    });
    let mut incomplete = source.clone();
    incomplete["appName"] = "".into();
    for (endpoint, body, expected) in [
        (
            "check_transaction_by_hash",
            json!({ "hash": failed.hash() }),
            json!(3),
        ),
        (
            "check_transaction_by_hash",
            json!({ "hash": "0".repeat(64) }),
            json!(1),
        ),
        (
            "check_transaction_by_hash",
            json!({ "hash": " " }),
            json!(1),
        ),
        (
            "check_bakong_account",
            json!({ "accountId": "nobody@devb" }),
            json!(11),
        ),
        (
            "generate_deeplink_by_qr",
            json!({ "qr": code, "sourceInfo": source }),
            Value::Null,
        ),
        (
            "generate_deeplink_by_qr",
            json!({ "qr": code, "sourceInfo": incomplete }),
            json!(5),
        ),
        (
            "generate_deeplink_by_qr",
            json!({ "qr": "no code" }),
            json!(5),
        ),
    ] {
        let code = error_code(&shop, endpoint, &body).await;
        assert_eq!(code, expected, "{endpoint} {body}");
    }
    // Codes that only Bakong can decide on, and one that this version does not know.
    let hash = json!({ "hash": failed.hash() });
    let account = json!({ "accountId": "sokha@devb" });
    for (endpoint, name, body, code) in [
        (
            ApiEndpoint::CheckTransactionByHash,
            "check_transaction_by_hash",
            &hash,
            2,
        ),
        (
            ApiEndpoint::CheckBakongAccount,
            "check_bakong_account",
            &account,
            12,
        ),
        (
            ApiEndpoint::CheckTransactionByHash,
            "check_transaction_by_hash",
            &hash,
            99,
        ),
    ] {
        let refusal = Fault::error(StatusCode::OK, code, "Not today");
        shop.sandbox().fault(refusal.on(endpoint));
        let answer = call(&shop, name, body).await.expect(200);
        assert_eq!(answer["errorCode"], code);
        let is_passed_on = answer["responseMessage"] == "Not today";
        assert_eq!(is_passed_on, code == 99, "{answer}");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_quota_no_request_is_sent() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    let body = json!({ "accountId": "sokha@sandbox" });
    shop.sandbox().fault(Fault::quota_exhausted().always());
    assert_eq!(error_code(&shop, "check_bakong_account", &body).await, 17);
    shop.check(&payment).await;
    let closed = async {
        loop {
            let balance = shop.get("/v1/balance_of_requests").await.expect(200);
            if balance["closed"] == true {
                return balance;
            }
        }
    };
    let balance = tokio::time::timeout(PATIENCE, closed).await.unwrap();
    assert_eq!(balance["left"], 0, "{balance}");
    shop.sandbox().clear_faults();
    let before = requests(&shop);
    assert_eq!(error_code(&shop, "check_bakong_account", &body).await, 17);
    assert_eq!(requests(&shop), before);
    shop.server.shutdown().await;
}
