//! Registration, links and accounts through each relay, and the errors of every endpoint.

use bakong_api::endpoint::{
    AccountAnswer, CheckBakongAccount, GenerateDeeplinkByQr, RequestToken, SourceInfo, Verify,
};
use bakong_api::khqr_core::{AccountId, Khqr};
use bakong_api::{ErrorClass, ErrorCode, Remedy};
use bakong_sandbox::{ApiEndpoint, Fault};
use http::StatusCode;

use crate::fault_cases::{assert_error, errors_of_all_endpoints};
use crate::relays::{EMAIL, Relay, RelayedSandbox, renewal};
use crate::requests::{code, is_repeatable, send_to};

#[tokio::test]
async fn a_project_registers_verifies_and_renews() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session();
        let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();

        let error = session.send(&renewal()).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert_eq!(error.code(), Some(ErrorCode::NotRegistered));

        session.send(&registration).await.unwrap();
        assert_eq!(bakong.sandbox.mailbox(EMAIL).len(), 1);
        let code = bakong.sandbox.verification_code(EMAIL).unwrap();
        let verify = Verify::new(&code).unwrap();
        let token = session.send(&verify).await.unwrap();
        assert!(token.expires_at() > Some(bakong.sandbox.now()));
        let twice = session.send(&verify).await.unwrap_err();
        assert_eq!(
            twice.class(),
            ErrorClass::Refused,
            "a verification code can be used once"
        );
        assert_eq!(twice.class().remedy(), Remedy::Attention);

        let error = session.send(&registration).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert_eq!(error.code(), Some(ErrorCode::EmailRegistered));

        let session = session.with_token(token);
        let check = ApiEndpoint::CheckTransactionByMd5;
        send_to(&session, check).await.unwrap();
        let renewed = session.send(&renewal()).await.unwrap();
        let session = session.with_token(renewed);
        send_to(&session, check).await.unwrap();
        assert_eq!(bakong.sandbox.requests().len(), 8, "{relay:?}");
    }
}

#[tokio::test]
async fn a_link_may_contain_the_source_app() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session();
        let code = code(1, bakong.sandbox.now());
        let request = GenerateDeeplinkByQr::new(&Khqr::parse(&code).unwrap());
        let source = SourceInfo::new("https://shop.example/i.svg", "ហាង", "shop://paid").unwrap();
        let plain = session.send(&request).await.unwrap();
        let with_source = session.send(&request.with_source(source)).await.unwrap();
        let prefix = format!("{}/l/", bakong.sandbox.base_url());
        assert!(plain.as_str().starts_with(&prefix), "{plain}");
        assert_ne!(plain, with_source);
        let count = bakong.request_count(ApiEndpoint::GenerateDeeplinkByQr);
        assert_eq!(count, 2, "{relay:?}");
    }
}

#[tokio::test]
async fn an_account_exists_or_is_missing_or_invalid() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let account = |id| CheckBakongAccount::new(AccountId::new(id).unwrap());
        let existing = bakong.customer().account().as_str().to_owned();
        for session in [bakong.session(), bakong.session_with_token()] {
            let answer = session.send(&account(&existing)).await.unwrap();
            assert_eq!(answer, AccountAnswer::Exists);
            let answer = session.send(&account("nobody@devb")).await.unwrap();
            assert_eq!(answer, AccountAnswer::NotFound);
            // `AccountId` rejects every ID that the sandbox would report as invalid.
            let invalid = Fault::error(StatusCode::OK, 12, "Account ID is invalid");
            bakong.sandbox.fault(invalid);
            let answer = session.send(&account("nobody@devb")).await.unwrap();
            assert_eq!(answer, AccountAnswer::Invalid);
        }
        let count = bakong.request_count(ApiEndpoint::CheckBakongAccount);
        assert_eq!(count, 6, "{relay:?}");
    }
}

#[tokio::test]
async fn an_account_check_drops_a_refused_token() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session_with_token();
        bakong.sandbox.revoke_tokens();
        for _ in 0..2 {
            send_to(&session, ApiEndpoint::CheckBakongAccount)
                .await
                .unwrap();
        }
        let requests = bakong.sandbox.requests();
        let statuses: Vec<_> = requests.iter().map(|it| it.status.unwrap()).collect();
        assert_eq!(statuses, [401, 200, 200], "{relay:?}");
    }
}

#[tokio::test]
async fn every_endpoint_reports_its_errors_and_retries_only_if_repeatable() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let transport = bakong.eager().build().unwrap();
        for &endpoint in ApiEndpoint::ALL {
            for case in errors_of_all_endpoints() {
                let session = bakong
                    .session_over(transport.clone())
                    .with_token(bakong.issue_token());
                let name = format!("{relay:?}, {endpoint:?}: {}", case.name);
                let before = bakong.sandbox.requests().len();
                bakong.sandbox.fault(case.fault);
                let error = send_to(&session, endpoint).await.expect_err(&name);
                bakong.sandbox.clear_faults();
                let class = case.error.unwrap();
                assert_error(&error, class, &name);

                let without_token = endpoint == ApiEndpoint::CheckBakongAccount
                    && class == ErrorClass::Unauthorized;
                let expected = match () {
                    () if case.retried && is_repeatable(endpoint) => 3,
                    () if without_token => 2,
                    () => 1,
                };
                let sent = bakong.sandbox.requests().len() - before;
                assert_eq!(sent, expected, "{name}");
            }
        }
    }
}
