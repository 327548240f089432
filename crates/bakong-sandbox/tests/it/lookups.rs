//! Checks by hash, short hash and reference, byte for byte.

use bakong_sandbox::{ApiEndpoint, Sandbox, Transfer, TransferOptions};
use khqr_core::Currency;

use crate::client::{check, post};
use crate::{assert_contains, customer, dynamic_code, khr, static_code, usd, with_token};

const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;
const FAILED: &str =
    r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#;

/// The requests that find a payment of `amount` (a JSON number) and `currency`.
fn lookups(payment: &Transfer, amount: &str, currency: &str) -> Vec<(ApiEndpoint, String)> {
    let hash = payment.hash();
    let short = &hash[..8];
    let external = payment.external_ref();
    let mut lookups = vec![
        (
            ApiEndpoint::CheckTransactionByHash,
            format!(r#"{{"hash":"{hash}"}}"#),
        ),
        (
            ApiEndpoint::CheckTransactionByShortHash,
            format!(r#"{{"hash":"{short}","amount":{amount},"currency":"{currency}"}}"#),
        ),
        (
            ApiEndpoint::CheckTransactionByExternalRef,
            format!(r#"{{"externalRef":"{external}"}}"#),
        ),
    ];
    if let Some(reference) = payment.instruction_ref() {
        lookups.push((
            ApiEndpoint::CheckTransactionByInstructionRef,
            format!(r#"{{"instructionRef":"{reference}"}}"#),
        ));
    }
    lookups
}

/// Asserts that each response is `expected`.
async fn assert_all(sandbox: &Sandbox, lookups: &[(ApiEndpoint, String)], expected: &str) {
    let token = sandbox.issue_token(crate::EMAIL);
    for (endpoint, body) in lookups {
        let response = post(sandbox, endpoint.path(), Some(&token), body).await;
        assert_eq!(response.json(200), expected, "{body}");
    }
}

#[tokio::test]
async fn every_lookup_returns_the_same_as_the_check_by_md5() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(150));
    let options = TransferOptions::new().instruction_ref("FT26325001");
    let payment = customer(&sandbox).pay_with(&code, &options).unwrap();
    let response = check(&sandbox, &token, &code).await;
    let references = format!(
        r#""instructionRef":"FT26325001","externalRef":"{}"}}}}"#,
        payment.external_ref()
    );
    assert!(response.json(200).ends_with(&references), "{response:?}");
    let lookups = lookups(&payment, "1.50", "USD");
    assert_eq!(lookups.len(), 4);
    assert_all(&sandbox, &lookups, response.json(200)).await;
}

#[tokio::test]
async fn lookups_find_static_and_second_payments() {
    let (sandbox, token) = with_token().await;
    let customer = customer(&sandbox);
    let assert_found = async |payment: &Transfer, amount: &str, currency: &str| {
        for (endpoint, body) in lookups(payment, amount, currency) {
            let response = post(&sandbox, endpoint.path(), Some(&token), &body).await;
            assert_contains(response.json(200), &[payment.hash()]);
        }
    };
    let options = TransferOptions::new().amount(khr(4_400));
    let fixed = static_code(Currency::Khr);
    let payment = customer.pay_with(&fixed, &options).unwrap();
    assert_found(&payment, "4400.0", "KHR").await;
    let code = dynamic_code(usd(100));
    let first = customer.pay(&code).unwrap();
    let again = TransferOptions::new().again();
    let second = customer.pay_with(&code, &again).unwrap();
    assert_found(&first, "1", "USD").await;
    assert_found(&second, "1", "USD").await;
}

#[tokio::test]
async fn a_failed_payment_returns_error_3_and_a_scheduled_one_error_1() {
    let (sandbox, token) = with_token().await;
    let customer = customer(&sandbox);
    let options = TransferOptions::new().instruction_ref("FT1").failing();
    let failed = customer.pay_with(&dynamic_code(usd(100)), &options);
    assert_all(&sandbox, &lookups(&failed.unwrap(), "1", "USD"), FAILED).await;

    let delay = std::time::Duration::from_secs(5);
    let options = TransferOptions::new().instruction_ref("FT2").after(delay);
    let code = dynamic_code(usd(200));
    let scheduled = customer.pay_with(&code, &options).unwrap();
    let lookups = lookups(&scheduled, "2", "USD");
    assert_all(&sandbox, &lookups, NOT_FOUND).await;
    sandbox.advance(delay);
    let found = check(&sandbox, &token, &code).await;
    assert_contains(found.json(200), &[scheduled.hash()]);
    assert_all(&sandbox, &lookups, &found.body).await;
}
