//! What faults make of an answer.

use serde_json::{Value, json};

use super::*;

/// The answer that a fault makes of `own`.
fn answer(fault: Fault, own: &'static str) -> Answer {
    let own = || wire::with_body(StatusCode::OK, wire::JSON, own.into());
    match fault.trouble.befall(own).outcome {
        Outcome::Answer(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn framing_is_the_server_s() {
    let response = Response::builder()
        .header(CONTENT_LENGTH, "9")
        .header(TRANSFER_ENCODING, "chunked")
        .body("ok")
        .unwrap();
    let fault = Fault::answer(response).header(CONTENT_LENGTH, HeaderValue::from_static("1"));
    assert!(answer(fault, "").headers().is_empty());
}

#[test]
fn an_own_answer_is_the_sandbox_s() {
    let fault = Fault::own_answer().header(RETRY_AFTER, HeaderValue::from_static("1"));
    let answer = answer(fault, "{ }");
    assert_eq!(answer.body(), "{ }");
    assert_eq!(answer.headers().len(), 2);
}

#[test]
fn retry_after_has_both_its_forms() {
    let header = |fault: Fault| {
        let answer = answer(fault, "");
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
fn errors_are_those_of_the_api() {
    let text = |fault| {
        let answer = answer(fault, "");
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), body)
    };
    assert_eq!(
        text(Fault::quota_exhausted()),
        (
            200,
            r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"Daily request limit of 100 exceeded. Please try again tomorrow."}"#.to_owned()
        )
    );
    assert_eq!(
        text(Fault::error(StatusCode::OK, 4, "a \"b\"")),
        (
            200,
            r#"{"data":null,"errorCode":4,"responseCode":1,"responseMessage":"a \"b\""}"#
                .to_owned()
        )
    );
    let (status, body) = text(Fault::unauthorized());
    assert!(
        status == 401 && body.contains(r#""errorCode":6,"#),
        "{body}"
    );
    let (status, body) = text(Fault::forbidden());
    assert!(status == 403 && body.contains("nginx"), "{body}");
}

/// Every kind of fault, as a program and as a rule asks for it.
fn both_ways() -> Vec<(Fault, &'static str)> {
    use crate::endpoint::ApiEndpoint;
    let own = Fault::own_answer;
    let named = HeaderName::from_static("x-served-by");
    vec![
        (
            own().delayed(Duration::from_millis(1)),
            r#"{"answer":"own","on":[],"times":1,"percent":100,"headers":null,"delayMs":1}"#,
        ),
        (Fault::unauthorized(), r#"{"answer":"unauthorized"}"#),
        (
            Fault::forbidden().always(),
            r#"{"answer":"forbidden","times":"always"}"#,
        ),
        (Fault::tokens_expire(), r#"{"answer":"tokens_expire"}"#),
        (Fault::cut().times(3), r#"{"answer":"cut","times":3}"#),
        (
            Fault::hang().on(ApiEndpoint::Verify).after(2).percent(30),
            r#"{"answer":"hang","on":"verify","after":2,"percent":30}"#,
        ),
        (Fault::quota_exhausted(), r#"{"answer":"quota_exhausted"}"#),
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
            Fault::status(StatusCode::SERVICE_UNAVAILABLE),
            r#"{"answer":{"status":503}}"#,
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
            Fault::error(StatusCode::OK, 4, "no \"provider\""),
            r#"{"answer":{"status":200,"error":{"code":4,"message":"no \"provider\""}}}"#,
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
            Fault::answer(Response::new("plain")).header(named, HeaderValue::from_static("edge")),
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
                "serviceFailedItems":[3],"namelessItems":4,
                "transactionPlace":"inline"}"#,
        ),
        (
            own().items_under_transaction(),
            r#"{"transactionPlace":"transaction"}"#,
        ),
        (
            own()
                .delayed(Duration::from_millis(250))
                .truncated_to(10)
                .dripped(Duration::ZERO),
            r#"{"delayMs":250,"truncateTo":10,"dripMs":0}"#,
        ),
    ]
}

/// Whoever shows the rules knows them by what they were called.
#[test]
fn a_rule_is_told_as_people_write_it() {
    for rule in [
        json!({"answer": "quota_exhausted", "times": "always"}),
        json!({"answer": "too_many_requests", "retryAfter": 30, "times": 1}),
        json!({"answer": "forbidden", "headers": {"retry-after": ["05"]}, "times": 1}),
        json!({"answer": "forbidden", "headers": {"retry-after": ["5", "6"]}, "times": 1}),
    ] {
        assert_eq!(Fault::from_json(&rule.to_string()).unwrap().rule(), rule);
    }
}

#[test]
fn a_rule_is_the_fault_that_a_program_would_ask_for() {
    for (fault, rule) in both_ways() {
        let read = Fault::from_json(rule).unwrap();
        assert_eq!(format!("{read:?}"), format!("{fault:?}"), "{rule}");
    }
}

#[test]
fn a_fault_tells_the_rule_that_it_is() {
    for (fault, _) in both_ways() {
        let rule = fault.rule().to_string();
        let read = Fault::from_json(&rule).unwrap();
        assert_eq!(format!("{read:?}"), format!("{fault:?}"), "{rule}");
    }
}

#[test]
fn an_answer_that_has_a_name_is_told_by_it() {
    for name in [
        "unauthorized",
        "forbidden",
        "too_many_requests",
        "cut",
        "hang",
    ] {
        let rule = format!(r#"{{"answer":"{name}","times":"always"}}"#);
        assert_eq!(Fault::from_json(&rule).unwrap().rule()["answer"], name);
    }
}

#[test]
fn an_error_code_brings_the_documents_message() {
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
        let rule = format!(r#"{{"answer":{{"status":200,"error":{{"code":{code}}}}}}}"#);
        let answer = answer(Fault::from_json(&rule).unwrap(), "");
        let told: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(
            (&told["errorCode"], &told["responseMessage"]),
            (&code.into(), &message.into())
        );
    }
}

#[test]
fn a_wrong_rule_is_refused_with_its_place() {
    for (rule, told) in [
        ("[]", "rule: "),
        (
            r#"{"answer":"explode"}"#,
            "rule.answer: there is no answer `explode`",
        ),
        (r#"{"answer":7}"#, "rule.answer: 7 is no answer"),
        (r#"{"answer":{}}"#, "rule.answer.status: it is missing"),
        (
            r#"{"answer":{"status":99}}"#,
            "rule.answer.status: it is no",
        ),
        (
            r#"{"answer":{"status":70000}}"#,
            "rule.answer.status: it is no",
        ),
        (
            r#"{"answer":{"status":200,"html":"","body":""}}"#,
            "more than one body",
        ),
        (
            r#"{"answer":{"status":200,"error":{"code":256}}}"#,
            "rule.answer.error.code: ",
        ),
        (
            r#"{"answer":{"status":200,"x":1}}"#,
            "rule.answer.x: there is no",
        ),
        (r#"{"on":"verfy"}"#, "rule.on: there is no endpoint `verfy`"),
        (r#"{"times":"often"}"#, "rule.times: "),
        (r#"{"times":-1}"#, "rule.times: "),
        (r#"{"times":0,"answer":"cut"}"#, "rule.times: 0 strikes no"),
        (r#"{"percent":101}"#, "rule.percent: "),
        (r#"{"percent":0,"answer":"cut"}"#, "rule.percent: "),
        (r#"{"headers":{"a b":"c"}}"#, "rule.headers: `a b`"),
        (r#"{"headers":{"a":"c\nd"}}"#, "rule.headers: `a`"),
        (r#"{"headers":{"a":7}}"#, "rule.headers: `a`"),
        (r#"{"withoutItems":["a"]}"#, "rule.withoutItems: "),
        (r#"{"items":{"a":"b"}}"#, "rule.items: "),
        (r#"{"transactionPlace":"here"}"#, "rule.transactionPlace: "),
        (
            r#"{"floatTime":true}"#,
            "rule.floatTime: there is no such field",
        ),
        (r#"{"delayMs":"1s"}"#, "rule.delayMs: "),
    ] {
        let error = Fault::from_json(rule).unwrap_err().to_string();
        assert!(error.contains(told), "{rule}: {error}");
    }
}
