//! Customers who pay over HTTP.

use bakong_sandbox::TransferStatus;
use khqr_core::Currency;
use serde_json::{Value, json};

use crate::client::{check, post};
use crate::control::{get, refused, told};
use crate::{NOW, customer, dynamic_code, md5_of, sandbox, shop, static_code, usd};

#[tokio::test]
async fn a_customer_pays_and_the_shop_sees_it() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let issued = told(
        &sandbox,
        "/sandbox/tokens",
        json!({"email":"dev@example.com"}),
    )
    .await;
    let token = issued["token"].as_str().unwrap();
    assert_eq!(issued["expiresAt"], 1_768_930_142_000_u64);
    assert!(
        check(&sandbox, token, &code)
            .await
            .body
            .contains(r#""errorCode":1,"#)
    );
    let open = get(&sandbox, "/sandbox/codes").await;
    assert_eq!(open["codes"][0]["md5"], md5_of(&code).to_string());
    assert_eq!(open["codes"][0]["checks"], 1);

    let paid = told(&sandbox, "/sandbox/pay", json!({"qr": code})).await;
    let payment = &paid["payments"][0];
    assert_eq!(payment["status"], "transferred");
    assert_eq!(
        (
            &payment["amount"],
            &payment["currency"],
            &payment["from"],
            &payment["to"]
        ),
        (
            &json!("1.50"),
            &json!("USD"),
            &json!("dara@devb"),
            &json!("shop@devb")
        )
    );
    assert_eq!(payment["shortHash"], payment["hash"].as_str().unwrap()[..8]);
    let hash = payment["hash"].as_str().unwrap();
    assert!(check(&sandbox, token, &code).await.json(200).contains(hash));
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    assert_eq!(sandbox.payments()[0].hash(), hash);

    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": code}), 422).await;
    assert_eq!(error["reason"]["kind"], "AlreadyPaid");
    let again = json!({"qr": code, "again": true, "times": 2, "from": "sokha@devb"});
    let paid = told(&sandbox, "/sandbox/pay", again).await;
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
    let all = get(&sandbox, "/sandbox/payments?limit=2").await;
    assert_eq!(
        (&all["total"], all["payments"].as_array().unwrap().len()),
        (&json!(3), 2)
    );
    assert_eq!(all["payments"][1]["from"], "sokha@devb");
    let none = get(&sandbox, &format!("/sandbox/payments?md5={}", md5_of("x"))).await;
    assert_eq!((&none["payments"], &none["total"]), (&json!([]), &json!(3)));
}

#[tokio::test]
async fn a_customer_departs_from_what_was_asked() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let short = json!({"qr": code, "amount": "1.49", "delayMs": 5000, "failing": false,
        "to": "other@devb", "description": "coffee", "instructionRef": "FT1"});
    let paid = told(&sandbox, "/sandbox/pay", short).await;
    let payment = &paid["payments"][0];
    assert_eq!(
        (&payment["status"], &payment["amount"]),
        (&json!("scheduled"), &json!("1.49"))
    );
    assert_eq!(payment["createdAt"], NOW.as_millis() + 5_000);
    assert_eq!(
        (
            &payment["to"],
            &payment["description"],
            &payment["instructionRef"]
        ),
        (&json!("other@devb"), &json!("coffee"), &json!("FT1"))
    );
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 5000})).await;
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);

    // In the other currency, and failing.
    let other = dynamic_code(usd(151));
    let wrong = json!({"qr": other, "amount": 4400, "currency": "KHR", "failing": true});
    let paid = told(&sandbox, "/sandbox/pay", wrong).await;
    let payment = &paid["payments"][0];
    assert_eq!(
        (&payment["status"], &payment["amount"], &payment["currency"]),
        (&json!("failed"), &json!("4400"), &json!("KHR"))
    );

    // Late.
    let late = dynamic_code(usd(152));
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 600_000})).await;
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": late}), 422).await;
    assert_eq!(error["reason"]["kind"], "Expired");
    assert_eq!(
        (&error["where"], &error["reason"]["sdkCode"]),
        (&json!("body.qr"), &json!(46))
    );
    told(&sandbox, "/sandbox/pay", json!({"qr": late, "late": true})).await;

    // A static code takes any amount, any number of times.
    let code = static_code(Currency::Usd);
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": code}), 422).await;
    assert_eq!(error["where"], "body.amount");
    for amount in [json!("0.01"), json!(7), json!("7.5")] {
        told(
            &sandbox,
            "/sandbox/pay",
            json!({"qr": code, "amount": amount}),
        )
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_with_the_reason() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let misread = code.replace("Shop", "Shoq");
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": misread}), 422).await;
    assert_eq!(error["reason"]["kind"], "CrcMismatch");
    assert!(error["reason"]["offset"].is_number());
    for (body, place) in [
        (json!({}), "body.qr"),
        (json!({"qr": 7}), "body.qr"),
        (json!({"qr": code, "from": "nobody"}), "body.from"),
        (json!({"qr": code, "amount": "1.505"}), "body.amount"),
        (json!({"qr": code, "amount": -1}), "body.amount"),
        (json!({"qr": code, "currency": "KHR"}), "body.currency"),
        (
            json!({"qr": code, "currency": "THB", "amount": 1}),
            "body.currency",
        ),
        (json!({"qr": code, "times": 0}), "body.times"),
        (json!({"qr": code, "times": 101}), "body.times"),
        (json!({"qr": code, "late": "yes"}), "body.late"),
        (json!({"qr": code, "amout": 1}), "body.amout"),
        (json!([1]), "body"),
    ] {
        let error = refused(&sandbox, "/sandbox/pay", body, 400).await;
        assert_eq!(error["where"], place);
    }
    let nothing = refused(
        &sandbox,
        "/sandbox/pay",
        json!({"qr": code, "amount": 0}),
        422,
    )
    .await;
    assert_eq!(nothing["reason"]["kind"], "AmountZero");
    assert_eq!(sandbox.payments().len(), 0);
}

