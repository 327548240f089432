//! Customers: what their bank takes, what it refuses, and what a shop can see of it.

use std::time::Duration;

use bakong_sandbox::{Sandbox, Transfer, TransferError, TransferOptions, TransferStatus};
use khqr_core::{AccountId, Currency, ErrorKind};

use crate::client::check;
use crate::{NOW, TEN_MINUTES, customer, dynamic_code, khr, sandbox, static_code, usd};

const SECOND: Duration = Duration::from_secs(1);

fn code_error(error: TransferError) -> ErrorKind {
    match error {
        TransferError::Code(error) => error.kind(),
        other => panic!("{other}"),
    }
}

/// The hash that a check shows, if it shows a transaction.
async fn seen(sandbox: &Sandbox, code: &str) -> Option<String> {
    let token = sandbox.issue_token("dev@example.com");
    let answer = check(sandbox, &token, code).await;
    let (_, rest) = answer.json(200).split_once(r#""hash":""#)?;
    Some(rest[..64].to_owned())
}

#[tokio::test]
async fn a_bank_refuses_what_may_not_be_paid() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    assert_eq!(
        code_error(customer.pay("hello").unwrap_err()),
        ErrorKind::Missing
    );
    let changed = code.replace("shop@devb", "ship@devb");
    assert_eq!(
        code_error(customer.pay(&changed).unwrap_err()),
        ErrorKind::CrcMismatch
    );
    // NBC's sample of 2023 has an amount and no expiry.
    let sample = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
        01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
        0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
        9917001316880225153546304A367";
    assert_eq!(
        code_error(customer.pay(sample).unwrap_err()),
        ErrorKind::Missing
    );

    let fixed = static_code(Currency::Khr);
    assert_eq!(
        customer.pay(&fixed).unwrap_err(),
        TransferError::AmountRequired
    );
    let nothing = TransferOptions::new().amount(khr(0));
    assert_eq!(
        customer.pay_with(&fixed, &nothing).unwrap_err(),
        TransferError::AmountZero
    );

    sandbox.advance(TEN_MINUTES);
    customer
        .pay_with(&code, &TransferOptions::new().failing())
        .unwrap();
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(
        code_error(customer.pay(&code).unwrap_err()),
        ErrorKind::Expired
    );
    assert_eq!(seen(&sandbox, &code).await, None);
    // What was refused on scanning was never ordered.
    assert_eq!(sandbox.payments().len(), 1);
}

#[tokio::test]
async fn a_delayed_payment_is_there_when_its_moment_comes() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let payment = customer(&sandbox).pay_after(&code, 5 * SECOND).unwrap();
    assert_eq!(payment.status(), TransferStatus::Scheduled);
    assert_eq!(payment.created_at(), NOW.saturating_add(5 * SECOND));
    sandbox.advance(Duration::from_millis(4_999));
    assert_eq!(seen(&sandbox, &code).await, None);
    // However late somebody looks, the payment has its own time.
    sandbox.advance(60 * SECOND);
    assert_eq!(seen(&sandbox, &code).await.as_deref(), Some(payment.hash()));
    let settled = &sandbox.payments()[0];
    assert_eq!(settled.status(), TransferStatus::Transferred);
    assert_eq!(settled.created_at(), payment.created_at());
}

#[tokio::test]
async fn a_payment_that_comes_too_late_is_refused_unless_asked_for() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let customer = customer(&sandbox);
    customer.pay_after(&code, TEN_MINUTES + SECOND).unwrap();
    sandbox.advance(TEN_MINUTES + SECOND);
    assert_eq!(seen(&sandbox, &code).await, None);
    let TransferStatus::Refused(reason) = sandbox.payments()[0].status() else {
        panic!("not refused")
    };
    assert_eq!(code_error(reason), ErrorKind::Expired);

    let late = customer
        .pay_with(&code, &TransferOptions::new().late())
        .unwrap();
    assert_eq!(late.created_at(), sandbox.now());
    assert_eq!(seen(&sandbox, &code).await.as_deref(), Some(late.hash()));

    let code = dynamic_code(usd(200));
    assert!(
        customer
            .pay_with(&code, &TransferOptions::new().after(SECOND))
            .is_err()
    );
    let late = TransferOptions::new().after(SECOND).late();
    customer.pay_with(&code, &late).unwrap();
    sandbox.advance(SECOND);
    assert!(seen(&sandbox, &code).await.is_some());
}

#[tokio::test]
async fn late_excuses_nothing_but_being_late() {
    let sandbox = sandbox().await;
    sandbox.advance(2 * TEN_MINUTES);
    let code = dynamic_code(usd(100)).replace("Shop", "S\nop");
    let body = &code[..code.len() - 4];
    let code = format!("{body}{}", khqr_core::Crc::of(body.as_bytes()));
    let late = TransferOptions::new().late();
    let error = customer(&sandbox).pay_with(&code, &late).unwrap_err();
    assert_eq!(code_error(error), ErrorKind::ControlCharacter);
}

#[tokio::test]
async fn a_code_is_paid_twice_only_where_asked_for() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let first = customer.pay(&code).unwrap();
    assert_eq!(customer.pay(&code).unwrap_err(), TransferError::AlreadyPaid);
    let second = customer
        .pay_with(&code, &TransferOptions::new().again())
        .unwrap();
    assert_ne!(first.hash(), second.hash());
    assert_eq!(seen(&sandbox, &code).await.as_deref(), Some(first.hash()));
    assert_eq!(sandbox.payments().len(), 2);
}

#[tokio::test]
async fn of_two_delayed_payments_the_earlier_wins_whoever_ordered_first() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    customer.pay_after(&code, 9 * SECOND).unwrap();
    let earlier = customer.pay_after(&code, 3 * SECOND).unwrap();
    sandbox.advance(20 * SECOND);
    assert_eq!(seen(&sandbox, &code).await.as_deref(), Some(earlier.hash()));
    let statuses: Vec<_> = sandbox.payments().iter().map(Transfer::status).collect();
    assert_eq!(
        statuses,
        [
            TransferStatus::Refused(TransferError::AlreadyPaid),
            TransferStatus::Transferred
        ]
    );
}

#[tokio::test]
async fn a_failure_can_be_made_good() {
    let sandbox = sandbox().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let failed = customer
        .pay_with(&code, &TransferOptions::new().failing())
        .unwrap();
    assert_eq!(failed.status(), TransferStatus::Failed);
    assert_eq!(seen(&sandbox, &code).await, None);
    let paid = customer.pay(&code).unwrap();
    assert_eq!(seen(&sandbox, &code).await.as_deref(), Some(paid.hash()));
}

#[tokio::test]
async fn a_customer_may_pay_something_else() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let options = TransferOptions::new()
        .amount(khr(4_100))
        .payee(AccountId::new("other@devb").unwrap());
    let payment = customer(&sandbox).pay_with(&code, &options).unwrap();
    assert_eq!(payment.payee().as_str(), "other@devb");
    let answer = check(&sandbox, &token, &code).await;
    let expected = r#""toAccountId":"other@devb","currency":"KHR","amount":4100,"#;
    assert!(answer.json(200).contains(expected), "{answer:?}");
}
