//! Tests that invalid rules are refused, and that every accepted rule is accepted again after it is written and read
//! back.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::Fault;

#[test]
fn an_invalid_rule_is_refused_with_its_location() {
    for (rule, expected) in [
        ("[]", "rule: "),
        (
            r#"{"answer":"explode"}"#,
            "rule.answer: unknown variant `explode`, expected one of `own`",
        ),
        (
            r#"{"answer":7}"#,
            "rule.answer: expected a name or an object",
        ),
        (r#"{"answer":{}}"#, "rule.answer: missing field `status`"),
        (
            r#"{"answer":{"status":99}}"#,
            "rule.answer: the status is not",
        ),
        (r#"{"answer":{"status":70000}}"#, "rule.answer: "),
        (
            r#"{"answer":{"status":100}}"#,
            "rule.answer.status: the status is not final",
        ),
        (
            r#"{"answer":{"status":204,"body":"x"}}"#,
            "rule.answer: a response with 204",
        ),
        (
            r#"{"answer":{"status":304,"error":{"code":1}}}"#,
            "rule.answer: ",
        ),
        (
            r#"{"answer":{"status":200,"html":"","body":""}}"#,
            "rule.answer: specify at most one",
        ),
        (
            r#"{"answer":{"status":200,"error":{"code":256}}}"#,
            "rule.answer: ",
        ),
        (
            r#"{"answer":{"status":200,"x":1}}"#,
            "rule.answer: unknown field `x`",
        ),
        (
            r#"{"answer":{"status":200,"headers":{"content-length":"1"}}}"#,
            "rule.answer.headers: ",
        ),
        (
            r#"{"on":"verfy"}"#,
            "rule.on: unknown variant `verfy`, expected one of `request_token`",
        ),
        (r#"{"times":"often"}"#, "rule.times: "),
        (r#"{"times":-1}"#, "rule.times: "),
        (
            r#"{"times":0,"answer":"cut"}"#,
            "rule.times: 0 matches no request",
        ),
        (r#"{"percent":101,"answer":"cut"}"#, "rule.percent: "),
        (r#"{"percent":0,"answer":"cut"}"#, "rule.percent: "),
        (r#"{"headers":{"a b":"c"}}"#, "rule.headers: `a b`"),
        (r#"{"headers":{"a":"c\nd"}}"#, "rule.headers: `a`"),
        (r#"{"headers":{"a":7}}"#, "rule.headers: "),
        (
            r#"{"headers":{"Content-Length":"1"}}"#,
            "rule.headers: content-length, ",
        ),
        (
            r#"{"headers":{"transfer-encoding":"chunked"}}"#,
            "rule.headers: ",
        ),
        (
            r#"{"headers":{"connection":"keep-alive"}}"#,
            "rule.headers: ",
        ),
        (r#"{"withoutItems":["a"]}"#, "rule.withoutItems: "),
        (r#"{"items":{"a":"b"}}"#, "rule.items: "),
        (r#"{"transactionPlace":"here"}"#, "rule.transactionPlace: "),
        (
            r#"{"floatTime":true}"#,
            "rule.floatTime: unknown field `floatTime`, expected one of `on`",
        ),
        (r#"{"delayMs":"1s"}"#, "rule.delayMs: "),
        (r#"{"truncateTo":4294967296}"#, "rule.truncateTo: "),
        (r#"{"limit":5}"#, "rule.limit: the answer contains no limit"),
        (r#"{"limit":5,"answer":"cut"}"#, "rule.limit: "),
        (
            r#"{"answer":"forbidden","retryAfter":1,"retryAfterDate":1000}"#,
            "rule.retryAfterDate: retryAfter and retryAfterDate both set",
        ),
        (
            r#"{"retryAfterDate":253402300800000}"#,
            "rule.retryAfterDate: ",
        ),
    ] {
        let error = Fault::from_json(rule).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{rule}: {error}");
    }
}

#[test]
fn a_rule_without_an_effect_is_refused() {
    for (rule, place) in [
        ("{}", "rule"),
        (r#"{"on":"verify","times":3,"delayMs":0}"#, "rule"),
        (r#"{"headers":{"x":[]}}"#, "rule"),
        (r#"{"answer":"cut","floatTimes":true}"#, "rule.floatTimes"),
        (r#"{"answer":"cut","retryAfter":1}"#, "rule.retryAfter"),
        (r#"{"answer":"cut","headers":{"a":"b"}}"#, "rule.headers"),
        (r#"{"answer":"hang","truncateTo":1}"#, "rule.truncateTo"),
        (r#"{"answer":"hang","dripMs":1}"#, "rule.dripMs"),
        (r#"{"answer":"hang","delayMs":1}"#, "rule.delayMs"),
        (
            r#"{"answer":"forbidden","textAmounts":true}"#,
            "rule.textAmounts",
        ),
        (
            r#"{"answer":{"status":200,"json":{"responseCode":1,"errorCode": 1}},"withoutErrorCode":true}"#,
            "rule.withoutErrorCode",
        ),
        (
            r#"{"answer":{"status":502,"html":"<h1>"},"truncateTo":4}"#,
            "rule.truncateTo",
        ),
        (
            r#"{"answer":"too_many_requests","dripMs":1}"#,
            "rule.dripMs",
        ),
        (
            r#"{"answer":"tokens_expire","reversedList":true}"#,
            "rule.reversedList",
        ),
        (r#"{"on":"verify","floatTimes":true}"#, "rule.floatTimes"),
        (
            r#"{"on":"check_bakong_account","textAmounts":true}"#,
            "rule.textAmounts",
        ),
        (
            r#"{"on":["check_transaction_by_md5"],"withoutItems":0}"#,
            "rule.withoutItems",
        ),
        (r#"{"withoutItems":50}"#, "rule.withoutItems"),
        (r#"{"withoutItems":[3,60]}"#, "rule.withoutItems"),
        (r#"{"withoutItems":[0],"items":{"0":"x"}}"#, "rule.items"),
    ] {
        let error = Fault::from_json(rule).unwrap_err();
        assert_eq!(error.place, place, "{rule}: {error}");
    }
    // Similar rules with an effect.
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
        r#"{"truncateTo":5000}"#,
    ] {
        Fault::from_json(rule).unwrap();
    }
}

/// Rules of which about half are valid. Each field occurs in some of them, mostly with a suitable value.
pub(crate) fn rules() -> impl Strategy<Value = Value> {
    let names = json!([
        "verify",
        "check_bakong_account",
        "check_transaction_by_md5",
        "check_transaction_by_md5_list",
        [],
        ["check_transaction_by_hash_list", "verify"],
    ]);
    let answers = json!([
        "own", "unauthorized", "forbidden", "too_many_requests", "quota_exhausted", "tokens_expire", "cut", "hang",
        {"status": 502, "html": "<h1>\u{17d2}\"", "headers": {"a": ["1", "2"], "content-type": "text/x"}},
        {"status": 200, "json": {"responseCode": 0, "errorCode": null, "data": [{"md5": "a"}, {"data": {"amount": 1}}]}},
        {"status": 999, "body": "x", "headers": {"Retry-After": "soon"}},
        {"status": 200, "error": {"code": 11}}, {"status": 204}, {"status": 100},
    ]);
    let (flag, indices) = (json!([true, true, false]), json!([0, [1], [2, 3], [60]]));
    let fields = json!([
        ["on", 0.3, names], ["times", 0.5, ["always", 1, 7, 0]], ["after", 0.3, [0, 3]], ["percent", 0.3, [1, 100, 0]],
        ["answer", 0.6, answers], ["limit", 0.05, [7]],
        ["headers", 0.2, [{"X-A": "b", "c": ["d", "e f"]}, {"connection": "close"}]], ["retryAfter", 0.1, [0, u64::MAX]],
        ["retryAfterDate", 0.1, [0, 784_111_777_000_u64, 253_402_300_799_999_u64]],
        ["floatTimes", 0.15, flag], ["textAmounts", 0.15, flag], ["withoutErrorCode", 0.15, flag],
        ["reversedList", 0.15, flag], ["transactionPlace", 0.15, ["inline", "transaction", "data"]],
        ["withoutItems", 0.1, indices], ["garbledItems", 0.1, indices], ["serviceFailedItems", 0.1, indices],
        ["namelessItems", 0.1, indices], ["items", 0.1, [{"4": "x", "5": "{\"status\":0,\"data\":[\"?\"]}"}]],
        ["delayMs", 0.2, [0, 250, u64::MAX]], ["truncateTo", 0.15, [0, 3, u32::MAX]], ["dripMs", 0.15, [0, 1]],
    ]);
    let fields: Vec<_> = fields.as_array().unwrap().iter().map(field).collect();
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
}

/// A field with a name, a probability, and possible values.
fn field(field: &Value) -> impl Strategy<Value = Option<(String, Value)>> + use<> {
    let name = field[0].as_str().unwrap().to_owned();
    let value = proptest::sample::select(field[2].as_array().unwrap().clone());
    let value = value.prop_map(move |value| (name.clone(), value));
    proptest::option::weighted(field[1].as_f64().unwrap(), value)
}

#[test]
fn every_accepted_rule_is_accepted_again() {
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(4_000)
    });
    let accepted = std::cell::Cell::new(0_u32);
    let result = runner.run(&rules(), |rule| {
        let Ok(fault) = Fault::from_json(&rule.to_string()) else {
            return Ok(());
        };
        accepted.set(accepted.get() + 1);
        let written = json!(fault);
        let again = Fault::from_json(&written.to_string());
        let again = again.map_err(|error| TestCaseError::fail(format!("{written}: {error}")))?;
        prop_assert_eq!(&again, &fault, "{}", rule);
        prop_assert_eq!(json!(again), written);
        Ok(())
    });
    result.unwrap();
    assert!(accepted.get() > 400, "{}", accepted.get());
}
