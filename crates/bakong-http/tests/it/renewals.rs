//! A thousand concurrent callers whose token expires: one of them renews it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::token::{FileTokenStore, TokenState};
use bakong_api::{AccessToken, ApiError, CheckAnswer, ErrorClass, ErrorCode, Session};
use bakong_http::HyperTransport;
use bakong_sandbox::{ApiEndpoint, Fault};
use http::StatusCode;
use tokio::task::JoinSet;

use crate::relays::{Relay, RelayedSandbox, renewal};
use crate::requests::code;

const CALLERS: usize = 1_000;
const DAY: Duration = Duration::from_secs(86_400);
const QUARTER: Duration = Duration::from_secs(91 * 86_400);

/// A token file of one test.
struct TokenFile(FileTokenStore);

impl TokenFile {
    fn holding(test: &str, token: &AccessToken) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.token"));
        let file = FileTokenStore::new(path);
        file.write(token).unwrap();
        Self(file)
    }

    fn read(&self) -> AccessToken {
        self.0.read().unwrap().unwrap()
    }

    /// A session that reads its token from the file and can renew it.
    fn session(&self, bakong: &RelayedSandbox) -> Arc<Session<HyperTransport>> {
        // A handshake per request would take most of the test's time.
        let transport = bakong.settings().reuse_http1_connections(true);
        let session = bakong.session_over(transport.build().unwrap());
        let session = session.with_token_store(self.0.clone());
        Arc::new(session.with_renewal(renewal()))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // The file may be missing.
        let _ = std::fs::remove_file(self.0.path());
    }
}

/// Sends the check from this many concurrent callers.
async fn check_all(
    session: &Arc<Session<HyperTransport>>,
    check: &CheckTransactionByMd5,
    callers: usize,
) -> Vec<Result<CheckAnswer, ApiError>> {
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (session, check) = (Arc::clone(session), check.clone());
        tasks.spawn(async move { session.send(&check).await });
    }
    tasks.join_all().await
}

fn paid(bakong: &RelayedSandbox) -> CheckTransactionByMd5 {
    let code = code(1, bakong.sandbox.now());
    CheckTransactionByMd5::new(bakong.customer().pay(&code).unwrap().md5())
}

fn assert_all_paid(answers: &[Result<CheckAnswer, ApiError>]) {
    for answer in answers {
        assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{answer:?}");
    }
}

/// The number of checks with this status.
fn checks_with(bakong: &RelayedSandbox, status: StatusCode) -> usize {
    let requests = bakong.sandbox.requests();
    let checks = requests
        .iter()
        .filter(|it| it.endpoint == Some(ApiEndpoint::CheckTransactionByMd5));
    checks.filter(|it| it.status == Some(status)).count()
}

/// Delays renewals until all callers are waiting.
fn slow_renewals(bakong: &RelayedSandbox) {
    let slow = Fault::own_answer().delayed(Duration::from_millis(50));
    bakong
        .sandbox
        .fault(slow.on(ApiEndpoint::RenewToken).always());
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    for relay in [Relay::Plain, Relay::Tls] {
        let bakong = RelayedSandbox::start(relay).await;
        let file = TokenFile::holding(&format!("expired-{relay:?}"), &bakong.issue_token());
        let session = file.session(&bakong);
        let check = paid(&bakong);
        assert_all_paid(&check_all(&session, &check, 1).await);
        bakong.sandbox.advance(QUARTER);
        assert_eq!(session.token_state(), TokenState::Expired);
        slow_renewals(&bakong);
        assert_all_paid(&check_all(&session, &check, CALLERS).await);
        assert_eq!(
            bakong.request_count(ApiEndpoint::RenewToken),
            1,
            "{relay:?}"
        );
        // The expired token was not sent.
        assert_eq!(bakong.sandbox.requests().len(), CALLERS + 2, "{relay:?}");
        assert_eq!(
            checks_with(&bakong, StatusCode::OK),
            CALLERS + 1,
            "{relay:?}"
        );
        assert_eq!(session.token_state(), TokenState::Valid);
        let end = file.read().expires_at();
        assert!(end > Some(bakong.sandbox.now().saturating_add(89 * DAY)));
    }
}

