//! The event stream.

use std::time::Duration;

use bakong_sandbox::{QuotaLimit, Sandbox};
use serde_json::{Value, json};

use crate::client::{Connection, check, post, request};
use crate::control::command;
use crate::{EMAIL, NOW, REGISTRATION, customer, dynamic_code, sandbox, usd, with_token};

async fn listen(sandbox: &Sandbox) -> Connection {
    let text = request("GET", "/sandbox/events", "", "").replace("Host: bakong", "Host: localhost");
    let mut connection = Connection::with(sandbox, &text).await;
    while connection.line().await != "retry: 1000" {}
    connection
}

/// Skips events until one of this kind, and returns its data.
async fn event(connection: &mut Connection, kind: &str) -> Value {
    loop {
        let line = connection.line().await;
        if line == format!("event: {kind}") {
            let data = connection.line().await;
            return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn each_change_emits_an_event() {
    let (sandbox, token) = with_token().await;
    let mut events = listen(&sandbox).await;
    check(&sandbox, &token, "x").await;
    assert_eq!(event(&mut events, "request").await["errorCode"], 1);
    let delay = Duration::from_secs(60);
    let code = dynamic_code(usd(100));
    customer(&sandbox).pay_after(&code, delay).unwrap();
    assert_eq!(event(&mut events, "payment").await["status"], "scheduled");
    sandbox.advance(delay);
    let end = NOW.saturating_add(delay).as_millis();
    assert_eq!(event(&mut events, "clock").await["now"], end);
    // The transfer happens without a check.
    assert_eq!(event(&mut events, "payment").await["status"], "transferred");
    sandbox.fault(bakong_sandbox::Fault::cut());
    let faults = event(&mut events, "fault").await;
    assert_eq!(faults["faults"][0]["rule"]["answer"], "cut");
    sandbox.clear_faults();
    post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    assert_eq!(event(&mut events, "mail").await["email"], "new@example.com");
    sandbox.set_quota(QuotaLimit::per_day(3));
    assert_eq!(event(&mut events, "quota").await["limit"], 3);
    // One request was counted before, so the second of these uses up the quota.
    for _ in 0..2 {
        check(&sandbox, &token, "x").await;
    }
    let quota = event(&mut events, "quota").await;
    assert_eq!(quota["addresses"][0]["left"], 0);
    sandbox.reset();
    event(&mut events, "reset").await;
    // A listener does not delay the stop.
    sandbox.stop().await;
}

#[tokio::test]
async fn a_new_address_a_scan_and_a_link_emit_events() {
    let sandbox = sandbox().await;
    let mut events = listen(&sandbox).await;
    command(&sandbox, "tokens", json!({ "email": EMAIL })).await;
    let quota = event(&mut events, "quota").await;
    assert_eq!(quota["addresses"][0]["email"], EMAIL);
    let code = dynamic_code(usd(100));
    command(&sandbox, "scan", json!({ "qr": code })).await;
    assert_eq!(event(&mut events, "code").await["qr"], code);
    let body = json!({ "qr": code }).to_string();
    post(&sandbox, "/v1/generate_deeplink_by_qr", None, &body).await;
    assert_eq!(event(&mut events, "code").await["checks"], 0);
}
