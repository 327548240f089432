//! The control over HTTP, as a client in any language has it.

use bakong_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::client::{Answer, ask, check, post, request};
use crate::{NOW, dynamic_code, sandbox, usd};

/// Asks as a program does.
pub(crate) async fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let text = request(method, path, headers, body).replace("Host: bakong", "Host: localhost");
    ask(sandbox, &text).await.unwrap()
}

pub(crate) async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let answer = send(sandbox, "GET", path, "", "").await;
    serde_json::from_str(answer.json(200)).unwrap()
}

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) async fn told(sandbox: &Sandbox, path: &str, body: Value) -> Value {
    let answer = send(sandbox, "POST", path, JSON, &body.to_string()).await;
    serde_json::from_str(answer.json(200)).unwrap()
}

/// What is wrong, told with this status.
pub(crate) async fn refused(sandbox: &Sandbox, path: &str, body: Value, status: u16) -> Value {
    let answer = send(sandbox, "POST", path, JSON, &body.to_string()).await;
    let told: Value = serde_json::from_str(answer.json(status)).unwrap();
    for name in ["what", "where", "help"] {
        assert!(told["error"][name].is_string(), "{told}");
    }
    told["error"].clone()
}

#[tokio::test]
async fn faults_are_given_listed_and_taken_back() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let outage = json!({"on": "check_transaction_by_md5", "times": 2,
        "answer": {"status": 502, "html": "<h1>502</h1>"}});
    let added = told(&sandbox, "/sandbox/faults", outage.clone()).await;
    assert_eq!(added["faults"][0]["number"], 1);
    let late = json!({"answer": "cut", "on": "verify", "times": "always"});
    told(&sandbox, "/sandbox/faults", json!([late, late])).await;
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    let left = get(&sandbox, "/sandbox/faults").await;
    assert_eq!(left["faults"][0]["rule"]["times"], 1);
    assert_eq!(left["faults"].as_array().unwrap().len(), 3);
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    check(&sandbox, &token, &code).await.json(200);

    let gone = send(&sandbox, "DELETE", "/sandbox/faults?number=2", "", "").await;
    assert!(gone.json(200).contains(r#""number":3"#));
    for number in ["2", "x", ""] {
        let path = format!("/sandbox/faults?number={number}");
        send(&sandbox, "DELETE", &path, "", "").await.json(404);
    }
    send(&sandbox, "DELETE", "/sandbox/faults", "", "")
        .await
        .json(200);
    assert_eq!(get(&sandbox, "/sandbox/faults").await["faults"], json!([]));

    // All or none.
    let error = refused(
        &sandbox,
        "/sandbox/faults",
        json!([outage, {"answer": "x"}]),
        400,
    )
    .await;
    assert_eq!(error["where"], "body[1].answer");
    assert_eq!(get(&sandbox, "/sandbox/faults").await["faults"], json!([]));
    let many = vec![json!({"answer": "cut"}); 1_001];
    refused(&sandbox, "/sandbox/faults", json!(many), 400).await;
}

#[tokio::test]
async fn nothing_strikes_the_control_itself() {
    let sandbox = sandbox().await;
    let cut = json!({"answer": "cut", "times": "always"});
    told(&sandbox, "/sandbox/faults", cut).await;
    get(&sandbox, "/sandbox/faults").await;
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(
        get(&sandbox, "/sandbox/requests").await["requests"],
        json!([])
    );
}

#[tokio::test]
async fn mails_can_be_read_and_accounts_opened() {
    let sandbox = sandbox().await;
    let body = r#"{"email":"dev@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body)
        .await
        .json(200);
    post(
        &sandbox,
        "/v1/request_token",
        None,
        &body.replace("dev", "two"),
    )
    .await;
    let mails = get(&sandbox, "/sandbox/mailbox?email=dev%40example.com").await;
    assert_eq!(mails["mails"].as_array().unwrap().len(), 1);
    assert_eq!(
        mails["mails"][0]["code"],
        sandbox.verification_code("dev@example.com").unwrap()
    );
    assert_eq!(
        get(&sandbox, "/sandbox/mailbox").await["mails"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let account = json!({"account": "someone@devb"});
    told(&sandbox, "/sandbox/accounts", account).await;
    let body = r#"{"accountId":"someone@devb"}"#;
    let answer = post(&sandbox, "/v1/check_bakong_account", None, body).await;
    assert!(answer.json(200).contains("Account ID exists"));
    refused(&sandbox, "/sandbox/accounts", json!({"account": "x"}), 400).await;
    refused(
        &sandbox,
        "/sandbox/tokens",
        json!({"email": "x".repeat(31)}),
        400,
    )
    .await;
}

#[tokio::test]
async fn the_last_requests_are_told_without_tokens() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    post(
        &sandbox,
        "/v1/renew_token",
        None,
        r#"{"email":"dev@example.com"}"#,
    )
    .await;
    check(&sandbox, &token, "x").await;
    let answer = send(&sandbox, "GET", "/sandbox/requests?limit=5", "", "").await;
    assert!(!answer.body.contains("eyJ"), "{answer:?}");
    let told: Value = serde_json::from_str(answer.json(200)).unwrap();
    let [checked, renewed] = &told["requests"].as_array().unwrap()[..] else {
        panic!("{told}");
    };
    assert_eq!(
        (
            &checked["path"],
            &checked["status"],
            &checked["errorCode"],
            &checked["hasToken"]
        ),
        (
            &json!("/v1/check_transaction_by_md5"),
            &json!(200),
            &json!(1),
            &json!(true)
        )
    );
    assert!(renewed["answer"].as_str().unwrap().contains("[redacted]"));
    assert!(
        renewed["request"]
            .as_str()
            .unwrap()
            .contains("dev@example.com")
    );
    // Nor the codes of mails.
    let body = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body).await;
    let code = sandbox.verification_code("new@example.com").unwrap();
    let body = format!(r#"{{"code":"{code}"}}"#);
    post(&sandbox, "/v1/verify", None, &body).await.json(200);
    let answer = send(&sandbox, "GET", "/sandbox/requests", "", "").await;
    let told: Value = serde_json::from_str(answer.json(200)).unwrap();
    assert_eq!(told["requests"][0]["request"], r#"{"code":"[redacted]"}"#);
    assert!(!answer.body.contains(&code), "{answer:?}");
    let path = "/sandbox/requests?limit=x";
    send(&sandbox, "GET", path, "", "").await.json(400);
}

#[tokio::test]
async fn the_quota_is_told_and_set() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let quota = get(&sandbox, "/sandbox/quota").await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&Value::Null, &json!("17:00"))
    );
    assert_eq!(quota["nextTurn"], 1_761_238_800_000_u64);
    assert_eq!(quota["counts"], "all");
    let quota = told(&sandbox, "/sandbox/quota", json!({"counts": "checks"})).await;
    assert_eq!(quota["counts"], "checks");
    let set = json!({"limit": 3, "turnsAt": "00:30", "email": "dev@example.com", "used": 3});
    let quota = told(&sandbox, "/sandbox/quota", set).await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&json!(3), &json!("00:30"))
    );
    assert_eq!(
        quota["addresses"],
        json!([{"email": "dev@example.com", "used": 3, "left": 0}])
    );
    assert!(
        check(&sandbox, &token, "x")
            .await
            .body
            .contains("limit of 3 exceeded")
    );
    let quota = told(&sandbox, "/sandbox/quota", json!({"limit": "off"})).await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&Value::Null, &json!("00:30"))
    );
    assert_eq!(quota["counts"], "checks", "what was not said stays");
    told(&sandbox, "/sandbox/quota", json!({"counts": "all"})).await;
    for body in [
        json!({"counts": "some"}),
        json!({"limit": "x"}),
        json!({"limit": -1}),
        json!({"turnsAt": "24:00"}),
        json!({"turnsAt": "5:00"}),
        json!({"email": "nobody@example.com", "used": 1}),
        json!({"used": 1}),
    ] {
        refused(&sandbox, "/sandbox/quota", body, 400).await;
    }
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_time() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    check(&sandbox, &token, "x").await;
    told(&sandbox, "/sandbox/pay", json!({"qr": code})).await;
    told(
        &sandbox,
        "/sandbox/faults",
        json!({"answer": "cut", "times": "always"}),
    )
    .await;
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 1000})).await;
    told(&sandbox, "/sandbox/reset", json!({})).await;
    assert_eq!(get(&sandbox, "/sandbox/payments").await["total"], 0);
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    assert_eq!(
        get(&sandbox, "/sandbox/requests").await["requests"],
        json!([])
    );
    assert_eq!(
        get(&sandbox, "/sandbox/quota").await["addresses"],
        json!([])
    );
    assert_eq!(
        get(&sandbox, "/sandbox/clock").await["now"],
        NOW.as_millis() + 1000
    );
    check(&sandbox, &token, &code).await.json(401);
    assert_eq!(sandbox.requests().len(), 1);
}
