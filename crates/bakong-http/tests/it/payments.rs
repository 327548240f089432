//! The main job over the transport: a token, and a payment that is asked about until it is made.

use std::time::Duration;

use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{
    AccessToken, ApiError, BaseUrl, CheckAnswer, ErrorClass, ErrorCode, Remedy, Session,
};
use bakong_http::HyperTransport;
use bakong_sandbox::{Sandbox, TransferOptions};

use crate::transport;

const EMAIL: &str = "till@example.com";

pub(crate) fn session(sandbox: &Sandbox) -> Session<HyperTransport> {
    let base_url = BaseUrl::new(&sandbox.base_url()).unwrap();
    Session::new(transport(), base_url)
}

pub(crate) fn session_with_token(sandbox: &Sandbox) -> Session<HyperTransport> {
    let token = AccessToken::new(&sandbox.issue_token(EMAIL)).unwrap();
    session(sandbox).with_token(token)
}

const fn usd(cents: u64) -> Amount {
    Amount::from_minor_units(cents, Currency::Usd)
}

/// A code of the shop's for `amount`, good for ten minutes.
pub(crate) fn code(sandbox: &Sandbox, amount: Amount) -> String {
    let now = sandbox.now();
    let end = now.saturating_add(Duration::from_secs(600));
    KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
        .dynamic_code(amount, now, end)
        .unwrap()
        .to_text()
}

pub(crate) fn check_of(code: &str) -> CheckTransactionByMd5 {
    CheckTransactionByMd5::new(Md5Handle::of(code))
}

fn customer(sandbox: &Sandbox) -> bakong_sandbox::Customer {
    sandbox.customer(AccountId::new("dara@devb").unwrap())
}

async fn check(session: &Session<HyperTransport>, code: &str) -> Result<CheckAnswer, ApiError> {
    session.send(&check_of(code)).await
}

#[tokio::test]
async fn a_shop_gets_its_token_and_is_paid() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session(&sandbox);
    let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();
    session.send(&registration).await.unwrap();
    let mailed = sandbox.verification_code(EMAIL).unwrap();
    let token = session.send(&Verify::new(&mailed).unwrap()).await.unwrap();
    assert!(token.expires_at() > Some(sandbox.now()));
    let session = session.with_token(token);

    let code = code(&sandbox, usd(151));
    customer(&sandbox)
        .pay_after(&code, Duration::from_secs(60))
        .unwrap();
    assert_eq!(check(&session, &code).await.unwrap(), CheckAnswer::NotFound);
    sandbox.advance(Duration::from_secs(60));
    let CheckAnswer::Paid(transaction) = check(&session, &code).await.unwrap() else {
        panic!("it was paid");
    };
    assert_eq!(transaction.amount.known(), Some(&usd(151)));
    assert_eq!(transaction.from_account_id.as_deref(), Some("dara@devb"));
    assert_eq!(transaction.to_account_id.as_deref(), Some("shop@devb"));
    assert_eq!(
        transaction.hash.as_deref(),
        Some(sandbox.payments()[0].hash())
    );

    let renewal = RenewToken::new(EMAIL).unwrap();
    let renewed = session.send(&renewal).await.unwrap();
    let session = session.with_token(renewed);
    assert!(matches!(
        check(&session, &code).await,
        Ok(CheckAnswer::Paid(_))
    ));
    assert_eq!(sandbox.requests().len(), 6);
}

#[tokio::test]
async fn an_amount_comes_back_to_the_last_riel() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    for amount in [
        usd(1),
        usd(29),
        usd(100),
        usd(999_999_999),
        Amount::from_minor_units(1, Currency::Khr),
        Amount::from_minor_units(4_400, Currency::Khr),
    ] {
        let code = code(&sandbox, amount);
        customer(&sandbox).pay(&code).unwrap();
        let CheckAnswer::Paid(transaction) = check(&session, &code).await.unwrap() else {
            panic!("it was paid");
        };
        assert_eq!(transaction.amount.known(), Some(&amount));
    }
}

#[tokio::test]
async fn a_payment_that_fails_is_no_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    let code = code(&sandbox, usd(100));
    let failing = TransferOptions::new().failing();
    customer(&sandbox).pay_with(&code, &failing).unwrap();
    assert_eq!(check(&session, &code).await.unwrap(), CheckAnswer::Failed);
}

#[tokio::test]
async fn a_static_code_cannot_be_asked_about() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    let code = KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
        .static_code(Currency::Usd)
        .unwrap()
        .to_text();
    let options = TransferOptions::new().amount(usd(100));
    customer(&sandbox).pay_with(&code, &options).unwrap();
    assert_eq!(check(&session, &code).await.unwrap(), CheckAnswer::StaticQr);
}

#[tokio::test]
async fn a_token_that_is_good_no_more_says_nothing_of_the_payment() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    let code = code(&sandbox, usd(100));
    customer(&sandbox).pay(&code).unwrap();
    sandbox.revoke_tokens();
    let error = check(&session, &code).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert_eq!(error.class().remedy(), Remedy::NewToken);
    assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
    let renewed = session
        .send(&RenewToken::new(EMAIL).unwrap())
        .await
        .unwrap();
    let session = session.with_token(renewed);
    assert!(matches!(
        check(&session, &code).await,
        Ok(CheckAnswer::Paid(_))
    ));
}

#[tokio::test]
async fn a_refusal_says_its_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session(&sandbox);
    let renewal = RenewToken::new("nobody@example.com").unwrap();
    let error = session.send(&renewal).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert_eq!(error.code(), Some(ErrorCode::NotRegistered));
    let verification = Verify::new("AAAAAAAAAAAAAAAAAAAA").unwrap();
    let error = session.send(&verification).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
}

#[tokio::test]
async fn a_sandbox_that_stopped_is_not_reached() {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    let code = code(&sandbox, usd(100));
    assert_eq!(check(&session, &code).await.unwrap(), CheckAnswer::NotFound);
    sandbox.stop().await;
    let error = check(&session, &code).await.unwrap_err();
    assert!(matches!(error.class(), ErrorClass::Transport(_)), "{error}");
    assert_eq!(error.class().remedy(), Remedy::AskAgain);
}