#[tokio::test]
async fn scanning_shows_what_a_customer_sees() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(
        (&seen["payable"], &seen["reason"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&seen["khqr"]["merchantName"], &seen["khqr"]["amount"]),
        (&json!("Shop"), &json!("1.50"))
    );
    customer(&sandbox).pay(&code).unwrap();
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(seen["reason"]["kind"], "AlreadyPaid");
    refused(&sandbox, "/sandbox/scan", json!({"qr": "hello"}), 422).await;
}

#[tokio::test]
async fn a_static_code_is_known_once_somebody_told_of_it() {
    let sandbox = sandbox().await;
    let issued = json!({"email": "dev@example.com"});
    let issued = told(&sandbox, "/sandbox/tokens", issued).await;
    let token = issued["token"].as_str().unwrap();
    let [riel, dollars] = [Currency::Khr, Currency::Usd].map(static_code);
    let code_of = async |code: &str| {
        let answer = check(&sandbox, token, code).await;
        let told: Value = serde_json::from_str(answer.json(200)).unwrap();
        told["errorCode"].clone()
    };
    // An MD5 says nothing of its code.
    assert_eq!(code_of(&riel).await, 1);
    assert_eq!(
        get(&sandbox, "/sandbox/codes").await["codes"][0]["checks"],
        1
    );
    let look = json!({"qr": riel, "dryRun": true});
    told(&sandbox, "/sandbox/scan", look).await;
    assert_eq!(code_of(&riel).await, 1);
    told(&sandbox, "/sandbox/scan", json!({"qr": riel})).await;
    assert_eq!(code_of(&riel).await, 2);
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    // A payment that is tried tells of it, too, and so does a link.
    refused(&sandbox, "/sandbox/pay", json!({"qr": dollars}), 422).await;
    assert_eq!(code_of(&dollars).await, 2);
    let other = shop()
        .store_label("2")
        .static_code(Currency::Khr)
        .unwrap()
        .to_text();
    let body = json!({"qr": other}).to_string();
    post(&sandbox, "/v1/generate_deeplink_by_qr", None, &body).await;
    assert_eq!(code_of(&other).await, 2);
    let third = shop()
        .store_label("3")
        .static_code(Currency::Khr)
        .unwrap()
        .to_text();
    assert!(customer(&sandbox).pay(&third).is_err());
    assert_eq!(code_of(&third).await, 2);
}

#[tokio::test]
async fn a_code_that_was_scanned_is_known_by_its_text() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    // As people paste it.
    let pasted = format!("\n {code}\r\n");
    let look = json!({"qr": pasted, "dryRun": true});
    let looked = told(&sandbox, "/sandbox/scan", look).await;
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": pasted})).await;
    assert_eq!(looked, seen);
    assert_eq!(seen["khqr"]["md5"], md5_of(&code).to_string());
    let open = get(&sandbox, "/sandbox/codes").await;
    assert_eq!(
        (&open["codes"][0]["qr"], &open["codes"][0]["checks"]),
        (&json!(code), &json!(0))
    );
    let paid = told(
        &sandbox,
        "/sandbox/pay",
        json!({"qr": pasted, "amount": "1.5"}),
    )
    .await;
    assert_eq!(paid["payments"][0]["md5"], md5_of(&code).to_string());
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    // One that nobody can pay any more is not open.
    let old = dynamic_code(usd(151));
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 600_001})).await;
    told(&sandbox, "/sandbox/scan", json!({"qr": old})).await;
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
}
