//! A payment that was made, asked about while the sandbox makes every kind of trouble that it can: the payment
//! is told or the trouble is, and nothing is ever read as "not paid".

use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ApiError, CheckAnswer, ErrorClass, Remedy};
use bakong_sandbox::{ApiEndpoint, Fault};
use tokio::task::JoinSet;

use crate::cases::{cases, is_told};
use crate::questions::{code, usd};
use crate::ways::{Bakong, Way, renewal};

#[tokio::test]
async fn a_payment_that_was_made_is_told_or_the_trouble_is() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let transport = bakong.eager().build().unwrap();
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay(&code).unwrap();
        let check = CheckTransactionByMd5::new(payment.md5());
        let is_paid = |answer: Result<CheckAnswer, ApiError>, case: &str| {
            let Ok(CheckAnswer::Paid(transaction)) = answer else {
                panic!("{case}: {answer:?}");
            };
            assert_eq!(transaction.hash.as_deref(), Some(payment.hash()), "{case}");
            assert_eq!(transaction.amount.known(), Some(&usd(150)), "{case}");
            assert_eq!(transaction.created_at.known(), Some(&payment.created_at()));
            let acknowledged = payment.acknowledged_at();
            assert_eq!(transaction.acknowledged_at.known(), Some(&acknowledged));
        };
        for case in cases() {
            let name = format!("{way:?}: {}", case.name);
            let session = bakong
                .session_over(transport.clone())
                .with_token(bakong.issue_token());
            let before = bakong.sandbox.requests().len();
            bakong.sandbox.fault(case.fault);
            let answer = session.send(&check).await;
            bakong.sandbox.clear_faults();
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, if case.asked_again { 3 } else { 1 }, "{name}");
            match case.error {
                None => is_paid(answer, &name),
                Some(expected) => is_told(&answer.unwrap_err(), expected, &name),
            }
            // When the trouble is over, the payment is there.
            let session = session.with_token(bakong.issue_token());
            is_paid(session.send(&check).await, &name);
        }
    }
}

#[tokio::test]
async fn a_renewal_is_asked_for_once_whatever_becomes_of_it() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let transport = bakong.eager().build().unwrap();
        let check = CheckTransactionByMd5::new(crate::MD5.parse().unwrap());
        for case in cases() {
            let name = format!("{way:?}: {}", case.name);
            let session = bakong
                .session_over(transport.clone())
                .with_token(bakong.issue_token())
                .with_renewal(renewal());
            let before = bakong.sandbox.requests().len();
            bakong.sandbox.fault(case.fault.on(ApiEndpoint::RenewToken));
            let renewed = session.renew().await;
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, 1, "{name}");
            match case.error {
                None => renewed.unwrap(),
                Some(expected) => {
                    let error = renewed.unwrap_err();
                    is_told(&error, expected, &name);
                    assert!(error.is_of_renewal(), "{name}");
                }
            }
            // The new token or the old one serves, and no other is asked for.
            let answer = session.send(&check).await;
            assert_eq!(answer.unwrap(), CheckAnswer::NotFound, "{name}");
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, 2, "{name}");
            bakong.sandbox.clear_faults();
        }
    }
}

#[tokio::test]
async fn a_bakong_that_never_answers_is_given_up_and_asked_again_if_that_is_harmless() {
    // All ways at once, since each waits.
    let mut ways = JoinSet::new();
    for way in Way::ALL {
        ways.spawn(is_given_up(*way));
    }
    ways.join_all().await;
}

async fn is_given_up(way: Way) {
    let soon = Duration::from_millis(300);
    let timeout = ErrorClass::Transport(TransportErrorKind::Timeout);
    let expected = (timeout, Remedy::AskAgain);
    let bakong = Bakong::start(way).await;
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let check = CheckTransactionByMd5::new(payment.md5());
    let impatient = bakong.eager().attempt_timeout(soon).build().unwrap();
    let impatient = bakong
        .session_over(impatient)
        .with_token(bakong.issue_token())
        .with_renewal(renewal());
    // A byte an hour is no answer either.
    let slow = Fault::own_answer().dripped(Duration::from_secs(3_600));
    for fault in [Fault::hang(), slow] {
        let case = format!("{way:?}: {fault:?}");
        bakong.sandbox.fault(fault.always());
        let before = bakong.sandbox.requests().len();
        is_told(&impatient.renew().await.unwrap_err(), expected, &case);
        let error = impatient.send(&check).await.unwrap_err();
        is_told(&error, expected, &case);
        let sent = bakong.sandbox.requests();
        let sent: Vec<_> = sent[before..].iter().filter_map(|it| it.endpoint).collect();
        let checks = [ApiEndpoint::CheckTransactionByMd5; 3];
        let expected = [&[ApiEndpoint::RenewToken][..], &checks].concat();
        assert_eq!(sent, expected, "{case}");
        bakong.sandbox.clear_faults();
    }
    let patient = bakong.session_with_token().send(&check).await;
    assert!(matches!(patient, Ok(CheckAnswer::Paid(_))), "{patient:?}");
}
