//! What to do about it, for people and for scripts.

use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox};
use http::StatusCode;

use crate::support::{Finished, bakong, token};

const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";

/// A check that is answered with this, and so not at all.
async fn check(fault: Fault, more: &[&str]) -> Finished {
    let finished = ask("check", fault, more).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    finished
}

async fn ask(command: &str, fault: Fault, more: &[&str]) -> Finished {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(fault.always());
    let url = sandbox.base_url();
    let arguments = ["tx", command, "--md5", MD5, "--base-url", &url];
    let token = token(&sandbox);
    let output = bakong(&[&arguments, more].concat())
        .env("BAKONG_TOKEN", &token)
        .output()
        .await;
    let finished = Finished::of(output.unwrap());
    finished.hides(&token);
    finished
}

#[tokio::test]
async fn a_spent_quota_says_when_the_day_turns() {
    let finished = check(Fault::quota_exhausted(), &[]).await;
    for part in ["midnight", "in Phnom Penh", "UTC", "ask again at"] {
        assert!(finished.err.contains(part), "{}", finished.err);
    }
    let finished = check(Fault::quota_exhausted(), &["--json"]).await;
    let error = &finished.json()["error"];
    assert_eq!(error["class"], "quota_exhausted");
    assert_eq!(error["code"], 17);
    let midnight = error["retryAt"].as_u64().unwrap();
    // Midnight is on a full hour, in Phnom Penh and in UTC.
    assert_eq!(midnight % 3_600_000, 0);
    assert!(error["advice"].as_str().unwrap().contains("midnight"));
}

#[tokio::test]
async fn a_blocked_client_hears_of_all_three_causes() {
    let finished = check(Fault::forbidden(), &[]).await;
    for cause in [
        "outside Cambodia",
        "without a User-Agent",
        "paths closed to the token",
        "HTTPS_PROXY",
    ] {
        assert!(finished.err.contains(cause), "{}", finished.err);
    }
}

#[tokio::test]
async fn a_server_that_says_when_to_come_back_is_repeated() {
    let fault = || Fault::too_many_requests().retry_after(Duration::from_secs(3_600));
    let finished = check(fault(), &["--json"]).await;
    let error = &finished.json()["error"];
    assert_eq!(error["class"], "rate_limited");
    assert!(error["retryAt"].is_u64(), "{error}");
    let finished = check(fault(), &[]).await;
    assert!(finished.err.contains("Ask again at"), "{}", finished.err);
    assert!(finished.err.contains("in 1 h"), "{}", finished.err);
}

#[tokio::test]
async fn whatever_bakong_says_harms_no_terminal() {
    let refusal: fn() -> Fault = || Fault::error(StatusCode::OK, 5, "\u{1b}[2J\u{202e}\u{9b}");
    const PAID: &str = r#"{"responseCode":0,"errorCode":null,"responseMessage":"","data":{"hash":"\u001b[2J\u202e","fromAccountId":"\u009b","toAccountId":"\u001b","currency":"USD","amount":"\u001b1","description":"\u202e"}}"#;
    let paid: fn() -> Fault = || Fault::json(StatusCode::OK, PAID);
    for fault in [refusal, paid] {
        for command in ["check", "diagnose"] {
            for more in [&[][..], &["--json"]] {
                let finished = ask(command, fault(), more).await;
                for harmful in ["\u{1b}", "\u{202e}", "\u{9b}"] {
                    finished.hides(harmful);
                }
            }
        }
    }
}
