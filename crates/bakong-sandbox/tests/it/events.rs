//! What happens, told to whoever listens.

use bakong_sandbox::QuotaLimit;
use serde_json::{Value, json};

use crate::client::{Connection, check, post, request};
use crate::control::told;
use crate::{NOW, customer, dynamic_code, sandbox, usd};

/// The events that come until one of this kind, which is given.
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
async fn events_are_told_as_they_happen() {
    let sandbox = sandbox().await;
    let mut connection = Connection::open(sandbox.address()).await;
    let text = request("GET", "/sandbox/events", "", "").replace("Host: bakong", "Host: localhost");
    connection.send(text.as_bytes()).await;
    while connection.line().await != "retry: 1000" {}

    let token = sandbox.issue_token("dev@example.com");
    check(&sandbox, &token, "x").await;
    assert_eq!(event(&mut connection, "request").await["errorCode"], 1);
    let delay = std::time::Duration::from_secs(60);
    customer(&sandbox)
        .pay_after(&dynamic_code(usd(100)), delay)
        .unwrap();
    assert_eq!(
        event(&mut connection, "payment").await["status"],
        "scheduled"
    );
    sandbox.advance(delay);
    assert_eq!(
        event(&mut connection, "clock").await["now"],
        NOW.saturating_add(delay).as_millis()
    );
    // Nobody asked; it is told all the same.
    assert_eq!(
        event(&mut connection, "payment").await["status"],
        "transferred"
    );
    sandbox.fault(bakong_sandbox::Fault::cut());
    assert_eq!(
        event(&mut connection, "fault").await["faults"][0]["rule"]["answer"],
        "cut"
    );
    sandbox.clear_faults();
    let body = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body).await;
    assert_eq!(
        event(&mut connection, "mail").await["email"],
        "new@example.com"
    );
    sandbox.set_quota(QuotaLimit::per_day(3));
    assert_eq!(event(&mut connection, "quota").await["limit"], 3);
    // One was used before, and this is the last.
    for _ in 0..2 {
        check(&sandbox, &token, "x").await;
    }
    assert_eq!(
        event(&mut connection, "quota").await["addresses"][0]["left"],
        0
    );
    sandbox.reset();
    event(&mut connection, "reset").await;
    // Whoever listens does not keep it from stopping.
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_whose_text_is_told_and_an_address_that_gets_a_token_are_told_of() {
    let sandbox = sandbox().await;
    let mut connection = Connection::open(sandbox.address()).await;
    let text = request("GET", "/sandbox/events", "", "").replace("Host: bakong", "Host: localhost");
    connection.send(text.as_bytes()).await;
    while connection.line().await != "retry: 1000" {}

    let email = "dev@example.com";
    told(&sandbox, "/sandbox/tokens", json!({ "email": email })).await;
    let quota = event(&mut connection, "quota").await;
    assert_eq!(quota["addresses"][0]["email"], email);
    let code = dynamic_code(usd(100));
    told(&sandbox, "/sandbox/scan", json!({ "qr": code })).await;
    assert_eq!(event(&mut connection, "code").await["qr"], code);
    let body = json!({ "qr": code }).to_string();
    post(&sandbox, "/v1/generate_deeplink_by_qr", None, &body).await;
    assert_eq!(event(&mut connection, "code").await["checks"], 0);
}
