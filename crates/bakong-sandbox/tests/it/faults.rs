//! Faults reach the wire as they were asked for, and stop when they are used up.

use ::http::header::{CONNECTION, RETRY_AFTER};
use ::http::{HeaderValue, StatusCode};
use bakong_sandbox::{ApiEndpoint, Fault};
use khqr_core::Md5Handle;

use crate::client::{Connection, ask, check, post, post_text};
use crate::{dynamic_code, sandbox, usd};

const RENEWAL: &str = r#"{"email":"dev@example.com"}"#;

#[tokio::test]
async fn an_outage_of_one_endpoint_passes() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let page = "<h1>502 Bad Gateway</h1>";
    sandbox.fault(
        Fault::html(StatusCode::BAD_GATEWAY, page)
            .on(ApiEndpoint::CheckTransactionByMd5)
            .times(2),
    );
    post(&sandbox, "/v1/renew_token", None, RENEWAL)
        .await
        .json(200);
    for _ in 0..2 {
        let answer = check(&sandbox, &token, &code).await;
        assert_eq!(
            (
                answer.status,
                answer.header("content-type"),
                &answer.body[..]
            ),
            (502, Some("text/html"), page)
        );
    }
    check(&sandbox, &token, &code).await.json(200);
    let asked: Vec<_> = sandbox
        .requests()
        .iter()
        .map(|exchange| {
            (
                exchange.endpoint,
                exchange.status.map(|status| status.as_u16()),
            )
        })
        .collect();
    let checked = Some(ApiEndpoint::CheckTransactionByMd5);
    assert_eq!(
        asked,
        [
            (Some(ApiEndpoint::RenewToken), Some(200)),
            (checked, Some(502)),
            (checked, Some(502)),
            (checked, Some(200))
        ]
    );
}

#[tokio::test]
async fn a_cut_connection_brings_no_answer_and_harms_no_other() {
    let sandbox = sandbox().await;
    let text = post_text("/v1/renew_token", None, RENEWAL);
    let mut other = Connection::open(sandbox.address()).await;
    sandbox.fault(Fault::cut());
    assert!(ask(&sandbox, &text).await.is_none());
    other.send(text.as_bytes()).await;
    other.receive().await.unwrap().json(200);
    assert_eq!(sandbox.requests()[0].status, None);
}

#[tokio::test]
async fn any_answer_can_be_put_in_place() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let odd = r#"{"responseCode":1,  "errorCode":99}"#;
    sandbox.fault(Fault::json(StatusCode::OK, odd));
    assert_eq!(check(&sandbox, &token, &code).await.json(200), odd);

    let wait = HeaderValue::from_static("2");
    sandbox.fault(Fault::status(StatusCode::TOO_MANY_REQUESTS).header(RETRY_AFTER, wait));
    let answer = check(&sandbox, &token, &code).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("2"))
    );
    assert_eq!(
        (answer.header("content-type"), &answer.body[..]),
        (None, "")
    );

    // Whoever says that it closes does.
    let close = HeaderValue::from_static("close");
    sandbox.fault(Fault::own_answer().header(CONNECTION, close));
    let mut connection = Connection::open(sandbox.address()).await;
    connection
        .send(post_text("/v1/renew_token", None, RENEWAL).as_bytes())
        .await;
    connection.receive().await.unwrap().json(200);
    assert!(connection.ends_empty().await);

    // A length that is not the body's does not reach the wire.
    let lying = ::http::Response::builder()
        .header("content-length", "9")
        .body("four")
        .unwrap();
    sandbox.fault(Fault::answer(lying));
    assert_eq!(check(&sandbox, &token, &code).await.body, "four");

    sandbox.fault(Fault::status(StatusCode::SERVICE_UNAVAILABLE).always());
    for _ in 0..3 {
        assert_eq!(check(&sandbox, &token, &code).await.status, 503);
    }
    sandbox.clear_faults();
    check(&sandbox, &token, &code).await.json(200);
}

#[tokio::test]
async fn odd_statuses_leave_the_server_standing() {
    let sandbox = sandbox().await;
    let text = post_text("/v1/renew_token", None, RENEWAL);
    let last = text.replace("User-Agent", "Connection: close\r\nUser-Agent");
    for status in [100, 101, 204, 304, 599, 999] {
        let status = StatusCode::from_u16(status).unwrap();
        sandbox.fault(Fault::json(status, "{}"));
        let mut connection = Connection::open(sandbox.address()).await;
        connection.send(last.as_bytes()).await;
        connection.read_to_end().await;
    }
    assert_eq!(sandbox.requests().len(), 6);
    ask(&sandbox, &text).await.unwrap().json(200);
}

#[tokio::test]
async fn a_hanging_request_is_recorded_and_let_go() {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::hang());
    let body = format!(r#"{{"md5":"{}"}}"#, Md5Handle::of("x"));
    let text = post_text(ApiEndpoint::CheckTransactionByMd5.path(), None, &body);
    let mut connection = Connection::open(sandbox.address()).await;
    connection.send(text.as_bytes()).await;
    while sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    sandbox.stop().await;
    assert!(connection.ends_empty().await);
}

#[tokio::test]
async fn what_a_browser_asks_for_by_itself_meets_no_fault() {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::cut());
    for path in [
        "/favicon.ico",
        "/.well-known/appspecific/com.chrome.devtools.json",
    ] {
        let answer = crate::control::send(&sandbox, "GET", path, "", "").await;
        answer.json(404);
    }
    assert_eq!(sandbox.fault_count(), 1);
    let program = crate::client::request("GET", "/v1/nothing", "", "");
    assert!(ask(&sandbox, &program).await.is_none());
    assert_eq!(sandbox.fault_count(), 0);
}