#[tokio::test]
async fn one_caller_finds_out_that_a_token_has_expired() {
    for relay in [Relay::Plain, Relay::Tls] {
        let bakong = RelayedSandbox::start(relay).await;
        let file = TokenFile::holding(&format!("probe-{relay:?}"), &bakong.issue_token());
        let session = file.session(&bakong);
        // No answer has told Bakong's time yet.
        bakong.sandbox.advance(QUARTER);
        let check = paid(&bakong);
        let slow = Fault::own_answer().delayed(Duration::from_millis(50));
        let slow = slow.on(ApiEndpoint::CheckTransactionByMd5);
        bakong.sandbox.fault(slow.times(1));
        slow_renewals(&bakong);
        assert_all_paid(&check_all(&session, &check, CALLERS).await);
        let refused = checks_with(&bakong, StatusCode::UNAUTHORIZED);
        assert_eq!(refused, 1, "{relay:?}");
        assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
        assert_eq!(bakong.sandbox.requests().len(), CALLERS + 2, "{relay:?}");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    for relay in [Relay::Plain, Relay::Tls] {
        let bakong = RelayedSandbox::start(relay).await;
        let old = bakong.issue_token();
        let file = TokenFile::holding(&format!("refused-{relay:?}"), &old);
        let session = file.session(&bakong);
        let check = paid(&bakong);
        bakong.sandbox.revoke_tokens();
        slow_renewals(&bakong);
        assert_all_paid(&check_all(&session, &check, CALLERS).await);
        assert_eq!(
            bakong.request_count(ApiEndpoint::RenewToken),
            1,
            "{relay:?}"
        );
        assert_eq!(checks_with(&bakong, StatusCode::OK), CALLERS, "{relay:?}");
        // Each caller that sent the refused token sent one more check.
        let refused = checks_with(&bakong, StatusCode::UNAUTHORIZED);
        assert!((1..=CALLERS).contains(&refused), "{relay:?}: {refused}");
        assert_ne!(file.read().expose(), old.expose());

        let before = bakong.sandbox.requests().len();
        assert_all_paid(&check_all(&session, &check, 100).await);
        assert_eq!(bakong.sandbox.requests().len() - before, 100);
    }
}

/// Faults of a renewal, and the class of each.
fn failing() -> [(Fault, &'static str); 5] {
    let not_registered = Fault::error(StatusCode::OK, 10, "Not registered yet");
    [
        (not_registered, "refused"),
        (Fault::status(StatusCode::BAD_GATEWAY), "unavailable"),
        (Fault::quota_exhausted(), "quota_exhausted"),
        (Fault::cut(), "transport"),
        (Fault::forbidden(), "blocked"),
    ]
}

#[tokio::test]
async fn all_callers_share_a_failed_renewal() {
    for (number, (fault, class)) in failing().into_iter().enumerate() {
        let bakong = RelayedSandbox::plain().await;
        let file = TokenFile::holding(&format!("failing-{number}"), &bakong.issue_token());
        let old = file.read();
        let session = file.session(&bakong);
        let check = paid(&bakong);
        bakong.sandbox.advance(QUARTER);
        let fault = fault.delayed(Duration::from_millis(50));
        bakong
            .sandbox
            .fault(fault.on(ApiEndpoint::RenewToken).always());
        // The second group comes within the pause, in which nothing is sent.
        for callers in [CALLERS, 100] {
            for answer in check_all(&session, &check, callers).await {
                let error = answer.unwrap_err();
                assert_eq!(error.class().name(), class, "{error}");
                assert!(error.is_of_renewal(), "{error}");
            }
            // One check with the expired token, and one renewal.
            assert_eq!(bakong.sandbox.requests().len(), 2, "{class}");
        }
        assert_eq!(file.read().expose(), old.expose());

        // After the longest pause, the renewal succeeds.
        bakong.sandbox.clear_faults();
        bakong.sandbox.advance(DAY);
        assert_all_paid(&check_all(&session, &check, 100).await);
        assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 2, "{class}");
        assert_eq!(bakong.sandbox.requests().len(), 100 + 3, "{class}");
        assert_ne!(file.read().expose(), old.expose());
    }
}

#[tokio::test]
async fn a_failed_renewal_of_a_refused_token_causes_no_further_requests() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token().with_renewal(renewal());
    let session = Arc::new(session);
    let check = paid(&bakong);
    bakong.sandbox.revoke_tokens();
    let fault = Fault::error(StatusCode::OK, 10, "Not registered yet");
    bakong
        .sandbox
        .fault(fault.on(ApiEndpoint::RenewToken).always());
    for answer in check_all(&session, &check, CALLERS).await {
        let error = answer.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NotRegistered), "{error}");
        assert_eq!(error.class(), ErrorClass::Refused, "{error}");
    }
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
    let sent = bakong.sandbox.requests().len();
    assert!(sent <= CALLERS + 1, "{sent}");
    for answer in check_all(&session, &check, CALLERS).await {
        assert!(answer.unwrap_err().is_of_renewal());
    }
    assert_eq!(bakong.sandbox.requests().len(), sent);
}

