//! What a check by MD5 answers, byte for byte as published.

use bakong_sandbox::TransferOptions;
use khqr_core::Currency;

use crate::client::{check, post};
use crate::{customer, dynamic_code, khr, sandbox, static_code, usd};

#[tokio::test]
async fn a_paid_code_answers_with_the_transaction() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let payment = customer(&sandbox).pay(&code).unwrap();
    // The published answer, with this payment's hash and reference for the ones it has, and acknowledged when
    // it was made: a second later, as published, nobody could know of it yet.
    let expected = r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"hash":"8608…","fromAccountId":"abaakhppxxx@abaa","toAccountId":"shop@devb","currency":"USD","amount":1,"description":null,"createdDateMs":1761154142000,"acknowledgedDateMs":1761154143000,"trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"instructionRef":null,"externalRef":"100FT35781491692"}}"#
        .replace("1761154143000", "1761154142000")
        .replace("8608…", payment.hash())
        .replace("100FT35781491692", payment.external_ref());
    assert_eq!(check(&sandbox, &token, &code).await.json(200), expected);
}

#[tokio::test]
async fn amounts_are_written_exactly() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    for (amount, expected) in [
        (usd(150), r#""currency":"USD","amount":1.5,"#),
        (usd(1), r#""currency":"USD","amount":0.01,"#),
        (
            usd(999_999_999_999),
            r#""currency":"USD","amount":9999999999.99,"#,
        ),
        (khr(4_400), r#""currency":"KHR","amount":4400,"#),
        (
            khr(9_999_999_999_999),
            r#""currency":"KHR","amount":9999999999999,"#,
        ),
    ] {
        let code = dynamic_code(amount);
        customer(&sandbox).pay(&code).unwrap();
        let answer = check(&sandbox, &token, &code).await;
        assert!(answer.json(200).contains(expected), "{answer:?}");
    }
}

#[tokio::test]
async fn text_of_a_payer_is_escaped() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let options = TransferOptions::new().description("a \"b\"\n</script>ភ្នំពេញ");
    customer(&sandbox).pay_with(&code, &options).unwrap();
    let answer = check(&sandbox, &token, &code).await;
    assert!(
        answer
            .json(200)
            .contains(r#""description":"a \"b\"\n</script>ភ្នំពេញ","#),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_is_no_transaction_answers_as_published() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#
    );
    customer(&sandbox)
        .pay_with(&code, &TransferOptions::new().failing())
        .unwrap();
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#
    );

    let code = static_code(Currency::Usd);
    assert!(
        check(&sandbox, &token, &code)
            .await
            .json(200)
            .contains(r#""errorCode":1,"#)
    );
    let options = TransferOptions::new().amount(usd(250));
    customer(&sandbox).pay_with(&code, &options).unwrap();
    customer(&sandbox).pay_with(&code, &options).unwrap();
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":2,"responseCode":1,"responseMessage":"Static QR is not supported for this check flow"}"#
    );
    let body = r#"{"md5":""}"#;
    assert_eq!(
        post(&sandbox, "/v1/check_transaction_by_md5", Some(&token), body)
            .await
            .json(200),
        r#"{"data":null,"errorCode":5,"responseCode":1,"responseMessage":"Missing required fields"}"#
    );
}
