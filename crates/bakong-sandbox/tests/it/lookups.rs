//! Look-ups by everything but the MD5: what each finds, byte for byte.

use bakong_sandbox::{ApiEndpoint, Sandbox, Transfer, TransferOptions};
use khqr_core::Currency;

use crate::client::{check, post};
use crate::{customer, dynamic_code, khr, sandbox, static_code, usd};

const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;
const FAILED: &str =
    r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#;

/// What each look-up asks about a payment of `amount` (a JSON number) and `currency`.
fn questions(payment: &Transfer, amount: &str, currency: &str) -> Vec<(ApiEndpoint, String)> {
    let hash = payment.hash();
    let short = &hash[..8];
    let mut questions = vec![
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
            format!(r#"{{"externalRef":"{}"}}"#, payment.external_ref()),
        ),
    ];
    if let Some(reference) = payment.instruction_ref() {
        questions.push((
            ApiEndpoint::CheckTransactionByInstructionRef,
            format!(r#"{{"instructionRef":"{reference}"}}"#),
        ));
    }
    questions
}

async fn all_answer(sandbox: &Sandbox, questions: &[(ApiEndpoint, String)], expected: &str) {
    let token = sandbox.issue_token("dev@example.com");
    for (endpoint, body) in questions {
        let answer = post(sandbox, endpoint.path(), Some(&token), body).await;
        assert_eq!(answer.json(200), expected, "{body}");
    }
}

#[tokio::test]
async fn every_look_up_answers_as_the_one_by_md5() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(150));
    let options = TransferOptions::new().instruction_ref("FT26325001");
    let payment = customer(&sandbox).pay_with(&code, &options).unwrap();
    let answer = check(&sandbox, &token, &code).await;
    let expected = answer.json(200);
    let references = format!(
        r#""instructionRef":"FT26325001","externalRef":"{}"}}}}"#,
        payment.external_ref()
    );
    assert!(expected.ends_with(&references), "{expected}");
    let questions = questions(&payment, "1.50", "USD");
    assert_eq!(questions.len(), 4);
    all_answer(&sandbox, &questions, expected).await;
}

#[tokio::test]
async fn what_no_md5_finds_is_found_otherwise() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let seen = async |payment: &Transfer, amount: &str, currency: &str| {
        for (endpoint, body) in questions(payment, amount, currency) {
            let answer = post(&sandbox, endpoint.path(), Some(&token), &body).await;
            assert!(answer.json(200).contains(payment.hash()), "{answer:?}");
        }
    };
    // A static code, and the second payment of a dynamic one.
    let options = TransferOptions::new().amount(khr(4_400));
    let customer = customer(&sandbox);
    let fixed = static_code(Currency::Khr);
    let payment = customer.pay_with(&fixed, &options).unwrap();
    seen(&payment, "4400.0", "KHR").await;
    let code = dynamic_code(usd(100));
    let first = customer.pay(&code).unwrap();
    let second = TransferOptions::new().again();
    let second = customer.pay_with(&code, &second).unwrap();
    seen(&first, "1", "USD").await;
    seen(&second, "1", "USD").await;
}

#[tokio::test]
async fn what_failed_says_so_and_what_is_still_to_come_is_not_found() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let options = TransferOptions::new().instruction_ref("FT1").failing();
    let failed = customer.pay_with(&dynamic_code(usd(100)), &options);
    all_answer(&sandbox, &questions(&failed.unwrap(), "1", "USD"), FAILED).await;

    let delay = std::time::Duration::from_secs(5);
    let options = TransferOptions::new().instruction_ref("FT2").after(delay);
    let scheduled = customer.pay_with(&dynamic_code(usd(200)), &options);
    let questions = questions(&scheduled.unwrap(), "2", "USD");
    all_answer(&sandbox, &questions, NOT_FOUND).await;
    sandbox.advance(delay);
    let token = sandbox.issue_token("dev@example.com");
    let (endpoint, body) = &questions[0];
    let answer = post(&sandbox, endpoint.path(), Some(&token), body).await;
    all_answer(&sandbox, &questions, answer.json(200)).await;
}
