//! Answers that are right in substance and odd in form, or right and hard to get.

use std::time::{Duration, Instant};

use ::http::StatusCode;
use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use khqr_core::Timestamp;

use crate::client::{Answer, Connection, check, post, post_text};
use crate::{NOW, customer, dynamic_code, md5_of, sandbox, usd};

/// A sandbox, a token, and a code that is paid.
async fn paid() -> (Sandbox, String, String) {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(150));
    customer(&sandbox).pay(&code).unwrap();
    (sandbox, token, code)
}

/// Asks for both codes in one list.
async fn check_both(sandbox: &Sandbox, token: &str, first: &str, second: &str) -> Answer {
    let body = format!(r#"["{}","{}"]"#, md5_of(first), md5_of(second));
    let path = ApiEndpoint::CheckTransactionByMd5List.path();
    post(sandbox, path, Some(token), &body).await
}

#[tokio::test]
async fn what_an_api_says_instead_is_said_for_as_long_as_asked() {
    let (sandbox, token, code) = paid().await;
    sandbox.fault(
        Fault::quota_exhausted()
            .on(ApiEndpoint::CheckTransactionByMd5)
            .times(2),
    );
    for _ in 0..2 {
        assert_eq!(
            check(&sandbox, &token, &code).await.json(200),
            r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#
        );
    }
    sandbox.fault(Fault::unauthorized());
    let answer = check(&sandbox, &token, &code).await;
    assert!(answer.json(401).contains(r#""errorCode":6,"#));
    sandbox.fault(Fault::error(StatusCode::OK, 6, "Unauthorized"));
    let answer = check(&sandbox, &token, &code).await;
    assert_eq!(
        answer.json(200),
        r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized"}"#
    );
    let answer = check(&sandbox, &token, &code).await;
    assert!(answer.json(200).contains(r#""amount":1.5,"#));
}

#[tokio::test]
async fn who_is_too_fast_hears_when_to_come_back() {
    let (sandbox, token, code) = paid().await;
    sandbox.fault(Fault::too_many_requests().retry_after(Duration::from_secs(2)));
    sandbox.fault(Fault::too_many_requests().retry_after_date(NOW));
    sandbox.fault(Fault::too_many_requests());
    let unavailable = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    sandbox.fault(unavailable.retry_after_date(Timestamp::from_millis(0)));
    for (status, expected) in [
        (429, Some("2")),
        (429, Some("Wed, 22 Oct 2025 17:29:02 GMT")),
        (429, None),
        (503, Some("Thu, 01 Jan 1970 00:00:00 GMT")),
    ] {
        let answer = check(&sandbox, &token, &code).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, expected)
        );
    }
}

#[tokio::test]
async fn lists_are_refused_while_single_checks_work() {
    let (sandbox, token, code) = paid().await;
    sandbox.fault(
        Fault::forbidden()
            .on(ApiEndpoint::CheckTransactionByMd5List)
            .on(ApiEndpoint::CheckTransactionByHashList)
            .always(),
    );
    for endpoint in [
        ApiEndpoint::CheckTransactionByMd5List,
        ApiEndpoint::CheckTransactionByHashList,
    ] {
        let answer = post(&sandbox, endpoint.path(), Some(&token), r#"["a"]"#).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (403, Some("text/html"))
        );
    }
    check(&sandbox, &token, &code).await.json(200);
}

#[tokio::test]
async fn real_answers_vary() {
    let (sandbox, token, code) = paid().await;
    let answer = check(&sandbox, &token, &code).await;
    let plain = answer.json(200);
    let times = r#""createdDateMs":1761154142000,"acknowledgedDateMs":1761154142000"#;
    let odd_times = r#""createdDateMs":1761154142000.0,"acknowledgedDateMs":1761154142000.2"#;
    sandbox.fault(Fault::own_answer().float_times());
    sandbox.fault(Fault::own_answer().text_amounts());
    sandbox.fault(Fault::own_answer().without_error_code());
    for expected in [
        plain.replace(times, odd_times),
        plain.replace(":1.5,", r#":"1.5","#),
        plain.replace(r#""errorCode":null,"#, ""),
        plain.to_owned(),
    ] {
        assert_eq!(check(&sandbox, &token, &code).await.json(200), expected);
    }
}

#[tokio::test]
async fn lists_come_disordered_and_incomplete() {
    let (sandbox, token, code) = paid().await;
    let other = dynamic_code(usd(200));
    let ask = async || check_both(&sandbox, &token, &code, &other).await;
    let plain = ask().await;
    let (head, items) = plain.json(200).split_once('[').unwrap();
    let (first, second) = items.split_once(r#",{"md5""#).unwrap();
    let second = format!(r#"{{"md5"{}"#, second.strip_suffix("]}").unwrap());
    let list = |items: &[&str]| format!("{head}[{}]}}", items.join(","));
    assert_eq!(plain.body, list(&[first, &second]));

    sandbox.fault(Fault::own_answer().reversed_list());
    assert_eq!(ask().await.json(200), list(&[&second, first]));
    sandbox.fault(Fault::own_answer().without_item(0));
    assert_eq!(ask().await.json(200), list(&[&second]));
    sandbox.fault(Fault::own_answer().garbled_item(1));
    let garbage = r#"{"status":0,"data":["?"]}"#;
    assert_eq!(ask().await.json(200), list(&[first, garbage]));
    sandbox.fault(Fault::own_answer().item(0, "null"));
    assert_eq!(ask().await.json(200), list(&["null", &second]));
    sandbox.fault(Fault::own_answer().items_under_transaction());
    let moved = list(&[first, &second]).replace("\"data\":{", "\"transaction\":{");
    let moved = moved.replace("\"data\":null", "\"transaction\":null");
    assert_eq!(ask().await.json(200), moved);
    sandbox.fault(Fault::own_answer().items_inline());
    let inline = list(&[first, &second])
        .replace("\"data\":{", "")
        .replace("}},", "},")
        .replace(",\"data\":null", "");
    assert_eq!(ask().await.json(200), inline);
}

#[tokio::test]
async fn a_truncated_body_falls_short_of_its_length() {
    let (sandbox, token, code) = paid().await;
    let whole = check(&sandbox, &token, &code).await.body;
    let body = format!(r#"{{"md5":"{}"}}"#, md5_of(&code));
    let path = ApiEndpoint::CheckTransactionByMd5.path();
    let text = post_text(path, Some(&token), &body);
    for sent in [0, 1, whole.len() - 1] {
        for fault in [
            Fault::own_answer(),
            Fault::own_answer().dripped(Duration::ZERO),
        ] {
            sandbox.fault(fault.truncated_to(sent));
            let mut connection = Connection::open(sandbox.address()).await;
            connection.send(text.as_bytes()).await;
            let came = connection.read_to_end().await;
            let (head, body) = came.split_once("\r\n\r\n").unwrap();
            let length = format!("content-length: {}", whole.len());
            assert!(
                head.starts_with("HTTP/1.1 200 OK") && head.contains(&length),
                "{head}"
            );
            assert_eq!(body, &whole[..sent]);
        }
    }
    sandbox.fault(Fault::own_answer().truncated_to(whole.len()));
    assert_eq!(check(&sandbox, &token, &code).await.body, whole);
    let asked = sandbox.requests();
    assert!(
        asked
            .iter()
            .all(|exchange| exchange.status == Some(StatusCode::OK))
    );
}

#[tokio::test]
async fn dripped_bytes_are_the_same_bytes() {
    let (sandbox, token, code) = paid().await;
    let whole = check(&sandbox, &token, &code).await.body;
    sandbox.fault(Fault::own_answer().dripped(Duration::ZERO));
    assert_eq!(check(&sandbox, &token, &code).await.body, whole);

    let gap = Duration::from_millis(1);
    sandbox.fault(Fault::html(StatusCode::BAD_GATEWAY, "0123456789").dripped(gap));
    let start = Instant::now();
    assert_eq!(check(&sandbox, &token, &code).await.body, "0123456789");
    assert!(start.elapsed() >= 9 * gap);
}

#[tokio::test]
async fn latency_takes_real_time_and_moves_no_clock() {
    let (sandbox, token, code) = paid().await;
    let latency = Duration::from_millis(20);
    let whole = check(&sandbox, &token, &code).await.body;
    sandbox.fault(Fault::own_answer().delayed(latency));
    let start = Instant::now();
    assert_eq!(check(&sandbox, &token, &code).await.body, whole);
    assert!(start.elapsed() >= latency);
    assert_eq!(sandbox.now(), NOW);

    sandbox.fault(Fault::cut().delayed(latency));
    let start = Instant::now();
    let mut connection = Connection::open(sandbox.address()).await;
    let text = post_text("/v1/verify", None, "{}");
    connection.send(text.as_bytes()).await;
    assert!(connection.ends_empty().await);
    assert!(start.elapsed() >= latency);
}

#[tokio::test]
async fn stopping_waits_for_no_slow_answer() {
    let hour = Duration::from_secs(3600);
    for fault in [
        Fault::own_answer().delayed(hour),
        Fault::own_answer().dripped(hour),
    ] {
        let sandbox = sandbox().await;
        sandbox.fault(fault);
        let mut connection = Connection::open(sandbox.address()).await;
        let text = post_text("/v1/verify", None, "{}");
        connection.send(text.as_bytes()).await;
        while sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, sandbox.stop())
            .await
            .unwrap();
    }
}
