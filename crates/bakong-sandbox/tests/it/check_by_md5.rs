//! Responses to a check by MD5, byte for byte as published.

use bakong_sandbox::TransferOptions;
use khqr_core::Currency;

use crate::client::{check, post};
use crate::{assert_contains, customer, dynamic_code, khr, static_code, usd, with_token};

#[tokio::test]
async fn a_paid_code_returns_the_transaction() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let payment = customer(&sandbox).pay(&code).unwrap();
    // The published response acknowledges the payment after one second. The sandbox acknowledges it at once,
    // because a check at the time of payment must not return a time in the future.
    let expected = r#"{"responseCode":0,"responseMessage":"Getting transaction successfully.","errorCode":null,"data":{"hash":"8608…","fromAccountId":"abaakhppxxx@abaa","toAccountId":"shop@devb","currency":"USD","amount":1,"description":null,"createdDateMs":1761154142000,"acknowledgedDateMs":1761154143000,"trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"instructionRef":null,"externalRef":"100FT35781491692"}}"#
        .replace("1761154143000", "1761154142000")
        .replace("8608…", payment.hash())
        .replace("100FT35781491692", payment.external_ref());
    assert_eq!(check(&sandbox, &token, &code).await.json(200), expected);
}

#[tokio::test]
async fn amounts_are_written_exactly() {
    let (sandbox, token) = with_token().await;
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
        let response = check(&sandbox, &token, &code).await;
        assert_contains(response.json(200), &[expected]);
    }
}

#[tokio::test]
async fn descriptions_are_escaped() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let options = TransferOptions::new().description("a \"b\"\n</script>ភ្នំពេញ");
    customer(&sandbox).pay_with(&code, &options).unwrap();
    let response = check(&sandbox, &token, &code).await;
    let expected = r#""description":"a \"b\"\n</script>ភ្នំពេញ","#;
    assert_contains(response.json(200), &[expected]);
}

#[tokio::test]
async fn unpaid_failed_static_and_missing_codes_return_the_published_errors() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#
    );
    let failing = TransferOptions::new().failing();
    customer(&sandbox).pay_with(&code, &failing).unwrap();
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#
    );

    let code = static_code(Currency::Usd);
    assert_eq!(check(&sandbox, &token, &code).await.error_code(), 1);
    let options = TransferOptions::new().amount(usd(250));
    customer(&sandbox).pay_with(&code, &options).unwrap();
    customer(&sandbox).pay_with(&code, &options).unwrap();
    assert_eq!(
        check(&sandbox, &token, &code).await.json(200),
        r#"{"data":null,"errorCode":2,"responseCode":1,"responseMessage":"Static QR is not supported for this check flow"}"#
    );
    let path = "/v1/check_transaction_by_md5";
    let response = post(&sandbox, path, Some(&token), r#"{"md5":""}"#).await;
    assert_eq!(
        response.json(200),
        r#"{"data":null,"errorCode":5,"responseCode":1,"responseMessage":"Missing required fields"}"#
    );
}
