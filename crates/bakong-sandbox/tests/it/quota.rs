//! The daily quota, counted as the live service does.

use std::time::Duration;

use ::http::StatusCode;
use bakong_sandbox::{ApiEndpoint, Fault, QuotaLimit, Sandbox, SandboxClock};

use crate::client::{check, post};
use crate::{NOW, customer, dynamic_code, md5_of, sandbox, usd};

const EMAIL: &str = "dev@example.com";
const SPENT: &str = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#;

async fn limited(limit: u32) -> Sandbox {
    Sandbox::builder()
        .clock(SandboxClock::frozen_at(NOW))
        .seed([42; 32])
        .quota(QuotaLimit::per_day(limit))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn after_a_hundred_requests_the_day_is_over() {
    let sandbox = limited(100).await;
    let token = sandbox.issue_token(EMAIL);
    let code = dynamic_code(usd(100));
    customer(&sandbox).pay(&code).unwrap();
    for _ in 0..100 {
        let answer = check(&sandbox, &token, &code).await;
        assert!(answer.json(200).contains(r#""responseCode":0"#));
    }
    for _ in 0..3 {
        assert_eq!(check(&sandbox, &token, &code).await.json(200), SPENT);
    }
    assert_eq!(sandbox.quota_used(EMAIL), 103, "what is refused counts too");

    // Another address has a quota of its own; another token of the same address does not.
    let other = sandbox.issue_token("other@example.com");
    assert_ne!(check(&sandbox, &other, &code).await.json(200), SPENT);
    let renewed = sandbox.issue_token(EMAIL);
    assert_ne!(renewed, token);
    assert_eq!(check(&sandbox, &renewed, &code).await.json(200), SPENT);

    // `NOW` is 00:29 in Phnom Penh.
    sandbox.advance(Duration::from_secs(23 * 3600 + 29 * 60 + 1));
    assert_eq!(check(&sandbox, &token, &code).await.json(200), SPENT);
    sandbox.advance(Duration::from_secs(3 * 60));
    assert_ne!(check(&sandbox, &token, &code).await.json(200), SPENT);
    assert_eq!(sandbox.quota_used(EMAIL), 1);
}

#[tokio::test]
async fn whatever_is_known_to_be_somebody_s_counts() {
    let sandbox = limited(1_000).await;
    let token = sandbox.issue_token(EMAIL);
    let mut used = 0;
    for endpoint in ApiEndpoint::ALL {
        // The second is no JSON, and the third lacks every field.
        for body in ["[]", "{", "{}"] {
            post(&sandbox, endpoint.path(), Some(&token), body).await;
            used += 1;
        }
        assert_eq!(sandbox.quota_used(EMAIL), used, "{endpoint:?}");
    }
    // A renewal carries no token, but says whose it is.
    let renewal = format!(r#"{{"email":"{EMAIL}"}}"#);
    let path = ApiEndpoint::RenewToken.path();
    post(&sandbox, path, None, &renewal).await.json(200);
    used += 1;
    // With both it is one request.
    post(&sandbox, path, Some(&token), &renewal).await.json(200);
    used += 1;
    assert_eq!(sandbox.quota_used(EMAIL), used);
    // Nobody's, and therefore on nobody's quota.
    for endpoint in ApiEndpoint::ALL {
        for token in [None, Some("x.y.z")] {
            post(&sandbox, endpoint.path(), token, "{}").await;
        }
    }
    let registration = format!(r#"{{"email":"{EMAIL}","organization":"a","project":"b"}}"#);
    post(&sandbox, "/v1/request_token", None, &registration).await;
    let unknown = r#"{"email":"nobody@example.com"}"#;
    post(&sandbox, path, None, unknown).await;
    post(&sandbox, "/v1/nothing", Some(&token), "{}").await;
    assert_eq!(sandbox.quota_used(EMAIL), used);
    assert_eq!(sandbox.quota_used("nobody@example.com"), 0);
}

#[tokio::test]
async fn only_checks_count_where_that_was_said() {
    let sandbox = limited(1_000).await;
    sandbox.set_quota(QuotaLimit::per_day(21).checks_only());
    let token = sandbox.issue_token(EMAIL);
    let renewal = format!(r#"{{"email":"{EMAIL}"}}"#);
    let mut used = 0;
    for endpoint in ApiEndpoint::ALL {
        for body in ["[]", "{", &renewal] {
            post(&sandbox, endpoint.path(), Some(&token), body).await;
        }
        let is_check = endpoint.path().contains("check_transaction");
        assert_eq!(sandbox.quota().counts(*endpoint), is_check);
        used += if is_check { 3 } else { 0 };
        assert_eq!(sandbox.quota_used(EMAIL), used, "{endpoint:?}");
    }
    assert_eq!(used, 21);
    // What does not count is not refused either.
    let renewed = post(&sandbox, "/v1/renew_token", None, &renewal).await;
    assert!(renewed.json(200).contains(r#""responseCode":0"#));
}

#[tokio::test]
async fn a_spent_quota_refuses_whatever_counts() {
    let sandbox = limited(100).await;
    let token = sandbox.issue_token(EMAIL);
    let code = dynamic_code(usd(100));
    for _ in 0..100 {
        check(&sandbox, &token, &code).await;
    }
    let renewal = format!(r#"{{"email":"{EMAIL}"}}"#);
    let renewed = post(&sandbox, "/v1/renew_token", None, &renewal).await;
    assert_eq!(renewed.json(200), SPENT);
    let account = r#"{"accountId":"a@b"}"#;
    let path = ApiEndpoint::CheckBakongAccount.path();
    let asked = post(&sandbox, path, Some(&token), account).await;
    assert_eq!(asked.json(200), SPENT);
    // Nobody knows whose this is.
    assert_ne!(post(&sandbox, path, None, account).await.json(200), SPENT);
}

#[tokio::test]
async fn what_a_fault_strikes_counts_too() {
    let sandbox = limited(2).await;
    let token = sandbox.issue_token(EMAIL);
    let code = dynamic_code(usd(100));
    sandbox.fault(Fault::status(StatusCode::SERVICE_UNAVAILABLE).times(2));
    for _ in 0..2 {
        assert_eq!(check(&sandbox, &token, &code).await.status, 503);
    }
    let spent = SPENT.replace("100", "2");
    assert_eq!(check(&sandbox, &token, &code).await.json(200), spent);
    sandbox.set_quota(QuotaLimit::unlimited());
    assert_ne!(check(&sandbox, &token, &code).await.json(200), spent);
    assert_eq!(
        (sandbox.quota(), sandbox.quota_used(EMAIL)),
        (QuotaLimit::unlimited(), 4)
    );
}

#[tokio::test]
async fn without_a_word_there_is_no_limit() {
    let sandbox = sandbox().await;
    assert_eq!(sandbox.quota(), QuotaLimit::unlimited());
    let token = sandbox.issue_token(EMAIL);
    let body = format!(r#"{{"md5":"{}"}}"#, md5_of("x"));
    let path = ApiEndpoint::CheckTransactionByMd5.path();
    for _ in 0..120 {
        let answer = post(&sandbox, path, Some(&token), &body).await;
        assert!(answer.json(200).contains(r#""errorCode":1,"#));
    }
}

#[tokio::test]
async fn tokens_expire_when_a_fault_says_so() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token(EMAIL);
    let code = dynamic_code(usd(100));
    sandbox.fault(Fault::tokens_expire().after(1));
    check(&sandbox, &token, &code).await.json(200);
    for _ in 0..2 {
        let answer = check(&sandbox, &token, &code).await;
        assert!(answer.json(401).contains(r#""errorCode":6,"#));
    }
    let renewed = sandbox.issue_token(EMAIL);
    check(&sandbox, &renewed, &code).await.json(200);
}

#[tokio::test]
async fn another_turn_of_the_day_forgets_nothing() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    // Ten in the morning in UTC, which is another day by one turn than by the other.
    let to = serde_json::json!({ "setTo": 1_761_127_200_000_u64 });
    crate::control::told(&sandbox, "/sandbox/clock", to).await;
    for _ in 0..5 {
        check(&sandbox, &token, "x").await;
    }
    for (body, used) in [
        (serde_json::json!({ "turnsAt": "00:00" }), 5),
        (serde_json::json!({ "turnsAt": "17:00" }), 5),
        (
            serde_json::json!({ "turnsAt": "00:30", "email": "dev@example.com", "used": 3 }),
            3,
        ),
    ] {
        let quota = crate::control::told(&sandbox, "/sandbox/quota", body).await;
        assert_eq!(quota["addresses"][0]["used"], used, "{quota}");
    }
}
