//! The daily quota, counted like the live service.

use std::time::Duration;

use ::http::StatusCode;
use bakong_sandbox::{ApiEndpoint, Fault, QuotaLimit, Sandbox};
use serde_json::{Value, json};

use crate::client::{check, post};
use crate::control::command;
use crate::{EMAIL, RENEWAL, builder, customer, dynamic_code, usd, with_token};

const USED_UP: &str = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#;

/// A sandbox with a daily limit, and a token of [`EMAIL`].
async fn limited(limit: u32) -> (Sandbox, String) {
    let builder = builder().quota(QuotaLimit::per_day(limit));
    let sandbox = builder.start().await.unwrap();
    let token = sandbox.issue_token(EMAIL);
    (sandbox, token)
}

#[tokio::test]
async fn requests_above_the_limit_are_refused_until_the_day_ends() {
    let (sandbox, token) = limited(100).await;
    let code = dynamic_code(usd(100));
    customer(&sandbox).pay(&code).unwrap();
    for _ in 0..100 {
        let response = check(&sandbox, &token, &code).await;
        assert_eq!(response.error_code(), Value::Null);
    }
    for _ in 0..3 {
        assert_eq!(check(&sandbox, &token, &code).await.json(200), USED_UP);
    }
    assert_eq!(sandbox.quota_used(EMAIL), 103, "refused requests count");

    // The quota belongs to the address, not to the token.
    let other = sandbox.issue_token("other@example.com");
    assert_ne!(check(&sandbox, &other, &code).await.json(200), USED_UP);
    let renewed = sandbox.issue_token(EMAIL);
    assert_ne!(renewed, token);
    assert_eq!(check(&sandbox, &renewed, &code).await.json(200), USED_UP);

    // Every endpoint refuses a request of this address.
    let response = post(&sandbox, "/v1/renew_token", None, RENEWAL).await;
    assert_eq!(response.json(200), USED_UP);
    let account = r#"{"accountId":"a@b"}"#;
    let path = ApiEndpoint::CheckBakongAccount.path();
    let response = post(&sandbox, path, Some(&token), account).await;
    assert_eq!(response.json(200), USED_UP);
    // Without a token, the request belongs to no address.
    let response = post(&sandbox, path, None, account).await;
    assert_ne!(response.json(200), USED_UP);

    // `NOW` is 00:29 in Phnom Penh.
    sandbox.advance(Duration::from_secs(23 * 3600 + 29 * 60 + 1));
    assert_eq!(check(&sandbox, &token, &code).await.json(200), USED_UP);
    sandbox.advance(Duration::from_secs(3 * 60));
    assert_ne!(check(&sandbox, &token, &code).await.json(200), USED_UP);
    assert_eq!(sandbox.quota_used(EMAIL), 1);
}

#[tokio::test]
async fn every_request_of_a_known_address_counts() {
    let (sandbox, token) = limited(1_000).await;
    let mut used = 0;
    for endpoint in ApiEndpoint::ALL {
        // Invalid JSON and missing fields count, too.
        for body in ["[]", "{", "{}"] {
            post(&sandbox, endpoint.path(), Some(&token), body).await;
            used += 1;
        }
        assert_eq!(sandbox.quota_used(EMAIL), used, "{endpoint:?}");
    }
    // A renewal is counted for the address in its body. With a token of the same address it counts once.
    let renew = ApiEndpoint::RenewToken.path();
    for token in [None, Some(&token[..])] {
        post(&sandbox, renew, token, RENEWAL).await.json(200);
        used += 1;
    }
    assert_eq!(sandbox.quota_used(EMAIL), used);
    // These requests belong to no registered address, or to no endpoint.
    for endpoint in ApiEndpoint::ALL {
        for token in [None, Some("x.y.z")] {
            post(&sandbox, endpoint.path(), token, "{}").await;
        }
    }
    let registration = format!(r#"{{"email":"{EMAIL}","organization":"a","project":"b"}}"#);
    post(&sandbox, "/v1/request_token", None, &registration).await;
    let unknown = r#"{"email":"nobody@example.com"}"#;
    post(&sandbox, renew, None, unknown).await;
    post(&sandbox, "/v1/nothing", Some(&token), "{}").await;
    assert_eq!(sandbox.quota_used(EMAIL), used);
    assert_eq!(sandbox.quota_used("nobody@example.com"), 0);
}

#[tokio::test]
async fn a_quota_can_count_checks_only() {
    let (sandbox, token) = limited(1_000).await;
    sandbox.set_quota(QuotaLimit::per_day(21).checks_only());
    let mut used = 0;
    for endpoint in ApiEndpoint::ALL {
        for body in ["[]", "{", RENEWAL] {
            post(&sandbox, endpoint.path(), Some(&token), body).await;
        }
        let is_check = endpoint.path().contains("check_transaction");
        assert_eq!(sandbox.quota().counts(*endpoint), is_check);
        used += if is_check { 3 } else { 0 };
        assert_eq!(sandbox.quota_used(EMAIL), used, "{endpoint:?}");
    }
    assert_eq!(used, 21);
    // A renewal is not counted, so it is not refused.
    let renewed = post(&sandbox, "/v1/renew_token", None, RENEWAL).await;
    assert_eq!(renewed.error_code(), Value::Null);
}

#[tokio::test]
async fn requests_with_a_fault_count() {
    let (sandbox, token) = limited(2).await;
    let code = dynamic_code(usd(100));
    sandbox.fault(Fault::status(StatusCode::SERVICE_UNAVAILABLE).times(2));
    for _ in 0..2 {
        assert_eq!(check(&sandbox, &token, &code).await.status, 503);
    }
    let used_up = USED_UP.replace("100", "2");
    assert_eq!(check(&sandbox, &token, &code).await.json(200), used_up);
    sandbox.set_quota(QuotaLimit::unlimited());
    assert_ne!(check(&sandbox, &token, &code).await.json(200), used_up);
    assert_eq!(sandbox.quota(), QuotaLimit::unlimited());
    assert_eq!(sandbox.quota_used(EMAIL), 4);
}

#[tokio::test]
async fn there_is_no_limit_by_default() {
    let (sandbox, token) = with_token().await;
    assert_eq!(sandbox.quota(), QuotaLimit::unlimited());
    for _ in 0..120 {
        assert_eq!(check(&sandbox, &token, "x").await.error_code(), 1);
    }
}

#[tokio::test]
async fn changing_the_time_of_the_reset_keeps_the_count() {
    let (sandbox, token) = with_token().await;
    // A reset at 00:00 and one at 17:00 put 10:00 UTC on different quota days.
    let morning = json!({ "setTo": 1_761_127_200_000_u64 });
    command(&sandbox, "clock", morning).await;
    for _ in 0..5 {
        check(&sandbox, &token, "x").await;
    }
    for (body, used) in [
        (json!({"resetsAt": "00:00"}), 5),
        (json!({"resetsAt": "17:00"}), 5),
        (json!({"resetsAt": "00:30", "email": EMAIL, "used": 3}), 3),
    ] {
        let quota = command(&sandbox, "quota", body).await;
        assert_eq!(quota["addresses"][0]["used"], used, "{quota}");
    }
}
