//! Checks of a payment by each kind of reference, through each relay.

use std::time::Duration;

use bakong_api::endpoint::{
    CheckTransactionByExternalRef, CheckTransactionByHash, CheckTransactionByInstructionRef,
    CheckTransactionByMd5, CheckTransactionByShortHash, ExternalRef, InstructionRef,
};
use bakong_api::khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{ApiError, CheckAnswer, ErrorClass, ErrorCode, Session, Transport};
use bakong_sandbox::{Transfer, TransferOptions};

use crate::relays::{Relay, RelayedSandbox};
use crate::requests::{code, hash_of, usd};

/// Checks a payment by MD5, hash, short hash, instruction reference and external reference.
async fn check_by_all<T: Transport>(
    session: &Session<T>,
    payment: &Transfer,
) -> [Result<CheckAnswer, ApiError>; 5] {
    let hash = hash_of(payment.hash());
    let short = CheckTransactionByShortHash::new(hash.short().unwrap(), payment.amount());
    let instruction = InstructionRef::new(payment.instruction_ref().unwrap()).unwrap();
    let instruction = CheckTransactionByInstructionRef::new(instruction);
    let external = ExternalRef::new(payment.external_ref()).unwrap();
    let external = CheckTransactionByExternalRef::new(external);
    [
        session
            .send(&CheckTransactionByMd5::new(payment.md5()))
            .await,
        session.send(&CheckTransactionByHash::new(hash)).await,
        session.send(&short).await,
        session.send(&instruction).await,
        session.send(&external).await,
    ]
}

fn referenced() -> TransferOptions {
    TransferOptions::new().instruction_ref("INSTRUCTION-7")
}

#[tokio::test]
async fn a_payment_is_found_by_each_reference() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session_with_token();
        let options = referenced().description("អរគុណ \"2\" \\ ok");
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        for answer in check_by_all(&session, &payment).await {
            let CheckAnswer::Paid(transaction) = answer.unwrap() else {
                panic!("the code was paid");
            };
            assert_eq!(transaction.hash.as_deref(), Some(payment.hash()));
            assert_eq!(transaction.from_account_id.as_deref(), Some("dara@devb"));
            assert_eq!(transaction.to_account_id.as_deref(), Some("shop@devb"));
            assert_eq!(transaction.currency.known(), Some(&Currency::Usd));
            assert_eq!(transaction.amount.known(), Some(&usd(150)));
            assert_eq!(transaction.description.as_deref(), payment.description());
            assert_eq!(transaction.created_at.known(), Some(&payment.created_at()));
            let acknowledged = payment.acknowledged_at();
            assert_eq!(transaction.acknowledged_at.known(), Some(&acknowledged));
            let reference = transaction.instruction_ref.as_deref();
            assert_eq!(reference, payment.instruction_ref());
            let reference = transaction.external_ref.as_deref();
            assert_eq!(reference, Some(payment.external_ref()));
        }
        assert_eq!(bakong.sandbox.requests().len(), 5, "{relay:?}");
    }
}

#[tokio::test]
async fn a_failed_payment_is_reported_by_each_reference() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let code = code(1, bakong.sandbox.now());
        let failing = referenced().failing();
        let payment = bakong.customer().pay_with(&code, &failing).unwrap();
        for answer in check_by_all(&bakong.session_with_token(), &payment).await {
            assert_eq!(answer.unwrap(), CheckAnswer::Failed, "{relay:?}");
        }
    }
}

#[tokio::test]
async fn a_payment_is_not_found_before_it_is_made() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session_with_token();
        let code = code(1, bakong.sandbox.now());
        let later = Duration::from_secs(60);
        let options = referenced().after(later);
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        for answer in check_by_all(&session, &payment).await {
            assert_eq!(answer.unwrap(), CheckAnswer::NotFound, "{relay:?}");
        }
        bakong.sandbox.advance(later);
        for answer in check_by_all(&session, &payment).await {
            assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{relay:?}");
        }
    }
}

#[tokio::test]
async fn the_md5_of_a_static_code_finds_no_payment() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let code = KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
            .static_code(Currency::Usd)
            .unwrap()
            .to_text();
        let options = referenced().amount(usd(150));
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        assert_eq!(payment.md5(), Md5Handle::of(&code));
        let [by_md5, others @ ..] = check_by_all(&bakong.session_with_token(), &payment).await;
        assert_eq!(by_md5.unwrap(), CheckAnswer::StaticQr, "{relay:?}");
        for answer in others {
            assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{relay:?}");
        }
    }
}

#[tokio::test]
async fn a_short_hash_requires_the_amount() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token();
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let short = hash_of(payment.hash()).short().unwrap();
    for amount in [usd(151), Amount::from_minor_units(150, Currency::Khr)] {
        let check = CheckTransactionByShortHash::new(short.clone(), amount);
        let answer = session.send(&check).await.unwrap();
        assert_eq!(answer, CheckAnswer::NotFound);
    }
}

#[tokio::test]
async fn a_missing_token_sends_no_request_and_an_invalid_one_is_refused() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay_with(&code, &referenced()).unwrap();
        for answer in check_by_all(&bakong.session(), &payment).await {
            assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
        }
        assert!(bakong.sandbox.requests().is_empty());

        let session = bakong.session().with_token(crate::token());
        let [first, others @ ..] = check_by_all(&session, &payment).await;
        let error = first.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized);
        assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
        for answer in others {
            assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
        }
        // A refused token without renewal is not sent again at once.
        assert_eq!(bakong.sandbox.requests().len(), 1, "{relay:?}");
    }
}

#[tokio::test]
async fn amounts_are_exact() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token();
    let static_code = KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop");
    for amount in [
        usd(1),
        usd(29),
        usd(100),
        usd(999_999_999),
        Amount::from_minor_units(1, Currency::Khr),
        Amount::from_minor_units(4_400, Currency::Khr),
    ] {
        let code = static_code.clone().static_code(amount.currency());
        let options = TransferOptions::new().amount(amount);
        let code = code.unwrap().to_text();
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        let check = CheckTransactionByHash::new(hash_of(payment.hash()));
        let CheckAnswer::Paid(transaction) = session.send(&check).await.unwrap() else {
            panic!("the code was paid");
        };
        assert_eq!(transaction.amount.known(), Some(&amount));
    }
}
