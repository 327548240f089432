//! What faults make of an answer.

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
