//! A thousand callers whose token ends: one of them renews it, and all go on.

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

use crate::questions::code;
use crate::ways::{Bakong, Way, renewal};

const CALLERS: usize = 1_000;
const DAY: Duration = Duration::from_secs(86_400);
const QUARTER: Duration = Duration::from_secs(91 * 86_400);

/// A file for this test's token alone.
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

    /// A session that finds its token here and can renew it.
    fn session(&self, bakong: &Bakong) -> Arc<Session<HyperTransport>> {
        let session = bakong.session().with_token_store(self.0.clone());
        Arc::new(session.with_renewal(renewal()))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // It may be gone.
        let _ = std::fs::remove_file(self.0.path());
    }
}

/// What each of so many callers is told of a code that was paid.
async fn crowd(
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

fn paid(bakong: &Bakong) -> CheckTransactionByMd5 {
    let code = code(1, bakong.sandbox.now());
    CheckTransactionByMd5::new(bakong.customer().pay(&code).unwrap().md5())
}

fn all_are_told(answers: &[Result<CheckAnswer, ApiError>]) {
    for answer in answers {
        assert!(matches!(answer, Ok(CheckAnswer::Paid(_))), "{answer:?}");
    }
}

/// How many checks were answered with this status.
fn checks_with(bakong: &Bakong, status: StatusCode) -> usize {
    let requests = bakong.sandbox.requests();
    let checks = requests
        .iter()
        .filter(|it| it.endpoint == Some(ApiEndpoint::CheckTransactionByMd5));
    checks.filter(|it| it.status == Some(status)).count()
}

/// Lets renewals take so long that every caller comes meanwhile.
fn slow_renewals(bakong: &Bakong) {
    let slow = Fault::own_answer().delayed(Duration::from_millis(50));
    bakong
        .sandbox
        .fault(slow.on(ApiEndpoint::RenewToken).always());
}

#[tokio::test]
async fn a_thousand_callers_at_an_expired_token_renew_it_once() {
    for way in [Way::Plain, Way::Tls] {
        let bakong = Bakong::start(way).await;
        let file = TokenFile::holding(&format!("expired-{way:?}"), &bakong.issue_token());
        let session = file.session(&bakong);
        let check = paid(&bakong);
        all_are_told(&crowd(&session, &check, 1).await);
        bakong.sandbox.advance(QUARTER);
        assert_eq!(session.token_state(), TokenState::Expired);
        slow_renewals(&bakong);
        all_are_told(&crowd(&session, &check, CALLERS).await);
        assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1, "{way:?}");
        // No request was spent on the token that had ended.
        assert_eq!(bakong.sandbox.requests().len(), CALLERS + 2, "{way:?}");
        assert_eq!(checks_with(&bakong, StatusCode::OK), CALLERS + 1, "{way:?}");
        assert_eq!(session.token_state(), TokenState::Valid);
        let end = file.read().expires_at();
        assert!(end > Some(bakong.sandbox.now().saturating_add(89 * DAY)));
    }
}

#[tokio::test]
async fn a_thousand_callers_at_a_refused_token_renew_it_once() {
    for way in [Way::Plain, Way::Tls] {
        let bakong = Bakong::start(way).await;
        let old = bakong.issue_token();
        let file = TokenFile::holding(&format!("refused-{way:?}"), &old);
        let session = file.session(&bakong);
        let check = paid(&bakong);
        bakong.sandbox.revoke_tokens();
        slow_renewals(&bakong);
        all_are_told(&crowd(&session, &check, CALLERS).await);
        assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1, "{way:?}");
        assert_eq!(checks_with(&bakong, StatusCode::OK), CALLERS, "{way:?}");
        // Who came before it was known asked twice, and nobody more often.
        let refused = checks_with(&bakong, StatusCode::UNAUTHORIZED);
        assert!((1..=CALLERS).contains(&refused), "{way:?}: {refused}");
        assert_ne!(file.read().expose(), old.expose());

        let before = bakong.sandbox.requests().len();
        all_are_told(&crowd(&session, &check, 100).await);
        assert_eq!(bakong.sandbox.requests().len() - before, 100);
    }
}

/// Faults by which a renewal fails, and the class of each.
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
async fn a_renewal_that_fails_is_told_to_a_thousand_and_not_asked_for_by_the_others() {
    for (number, (fault, class)) in failing().into_iter().enumerate() {
        let bakong = Bakong::plain().await;
        let file = TokenFile::holding(&format!("failing-{number}"), &bakong.issue_token());
        let old = file.read();
        let session = file.session(&bakong);
        let check = paid(&bakong);
        bakong.sandbox.advance(QUARTER);
        let fault = fault.delayed(Duration::from_millis(50));
        bakong
            .sandbox
            .fault(fault.on(ApiEndpoint::RenewToken).always());
        // The others come within the pause, in which nothing is sent.
        for callers in [CALLERS, 100] {
            for answer in crowd(&session, &check, callers).await {
                let error = answer.unwrap_err();
                assert_eq!(error.class().name(), class, "{error}");
                assert!(error.is_of_renewal(), "{error}");
            }
            assert_eq!(bakong.sandbox.requests().len(), 1, "{class}");
        }
        assert_eq!(file.read().expose(), old.expose());

        // Once the trouble and the longest pause are over, all is well.
        bakong.sandbox.clear_faults();
        bakong.sandbox.advance(DAY);
        all_are_told(&crowd(&session, &check, 100).await);
        assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 2, "{class}");
        assert_eq!(bakong.sandbox.requests().len(), 100 + 2, "{class}");
        assert_ne!(file.read().expose(), old.expose());
    }
}

