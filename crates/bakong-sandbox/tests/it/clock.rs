//! The clock over HTTP: advanced, stopped, started, and reset to the real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bakong_sandbox::{Sandbox, SandboxClock, Transfer, TransferStatus};
use khqr_core::Timestamp;
use serde_json::{Value, json};

use crate::client::{ask, check, request};
use crate::control::{JSON, command, get, rejected, send};
use crate::{
    NOW, TEN_MINUTES, assert_contains, assert_has, customer, dynamic_code, dynamic_code_from,
    sandbox, usd, with_token,
};

/// The end of the year 9999.
const LAST: u64 = 253_402_300_799_999;

#[tokio::test]
async fn every_answer_has_the_date_of_the_sandbox_s_clock() {
    let sandbox = sandbox().await;
    for moment in [NOW, Timestamp::from_millis(1_700_000_000_999)] {
        sandbox.set_clock(SandboxClock::frozen_at(moment));
        for path in ["/v1/verify", "/sandbox/clock", "/"] {
            let text = request("GET", path, "User-Agent: test/1\r\n", "");
            let answer = ask(&sandbox, &text).await.unwrap();
            let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
            let since = date.duration_since(std::time::UNIX_EPOCH).unwrap();
            assert_eq!(since.as_secs(), moment.as_millis() / 1_000, "{path}");
        }
    }
}

#[tokio::test]
async fn the_clock_is_set_stopped_and_started() {
    let sandbox = sandbox().await;
    let set = async |body: Value| command(&sandbox, "clock", body).await;
    let clock = get(&sandbox, "clock").await;
    assert_has(&clock, json!({"now": NOW.as_millis(), "mode": "frozen"}));
    assert_eq!(set(json!({"setTo": 5})).await["now"], 5);
    assert_eq!(set(json!({"advanceMs": 7})).await["now"], 12);
    let clock = set(json!({"mode": "running"})).await;
    assert!(clock["aheadMs"].as_i64().unwrap() < 0);
    let clock = set(json!({"mode": "frozen"})).await;
    assert_has(&clock, json!({"mode": "frozen", "aheadMs": null}));

    let clock = set(json!({"aheadMs": 3_600_000})).await;
    assert_has(&clock, json!({"mode": "running", "aheadMs": 3_600_000}));
    let clock = set(json!({"advanceMs": 1_000})).await;
    assert_eq!(clock["aheadMs"], 3_601_000);
    let clock = set(json!({"aheadMs": 0})).await;
    assert_has(&clock, json!({"mode": "running", "aheadMs": 0}));
    let clock = set(json!({"aheadMs": 5_000, "mode": "frozen"})).await;
    assert_eq!(clock["mode"], "frozen");
    let lead = sandbox.clock().lead().as_millis();
    assert!((1..=5_000).contains(&lead), "{lead}");

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
        rejected(&sandbox, "clock", body, 400).await;
    }
}

#[tokio::test]
async fn the_clock_ends_with_the_year_9999() {
    let sandbox = sandbox().await;
    let most = LAST - NOW.as_millis();
    for (body, limit) in [
        (json!({"advanceMs": most + 1}), most),
        (json!({"advanceMs": u64::MAX}), most),
        (json!({"setTo": LAST + 1}), LAST),
    ] {
        let error = rejected(&sandbox, "clock", body, 400).await;
        assert_contains(error["help"].as_str().unwrap(), &[&limit.to_string()]);
    }
    // A number beyond 64 bits is reported as too large, not as the wrong type.
    for name in ["advanceMs", "aheadMs", "setTo"] {
        let body = format!("{{\"{name}\":99999999999999999999}}");
        let response = send(&sandbox, "POST", "/sandbox/clock", JSON, &body).await;
        let error = response.value(400)["error"].clone();
        assert_eq!(error["where"], format!("body.{name}"));
        assert_contains(error["what"].as_str().unwrap(), &["9999"]);
    }
    rejected(&sandbox, "clock", json!({"aheadMs": LAST}), 400).await;
    assert_eq!(sandbox.now(), NOW, "a rejected request changes nothing");
    let clock = command(&sandbox, "clock", json!({"advanceMs": most})).await;
    assert_eq!(clock["now"], LAST);
    rejected(&sandbox, "clock", json!({"advanceMs": 1}), 400).await;
    let delayed = json!({"qr": dynamic_code(usd(1)), "delayMs": 1});
    let error = rejected(&sandbox, "pay", delayed, 400).await;
    assert_eq!(error["where"], "body.delayMs");
}

