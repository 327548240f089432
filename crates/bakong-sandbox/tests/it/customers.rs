//! Customers: which payments their bank accepts, and what a check then finds.

use std::time::Duration;

use bakong_sandbox::{Sandbox, Transfer, TransferError, TransferOptions, TransferStatus};
use khqr_core::{AccountId, Currency, ErrorKind};

use crate::client::check;
use crate::{
    EMAIL, NOW, TEN_MINUTES, assert_contains, customer, dynamic_code, khr, sandbox, static_code,
    usd, with_token,
};

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn assert_code_error(error: &TransferError, kind: ErrorKind) {
    match error {
        TransferError::Code(error) => assert_eq!(error.kind(), kind),
        other => panic!("{other}"),
    }
}

/// Checks a code, and returns the hash of the transaction found.
async fn found(sandbox: &Sandbox, code: &str) -> Option<String> {
    let token = sandbox.issue_token(EMAIL);
    let response = check(sandbox, &token, code).await.value(200);
    response["data"]["hash"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn unpayable_codes_are_rejected_and_not_recorded() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let changed = code.replace("shop@devb", "ship@devb");
    // NBC's sample of 2023 has an amount and no expiry.
    let sample = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
        01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
        0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
        9917001316880225153546304A367";
    for (text, kind) in [
        ("hello", ErrorKind::Missing),
        (&changed[..], ErrorKind::CrcMismatch),
        (sample, ErrorKind::Missing),
    ] {
        assert_code_error(&customer.pay(text).unwrap_err(), kind);
    }
    let fixed = static_code(Currency::Khr);
    let error = customer.pay(&fixed).unwrap_err();
    assert_eq!(error, TransferError::AmountRequired);
    let zero = TransferOptions::new().amount(khr(0));
    let error = customer.pay_with(&fixed, &zero).unwrap_err();
    assert_eq!(error, TransferError::AmountZero);

    // A code is payable up to the millisecond of its expiry.
    sandbox.advance(TEN_MINUTES);
    let failing = TransferOptions::new().failing();
    customer.pay_with(&code, &failing).unwrap();
    sandbox.advance(Duration::from_millis(1));
    assert_code_error(&customer.pay(&code).unwrap_err(), ErrorKind::Expired);
    assert_eq!(found(&sandbox, &code).await, None);
    assert_eq!(sandbox.payments().len(), 1);
}

#[tokio::test]
async fn a_delayed_payment_is_transferred_at_its_time() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let payment = customer(&sandbox).pay_after(&code, 5 * SECOND).unwrap();
    assert_eq!(payment.status(), TransferStatus::Scheduled);
    assert_eq!(payment.created_at(), NOW.saturating_add(5 * SECOND));
    sandbox.advance(Duration::from_millis(4_999));
    assert_eq!(found(&sandbox, &code).await, None);
    // A late check does not change the time of the payment.
    sandbox.advance(60 * SECOND);
    let hash = found(&sandbox, &code).await;
    assert_eq!(hash.as_deref(), Some(payment.hash()));
    let settled = &sandbox.payments()[0];
    assert_eq!(settled.status(), TransferStatus::Transferred);
    assert_eq!(settled.created_at(), payment.created_at());
}

#[tokio::test]
async fn a_payment_after_the_expiry_needs_the_late_option() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let customer = customer(&sandbox);
    customer.pay_after(&code, TEN_MINUTES + SECOND).unwrap();
    sandbox.advance(TEN_MINUTES + SECOND);
    assert_eq!(found(&sandbox, &code).await, None);
    let TransferStatus::Refused(reason) = sandbox.payments()[0].status() else {
        panic!("not refused")
    };
    assert_code_error(&reason, ErrorKind::Expired);

    let late = TransferOptions::new().late();
    let payment = customer.pay_with(&code, &late).unwrap();
    assert_eq!(payment.created_at(), sandbox.now());
    let hash = found(&sandbox, &code).await;
    assert_eq!(hash.as_deref(), Some(payment.hash()));

    let code = dynamic_code(usd(200));
    assert!(customer.pay_after(&code, SECOND).is_err());
    customer.pay_with(&code, &late.after(SECOND)).unwrap();
    sandbox.advance(SECOND);
    assert!(found(&sandbox, &code).await.is_some());
}

#[tokio::test]
async fn the_late_option_allows_no_other_error() {
    let sandbox = sandbox().await;
    sandbox.advance(2 * TEN_MINUTES);
    let code = dynamic_code(usd(100)).replace("Shop", "S\nop");
    let body = &code[..code.len() - 4];
    let code = format!("{body}{}", khqr_core::Crc::of(body.as_bytes()));
    let late = TransferOptions::new().late();
    let error = customer(&sandbox).pay_with(&code, &late).unwrap_err();
    assert_code_error(&error, ErrorKind::ControlCharacter);
}

#[tokio::test]
async fn a_second_payment_needs_the_again_option_unless_the_first_failed() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let failing = TransferOptions::new().failing();
    let failed = customer.pay_with(&code, &failing).unwrap();
    assert_eq!(failed.status(), TransferStatus::Failed);
    assert_eq!(found(&sandbox, &code).await, None);

    let first = customer.pay(&code).unwrap();
    assert_eq!(customer.pay(&code).unwrap_err(), TransferError::AlreadyPaid);
    let again = TransferOptions::new().again();
    let second = customer.pay_with(&code, &again).unwrap();
    assert_ne!(first.hash(), second.hash());
    let hash = found(&sandbox, &code).await;
    assert_eq!(hash.as_deref(), Some(first.hash()));
    assert_eq!(sandbox.payments().len(), 3);
}

#[tokio::test]
async fn the_earlier_of_two_delayed_payments_is_transferred() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    customer.pay_after(&code, 9 * SECOND).unwrap();
    let earlier = customer.pay_after(&code, 3 * SECOND).unwrap();
    sandbox.advance(20 * SECOND);
    let hash = found(&sandbox, &code).await;
    assert_eq!(hash.as_deref(), Some(earlier.hash()));
    let statuses: Vec<_> = sandbox.payments().iter().map(Transfer::status).collect();
    let refused = TransferStatus::Refused(TransferError::AlreadyPaid);
    assert_eq!(statuses, [refused, TransferStatus::Transferred]);
}

#[tokio::test]
async fn a_customer_can_pay_another_amount_to_another_account() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let options = TransferOptions::new()
        .amount(khr(4_100))
        .payee(AccountId::new("other@devb").unwrap());
    let payment = customer(&sandbox).pay_with(&code, &options).unwrap();
    assert_eq!(payment.payee().as_str(), "other@devb");
    let response = check(&sandbox, &token, &code).await;
    let expected = r#""toAccountId":"other@devb","currency":"KHR","amount":4100,"#;
    assert_contains(response.json(200), &[expected]);
}
