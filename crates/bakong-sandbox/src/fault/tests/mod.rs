//! Tests the effect of faults on responses, and the acceptance of rules.

mod round_trip;

pub(crate) use self::round_trip::rules;

use std::time::Duration;

use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use khqr_core::Timestamp;
use serde_json::json;

use super::Fault;
use crate::wire::{self, Answer, ApiEndpoint};

/// The response of a fault to a request with the sandbox's response `own`.
fn answer(fault: &Fault, own: &'static str) -> Answer {
    let own = || wire::with_body(StatusCode::OK, wire::JSON, own.into());
    fault.apply(own).answer().unwrap().clone()
}

#[test]
fn framing_headers_are_ignored() {
    let response = Response::builder()
        .header(CONTENT_LENGTH, "9")
        .header(TRANSFER_ENCODING, "chunked")
        .body("ok")
        .unwrap();
    let fault = Fault::answer(response).header(CONTENT_LENGTH, HeaderValue::from_static("1"));
    assert!(answer(&fault, "").headers().is_empty());
}

#[test]
fn a_rule_without_an_answer_keeps_the_response() {
    let fault = Fault::own_answer().header(RETRY_AFTER, HeaderValue::from_static("1"));
    let answer = answer(&fault, "{ }");
    assert_eq!(answer.body(), "{ }");
    assert_eq!(answer.headers().len(), 2);
}

