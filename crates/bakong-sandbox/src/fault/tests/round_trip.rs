//! Which rules are taken, and that those are told so that they are taken again.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::Fault;

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
        (
            r#"{"truncateTo":4294967296}"#,
            "rule.truncateTo: 4294967296 is not a whole number from 0 to 4294967295; give",
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
pub(crate) fn rules() -> impl Strategy<Value = Value> {
    let field = |name: &'static str, weight, values: Vec<Value>| {
        let value = proptest::sample::select(values).prop_map(move |value| (name, value));
        proptest::option::weighted(weight, value)
    };
    let names: Vec<Value> = crate::ApiEndpoint::ALL
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
