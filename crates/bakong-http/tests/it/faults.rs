//! Every kind of trouble that the sandbox can make, as a session sees it.

use std::time::Duration;

use bakong_api::khqr_core::{Amount, Currency, Timestamp};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{
    ApiError, BaseUrl, CheckAnswer, ErrorClass, ErrorCode, Remedy, RetryAfter, Session,
};
use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::impatient;
use crate::payments::{check_of, code, session_with_token};

/// How a check fails by this fault. The next one must not, with another session: to this one the token may be
/// refused.
async fn struck_by(fault: Fault) -> ApiError {
    let sandbox = Sandbox::start().await.unwrap();
    let session = session_with_token(&sandbox);
    let check = check_of(&code(
        &sandbox,
        Amount::from_minor_units(100, Currency::Usd),
    ));
    sandbox.fault(fault.on(ApiEndpoint::CheckTransactionByMd5));
    let error = session.send(&check).await.unwrap_err();
    let session = session_with_token(&sandbox);
    assert_eq!(session.send(&check).await.unwrap(), CheckAnswer::NotFound);
    error
}

#[tokio::test]
async fn an_outage_is_an_outage_whatever_it_says() {
    let not_found = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found."}"#;
    for status in [408, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        for fault in [
            Fault::status(status),
            Fault::html(status, "<h1>Bad Gateway</h1>"),
            Fault::json(status, not_found),
        ] {
            let error = struck_by(fault).await;
            assert_eq!(error.class(), ErrorClass::Unavailable { retry_after: None });
            assert_eq!(error.class().remedy(), Remedy::AskAgain);
            assert_eq!(error.status(), Some(status));
        }
    }
}

#[tokio::test]
async fn a_client_that_is_too_fast_learns_when_to_come_back() {
    let too_many = || Fault::status(StatusCode::TOO_MANY_REQUESTS);
    let limited = |retry_after| ErrorClass::RateLimited { retry_after };
    assert_eq!(struck_by(too_many()).await.class(), limited(None));
    let in_seconds = too_many().header(RETRY_AFTER, "120".parse().unwrap());
    let delay = RetryAfter::Delay(Duration::from_secs(120));
    assert_eq!(struck_by(in_seconds).await.class(), limited(Some(delay)));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap();
    let moment = RetryAfter::At(Timestamp::from_millis(784_111_777_000));
    let at_a_date = too_many().header(RETRY_AFTER, date);
    assert_eq!(struck_by(at_a_date).await.class(), limited(Some(moment)));
}

#[tokio::test]
async fn the_day_s_quota_is_told_from_a_refusal() {
    let quota = r#"{"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow.","errorCode":17,"data":null}"#;
    let error = struck_by(Fault::json(StatusCode::OK, quota)).await;
    assert_eq!(error.class(), ErrorClass::QuotaExhausted);
    assert_eq!(error.code(), Some(ErrorCode::DailyLimit));
    assert_eq!(error.class().remedy(), Remedy::NextDay);
}

#[tokio::test]
async fn a_page_that_forbids_is_a_block_and_not_a_token_s_fault() {
    let page = "<html><head><title>403 Forbidden</title></head></html>";
    let error = struck_by(Fault::html(StatusCode::FORBIDDEN, page)).await;
    assert_eq!(error.class(), ErrorClass::Blocked);
    assert_eq!(error.class().remedy(), Remedy::Attention);
    let error = struck_by(Fault::status(StatusCode::UNAUTHORIZED)).await;
    assert_eq!(error.class(), ErrorClass::Unauthorized);
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_malformed() {
    for body in [
        "",
        "<h1>Welcome</h1>",
        r#"{"responseCode":0,"responseMessage":"Success","#,
        r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":null}"#,
    ] {
        let error = struck_by(Fault::json(StatusCode::OK, body)).await;
        assert_eq!(error.class(), ErrorClass::Malformed, "{body}");
    }
}

#[tokio::test]
async fn a_cut_connection_is_an_interruption() {
    let error = struck_by(Fault::cut()).await;
    let class = ErrorClass::Transport(TransportErrorKind::Interrupted);
    assert_eq!(error.class(), class);
    assert_eq!(class.remedy(), Remedy::AskAgain);
    assert!(error.transport().is_some());
}

#[tokio::test]
async fn a_request_that_hangs_runs_into_its_deadline() {
    let sandbox = Sandbox::start().await.unwrap();
    let base_url = BaseUrl::new(&sandbox.base_url()).unwrap();
    let session = Session::new(impatient(), base_url).with_token(crate::token());
    sandbox.fault(Fault::hang());
    let check = check_of("any");
    let error = session.send(&check).await.unwrap_err();
    let class = ErrorClass::Transport(TransportErrorKind::Timeout);
    assert_eq!(error.class(), class);
    assert_eq!(class.remedy(), Remedy::AskAgain);
}