#[tokio::test]
async fn a_refused_new_token_causes_no_further_requests() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token().with_renewal(renewal());
    let session = Arc::new(session);
    let check = paid(&bakong);
    bakong.sandbox.fault(
        Fault::unauthorized()
            .on(ApiEndpoint::CheckTransactionByMd5)
            .always(),
    );
    for answer in check_all(&session, &check, CALLERS).await {
        assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
    }
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
    let sent = bakong.sandbox.requests().len();
    assert!(sent <= 2 * CALLERS + 1, "{sent}");
    for answer in check_all(&session, &check, CALLERS).await {
        assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
    }
    assert_eq!(bakong.sandbox.requests().len(), sent);
}

#[tokio::test]
async fn a_token_that_expires_soon_is_renewed_while_others_use_it() {
    let bakong = RelayedSandbox::plain().await;
    let file = TokenFile::holding("due", &bakong.issue_token());
    let session = file.session(&bakong);
    let check = paid(&bakong);
    bakong.sandbox.advance(88 * DAY);
    slow_renewals(&bakong);
    assert_all_paid(&check_all(&session, &check, CALLERS).await);
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
    assert_eq!(bakong.sandbox.requests().len(), CALLERS + 1);
    let end = file.read().expires_at();
    assert!(end > Some(bakong.sandbox.now().saturating_add(89 * DAY)));
}

#[tokio::test]
async fn sessions_share_a_renewed_token_through_the_file() {
    let bakong = RelayedSandbox::plain().await;
    let file = TokenFile::holding("shared", &bakong.issue_token());
    let sessions = [file.session(&bakong), file.session(&bakong)];
    let check = paid(&bakong);
    for session in &sessions {
        assert_all_paid(&check_all(session, &check, 1).await);
    }
    // Expired: the second session reads the new token and sends no renewal.
    bakong.sandbox.advance(QUARTER);
    for session in &sessions {
        assert_all_paid(&check_all(session, &check, 100).await);
    }
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
    assert_eq!(bakong.sandbox.requests().len(), 2 * 100 + 3);
    // Refused: the second session sends one check, then reads the new token.
    bakong.sandbox.revoke_tokens();
    for session in &sessions {
        assert_all_paid(&check_all(session, &check, 1).await);
        assert_eq!(session.token_state(), TokenState::Valid);
    }
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 2);
    assert_eq!(checks_with(&bakong, StatusCode::UNAUTHORIZED), 2);
    // Expires soon, in reverse order.
    bakong.sandbox.advance(88 * DAY);
    for session in sessions.iter().rev() {
        assert_all_paid(&check_all(session, &check, 100).await);
    }
    assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 3);
    assert_eq!(checks_with(&bakong, StatusCode::UNAUTHORIZED), 2);
}

#[tokio::test]
async fn a_token_written_to_the_file_by_hand_is_used() {
    let bakong = RelayedSandbox::plain().await;
    let file = TokenFile::holding("by-hand", &bakong.issue_token());
    // A session without renewal.
    let session = bakong.session().with_token_store(file.0.clone());
    let session = Arc::new(session);
    let check = paid(&bakong);
    assert_all_paid(&check_all(&session, &check, 1).await);
    bakong.sandbox.revoke_tokens();
    let error = session.send(&check).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    file.0.write(&bakong.issue_token()).unwrap();
    assert_all_paid(&check_all(&session, &check, CALLERS).await);
    assert_eq!(bakong.sandbox.requests().len(), CALLERS + 2);
}