#[tokio::test]
async fn a_refused_token_that_cannot_be_renewed_is_no_storm() {
    let bakong = Bakong::plain().await;
    let session = bakong.session_with_token().with_renewal(renewal());
    let session = Arc::new(session);
    let check = paid(&bakong);
    bakong.sandbox.revoke_tokens();
    let fault = Fault::error(StatusCode::OK, 10, "Not registered yet");
    bakong
        .sandbox
        .fault(fault.on(ApiEndpoint::RenewToken).always());
    for answer in crowd(&session, &check, CALLERS).await {
        let error = answer.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NotRegistered), "{error}");
        assert_eq!(error.class(), ErrorClass::Refused, "{error}");
    }
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1);
    let sent = bakong.sandbox.requests().len();
    assert!(sent <= CALLERS + 1, "{sent}");
    for answer in crowd(&session, &check, CALLERS).await {
        assert!(answer.unwrap_err().is_of_renewal());
    }
    assert_eq!(bakong.sandbox.requests().len(), sent);
}

#[tokio::test]
async fn a_new_token_that_is_refused_as_well_is_no_storm() {
    let bakong = Bakong::plain().await;
    let session = bakong.session_with_token().with_renewal(renewal());
    let session = Arc::new(session);
    let check = paid(&bakong);
    bakong.sandbox.fault(
        Fault::unauthorized()
            .on(ApiEndpoint::CheckTransactionByMd5)
            .always(),
    );
    for answer in crowd(&session, &check, CALLERS).await {
        assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
    }
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1);
    let sent = bakong.sandbox.requests().len();
    assert!(sent <= 2 * CALLERS + 1, "{sent}");
    for answer in crowd(&session, &check, CALLERS).await {
        assert_eq!(answer.unwrap_err().class(), ErrorClass::Unauthorized);
    }
    assert_eq!(bakong.sandbox.requests().len(), sent);
}

#[tokio::test]
async fn a_token_that_is_due_is_renewed_by_one_while_the_others_go_on_with_it() {
    let bakong = Bakong::plain().await;
    let file = TokenFile::holding("due", &bakong.issue_token());
    let session = file.session(&bakong);
    let check = paid(&bakong);
    bakong.sandbox.advance(88 * DAY);
    slow_renewals(&bakong);
    all_are_told(&crowd(&session, &check, CALLERS).await);
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1);
    assert_eq!(bakong.sandbox.requests().len(), CALLERS + 1);
    let end = file.read().expires_at();
    assert!(end > Some(bakong.sandbox.now().saturating_add(89 * DAY)));
}

#[tokio::test]
async fn what_one_session_renewed_the_other_finds_in_their_file() {
    let bakong = Bakong::plain().await;
    let file = TokenFile::holding("shared", &bakong.issue_token());
    let sessions = [file.session(&bakong), file.session(&bakong)];
    let check = paid(&bakong);
    for session in &sessions {
        all_are_told(&crowd(session, &check, 1).await);
    }
    // Expired: the other finds the new one and sends nothing for it.
    bakong.sandbox.advance(QUARTER);
    for session in &sessions {
        all_are_told(&crowd(session, &check, 100).await);
    }
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1);
    assert_eq!(bakong.sandbox.requests().len(), 2 * 100 + 3);
    // Refused: it learns so by one request, and then finds the new one.
    bakong.sandbox.revoke_tokens();
    for session in &sessions {
        all_are_told(&crowd(session, &check, 1).await);
        assert_eq!(session.token_state(), TokenState::Valid);
    }
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 2);
    assert_eq!(checks_with(&bakong, StatusCode::UNAUTHORIZED), 2);
    // Due, in the other order.
    bakong.sandbox.advance(88 * DAY);
    for session in sessions.iter().rev() {
        all_are_told(&crowd(session, &check, 100).await);
    }
    assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 3);
    assert_eq!(checks_with(&bakong, StatusCode::UNAUTHORIZED), 2);
}

#[tokio::test]
async fn a_token_that_somebody_put_into_the_file_by_hand_is_found() {
    let bakong = Bakong::plain().await;
    let file = TokenFile::holding("by-hand", &bakong.issue_token());
    // One that cannot renew: whoever runs the shop brings the new token.
    let session = bakong.session().with_token_store(file.0.clone());
    let session = Arc::new(session);
    let check = paid(&bakong);
    all_are_told(&crowd(&session, &check, 1).await);
    bakong.sandbox.revoke_tokens();
    let error = session.send(&check).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    file.0.write(&bakong.issue_token()).unwrap();
    all_are_told(&crowd(&session, &check, CALLERS).await);
    assert_eq!(bakong.sandbox.requests().len(), CALLERS + 2);
}