#[tokio::test]
async fn setting_the_clock_back_undoes_no_payment() {
    let (sandbox, token) = with_token().await;
    let (paid, later) = (dynamic_code(usd(100)), dynamic_code(usd(200)));
    let customer = customer(&sandbox);
    customer.pay_after(&paid, TEN_MINUTES / 2).unwrap();
    customer.pay_after(&later, TEN_MINUTES * 9 / 10).unwrap();
    sandbox.advance(TEN_MINUTES / 2);
    let before = check(&sandbox, &token, &paid).await;
    assert_eq!(before.error_code(), Value::Null);
    let back = json!({"setTo": NOW.as_millis() - 1_000});
    command(&sandbox, "clock", back).await;
    assert_eq!(check(&sandbox, &token, &paid).await.body, before.body);
    assert_eq!(check(&sandbox, &token, &later).await.error_code(), 1);
    let statuses: Vec<_> = sandbox.payments().iter().map(Transfer::status).collect();
    assert_eq!(
        statuses,
        [TransferStatus::Transferred, TransferStatus::Scheduled]
    );
}

#[tokio::test]
async fn a_new_payment_has_no_time_in_the_future() {
    let sandbox = sandbox().await;
    let paid = command(&sandbox, "pay", json!({"qr": dynamic_code(usd(1))})).await;
    let now = NOW.as_millis();
    let times = json!({"createdAt": now, "acknowledgedAt": now});
    assert_has(&paid["payments"][0], times);
}

#[tokio::test]
async fn the_error_for_an_expired_code_reports_a_clock_that_is_ahead() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code_from(SandboxClock::system().now(), usd(100));
    command(&sandbox, "clock", json!({"aheadMs": 7_200_000})).await;
    let error = rejected(&sandbox, "pay", json!({"qr": code}), 422).await;
    assert_eq!(error["reason"]["kind"], "Expired");
    let help = error["help"].as_str().unwrap();
    assert_contains(help, &["2 h ahead", r#"{"aheadMs":0}"#]);
    let scanned = command(&sandbox, "scan", json!({"qr": code})).await;
    assert_eq!(scanned["help"], error["help"]);
    command(&sandbox, "clock", json!({"aheadMs": 0})).await;
    let scanned = command(&sandbox, "scan", json!({"qr": code})).await;
    assert_has(&scanned, json!({"payable": true, "help": null}));
    command(&sandbox, "pay", json!({"qr": code})).await;

    // The code is older than the real time, so the clock is not the reason.
    let old = dynamic_code_from(Timestamp::from_millis(1_600_000_000_000), usd(100));
    let error = rejected(&sandbox, "pay", json!({"qr": old}), 422).await;
    let help = error["help"].as_str().unwrap();
    assert!(!help.contains("ahead"), "{help}");
}

#[tokio::test]
async fn a_function_decides_the_time_of_requests_and_transfers() {
    let millis = Arc::new(AtomicU64::new(NOW.as_millis()));
    let time = Arc::clone(&millis);
    let sandbox = Sandbox::builder()
        .clock_fn(move || Timestamp::from_millis(time.load(Relaxed)))
        .start()
        .await
        .unwrap();
    let code = dynamic_code(usd(150));
    let customer = customer(&sandbox);
    customer.pay_after(&code, TEN_MINUTES / 2).unwrap();
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Scheduled);
    // The handles do not move the time.
    sandbox.advance(TEN_MINUTES);
    sandbox.set_clock(SandboxClock::system());
    assert_eq!(sandbox.now(), NOW);
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Scheduled);
    millis.fetch_add(300_000, Relaxed);
    let clock = get(&sandbox, "clock").await;
    assert_has(
        &clock,
        json!({"now": NOW.as_millis() + 300_000, "mode": "frozen"}),
    );
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);
}
