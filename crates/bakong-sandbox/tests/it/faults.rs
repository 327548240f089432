//! Faults on the wire: what they change, and when they end.

use ::http::header::{CONNECTION, RETRY_AFTER};
use ::http::{HeaderValue, StatusCode};
use bakong_sandbox::{ApiEndpoint, Fault};

use crate::client::{Connection, ask, check, post_text, request};
use crate::control::send;
use crate::{RENEWAL, dynamic_code, sandbox, usd, with_token};

fn renewal() -> String {
    post_text("/v1/renew_token", None, RENEWAL)
}

#[tokio::test]
async fn a_fault_on_one_endpoint_ends_after_its_count() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let page = "<h1>502 Bad Gateway</h1>";
    sandbox.fault(
        Fault::html(StatusCode::BAD_GATEWAY, page)
            .on(ApiEndpoint::CheckTransactionByMd5)
            .times(2),
    );
    ask(&sandbox, &renewal()).await.unwrap().json(200);
    for _ in 0..2 {
        let response = check(&sandbox, &token, &code).await;
        assert_eq!((response.status, &response.body[..]), (502, page));
        assert_eq!(response.header("content-type"), Some("text/html"));
    }
    check(&sandbox, &token, &code).await.json(200);
    let requests = sandbox.requests();
    let log = requests.iter().map(|request| {
        let status = request.status.map(|status| status.as_u16());
        (request.endpoint.unwrap(), status.unwrap())
    });
    let by_md5 = ApiEndpoint::CheckTransactionByMd5;
    assert_eq!(
        log.collect::<Vec<_>>(),
        [
            (ApiEndpoint::RenewToken, 200),
            (by_md5, 502),
            (by_md5, 502),
            (by_md5, 200)
        ]
    );
}

#[tokio::test]
async fn a_cut_ends_one_connection_without_a_response() {
    let sandbox = sandbox().await;
    let mut other = Connection::open(sandbox.address()).await;
    sandbox.fault(Fault::cut());
    assert!(ask(&sandbox, &renewal()).await.is_none());
    other.send(renewal().as_bytes()).await;
    other.receive().await.unwrap().json(200);
    assert_eq!(sandbox.requests()[0].status, None);
}

#[tokio::test]
async fn a_fault_can_replace_status_headers_and_body() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    let odd = r#"{"responseCode":1,  "errorCode":99}"#;
    sandbox.fault(Fault::json(StatusCode::OK, odd));
    assert_eq!(check(&sandbox, &token, &code).await.json(200), odd);

    let wait = HeaderValue::from_static("2");
    sandbox.fault(Fault::status(StatusCode::TOO_MANY_REQUESTS).header(RETRY_AFTER, wait));
    let response = check(&sandbox, &token, &code).await;
    assert_eq!((response.status, &response.body[..]), (429, ""));
    assert_eq!(response.header("retry-after"), Some("2"));
    assert_eq!(response.header("content-type"), None);

    let close = HeaderValue::from_static("close");
    sandbox.fault(Fault::own_answer().header(CONNECTION, close));
    let mut connection = Connection::with(&sandbox, &renewal()).await;
    connection.receive().await.unwrap().json(200);
    assert!(connection.ends_empty().await);

    // A wrong content length is not sent.
    let wrong = ::http::Response::builder().header("content-length", "9");
    sandbox.fault(Fault::answer(wrong.body("four").unwrap()));
    assert_eq!(check(&sandbox, &token, &code).await.body, "four");

    sandbox.fault(Fault::status(StatusCode::SERVICE_UNAVAILABLE).always());
    for _ in 0..3 {
        assert_eq!(check(&sandbox, &token, &code).await.status, 503);
    }
    sandbox.clear_faults();
    check(&sandbox, &token, &code).await.json(200);
}

#[tokio::test]
async fn the_server_survives_unusual_statuses() {
    let sandbox = sandbox().await;
    let last = renewal().replace("User-Agent", "Connection: close\r\nUser-Agent");
    for status in [100, 101, 204, 304, 599, 999] {
        let status = StatusCode::from_u16(status).unwrap();
        sandbox.fault(Fault::json(status, "{}"));
        let connection = Connection::with(&sandbox, &last).await;
        connection.read_to_end().await;
    }
    assert_eq!(sandbox.requests().len(), 6);
    ask(&sandbox, &renewal()).await.unwrap().json(200);
}

#[tokio::test]
async fn browser_requests_for_icons_use_up_no_fault() {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::cut());
    for path in [
        "/favicon.ico",
        "/.well-known/appspecific/com.chrome.devtools.json",
    ] {
        send(&sandbox, "GET", path, "", "").await.json(404);
    }
    assert_eq!(sandbox.fault_count(), 1);
    let program = request("GET", "/v1/nothing", "", "");
    assert!(ask(&sandbox, &program).await.is_none());
    assert_eq!(sandbox.fault_count(), 0);
}

#[tokio::test]
async fn the_expiry_fault_invalidates_all_tokens() {
    let (sandbox, token) = with_token().await;
    let code = dynamic_code(usd(100));
    sandbox.fault(Fault::tokens_expire().after(1));
    check(&sandbox, &token, &code).await.json(200);
    for _ in 0..2 {
        let response = check(&sandbox, &token, &code).await;
        assert_eq!(response.value(401)["errorCode"], 6);
    }
    let renewed = sandbox.issue_token(crate::EMAIL);
    check(&sandbox, &renewed, &code).await.json(200);
}
