//! The clock over HTTP: moved, stopped, started, and put back.

use bakong_sandbox::{Sandbox, SandboxClock, TransferStatus};
use khqr_core::Timestamp;
use serde_json::{Value, json};

use crate::client::check;
use crate::control::{JSON, get, refused, send, told};
use crate::{NOW, TEN_MINUTES, customer, dynamic_code, sandbox, shop, usd};

/// The end of the year 9999.
const LAST: u64 = 253_402_300_799_999;

async fn moved(sandbox: &Sandbox, how: Value) -> Value {
    told(sandbox, "/sandbox/clock", how).await
}

#[tokio::test]
async fn the_clock_is_set_stopped_and_started() {
    let sandbox = sandbox().await;
    let clock = get(&sandbox, "/sandbox/clock").await;
    assert_eq!(
        (&clock["now"], &clock["mode"]),
        (&json!(NOW.as_millis()), &json!("frozen"))
    );
    let clock = moved(&sandbox, json!({"setTo": 5})).await;
    assert_eq!(clock["now"], 5);
    let clock = moved(&sandbox, json!({"advanceMs": 7})).await;
    assert_eq!(clock["now"], 12);
    let clock = moved(&sandbox, json!({"mode": "running"})).await;
    assert!(clock["aheadMs"].as_i64().unwrap() < 0);
    let clock = moved(&sandbox, json!({"mode": "frozen"})).await;
    assert_eq!(
        (&clock["mode"], &clock["aheadMs"]),
        (&json!("frozen"), &Value::Null)
    );
    for body in [
        json!({}),
        json!({"mode": "x"}),
        json!({"advanceMs": -1}),
        json!({"aheadMs": -1}),
        json!({"advanceMs": 1.5}),
        json!({"to": 1}),
        json!({"advanceMs": 1, "aheadMs": 1}),
        json!({"setTo": 1, "advanceMs": 1}),
    ] {
        refused(&sandbox, "/sandbox/clock", body, 400).await;
    }
}

#[tokio::test]
async fn the_clock_goes_back_to_the_present() {
    let sandbox = sandbox().await;
    let ahead = moved(&sandbox, json!({"aheadMs": 3_600_000})).await;
    assert_eq!(
        (&ahead["mode"], &ahead["aheadMs"]),
        (&json!("running"), &json!(3_600_000))
    );
    let more = moved(&sandbox, json!({"advanceMs": 1_000})).await;
    assert_eq!(more["aheadMs"], 3_601_000);
    let present = moved(&sandbox, json!({"aheadMs": 0})).await;
    assert_eq!(
        (&present["mode"], &present["aheadMs"]),
        (&json!("running"), &json!(0))
    );
    let stopped = moved(&sandbox, json!({"aheadMs": 5_000, "mode": "frozen"})).await;
    assert_eq!(stopped["mode"], "frozen");
    let lead = sandbox.clock().lead().as_millis();
    assert!((1..=5_000).contains(&lead), "{lead}");
}

#[tokio::test]
async fn it_goes_no_further_than_the_year_9999() {
    let sandbox = sandbox().await;
    let most = LAST - NOW.as_millis();
    for (body, limit) in [
        (json!({"advanceMs": most + 1}), most),
        (json!({"advanceMs": u64::MAX}), most),
        (json!({"setTo": LAST + 1}), LAST),
    ] {
        let error = refused(&sandbox, "/sandbox/clock", body, 400).await;
        let help = error["help"].as_str().unwrap();
        assert!(help.contains(&limit.to_string()), "{help}");
    }
    // What no number here can hold is too far, too, and not "no number".
    for name in ["advanceMs", "aheadMs", "setTo"] {
        let body = format!("{{\"{name}\":99999999999999999999}}");
        let answer = send(&sandbox, "POST", "/sandbox/clock", JSON, &body).await;
        let told: Value = serde_json::from_str(answer.json(400)).unwrap();
        let error = &told["error"];
        assert_eq!(error["where"], format!("body.{name}"));
        assert!(error["what"].as_str().unwrap().contains("9999"), "{error}");
    }
    refused(&sandbox, "/sandbox/clock", json!({"aheadMs": LAST}), 400).await;
    assert_eq!(sandbox.now(), NOW, "what is refused moves nothing");
    let clock = moved(&sandbox, json!({"advanceMs": most})).await;
    assert_eq!(clock["now"], LAST);
    refused(&sandbox, "/sandbox/clock", json!({"advanceMs": 1}), 400).await;
    let delay = json!({"qr": dynamic_code(usd(1)), "delayMs": 1});
    let error = refused(&sandbox, "/sandbox/pay", delay, 400).await;
    assert_eq!(error["where"], "body.delayMs");
}

#[tokio::test]
async fn what_has_happened_stays_when_the_clock_goes_back() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let (paid, later) = (dynamic_code(usd(100)), dynamic_code(usd(200)));
    let customer = customer(&sandbox);
    customer.pay_after(&paid, TEN_MINUTES / 2).unwrap();
    customer.pay_after(&later, TEN_MINUTES * 9 / 10).unwrap();
    sandbox.advance(TEN_MINUTES / 2);
    let before = check(&sandbox, &token, &paid).await;
    assert!(before.json(200).contains(r#""responseCode":0"#));
    moved(&sandbox, json!({"setTo": NOW.as_millis() - 1_000})).await;
    assert_eq!(check(&sandbox, &token, &paid).await.body, before.body);
    let waiting = check(&sandbox, &token, &later).await;
    assert!(waiting.json(200).contains(r#""errorCode":1,"#));
    let statuses: Vec<_> = sandbox
        .payments()
        .iter()
        .map(bakong_sandbox::Transfer::status)
        .collect();
    assert_eq!(
        statuses,
        [TransferStatus::Transferred, TransferStatus::Scheduled]
    );
}

#[tokio::test]
async fn no_fresh_payment_is_of_a_later_time_than_the_clock_s() {
    let sandbox = sandbox().await;
    let paid = told(
        &sandbox,
        "/sandbox/pay",
        json!({"qr": dynamic_code(usd(1))}),
    )
    .await;
    let payment = &paid["payments"][0];
    let times = [&payment["createdAt"], &payment["acknowledgedAt"]];
    assert_eq!(times, [&json!(NOW.as_millis()); 2]);
}

#[tokio::test]
async fn a_code_that_expired_by_the_clock_s_lead_says_so() {
    let sandbox = Sandbox::start().await.unwrap();
    let now = SandboxClock::system().now();
    let code = shop()
        .dynamic_code(usd(100), now, now.saturating_add(TEN_MINUTES))
        .unwrap()
        .to_text();
    moved(&sandbox, json!({"aheadMs": 7_200_000})).await;
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": code}), 422).await;
    assert_eq!(error["reason"]["kind"], "Expired");
    let help = error["help"].as_str().unwrap();
    assert!(
        help.contains("2 h ahead") && help.contains(r#"{"aheadMs":0}"#),
        "{help}"
    );
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(seen["help"], error["help"]);
    moved(&sandbox, json!({"aheadMs": 0})).await;
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(
        (&seen["payable"], &seen["help"]),
        (&json!(true), &Value::Null)
    );
    told(&sandbox, "/sandbox/pay", json!({"qr": code})).await;

    // Where the clock is not ahead, the code is just old.
    let old = shop()
        .dynamic_code(usd(100), Timestamp::from_millis(1_600_000_000_000), NOW)
        .unwrap()
        .to_text();
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": old}), 422).await;
    assert!(
        !error["help"].as_str().unwrap().contains("ahead"),
        "{error}"
    );
}
