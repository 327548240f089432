//! What faults make of an answer.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
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
    use crate::endpoint::Endpoint;
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
            Fault::hang().on(Endpoint::Verify).after(2).percent(30),
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
                .on(Endpoint::CheckTransactionByMd5List)
                .on(Endpoint::CheckTransactionByHashList)
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
fn what_can_have_no_effect_is_refused() {
    for (rule, told) in [
        ("{}", "rule: it changes nothing; give an answer"),
        (
            r#"{"on":"verify","times":3,"delayMs":0}"#,
            "rule: it changes nothing",
        ),
        (r#"{"headers":{"x":[]}}"#, "rule: it changes nothing"),
        (r#"{"answer":{"status":100}}"#, "rule.answer.status: "),
        (r#"{"answer":{"status":199}}"#, "rule.answer.status: "),
        (
            r#"{"answer":{"status":204,"body":"x"}}"#,
            "rule.answer.body: an answer with 204",
        ),
        (
            r#"{"answer":{"status":304,"error":{"code":1}}}"#,
            "rule.answer.error: ",
        ),
        (
            r#"{"headers":{"Content-Length":"1"}}"#,
            "rule.headers: `content-length` is the server's",
        ),
        (
            r#"{"headers":{"transfer-encoding":"chunked"}}"#,
            "rule.headers: ",
        ),
        (
            r#"{"headers":{"connection":"keep-alive"}}"#,
            "rule.headers: `connection`",
        ),
        (
            r#"{"answer":{"status":200,"headers":{"content-length":"1"}}}"#,
            "rule.answer.headers: ",
        ),
        (r#"{"limit":5}"#, "rule.limit: the answer tells no limit"),
        (r#"{"limit":5,"answer":"cut"}"#, "rule.limit: "),
        (r#"{"limit":5,"answer":{"status":200}}"#, "rule.limit: "),
        (
            r#"{"answer":"cut","floatTimes":true}"#,
            "rule.floatTimes: there is no answer",
        ),
        (
            r#"{"answer":"cut","retryAfter":1}"#,
            "rule.retryAfter: there is no answer",
        ),
        (
            r#"{"answer":"cut","headers":{"a":"b"}}"#,
            "rule.headers: there is no answer",
        ),
        (
            r#"{"answer":"hang","truncateTo":1}"#,
            "rule.truncateTo: there is no answer",
        ),
        (
            r#"{"answer":"hang","dripMs":1}"#,
            "rule.dripMs: there is no answer",
        ),
        (
            r#"{"answer":"hang","delayMs":1}"#,
            "rule.delayMs: nothing comes",
        ),
        (
            r#"{"answer":"forbidden","textAmounts":true}"#,
            "rule.textAmounts: it changes nothing",
        ),
        (
            r#"{"answer":{"status":200,"json":{"responseCode":1,"errorCode":1}},"withoutErrorCode":true}"#,
            "rule.withoutErrorCode: it changes nothing",
        ),
        (
            r#"{"answer":{"status":502,"html":"<h1>"},"truncateTo":4}"#,
            "rule.truncateTo: ",
        ),
        (
            r#"{"answer":"too_many_requests","dripMs":1}"#,
            "rule.dripMs: this answer has no body",
        ),
        (
            r#"{"answer":"tokens_expire","reversedList":true}"#,
            "rule.reversedList: whoever asks",
        ),
        (
            r#"{"on":"verify","floatTimes":true}"#,
            "rule.floatTimes: no endpoint in `on`",
        ),
        (
            r#"{"on":"check_bakong_account","textAmounts":true}"#,
            "rule.textAmounts: ",
        ),
        (
            r#"{"on":["check_transaction_by_md5"],"withoutItems":0}"#,
            "rule.withoutItems: no endpoint in `on` answers with a list",
        ),
        (
            r#"{"withoutItems":50}"#,
            "rule.withoutItems: a list has at most 50",
        ),
        (
            r#"{"withoutItems":[0],"items":{"0":"x"}}"#,
            "rule.items: item 0 stands in withoutItems already",
        ),
        (
            r#"{"garbledItems":[1,1]}"#,
            "rule.garbledItems: item 1 stands in",
        ),
        (
            r#"{"retryAfter":1,"retryAfterDate":1000}"#,
            "rule.retryAfterDate: retryAfter says when",
        ),
        (
            r#"{"retryAfterDate":253402300800000}"#,
            "rule.retryAfterDate: ",
        ),
    ] {
        let error = Fault::from_json(rule).unwrap_err().to_string();
        assert!(error.contains(told), "{rule}: {error}");
    }
    // And what is nearly the same, and has one.
    for rule in [
        r#"{"answer":{"status":204}}"#,
        r#"{"answer":{"status":204,"body":""}}"#,
        r#"{"headers":{"connection":"Close"}}"#,
        r#"{"answer":"cut","delayMs":1}"#,
        r#"{"answer":{"status":502,"html":"<h1>"},"truncateTo":3}"#,
        r#"{"answer":{"status":200,"json":{"responseCode":0,"errorCode":null}},"withoutErrorCode":true}"#,
        r#"{"on":["verify","check_transaction_by_hash"],"floatTimes":true}"#,
        r#"{"answer":"tokens_expire"}"#,
        r#"{"withoutItems":49}"#,
    ] {
        Fault::from_json(rule).unwrap();
    }
}

/// Rules of which about a half can be: each field now and then, with a value that suits it most of the time.
fn rules() -> impl Strategy<Value = Value> {
    let field = |name: &'static str, weight, values: Vec<Value>| {
        let value = proptest::sample::select(values).prop_map(move |value| (name, value));
        proptest::option::weighted(weight, value)
    };
    let names: Vec<Value> = crate::Endpoint::ALL
        .iter()
        .map(|it| it.name().into())
        .chain([json!(["check_transaction_by_md5", "verify"]), json!([])])
        .collect();
    let answers = [
        json!("own"),
        json!("unauthorized"),
        json!("forbidden"),
        json!("too_many_requests"),
        json!("quota_exhausted"),
        json!("tokens_expire"),
        json!("cut"),
        json!("hang"),
        json!({"status": 502, "html": "<h1>\u{17d2}\"", "headers": {"a": ["1", "2"], "content-type": "text/x"}}),
        json!({"status": 200, "json": {"responseCode": 0, "errorCode": null, "data": [{"md5": "a"}, {"data": {"amount": 1, "createdDateMs": 7}}]}}),
        json!({"status": 999, "body": "x", "headers": {"Retry-After": "soon"}}),
        json!({"status": 200, "error": {"code": 11}}),
        json!({"status": 204}),
        json!({"status": 100}),
    ];
    let flag = || vec![json!(true), json!(true), json!(false)];
    let places = || vec![json!(0), json!([1]), json!([2, 3]), json!([60])];
    let which = (
        field("on", 0.3, names),
        field(
            "times",
            0.5,
            vec![json!("always"), json!(1), json!(7), json!(0)],
        ),
        field("after", 0.3, vec![json!(0), json!(3)]),
        field("percent", 0.3, vec![json!(1), json!(100), json!(0)]),
        field("answer", 0.6, answers.into()),
        field("limit", 0.05, vec![json!(7)]),
    );
    let what = (
        field(
            "headers",
            0.2,
            vec![
                json!({"X-A": "b", "c": ["d", "e f"]}),
                json!({"connection": "close"}),
            ],
        ),
        field("retryAfter", 0.1, vec![json!(0), json!(u64::MAX)]),
        field(
            "retryAfterDate",
            0.1,
            vec![
                json!(0),
                json!(784_111_777_000_u64),
                json!(253_402_300_799_999_u64),
            ],
        ),
        field("floatTimes", 0.15, flag()),
        field("textAmounts", 0.15, flag()),
        field("withoutErrorCode", 0.15, flag()),
        field("reversedList", 0.15, flag()),
        field(
            "transactionPlace",
            0.15,
            vec![json!("inline"), json!("transaction"), json!("data")],
        ),
    );
    let items = (
        field("withoutItems", 0.1, places()),
        field("garbledItems", 0.1, places()),
        field("serviceFailedItems", 0.1, places()),
        field("namelessItems", 0.1, places()),
        field(
            "items",
            0.1,
            vec![json!({"4": "x", "5": "{\"status\":0,\"data\":[\"?\"]}"})],
        ),
        field("delayMs", 0.2, vec![json!(0), json!(250), json!(u64::MAX)]),
        field(
            "truncateTo",
            0.15,
            vec![json!(0), json!(3), json!(u32::MAX)],
        ),
        field("dripMs", 0.15, vec![json!(0), json!(1)]),
    );
    (which, what, items).prop_map(|(which, what, items)| {
        let (a, b, c, d, e, f) = which;
        let (g, h, i, j, k, l, m, n) = what;
        let (o, p, q, r, s, t, u, v) = items;
        let all = [
            a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
        ];
        let fields = all.into_iter().flatten();
        Value::Object(
            fields
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

/// Whatever rule is taken is told as one that is taken, too, and is the same: [`Fault::rule`] can be posted back.
#[test]
fn any_rule_that_is_taken_is_told_so_that_it_is_taken_again() {
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(4_000)
    });
    let taken = std::cell::Cell::new(0_u32);
    let result = runner.run(&rules(), |rule| {
        let Ok(fault) = Fault::from_json(&rule.to_string()) else {
            return Ok(());
        };
        taken.set(taken.get() + 1);
        let told = fault.rule();
        let again = Fault::from_json(&told.to_string());
        let again = again.map_err(|error| TestCaseError::fail(format!("{told}: {error}")))?;
        prop_assert_eq!(format!("{:?}", again), format!("{:?}", fault), "{}", rule);
        prop_assert_eq!(again.rule(), told);
        Ok(())
    });
    result.unwrap();
    assert!(taken.get() > 400, "{}", taken.get());
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