#[test]
fn retry_after_has_two_forms() {
    let header = |fault: Fault| {
        let answer = answer(&fault, "");
        assert_eq!(answer.status(), 429);
        answer.headers()[RETRY_AFTER].to_str().unwrap().to_owned()
    };
    let in_seconds = |delay| header(Fault::too_many_requests().retry_after(delay));
    assert_eq!(in_seconds(Duration::from_secs(120)), "120");
    assert_eq!(in_seconds(Duration::from_millis(1_001)), "2");
    assert_eq!(in_seconds(Duration::ZERO), "0");
    assert_eq!(in_seconds(Duration::MAX), u64::MAX.to_string());
    let at = |millis| {
        let moment = Timestamp::from_millis(millis);
        header(Fault::too_many_requests().retry_after_date(moment))
    };
    // RFC 9110, section 5.6.7.
    assert_eq!(at(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(at(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn named_answers_match_the_api() {
    let text = |fault| {
        let answer = answer(&fault, "");
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), body)
    };
    let spent = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#;
    let error = r#"{"data":null,"errorCode":4,"responseCode":1,"responseMessage":"a \"b\""}"#;
    assert_eq!(text(Fault::quota_exhausted()), (200, spent.to_owned()));
    let fault = Fault::error(StatusCode::OK, 4, "a \"b\"");
    assert_eq!(text(fault), (200, error.to_owned()));
    let (status, body) = text(Fault::unauthorized());
    assert!(
        status == 401 && body.contains(r#""errorCode":6,"#),
        "{body}"
    );
    let (status, body) = text(Fault::forbidden());
    assert!(status == 403 && body.contains("nginx"), "{body}");
}

#[test]
fn an_error_code_has_its_documented_message() {
    for (code, message) in [
        (
            1,
            "Transaction could not be found. Please check and try again.",
        ),
        (4, "Error requesting deeplink from provider"),
        (9, "Cannot connect to server"),
        (11, "Account ID not found"),
        (
            17,
            "Daily request limit of 100 exceeded. Please try again tomorrow.",
        ),
        (99, ""),
    ] {
        let rule = json!({"answer": {"status": 200, "error": {"code": code}}});
        let answer = answer(&Fault::from_json(&rule.to_string()).unwrap(), "");
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["errorCode"], code);
        assert_eq!(body["responseMessage"], message);
    }
}

/// Every kind of fault, built by a program and read from a rule.
#[test]
fn a_rule_equals_the_fault_of_a_program() {
    let own = Fault::own_answer;
    let served_by = HeaderName::from_static("x-served-by");
    for (fault, rule) in [
        (
            own().delayed(Duration::from_millis(1)),
            r#"{"answer":"own","on":[],"times":1,"headers":null,"delayMs":1}"#,
        ),
        (Fault::unauthorized(), r#"{"answer":"unauthorized"}"#),
        (
            Fault::forbidden().always(),
            r#"{"answer":"forbidden","times":"always"}"#,
        ),
        (Fault::tokens_expire(), r#"{"answer":"tokens_expire"}"#),
        (
            Fault::hang().on(ApiEndpoint::Verify).after(2).percent(30),
            r#"{"answer":"hang","on":"verify","after":2,"percent":30}"#,
        ),
        (
            Fault::quota_exhausted_at(7),
            r#"{"answer":"quota_exhausted","limit":7}"#,
        ),
        (
            Fault::too_many_requests().retry_after(Duration::from_secs(2)),
            r#"{"answer":"too_many_requests","retryAfter":2}"#,
        ),
        (
            Fault::too_many_requests().retry_after_date(Timestamp::from_millis(784_111_777_000)),
            r#"{"answer":"too_many_requests","retryAfterDate":784111777000}"#,
        ),
        (
            Fault::status(StatusCode::SERVICE_UNAVAILABLE).times(3),
            r#"{"answer":{"status":503},"times":3}"#,
        ),
        (
            Fault::html(StatusCode::BAD_GATEWAY, "<h1>"),
            r#"{"answer":{"status":502,"html":"<h1>"}}"#,
        ),
        (
            Fault::json(StatusCode::OK, r#"{"a": 1.0}"#),
            r#"{"answer":{"status":200,"json":{"a": 1.0}}}"#,
        ),
        (
            Fault::error(StatusCode::OK, 7, "Email server is down"),
            r#"{"answer":{"status":200,"error":{"code":7}}}"#,
        ),
        (
            Fault::json(StatusCode::OK, "null"),
            r#"{"answer":{"status":200,"json":null}}"#,
        ),
        (
            Fault::answer(Response::new("plain"))
                .header(served_by, HeaderValue::from_static("edge")),
            r#"{"answer":{"status":200,"body":"plain"},"headers":{"X-Served-By":"edge"}}"#,
        ),
        (
            own().float_times().text_amounts().without_error_code(),
            r#"{"floatTimes":true,"textAmounts":true,"withoutErrorCode":true}"#,
        ),
        (
            own()
                .on(ApiEndpoint::CheckTransactionByMd5List)
                .on(ApiEndpoint::CheckTransactionByHashList)
                .reversed_list()
                .without_item(0)
                .garbled_item(1)
                .service_failed_item(3)
                .nameless_item(4)
                .item(2, "x")
                .items_inline(),
            r#"{"on":["check_transaction_by_md5_list","check_transaction_by_hash_list"],
                "reversedList":true,"withoutItems":[0],"garbledItems":1,"items":{"2":"x"},
                "serviceFailedItems":[3],"namelessItems":4,"transactionPlace":"inline"}"#,
        ),
        (
            own()
                .items_under_transaction()
                .truncated_to(10)
                .dripped(Duration::ZERO),
            r#"{"transactionPlace":"transaction","truncateTo":10,"dripMs":0}"#,
        ),
    ] {
        assert_eq!(Fault::from_json(rule).unwrap(), fault, "{rule}");
        let written = json!(fault).to_string();
        assert_eq!(Fault::from_json(&written).unwrap(), fault, "{written}");
    }
}

#[test]
fn a_rule_is_written_in_its_short_form() {
    for rule in [
        json!({"answer": "quota_exhausted", "times": "always"}),
        json!({"answer": "too_many_requests", "retryAfter": 30, "times": 1}),
        json!({"answer": "forbidden", "headers": {"retry-after": ["5", "6"]}, "times": 1}),
        json!({"answer": {"status": 503, "html": "<h1>"}, "on": ["verify"], "times": 2}),
    ] {
        assert_eq!(json!(Fault::from_json(&rule.to_string()).unwrap()), rule);
    }
}
