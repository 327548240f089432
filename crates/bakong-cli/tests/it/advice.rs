//! Advice in error messages and in the JSON error object.

use bakong_sandbox::{Fault, Sandbox};
use http::StatusCode;

use crate::support::{Finished, MD5, ask};

/// Runs `tx COMMAND` against a sandbox with a permanent fault.
async fn tx(command: &str, fault: Fault) -> Finished {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(fault.always());
    ask(&sandbox, &format!("tx {command} --md5 {MD5}")).await
}

#[tokio::test]
async fn an_exhausted_quota_says_when_it_is_reset() {
    let finished = tx("check", Fault::quota_exhausted()).await.exits(1);
    for part in ["midnight", "in Phnom Penh", "UTC", "Try again at"] {
        finished.shows(part);
    }
    let finished = tx("check --json", Fault::quota_exhausted()).await;
    let error = finished.error(1, "quota_exhausted");
    assert_eq!(error["code"], 17);
    let midnight = error["retryAt"].as_u64().unwrap();
    // Midnight is a full hour in Phnom Penh and in UTC.
    assert_eq!(midnight % 3_600_000, 0);
    assert!(error["advice"].as_str().unwrap().contains("midnight"));
}

#[tokio::test]
async fn escape_sequences_in_responses_are_not_printed() {
    let refusal: fn() -> Fault = || Fault::error(StatusCode::OK, 5, "\u{1b}[2J\u{202e}\u{9b}");
    const PAID: &str = r#"{"responseCode":0,"errorCode":null,"responseMessage":"","data":{"hash":"\u001b[2J\u202e","fromAccountId":"\u009b","toAccountId":"\u001b","currency":"USD","amount":"\u001b1","description":"\u202e"}}"#;
    let paid: fn() -> Fault = || Fault::json(StatusCode::OK, PAID);
    for fault in [refusal, paid] {
        for command in ["check", "diagnose", "check --json", "diagnose --json"] {
            let finished = tx(command, fault()).await;
            for harmful in ["\u{1b}", "\u{202e}", "\u{9b}"] {
                finished.hides(harmful);
            }
        }
    }
}
