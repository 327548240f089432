//! Registration, verification, renewal, and the life of a token.

use std::time::Duration;

use crate::client::{Answer, check, post};
use crate::{dynamic_code, sandbox, usd};

const REGISTRATION: &str =
    r#"{"email":"dev@example.com","organization":"Sokha Coffee","project":"Till"}"#;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn token_of(answer: &Answer) -> String {
    let body = answer.json(200);
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
async fn a_registration_leads_to_a_token_that_works() {
    let sandbox = sandbox().await;
    let sent = post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    assert_eq!(
        sent.json(200),
        r#"{"data":null,"errorCode":null,"responseCode":0,"responseMessage":"Email has been sent"}"#
    );
    let mailbox = sandbox.mailbox("dev@example.com");
    assert_eq!(mailbox.len(), 1);
    assert_eq!(mailbox[0].code.len(), 20);
    assert_eq!(mailbox[0].sent_at, sandbox.now());
    assert_eq!(sandbox.mailbox("other@example.com"), []);

    let body = format!(r#"{{"code":"{}"}}"#, mailbox[0].code);
    let token = token_of(&post(&sandbox, "/v1/verify", None, &body).await);
    let code = dynamic_code(usd(100));
    assert!(
        check(&sandbox, &token, &code)
            .await
            .json(200)
            .contains(r#""errorCode":1,"#)
    );

    // A code works once.
    assert_eq!(
        post(&sandbox, "/v1/verify", None, &body).await.json(200),
        r#"{"data":null,"errorCode":10,"responseCode":1,"responseMessage":"Not registered yet"}"#
    );
    assert_eq!(
        post(&sandbox, "/v1/request_token", None, REGISTRATION)
            .await
            .json(200),
        r#"{"data":null,"errorCode":8,"responseCode":1,"responseMessage":"Email is already registered"}"#
    );
    assert_eq!(sandbox.mailbox("dev@example.com").len(), 1);
}

#[tokio::test]
async fn whoever_lost_the_mail_asks_again() {
    let sandbox = sandbox().await;
    post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    let first = sandbox.verification_code("dev@example.com").unwrap();
    post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    let second = sandbox.verification_code("dev@example.com").unwrap();
    assert_ne!(first, second);
    let verify = async |code: &str| {
        let body = format!(r#"{{"code":"{code}"}}"#);
        post(&sandbox, "/v1/verify", None, &body).await
    };
    assert!(
        verify(&first)
            .await
            .json(200)
            .contains(r#""errorCode":10,"#)
    );
    token_of(&verify(&second).await);
}

#[tokio::test]
async fn renewal_is_for_the_registered() {
    let sandbox = sandbox().await;
    let renew = async || {
        let body = r#"{"email":"dev@example.com"}"#;
        post(&sandbox, "/v1/renew_token", None, body).await
    };
    let refused =
        r#"{"data":null,"errorCode":10,"responseCode":1,"responseMessage":"Not registered yet"}"#;
    assert_eq!(renew().await.json(200), refused);
    // A mail alone registers nobody.
    post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
    assert_eq!(renew().await.json(200), refused);

    // Within one second.
    let old = sandbox.issue_token("dev@example.com");
    let new = token_of(&renew().await);
    assert_ne!(old, new);
    let code = dynamic_code(usd(100));
    check(&sandbox, &old, &code).await.json(200);
    check(&sandbox, &new, &code).await.json(200);
}

#[tokio::test]
async fn ninety_days_pass() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    sandbox.advance(90 * DAY - Duration::from_millis(1));
    check(&sandbox, &token, &code).await.json(200);
    sandbox.advance(Duration::from_millis(1));
    check(&sandbox, &token, &code).await.json(401);
    let renewed = post(
        &sandbox,
        "/v1/renew_token",
        None,
        r#"{"email":"dev@example.com"}"#,
    )
    .await;
    check(&sandbox, &token_of(&renewed), &code).await.json(200);
}

#[tokio::test]
async fn tokens_that_are_none_are_refused() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let other = bakong_sandbox::Sandbox::start().await.unwrap();
    let foreign = other.issue_token("dev@example.com");
    let refused = r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized, not yet requested for token or code invalid"}"#;
    let path = "/v1/check_transaction_by_md5";
    let body = r#"{"md5":"d60f3db96913029a2af979a1662c1e72"}"#;
    for bad in [None, Some("x"), Some(&foreign[..]), Some(&token[1..])] {
        assert_eq!(
            post(&sandbox, path, bad, body).await.json(401),
            refused,
            "{bad:?}"
        );
    }
    post(&sandbox, path, Some(&token), body).await.json(200);
    sandbox.revoke_tokens();
    assert_eq!(
        post(&sandbox, path, Some(&token), body).await.json(401),
        refused
    );
    let token = sandbox.issue_token("dev@example.com");
    post(&sandbox, path, Some(&token), body).await.json(200);
}
