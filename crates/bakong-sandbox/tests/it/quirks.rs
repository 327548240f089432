//! Faults that change the form of a response, or make it slow or incomplete.

use std::time::{Duration, Instant};

use ::http::StatusCode;
use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use khqr_core::Timestamp;

use crate::client::{Connection, Response, check, post, post_text};
use crate::{NOW, assert_contains, customer, dynamic_code, md5_of, usd, with_token};

/// A sandbox with a token and a paid code.
struct Paid {
    sandbox: Sandbox,
    token: String,
    code: String,
}

impl Paid {
    async fn new() -> Self {
        let (sandbox, token) = with_token().await;
        let code = dynamic_code(usd(150));
        customer(&sandbox).pay(&code).unwrap();
        Self {
            sandbox,
            token,
            code,
        }
    }

    async fn check(&self) -> Response {
        check(&self.sandbox, &self.token, &self.code).await
    }

    /// Checks the paid code with this fault.
    async fn check_with(&self, fault: Fault) -> Response {
        self.sandbox.fault(fault);
        self.check().await
    }
}

#[tokio::test]
async fn an_error_fault_applies_as_often_as_requested() {
    let paid = Paid::new().await;
    paid.sandbox.fault(
        Fault::quota_exhausted()
            .on(ApiEndpoint::CheckTransactionByMd5)
            .times(2),
    );
    for _ in 0..2 {
        assert_eq!(
            paid.check().await.json(200),
            r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#
        );
    }
    let response = paid.check_with(Fault::unauthorized()).await;
    assert_eq!(response.value(401)["errorCode"], 6);
    let error = Fault::error(StatusCode::OK, 6, "Unauthorized");
    assert_eq!(
        paid.check_with(error).await.json(200),
        r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized"}"#
    );
    assert_contains(paid.check().await.json(200), &[r#""amount":1.5,"#]);
}

#[tokio::test]
async fn retry_after_is_seconds_or_a_date() {
    let paid = Paid::new().await;
    let limited = Fault::too_many_requests;
    let unavailable = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    let epoch = Timestamp::from_millis(0);
    for (fault, status, expected) in [
        (
            limited().retry_after(Duration::from_secs(2)),
            429,
            Some("2"),
        ),
        (
            limited().retry_after_date(NOW),
            429,
            Some("Wed, 22 Oct 2025 17:29:02 GMT"),
        ),
        (limited(), 429, None),
        (
            unavailable.retry_after_date(epoch),
            503,
            Some("Thu, 01 Jan 1970 00:00:00 GMT"),
        ),
    ] {
        let response = paid.check_with(fault).await;
        assert_eq!(response.status, status);
        assert_eq!(response.header("retry-after"), expected);
    }
}

#[tokio::test]
async fn a_fault_on_lists_does_not_affect_single_checks() {
    let paid = Paid::new().await;
    let lists = [
        ApiEndpoint::CheckTransactionByMd5List,
        ApiEndpoint::CheckTransactionByHashList,
    ];
    let forbidden = Fault::forbidden().on(lists[0]).on(lists[1]);
    paid.sandbox.fault(forbidden.always());
    for list in lists {
        let response = post(&paid.sandbox, list.path(), Some(&paid.token), r#"["a"]"#).await;
        assert_eq!(response.status, 403);
        assert_eq!(response.header("content-type"), Some("text/html"));
    }
    paid.check().await.json(200);
}

#[tokio::test]
async fn times_amounts_and_error_codes_can_vary_in_form() {
    let paid = Paid::new().await;
    let plain = paid.check().await.body;
    let times = r#""createdDateMs":1761154142000,"acknowledgedDateMs":1761154142000"#;
    let float_times = r#""createdDateMs":1761154142000.0,"acknowledgedDateMs":1761154142000.2"#;
    let own = Fault::own_answer;
    let without_error_code = plain.replace(r#""errorCode":null,"#, "");
    let cases = [
        (own().float_times(), plain.replace(times, float_times)),
        (own().text_amounts(), plain.replace(":1.5,", r#":"1.5","#)),
        (own().without_error_code(), without_error_code),
    ];
    // Faults apply in the order in which they were added, one to each request.
    let expected = cases.map(|(fault, expected)| {
        paid.sandbox.fault(fault);
        expected
    });
    for expected in expected {
        assert_eq!(paid.check().await.json(200), expected);
    }
    assert_eq!(paid.check().await.json(200), plain);
}

#[tokio::test]
async fn list_items_can_be_reordered_dropped_and_changed() {
    let paid = Paid::new().await;
    let other = dynamic_code(usd(200));
    let body = format!(r#"["{}","{}"]"#, md5_of(&paid.code), md5_of(&other));
    let path = ApiEndpoint::CheckTransactionByMd5List.path();
    let ask = async || post(&paid.sandbox, path, Some(&paid.token), &body).await;
    let plain = ask().await;
    let (head, items) = plain.json(200).split_once('[').unwrap();
    let (first, second) = items.split_once(r#",{"md5""#).unwrap();
    let second = format!(r#"{{"md5"{}"#, second.strip_suffix("]}").unwrap());
    let list = |items: &[&str]| format!("{head}[{}]}}", items.join(","));
    assert_eq!(plain.body, list(&[first, &second]));

    let both = list(&[first, &second]);
    let moved = both
        .replace("\"data\":{", "\"transaction\":{")
        .replace("\"data\":null", "\"transaction\":null");
    let inline = both
        .replace("\"data\":{", "")
        .replace("}},", "},")
        .replace(",\"data\":null", "");
    let garbage = r#"{"status":0,"data":["?"]}"#;
    let own = Fault::own_answer;
    for (fault, expected) in [
        (own().reversed_list(), list(&[&second, first])),
        (own().without_item(0), list(&[&second])),
        (own().garbled_item(1), list(&[first, garbage])),
        (own().item(0, "null"), list(&["null", &second])),
        (own().items_under_transaction(), moved),
        (own().items_inline(), inline),
    ] {
        paid.sandbox.fault(fault);
        assert_eq!(ask().await.json(200), expected);
    }
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_its_content_length() {
    let paid = Paid::new().await;
    let whole = paid.check().await.body;
    let body = format!(r#"{{"md5":"{}"}}"#, md5_of(&paid.code));
    let path = ApiEndpoint::CheckTransactionByMd5.path();
    let text = post_text(path, Some(&paid.token), &body);
    for sent in [0, 1, whole.len() - 1] {
        for fault in [
            Fault::own_answer(),
            Fault::own_answer().dripped(Duration::ZERO),
        ] {
            paid.sandbox.fault(fault.truncated_to(sent));
            let connection = Connection::with(&paid.sandbox, &text).await;
            let received = connection.read_to_end().await;
            let (head, body) = received.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            assert_contains(head, &[&format!("content-length: {}", whole.len())]);
            assert_eq!(body, &whole[..sent]);
        }
    }
    let not_truncated = Fault::own_answer().truncated_to(whole.len());
    assert_eq!(paid.check_with(not_truncated).await.body, whole);
    let requests = paid.sandbox.requests();
    assert!(requests.iter().all(|it| it.status == Some(StatusCode::OK)));
}

#[tokio::test]
async fn dripped_and_delayed_responses_are_slow_but_unchanged() {
    let paid = Paid::new().await;
    let whole = paid.check().await.body;
    let dripped = Fault::own_answer().dripped(Duration::ZERO);
    assert_eq!(paid.check_with(dripped).await.body, whole);

    let gap = Duration::from_millis(1);
    let dripped = Fault::html(StatusCode::BAD_GATEWAY, "0123456789").dripped(gap);
    let start = Instant::now();
    assert_eq!(paid.check_with(dripped).await.body, "0123456789");
    assert!(start.elapsed() >= 9 * gap);

    let latency = Duration::from_millis(20);
    let start = Instant::now();
    let delayed = Fault::own_answer().delayed(latency);
    assert_eq!(paid.check_with(delayed).await.body, whole);
    assert!(start.elapsed() >= latency);
    assert_eq!(paid.sandbox.now(), NOW, "latency does not move the clock");

    paid.sandbox.fault(Fault::cut().delayed(latency));
    let start = Instant::now();
    let text = post_text("/v1/verify", None, "{}");
    let connection = Connection::with(&paid.sandbox, &text).await;
    assert!(connection.ends_empty().await);
    assert!(start.elapsed() >= latency);
}
