//! The log of requests says why a request was refused.

use bakong_sandbox::{Fault, LoggedRequest, QuotaLimit, Sandbox};
use serde_json::{Value, json};

use crate::client::{ask, check, post, request};
use crate::control::{get, send};
use crate::{EMAIL, assert_contains, dynamic_code, sandbox, usd, with_token};

const AGENT: &str = "User-Agent: test/1\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const CHECK: &str = "/v1/check_transaction_by_md5";

/// The latest entry of `/sandbox/requests`.
async fn latest(sandbox: &Sandbox) -> Value {
    get(sandbox, "requests?limit=1").await["requests"][0].clone()
}

/// The refused requests after the request with this number.
fn refused_after(sandbox: &Sandbox, number: u64) -> Vec<LoggedRequest> {
    let logged = sandbox.logged_requests_after(number).into_iter();
    logged.filter(|it| it.why.is_some()).collect()
}

/// Sends a request, and returns the status and the logged reason, which must be the same wherever it is recorded.
async fn why(sandbox: &Sandbox, text: &str) -> (u16, String) {
    let status = ask(sandbox, text).await.unwrap().status;
    let why = latest(sandbox).await["why"].clone();
    let recorded = sandbox.requests().pop().unwrap();
    assert_eq!(json!(recorded.why), why);
    let refused = refused_after(sandbox, 0).pop();
    assert_eq!(refused.and_then(|it| it.why), recorded.why);
    (status, why.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_refused_header_or_body_is_named() {
    let (sandbox, token) = with_token().await;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let all = format!("{AGENT}{JSON}{bearer}");
    let body = r#"{"md5":"x"}"#;
    for (method, path, headers, body, status, parts) in [
        (
            "POST",
            CHECK,
            format!("{JSON}{bearer}"),
            body,
            403,
            ["User-Agent is missing", "shop/1.0"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}"),
            body,
            401,
            ["Authorization is missing", "Bearer TOKEN"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}{bearer}{bearer}"),
            body,
            401,
            ["Authorization occurs more", "once"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}Authorization: {token}\r\n"),
            body,
            401,
            ["does not start", "`Bearer `"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}Authorization: Bearer\r\n"),
            body,
            401,
            ["no token", "Bearer"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}Authorization: Bearer x\r\n"),
            body,
            401,
            ["not a JWT", "whole token"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{JSON}Authorization: Bearer e30.e30.e30\r\n"),
            body,
            401,
            ["did not sign", "issue a new token"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{bearer}"),
            body,
            400,
            ["Content-Type is missing", "application/json"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{bearer}Content-Type: text/plain\r\n"),
            body,
            400,
            ["Content-Type is not", "application/json"],
        ),
        (
            "POST",
            CHECK,
            format!("{AGENT}{bearer}Content-Type: application/x-www-form-urlencoded\r\n"),
            "md5=x",
            400,
            ["announces a form", "send JSON"],
        ),
        (
            "POST",
            CHECK,
            all.clone(),
            "md5=x",
            400,
            ["the body is not JSON", "line 1"],
        ),
        (
            "POST",
            CHECK,
            all.clone(),
            "",
            400,
            ["the body is empty", "JSON"],
        ),
        (
            "POST",
            CHECK,
            all.clone(),
            "{}",
            200,
            ["body.md5", "is missing"],
        ),
        (
            "POST",
            CHECK,
            all.clone(),
            r#"{"md5":1}"#,
            200,
            ["body.md5", "not a string"],
        ),
        (
            "POST",
            CHECK,
            all.clone(),
            r#"{"md5":""}"#,
            200,
            ["body.md5", "is empty"],
        ),
        (
            "POST",
            "/v1/verify",
            all.clone(),
            r#"{"code":"x"}"#,
            200,
            ["body.code", "1 characters instead of 20"],
        ),
        (
            "POST",
            "/v1/check_transaction_by_md5_list",
            all.clone(),
            "{}",
            200,
            ["not a list", "50"],
        ),
        (
            "POST",
            "/v1/generate_deeplink_by_qr",
            all.clone(),
            r#"{"qr":"x","sourceInfo":{}}"#,
            200,
            ["body.sourceInfo.appIconUrl", "is missing"],
        ),
        (
            "POST",
            "/v1/generate_deeplink_by_qr",
            all.clone(),
            r#"{"qr":"x"}"#,
            200,
            ["body.qr", "not the text of a KHQR"],
        ),
        (
            "POST",
            "/v1/check_bakong_account",
            all.clone(),
            r#"{"accountId":"x"}"#,
            200,
            ["body.accountId", "name@bank"],
        ),
        (
            "POST",
            "/v1/nothing",
            all.clone(),
            "{}",
            404,
            ["no endpoint", "openapi.json"],
        ),
        (
            "GET",
            CHECK,
            all.clone(),
            "",
            405,
            ["only the method", "POST"],
        ),
    ] {
        let (got, why) = why(&sandbox, &request(method, path, &headers, body)).await;
        assert_eq!(got, status, "{why}");
        assert_contains(&why, &parts);
    }
    let long = request("POST", CHECK, &all, &" ".repeat(64 * 1024 + 1));
    let (status, reason) = why(&sandbox, &long).await;
    assert_eq!(status, 413);
    assert_contains(&reason, &["65536"]);
}

#[tokio::test]
async fn an_answer_has_no_reason() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    // Not found, then found.
    assert_eq!(check(&sandbox, &token, &code).await.error_code(), 1);
    assert_eq!(latest(&sandbox).await["why"], Value::Null);
    crate::customer(&sandbox).pay(&code).unwrap();
    check(&sandbox, &token, &code).await.json(200);
    assert_eq!(latest(&sandbox).await["why"], Value::Null);
    assert_eq!(refused_after(&sandbox, 0), []);
    let lines = sandbox.logged_requests_after(0);
    let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
    let check = format!("POST {CHECK}");
    assert_eq!(
        lines[0],
        format!("request 1: {check}: 200, not found (error 1)")
    );
    assert_eq!(lines[1], format!("request 2: {check}: 200, success"));
}

#[tokio::test]
async fn faults_quota_and_expiry_are_reasons() {
    let (sandbox, token) = with_token().await;
    let reason = async || latest(&sandbox).await["why"].as_str().unwrap().to_owned();
    sandbox.fault(Fault::forbidden());
    check(&sandbox, &token, "x").await;
    assert_contains(&reason().await, &["fault 1", "/sandbox/faults"]);
    sandbox.fault(Fault::cut());
    assert!(
        ask(
            &sandbox,
            &crate::client::post_text(CHECK, Some(&token), "{}")
        )
        .await
        .is_none()
    );
    let refused = refused_after(&sandbox, 1).pop().unwrap();
    assert_eq!((refused.number, refused.status), (2, None));
    assert_contains(
        &refused.to_string(),
        &["request 2: POST /v1/check", "no response: fault 2"],
    );
    sandbox.set_quota(QuotaLimit::per_day(1));
    check(&sandbox, &token, "x").await;
    assert_contains(
        &reason().await,
        &["daily quota of 1 requests", "/sandbox/quota"],
    );
    sandbox.advance(std::time::Duration::from_secs(91 * 86_400));
    check(&sandbox, &token, "x").await.json(401);
    assert_contains(&reason().await, &["expired", "renew_token"]);
    sandbox.revoke_tokens();
    check(&sandbox, &token, "x").await.json(401);
    assert_contains(&reason().await, &["did not sign", "revoked"]);
    let last = refused_after(&sandbox, 4).pop().unwrap();
    assert_contains(
        &last.to_string(),
        &["5: POST /v1/check", ": 401, error 6: this"],
    );
    assert_eq!(refused_after(&sandbox, 2).len(), 3);
    assert_eq!(refused_after(&sandbox, 5).len(), 0);
}

#[tokio::test]
async fn a_request_of_another_website_has_a_reason() {
    let sandbox = sandbox().await;
    let headers = format!("{AGENT}{JSON}Origin: http://evil.example\r\n");
    send(&sandbox, "POST", "/v1/verify", &headers, "{}")
        .await
        .json(403);
    let why = latest(&sandbox).await["why"].clone();
    assert_contains(why.as_str().unwrap(), &["header.origin", "another website"]);
    assert_eq!(refused_after(&sandbox, 0).len(), 1);
}

#[tokio::test]
async fn the_log_lists_headers_without_secrets() {
    let (sandbox, token) = with_token().await;
    check(&sandbox, &token, "x").await;
    let response = send(&sandbox, "GET", "/sandbox/requests", "", "").await;
    assert!(!response.body.contains("eyJ"), "{response:?}");
    let signature = token.rsplit('.').next().unwrap();
    assert!(!response.body.contains(signature), "{response:?}");
    let headers = response.value(200)["requests"][0]["headers"].clone();
    assert!(
        headers
            .as_array()
            .unwrap()
            .contains(&json!({"name": "authorization", "value": "Bearer [redacted]"}))
    );
    assert!(
        headers
            .as_array()
            .unwrap()
            .contains(&json!({"name": "user-agent", "value": "test/1"}))
    );
}

#[tokio::test]
async fn a_json_content_type_may_have_parameters() {
    let sandbox = sandbox().await;
    for value in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;x",
    ] {
        let headers = format!("{AGENT}Content-Type: {value}\r\n");
        ask(&sandbox, &request("POST", "/v1/verify", &headers, "{}"))
            .await
            .unwrap()
            .json(200);
    }
    for value in [
        "",
        "text/json",
        "application/jsonp",
        "application/json, text/plain",
    ] {
        let headers = format!("{AGENT}Content-Type: {value}\r\n");
        ask(&sandbox, &request("POST", "/v1/verify", &headers, "{}"))
            .await
            .unwrap()
            .json(400);
    }
    let twice = format!("{AGENT}{JSON}{JSON}");
    ask(&sandbox, &request("POST", "/v1/verify", &twice, "{}"))
        .await
        .unwrap()
        .json(400);
    // A request that is refused for its content type counts like any other.
    let token = sandbox.issue_token(EMAIL);
    let headers = format!("{AGENT}Authorization: Bearer {token}\r\n");
    ask(&sandbox, &request("POST", CHECK, &headers, "{}"))
        .await
        .unwrap()
        .json(400);
    assert_eq!(sandbox.quota_used(EMAIL), 1);
    post(&sandbox, CHECK, Some(&token), "{}").await.json(200);
    assert_eq!(sandbox.quota_used(EMAIL), 2);
}
