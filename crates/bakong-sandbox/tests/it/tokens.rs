//! Registration, verification, renewal and expiry of tokens.

use std::time::Duration;

use bakong_sandbox::Sandbox;

use crate::client::{Response, check, post};
use crate::{EMAIL, RENEWAL, dynamic_code, sandbox, usd, with_token};

const REGISTRATION: &str =
    r#"{"email":"dev@example.com","organization":"Sokha Coffee","project":"Till"}"#;
const NOT_REGISTERED: &str =
    r#"{"data":null,"errorCode":10,"responseCode":1,"responseMessage":"Not registered yet"}"#;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn register(sandbox: &Sandbox) -> Response {
    post(sandbox, "/v1/request_token", None, REGISTRATION).await
}

async fn verify(sandbox: &Sandbox, code: &str) -> Response {
    let body = format!(r#"{{"code":"{code}"}}"#);
    post(sandbox, "/v1/verify", None, &body).await
}

async fn renew(sandbox: &Sandbox) -> Response {
    post(sandbox, "/v1/renew_token", None, RENEWAL).await
}

fn token_of(response: &Response) -> String {
    let body = response.json(200);
    let (before, rest) = body.split_once("eyJ").unwrap();
    let (token, after) = rest.split_once('"').unwrap();
    assert_eq!(before, r#"{"data":{"token":""#);
    assert_eq!(
        after,
        r#"},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}"#
    );
    format!("eyJ{token}")
}

#[tokio::test]
async fn a_registration_leads_to_a_valid_token() {
    let sandbox = sandbox().await;
    assert_eq!(
        register(&sandbox).await.json(200),
        r#"{"data":null,"errorCode":null,"responseCode":0,"responseMessage":"Email has been sent"}"#
    );
    let mailbox = sandbox.mailbox(EMAIL);
    assert_eq!(mailbox.len(), 1);
    assert_eq!(mailbox[0].code.len(), 20);
    assert_eq!(mailbox[0].sent_at, sandbox.now());
    assert_eq!(sandbox.mailbox("other@example.com"), []);

    let token = token_of(&verify(&sandbox, &mailbox[0].code).await);
    let response = check(&sandbox, &token, &dynamic_code(usd(100))).await;
    assert_eq!(response.error_code(), 1);

    // The verification code works once.
    let response = verify(&sandbox, &mailbox[0].code).await;
    assert_eq!(response.json(200), NOT_REGISTERED);
    assert_eq!(
        register(&sandbox).await.json(200),
        r#"{"data":null,"errorCode":8,"responseCode":1,"responseMessage":"Email is already registered"}"#
    );
    assert_eq!(sandbox.mailbox(EMAIL).len(), 1);
}

#[tokio::test]
async fn a_second_mail_invalidates_the_code_of_the_first() {
    let sandbox = sandbox().await;
    register(&sandbox).await;
    let first = sandbox.verification_code(EMAIL).unwrap();
    register(&sandbox).await;
    let second = sandbox.verification_code(EMAIL).unwrap();
    assert_ne!(first, second);
    assert_eq!(verify(&sandbox, &first).await.error_code(), 10);
    token_of(&verify(&sandbox, &second).await);
}

#[tokio::test]
async fn only_a_verified_address_can_renew() {
    let sandbox = sandbox().await;
    assert_eq!(renew(&sandbox).await.json(200), NOT_REGISTERED);
    register(&sandbox).await;
    assert_eq!(renew(&sandbox).await.json(200), NOT_REGISTERED);

    // Two tokens of the same second differ, and both stay valid.
    let old = sandbox.issue_token(EMAIL);
    let new = token_of(&renew(&sandbox).await);
    assert_ne!(old, new);
    for token in [old, new] {
        check(&sandbox, &token, "x").await.json(200);
    }
}

#[tokio::test]
async fn a_token_expires_after_90_days() {
    let (sandbox, token) = with_token().await;
    sandbox.advance(90 * DAY - Duration::from_millis(1));
    check(&sandbox, &token, "x").await.json(200);
    sandbox.advance(Duration::from_millis(1));
    check(&sandbox, &token, "x").await.json(401);
    let renewed = token_of(&renew(&sandbox).await);
    check(&sandbox, &renewed, "x").await.json(200);
}

#[tokio::test]
async fn invalid_and_revoked_tokens_are_rejected() {
    let (sandbox, token) = with_token().await;
    let other = Sandbox::start().await.unwrap();
    let foreign = other.issue_token(EMAIL);
    let rejected = r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized, not yet requested for token or code invalid"}"#;
    let path = "/v1/check_transaction_by_md5";
    let body = r#"{"md5":"d60f3db96913029a2af979a1662c1e72"}"#;
    for invalid in [None, Some("x"), Some(&foreign[..]), Some(&token[1..])] {
        let response = post(&sandbox, path, invalid, body).await;
        assert_eq!(response.json(401), rejected, "{invalid:?}");
    }
    check(&sandbox, &token, "x").await.json(200);
    sandbox.revoke_tokens();
    let response = check(&sandbox, &token, "x").await;
    assert_eq!(response.json(401), rejected);
    let token = sandbox.issue_token(EMAIL);
    check(&sandbox, &token, "x").await.json(200);
}
