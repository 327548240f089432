//! The control API over HTTP, as a client in any language uses it.

use bakong_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::client::{Response, ask, check, post, request};
use crate::{
    EMAIL, NOW, REGISTRATION, RENEWAL, assert_contains, assert_has, dynamic_code, sandbox, usd,
    with_token,
};

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// Sends a request to the host `localhost`.
pub(crate) async fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Response {
    let text = request(method, path, headers, body).replace("Host: bakong", "Host: localhost");
    ask(sandbox, &text).await.unwrap()
}

/// Returns the resource `/sandbox/{path}`.
pub(crate) async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let path = format!("/sandbox/{path}");
    send(sandbox, "GET", &path, "", "").await.value(200)
}

/// Posts to `/sandbox/{path}` and returns the response.
pub(crate) async fn command(sandbox: &Sandbox, path: &str, body: Value) -> Value {
    post_control(sandbox, path, body).await.value(200)
}

/// Posts to `/sandbox/{path}` and returns the error of a response with this status.
pub(crate) async fn rejected(sandbox: &Sandbox, path: &str, body: Value, status: u16) -> Value {
    let response = post_control(sandbox, path, body).await.value(status);
    for name in ["what", "where", "help"] {
        assert!(response["error"][name].is_string(), "{response}");
    }
    response["error"].clone()
}

async fn post_control(sandbox: &Sandbox, path: &str, body: Value) -> Response {
    let path = format!("/sandbox/{path}");
    send(sandbox, "POST", &path, JSON, &body.to_string()).await
}

