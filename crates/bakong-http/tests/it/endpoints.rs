//! Registration, links and accounts, over each way to the sandbox; and what any endpoint may answer with.

use bakong_api::endpoint::{
    AccountAnswer, CheckBakongAccount, GenerateDeeplinkByQr, RequestToken, SourceInfo, Verify,
};
use bakong_api::khqr_core::{AccountId, Khqr};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, ErrorCode, Remedy};
use bakong_sandbox::{ApiEndpoint, Fault};
use http::StatusCode;

use crate::questions::{ask, code, is_repeatable};
use crate::ways::{Bakong, EMAIL, Way, renewal};

#[tokio::test]
async fn a_project_registers_verifies_and_renews() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session();
        let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();
        session.send(&registration).await.unwrap();
        assert_eq!(bakong.sandbox.mailbox(EMAIL).len(), 1);
        let code = bakong.sandbox.verification_code(EMAIL).unwrap();
        let token = session.send(&Verify::new(&code).unwrap()).await.unwrap();
        assert!(token.expires_at() > Some(bakong.sandbox.now()));

        let session = session.with_token(token);
        ask(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap();
        let renewed = session.send(&renewal()).await.unwrap();
        let session = session.with_token(renewed);
        ask(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap();
        assert_eq!(bakong.sandbox.requests().len(), 5, "{way:?}");
    }
}

#[tokio::test]
async fn registration_is_refused_for_what_bakong_says() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session();
        let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();

        let error = session.send(&renewal()).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert_eq!(error.code(), Some(ErrorCode::NotRegistered));

        session.send(&registration).await.unwrap();
        let code = bakong.sandbox.verification_code(EMAIL).unwrap();
        let verify = Verify::new(&code).unwrap();
        session.send(&verify).await.unwrap();
        let twice = session.send(&verify).await.unwrap_err();
        assert_eq!(twice.class(), ErrorClass::Refused, "a code is good once");
        assert_eq!(twice.class().remedy(), Remedy::Attention);

        let error = session.send(&registration).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert_eq!(error.code(), Some(ErrorCode::EmailRegistered));
        assert_eq!(bakong.sandbox.requests().len(), 5, "{way:?}");
    }
}

#[tokio::test]
async fn a_link_comes_with_and_without_the_app_to_return_to() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session();
        let code = code(1, bakong.sandbox.now());
        let question = GenerateDeeplinkByQr::new(&Khqr::parse(&code).unwrap());
        let source = SourceInfo::new("https://shop.example/i.svg", "ហាង", "shop://paid").unwrap();
        let one = session.send(&question).await.unwrap();
        let other = session.send(&question.with_source(source)).await.unwrap();
        let own = format!("{}/l/", bakong.sandbox.base_url());
        assert!(one.as_str().starts_with(&own), "{one}");
        assert_ne!(one, other);
        assert_eq!(
            bakong.asked(ApiEndpoint::GenerateDeeplinkByQr),
            2,
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn an_account_exists_or_does_not_or_is_none() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let account = |id| CheckBakongAccount::new(AccountId::new(id).unwrap());
        let there = bakong.customer().account().as_str().to_owned();
        for session in [bakong.session(), bakong.session_with_token()] {
            let answer = session.send(&account(&there)).await.unwrap();
            assert_eq!(answer, AccountAnswer::Exists);
            let answer = session.send(&account("nobody@devb")).await.unwrap();
            assert_eq!(answer, AccountAnswer::NotFound);
            // What could be none here is not even asked about.
            let invalid = Fault::error(StatusCode::OK, 12, "Account ID is invalid");
            bakong.sandbox.fault(invalid);
            let answer = session.send(&account("nobody@devb")).await.unwrap();
            assert_eq!(answer, AccountAnswer::Invalid);
        }
        assert_eq!(bakong.asked(ApiEndpoint::CheckBakongAccount), 6, "{way:?}");
    }
}

#[tokio::test]
async fn an_account_is_told_without_the_token_that_was_refused() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let session = bakong.session_with_token();
        bakong.sandbox.revoke_tokens();
        for _ in 0..2 {
            ask(&session, ApiEndpoint::CheckBakongAccount)
                .await
                .unwrap();
        }
        // Nor is it sent again.
        let statuses: Vec<_> = bakong
            .sandbox
            .requests()
            .iter()
            .map(|it| it.status.unwrap().as_u16())
            .collect();
        assert_eq!(statuses, [401, 200, 200], "{way:?}");
    }
}

/// What any endpoint may answer with, and what a client must make of it. The last says whether asking again
/// at once may help.
fn failures() -> Vec<(Fault, ErrorClass, bool)> {
    let status = |code: u16| Fault::status(StatusCode::from_u16(code).unwrap());
    let says = |code: u8, message: &str| Fault::error(StatusCode::OK, code, message);
    let out_of_order = ErrorClass::Unavailable { retry_after: None };
    let limited = ErrorClass::RateLimited { retry_after: None };
    let interrupted = ErrorClass::Transport(TransportErrorKind::Interrupted);
    vec![
        (status(400), ErrorClass::Refused, false),
        (Fault::unauthorized(), ErrorClass::Unauthorized, false),
        (says(6, "Unauthorized"), ErrorClass::Unauthorized, false),
        (Fault::forbidden(), ErrorClass::Blocked, false),
        (status(404), ErrorClass::Refused, false),
        (Fault::too_many_requests(), limited, true),
        (status(500), out_of_order, true),
        (
            says(5, "Missing required fields"),
            ErrorClass::Refused,
            false,
        ),
        (says(7, "Email server is down"), out_of_order, true),
        (says(9, "Cannot connect to server"), out_of_order, true),
        (
            says(4, "Error requesting deeplink from provider"),
            out_of_order,
            true,
        ),
        (Fault::quota_exhausted(), ErrorClass::QuotaExhausted, false),
        (says(99, "Something new"), ErrorClass::Refused, false),
        (
            Fault::json(StatusCode::OK, "{}"),
            ErrorClass::Malformed,
            false,
        ),
        (Fault::cut(), interrupted, true),
    ]
}

#[tokio::test]
async fn every_endpoint_tells_its_failures_apart_and_repeats_only_what_is_harmless() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let transport = bakong.eager().build().unwrap();
        for &endpoint in ApiEndpoint::ALL {
            for (fault, class, may_help) in failures() {
                let session = bakong
                    .session_over(transport.clone())
                    .with_token(bakong.issue_token());
                let case = format!("{way:?}, {endpoint:?}: {fault:?}");
                let before = bakong.sandbox.requests().len();
                bakong.sandbox.fault(fault.always());
                let error = ask(&session, endpoint).await.expect_err(&case);
                bakong.sandbox.clear_faults();
                assert_eq!(error.class(), class, "{case}");

                let without_token = endpoint == ApiEndpoint::CheckBakongAccount
                    && class == ErrorClass::Unauthorized;
                let expected = match () {
                    () if may_help && is_repeatable(endpoint) => 3,
                    () if without_token => 2,
                    () => 1,
                };
                let sent = bakong.sandbox.requests().len() - before;
                assert_eq!(sent, expected, "{case}");
            }
        }
    }
}
