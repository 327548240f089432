//! While the sandbox injects faults, checks a payment that was made: the result is the payment or an error, and
//! never "not paid".

use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ApiError, CheckAnswer, ErrorClass};
use bakong_sandbox::{ApiEndpoint, Fault};
use tokio::task::JoinSet;

use crate::fault_cases::{assert_error, cases};
use crate::relays::{Relay, RelayedSandbox, renewal};
use crate::requests::{code, usd};

#[tokio::test]
async fn a_payment_is_found_or_the_fault_is_reported() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let transport = bakong.eager().build().unwrap();
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay(&code).unwrap();
        let check = CheckTransactionByMd5::new(payment.md5());
        let assert_paid = |answer: Result<CheckAnswer, ApiError>, case: &str| {
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
            let name = format!("{relay:?}: {}", case.name);
            let session = bakong
                .session_over(transport.clone())
                .with_token(bakong.issue_token());
            let before = bakong.sandbox.requests().len();
            let expected = case.attempts_after_a_good_answer();
            bakong.sandbox.fault(case.fault);
            let answer = session.send(&check).await;
            bakong.sandbox.clear_faults();
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, expected, "{name}");
            match case.error {
                None => assert_paid(answer, &name),
                Some(class) => assert_error(&answer.unwrap_err(), class, &name),
            }
            let session = session.with_token(bakong.issue_token());
            assert_paid(session.send(&check).await, &name);
        }
    }
}

#[tokio::test]
async fn a_renewal_is_sent_once() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let transport = bakong.eager().build().unwrap();
        let check = CheckTransactionByMd5::new(crate::MD5.parse().unwrap());
        for case in cases() {
            let name = format!("{relay:?}: {}", case.name);
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
                None => {
                    renewed.unwrap();
                }
                Some(class) => {
                    let error = renewed.unwrap_err();
                    assert_error(&error, class, &name);
                    assert!(error.is_of_renewal(), "{name}");
                }
            }
            // Either token is valid, so no further renewal is sent.
            let answer = session.send(&check).await;
            assert_eq!(answer.unwrap(), CheckAnswer::NotFound, "{name}");
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, 2, "{name}");
            bakong.sandbox.clear_faults();
        }
    }
}

#[tokio::test]
async fn a_request_that_times_out_is_retried_if_repeatable() {
    // All relays at once, since each test case waits for timeouts.
    let mut tasks = JoinSet::new();
    for relay in Relay::ALL {
        tasks.spawn(times_out(*relay));
    }
    tasks.join_all().await;
}

async fn times_out(relay: Relay) {
    let timeout = Duration::from_millis(300);
    let class = ErrorClass::Transport(TransportErrorKind::Timeout);
    let bakong = RelayedSandbox::start(relay).await;
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let check = CheckTransactionByMd5::new(payment.md5());
    let transport = bakong.eager().attempt_timeout(timeout).build().unwrap();
    let session = bakong
        .session_over(transport)
        .with_token(bakong.issue_token())
        .with_renewal(renewal());
    let slow = Fault::own_answer().dripped(Duration::from_secs(3_600));
    for fault in [Fault::hang(), slow] {
        let case = format!("{relay:?}: {fault:?}");
        bakong.sandbox.fault(fault.always());
        let before = bakong.sandbox.requests().len();
        assert_error(&session.renew().await.unwrap_err(), class, &case);
        let error = session.send(&check).await.unwrap_err();
        assert_error(&error, class, &case);
        let sent = bakong.sandbox.requests();
        let sent: Vec<_> = sent[before..].iter().filter_map(|it| it.endpoint).collect();
        let checks = [ApiEndpoint::CheckTransactionByMd5; 3];
        let expected = [&[ApiEndpoint::RenewToken][..], &checks].concat();
        assert_eq!(sent, expected, "{case}");
        bakong.sandbox.clear_faults();
    }
    let answer = bakong.session_with_token().send(&check).await;
    assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{answer:?}");
}
