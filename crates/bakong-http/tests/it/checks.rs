//! One payment, asked about by each handle that there is, over each way to the sandbox.

use std::time::Duration;

use bakong_api::endpoint::{
    CheckTransactionByExternalRef, CheckTransactionByHash, CheckTransactionByInstructionRef,
    CheckTransactionByMd5, CheckTransactionByShortHash, ExternalRef, InstructionRef,
};
use bakong_api::khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{ApiError, CheckAnswer, ErrorClass, ErrorCode, Session, Transport};
use bakong_sandbox::{Transfer, TransferOptions};

use crate::questions::{code, hash_of, usd};
use crate::ways::{Bakong, Way};

/// What is known of a payment by MD5, hash, short hash, instruction and external reference.
async fn asked_by_all<T: Transport>(
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
async fn a_payment_is_found_by_whatever_is_known_of_it() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session_with_token();
        let options = referenced().description("អរគុណ \"2\" \\ ok");
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        for answer in asked_by_all(&session, &payment).await {
            let CheckAnswer::Paid(transaction) = answer.unwrap() else {
                panic!("it was paid");
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
        assert_eq!(bakong.sandbox.requests().len(), 5, "{way:?}");
    }
}

#[tokio::test]
async fn a_payment_that_failed_is_said_to_have_failed_by_all() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let code = code(1, bakong.sandbox.now());
        let failing = referenced().failing();
        let payment = bakong.customer().pay_with(&code, &failing).unwrap();
        for answer in asked_by_all(&bakong.session_with_token(), &payment).await {
            assert_eq!(answer.unwrap(), CheckAnswer::Failed, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_payment_that_is_still_to_come_is_not_found_by_any() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session_with_token();
        let code = code(1, bakong.sandbox.now());
        let later = Duration::from_secs(60);
        let options = referenced().after(later);
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        for answer in asked_by_all(&session, &payment).await {
            assert_eq!(answer.unwrap(), CheckAnswer::NotFound, "{way:?}");
        }
        bakong.sandbox.advance(later);
        for answer in asked_by_all(&session, &payment).await {
            assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_static_code_s_payment_is_found_by_all_but_its_md5() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let code = KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
            .static_code(Currency::Usd)
            .unwrap()
            .to_text();
        let options = referenced().amount(usd(150));
        let payment = bakong.customer().pay_with(&code, &options).unwrap();
        assert_eq!(payment.md5(), Md5Handle::of(&code));
        let [by_md5, others @ ..] = asked_by_all(&bakong.session_with_token(), &payment).await;
        assert_eq!(by_md5.unwrap(), CheckAnswer::StaticQr, "{way:?}");
        for answer in others {
            assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_short_hash_finds_nothing_with_another_amount() {
    let bakong = Bakong::plain().await;
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
async fn without_a_token_nothing_is_asked_and_with_a_wrong_one_nothing_is_said() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay_with(&code, &referenced()).unwrap();
        for answer in asked_by_all(&bakong.session(), &payment).await {
            assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
        }
        assert!(bakong.sandbox.requests().is_empty());

        let session = bakong.session().with_token(crate::token());
        let [first, others @ ..] = asked_by_all(&session, &payment).await;
        let error = first.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized);
        assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
        for answer in others {
            assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
        }
        // A token that nobody can renew is refused again, at the cost of another request.
        assert_eq!(bakong.sandbox.requests().len(), 1, "{way:?}");
    }
}