#[tokio::test]
async fn faults_are_added_listed_and_removed() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let outage = json!({"on": "check_transaction_by_md5", "times": 2,
        "answer": {"status": 502, "html": "<h1>502</h1>"}});
    let added = command(&sandbox, "faults", outage.clone()).await;
    assert_eq!(added["faults"][0]["number"], 1);
    let cut = json!({"answer": "cut", "on": "verify", "times": "always"});
    command(&sandbox, "faults", json!([cut, cut])).await;
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    let left = get(&sandbox, "faults").await;
    assert_eq!(left["faults"][0]["rule"]["times"], 1);
    assert_eq!(left["faults"].as_array().unwrap().len(), 3);
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    check(&sandbox, &token, &code).await.json(200);

    let left = send(&sandbox, "DELETE", "/sandbox/faults?number=2", "", "").await;
    assert_contains(left.json(200), &[r#""number":3"#]);
    for number in ["2", "x", ""] {
        let path = format!("/sandbox/faults?number={number}");
        send(&sandbox, "DELETE", &path, "", "").await.json(404);
    }
    let left = send(&sandbox, "DELETE", "/sandbox/faults", "", "").await;
    assert_eq!(left.value(200)["faults"], json!([]));
    assert_eq!(get(&sandbox, "faults").await["faults"], json!([]));

    // One invalid rule rejects the whole list.
    let rules = json!([outage, {"answer": "x"}]);
    let error = rejected(&sandbox, "faults", rules, 400).await;
    assert_eq!(error["where"], "body[1].answer");
    assert_eq!(get(&sandbox, "faults").await["faults"], json!([]));
    let many = json!(vec![json!({"answer": "cut"}); 1_001]);
    rejected(&sandbox, "faults", many, 400).await;
}

#[tokio::test]
async fn a_fault_can_expire_all_tokens() {
    let (sandbox, token) = with_token().await;
    let added = command(&sandbox, "faults", json!({"answer": "tokens_expire"})).await;
    assert_eq!(added["faults"][0]["rule"]["answer"], "tokens_expire");
    check(&sandbox, &token, "x").await.json(401);
    assert_eq!(sandbox.fault_count(), 0);
    check(&sandbox, &sandbox.issue_token(EMAIL), "x")
        .await
        .json(200);
}

#[tokio::test]
async fn a_repeated_field_in_a_body_is_rejected() {
    let sandbox = sandbox().await;
    for (path, body, place) in [
        (
            "clock",
            r#"{"advanceMs":1,"advanceMs":2}"#,
            "body.advanceMs",
        ),
        (
            "quota",
            r#"{"limit":1,"counts":"all","limit":null}"#,
            "body.limit",
        ),
        ("tokens", r#"{"email":"a@b","email":"a@b"}"#, "body.email"),
        ("pay", r#"{"qr":"x","q\u0072":"y"}"#, "body.qr"),
        (
            "faults",
            r#"{"answer":"cut","times":1,"times":2}"#,
            "body.times",
        ),
        (
            "faults",
            r#"{"times":null,"answer":"cut","times":2}"#,
            "body.times",
        ),
        (
            "faults",
            r#"[{"answer":"cut","answer":"hang"}]"#,
            "body[0].answer",
        ),
        (
            "faults",
            r#"{"answer":{"status":500,"status":501}}"#,
            "body.answer",
        ),
        (
            "faults",
            r#"{"answer":{"status":500,"error":{"code":1,"code":2}}}"#,
            "body.answer",
        ),
        ("faults", r#"{"headers":{"a":"1","a":"2"}}"#, "body.headers"),
        (
            "faults",
            r#"{"answer":{"status":500,"headers":{"a":"1","a":"2"}}}"#,
            "body.answer",
        ),
    ] {
        let path = format!("/sandbox/{path}");
        let response = send(&sandbox, "POST", &path, JSON, body).await.value(400);
        assert_eq!(response["error"]["where"], place, "{body}");
    }
    assert_eq!((sandbox.fault_count(), sandbox.now()), (0, NOW));
}

#[tokio::test]
async fn faults_do_not_apply_to_the_control_api() {
    let sandbox = sandbox().await;
    let cut = json!({"answer": "cut", "times": "always"});
    command(&sandbox, "faults", cut).await;
    get(&sandbox, "faults").await;
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(get(&sandbox, "requests").await["requests"], json!([]));
}

#[tokio::test]
async fn mails_are_listed_and_accounts_registered() {
    let sandbox = sandbox().await;
    for email in [EMAIL, "two@example.com"] {
        let body = REGISTRATION.replace("new@example.com", email);
        post(&sandbox, "/v1/request_token", None, &body)
            .await
            .json(200);
    }
    let mailbox = get(&sandbox, "mailbox?email=dev%40example.com").await;
    assert_eq!(mailbox["mails"].as_array().unwrap().len(), 1);
    let code = sandbox.verification_code(EMAIL).unwrap();
    assert_eq!(mailbox["mails"][0]["code"], code);
    let mailbox = get(&sandbox, "mailbox").await;
    assert_eq!(mailbox["mails"].as_array().unwrap().len(), 2);

    let account = json!({"account": "someone@devb"});
    command(&sandbox, "accounts", account).await;
    let body = r#"{"accountId":"someone@devb"}"#;
    let response = post(&sandbox, "/v1/check_bakong_account", None, body).await;
    assert_contains(response.json(200), &["Account ID exists"]);
    rejected(&sandbox, "accounts", json!({"account": "x"}), 400).await;
    let long = json!({"email": "x".repeat(31)});
    rejected(&sandbox, "tokens", long, 400).await;
}

#[tokio::test]
async fn the_request_log_has_no_tokens_and_no_verification_codes() {
    let (sandbox, token) = with_token().await;
    post(&sandbox, "/v1/renew_token", None, RENEWAL).await;
    check(&sandbox, &token, "x").await;
    let response = send(&sandbox, "GET", "/sandbox/requests?limit=5", "", "").await;
    assert!(!response.body.contains("eyJ"), "{response:?}");
    let log = response.value(200);
    assert_eq!(log["requests"].as_array().unwrap().len(), 2);
    let (checked, renewed) = (&log["requests"][0], &log["requests"][1]);
    assert_has(
        checked,
        json!({"path": "/v1/check_transaction_by_md5", "status": 200, "errorCode": 1,
            "hasToken": true}),
    );
    assert_contains(renewed["answer"].as_str().unwrap(), &["[redacted]"]);
    assert_contains(renewed["request"].as_str().unwrap(), &[EMAIL]);

    post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    let code = sandbox.verification_code("new@example.com").unwrap();
    let body = format!(r#"{{"code":"{code}"}}"#);
    post(&sandbox, "/v1/verify", None, &body).await.json(200);
    let response = send(&sandbox, "GET", "/sandbox/requests", "", "").await;
    let log = response.value(200);
    assert_eq!(log["requests"][0]["request"], r#"{"code":"[redacted]"}"#);
    assert!(!response.body.contains(&code), "{response:?}");
    let path = "/sandbox/requests?limit=x";
    send(&sandbox, "GET", path, "", "").await.json(400);
}

#[tokio::test]
async fn the_quota_is_reported_and_changed() {
    let (sandbox, token) = with_token().await;
    let set = async |body: Value| command(&sandbox, "quota", body).await;
    assert_has(
        &get(&sandbox, "quota").await,
        json!({"limit": null, "resetsAt": "17:00", "nextReset": 1_761_238_800_000_u64,
            "counts": "all"}),
    );
    assert_eq!(set(json!({"counts": "checks"})).await["counts"], "checks");
    let quota = json!({"limit": 3, "resetsAt": "00:30", "email": EMAIL, "used": 3});
    assert_has(
        &set(quota).await,
        json!({"limit": 3, "resetsAt": "00:30",
            "addresses": [{"email": EMAIL, "used": 3, "left": 0}]}),
    );
    let response = check(&sandbox, &token, "x").await;
    assert_contains(&response.body, &["limit of 3 exceeded"]);
    // Settings that the body omits do not change.
    assert_has(
        &set(json!({"limit": "off"})).await,
        json!({"limit": null, "resetsAt": "00:30", "counts": "checks"}),
    );
    set(json!({"counts": "all"})).await;
    for body in [
        json!({"counts": "some"}),
        json!({"limit": "x"}),
        json!({"limit": -1}),
        json!({"resetsAt": "24:00"}),
        json!({"resetsAt": "5:00"}),
        json!({"email": "nobody@example.com", "used": 1}),
        json!({"used": 1}),
    ] {
        rejected(&sandbox, "quota", body, 400).await;
    }
}

#[tokio::test]
async fn a_reset_deletes_everything_but_the_clock() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    check(&sandbox, &token, "x").await;
    for (path, body) in [
        ("pay", json!({"qr": code})),
        ("faults", json!({"answer": "cut", "times": "always"})),
        ("clock", json!({"advanceMs": 1000})),
        ("reset", json!({})),
    ] {
        command(&sandbox, path, body).await;
    }
    assert_eq!(get(&sandbox, "payments").await["total"], 0);
    assert_eq!(get(&sandbox, "codes").await["codes"], json!([]));
    assert_eq!(get(&sandbox, "requests").await["requests"], json!([]));
    assert_eq!(get(&sandbox, "quota").await["addresses"], json!([]));
    let clock = get(&sandbox, "clock").await;
    assert_eq!(clock["now"], NOW.as_millis() + 1000);
    check(&sandbox, &token, &code).await.json(401);
    assert_eq!(sandbox.requests().len(), 1);
}
