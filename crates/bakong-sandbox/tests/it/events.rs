//! What happens, told to whoever listens.

use bakong_sandbox::Quota;
use serde_json::Value;

use crate::client::{Connection, check, post, request};
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
    sandbox.set_quota(Quota::a_day(3));
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
