//! Reading the answers to a check.

use std::time::Duration;

use bakong_api::khqr_core::{Amount, Currency, Timestamp};
use bakong_api::{
    CheckAnswer, Endpoint, ErrorClass, ErrorCode, Reading, Remedy, RetryAfter, Transaction,
};
use http::header::RETRY_AFTER;
use proptest::prelude::*;

use crate::{NOT_FOUND, answer, check, question};

/// The sample from NBC's reference.
const PAID: &str = r#"{
  "responseCode": 0,
  "responseMessage": "Getting transaction successfully.",
  "data": {
    "hash": "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9",
    "fromAccountId": "payer@bank",
    "toAccountId": "merchant@bank",
    "currency": "USD",
    "amount": 1.0,
    "description": "testing bakong generator"
  }
}"#;

/// An answer of the live service.
const PAID_LIVE: &str = r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"hash":"8608a3e1f1e9e7c8c6c3ab1a2f5e2c4d9b7a6f5e4d3c2b1a0f9e8d7c6b5a4938","fromAccountId":"abaakhppxxx@abaa","toAccountId":"shop@devb","currency":"USD","amount":1,"description":null,"createdDateMs":1761154142000,"acknowledgedDateMs":1761154143000.0,"trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"instructionRef":null,"externalRef":"100FT35781491692"}}"#;

pub(crate) fn paid(body: &str) -> Transaction {
    match check(200, body.to_owned()) {
        Ok(CheckAnswer::Paid(transaction)) => *transaction,
        other => panic!("not paid: {other:?}"),
    }
}

#[test]
fn the_sample_of_the_reference_is_read() {
    let transaction = paid(PAID);
    let text = |text: &str| Reading::Known(text.to_owned());
    assert_eq!(transaction.from_account_id, text("payer@bank"));
    assert_eq!(transaction.to_account_id, text("merchant@bank"));
    assert_eq!(transaction.short_hash(), Some("8465d722"));
    assert_eq!(
        transaction.amount,
        Reading::Known(Amount::from_minor_units(100, Currency::Usd))
    );
    assert_eq!(transaction.description, text("testing bakong generator"));
    assert_eq!(transaction.created_at, Reading::Absent);
}

#[test]
fn the_sample_of_the_live_service_is_read() {
    let transaction = paid(PAID_LIVE);
    assert_eq!(
        transaction.acknowledged_at,
        Reading::Known(Timestamp::from_millis(1_761_154_143_000))
    );
    assert_eq!(
        transaction.external_ref.as_deref(),
        Some("100FT35781491692")
    );
    assert_eq!(transaction.description, Reading::Absent);
    assert_eq!(transaction.short_hash(), Some("8608a3e1"));
}

#[test]
fn amounts_and_times_are_read_in_all_forms() {
    for (json, currency, units) in [
        ("4400", "KHR", Some(4_400)),
        ("4400.0", "KHR", Some(4_400)),
        ("4.4E+3", "KHR", Some(4_400)),
        ("\"4400\"", "KHR", Some(4_400)),
        ("1", "USD", Some(100)),
        ("0.01", "USD", Some(1)),
        ("1.10", "USD", Some(110)),
        ("\"0.29\"", "USD", Some(29)),
        ("1.005", "USD", None),
        ("100.5", "KHR", None),
        ("-1", "USD", None),
        ("{}", "USD", None),
        ("\"a lot\"", "USD", None),
    ] {
        let body = PAID.replace("1.0", json).replace("USD", currency);
        let expected = units.map_or_else(
            || Reading::Unreadable(json.into()),
            |units| Reading::Known(Amount::from_minor_units(units, currency.parse().unwrap())),
        );
        assert_eq!(paid(&body).amount, expected, "{json} {currency}");
    }
    for (json, millis) in [
        ("1756366775000", 1_756_366_775_000),
        ("1605774370608.0", 1_605_774_370_608),
        ("1636709123467.2", 1_636_709_123_467),
    ] {
        let created = paid(&PAID_LIVE.replace("1761154142000", json)).created_at;
        assert_eq!(created, Reading::Known(Timestamp::from_millis(millis)));
    }
}

#[test]
fn a_payment_with_unreadable_fields_is_a_payment() {
    let strange =
        paid(r#"{"responseCode":"0","data":{"hash":7,"amount":[1],"currency":"THB","new":1}}"#);
    assert_eq!(strange.hash, Reading::Unreadable("7".into()));
    assert_eq!(strange.currency, Reading::Unreadable("\"THB\"".into()));
    assert_eq!(strange.amount, Reading::Unreadable("[1]".into()));
}

#[test]
fn one_transaction_has_one_hash() {
    let hash = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9";
    let with = |json: &str| paid(&PAID.replace(&format!("\"{hash}\""), json)).hash;
    for same in [
        hash.to_uppercase(),
        format!("0x{hash}"),
        format!(" {hash}\\n"),
        format!("\u{200b}{}\\u200b {}", &hash[..9], &hash[9..]),
    ] {
        let found = with(&format!("\"{same}\""));
        assert_eq!(found, Reading::Known(hash.to_owned()), "{same:?}");
    }
    for none in [
        "7",
        "\"\"",
        "\"0x\"",
        "\"8465d722\"",
        "\"none\"",
        "[]",
        "true",
    ] {
        assert_eq!(with(none), Reading::Unreadable(none.into()));
    }
    assert_eq!(with("null"), Reading::Absent);
}

#[test]
fn contradicting_places_of_an_answer_are_an_error() {
    const COMPACT: &str = crate::mutations::PAID;
    let data = COMPACT.split_once("\"data\":").unwrap().1;
    let data = &data[..data.len() - 1];
    let inline = &data[1..data.len() - 1];
    let other = |text: &str| text.replace("8465d722", "9465d722");
    let more = |text: &str| text.replace("1.0", "2.0");
    for part in [
        format!("\"transaction\":{}", other(data)),
        format!("\"transaction\":{}", more(data)),
        "\"transaction\":7".to_owned(),
        format!("\"transaction\":[{data}]"),
        other(inline),
        more(inline),
        "\"toAccountId\":\"other@bank\"".to_owned(),
        "\"currency\":\"KHR\"".to_owned(),
    ] {
        let around = COMPACT.replacen('{', &format!("{{{part},"), 1);
        let inside = COMPACT.replace(inline, &format!("{inline},\"transaction\":{}", other(data)));
        for body in [around, inside] {
            let error = check(200, body.clone()).unwrap_err();
            assert!(
                error.message().starts_with("the answer contains different"),
                "{error} {body}"
            );
        }
    }
    for part in [
        format!("\"transaction\":{data}"),
        inline.to_owned(),
        "\"transaction\":null,\"hash\":\"\",\"amount\":1".to_owned(),
    ] {
        paid(&COMPACT.replacen('{', &format!("{{{part},"), 1));
    }
}

#[test]
fn the_words_of_the_quota_suffice_without_a_code() {
    let words = "Daily request limit of 100 exceeded. Please try again tomorrow.";
    for (status, rest) in [
        (200, r#""responseCode":1"#),
        (200, r#""responseCode":1,"errorCode":null,"data":null"#),
        (200, r#""responseCode":0,"data":null"#),
        (200, r#""other":1"#),
        (429, r#""responseCode":1"#),
        (403, r#""responseCode":1"#),
    ] {
        let body = format!(r#"{{{rest},"responseMessage":"{words}"}}"#);
        let error = check(status, body.clone()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::QuotaExhausted, "{body}");
        let body = format!(r#"{{{rest},"responseMessage":"Unauthorized"}}"#);
        let error = check(status, body.clone()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized, "{body}");
    }
    // The message of a paid answer is ignored.
    paid(&PAID.replace("Getting transaction successfully.", words));
}

#[test]
fn failed_and_static_codes_are_distinct_answers() {
    let answer_of = |body: &str| check(200, body.to_owned()).unwrap();
    assert_eq!(answer_of(NOT_FOUND), CheckAnswer::NotFound);
    for failed in [
        r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#,
        r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction failed."}"#,
    ] {
        assert_eq!(answer_of(failed), CheckAnswer::Failed);
    }
    assert_eq!(
        answer_of(r#"{"data":null,"errorCode":2,"responseCode":1,"responseMessage":"static"}"#),
        CheckAnswer::StaticQr
    );
}

#[test]
fn every_failure_has_its_class() {
    use ErrorClass as Class;
    let unavailable = Class::Unavailable { retry_after: None };
    let rate_limited = Class::RateLimited { retry_after: None };
    let html = "<html><head><title>403 Forbidden</title></head></html>";
    let used_up = "Daily request limit of 100 exceeded. Please try again tomorrow.";
    let code = |code: i64| {
        format!(r#"{{"data":null,"errorCode":{code},"responseCode":1,"responseMessage":"no"}}"#)
    };
    let with_message = |message: &str| {
        format!(r#"{{"responseCode":1,"errorCode":1,"responseMessage":"{message}"}}"#)
    };
    let fails_and_paid = PAID.replace("\"data\"", "\"errorCode\":3,\"data\"");
    let none_and_paid = PAID.replace("\"responseCode\": 0", "\"responseCode\":1,\"errorCode\":1");
    for (status, body, class) in [
        (400, code(6), Class::Unauthorized),
        (200, code(6), Class::Unauthorized),
        (401, code(6), Class::Unauthorized),
        (401, String::new(), Class::Unauthorized),
        (401, NOT_FOUND.into(), Class::Unauthorized),
        (
            200,
            r#"{"responseCode":0,"errorCode":6}"#.into(),
            Class::Unauthorized,
        ),
        (
            200,
            with_message("Unauthorized, not yet requested for token"),
            Class::Unauthorized,
        ),
        (400, code(17), Class::QuotaExhausted),
        (403, code(17), Class::QuotaExhausted),
        (429, code(17), Class::QuotaExhausted),
        (200, code(17), Class::QuotaExhausted),
        (200, r#"{"errorCode":17}"#.into(), Class::QuotaExhausted),
        (
            200,
            with_message("Daily request limit of 100 exceeded."),
            Class::QuotaExhausted,
        ),
        (400, used_up.into(), Class::QuotaExhausted),
        (403, used_up.into(), Class::QuotaExhausted),
        (429, used_up.into(), Class::QuotaExhausted),
        (200, used_up.into(), Class::QuotaExhausted),
        (
            429,
            "<html><body>\n<p>Daily request\n limit of <b>1,000</b> exceeded.</p>".into(),
            Class::QuotaExhausted,
        ),
        (
            403,
            r#"{"message":"Daily request limit of 100 exceeded."}"#.into(),
            Class::QuotaExhausted,
        ),
        // The status decides, as it does for error code 17.
        (401, used_up.into(), Class::Unauthorized),
        (500, used_up.into(), unavailable),
        (302, used_up.into(), Class::Malformed),
        // Other sentences with these words are no answer about the quota.
        (
            403,
            "<p>Raise your daily request limit. Bandwidth exceeded".into(),
            Class::Blocked,
        ),
        (
            429,
            "Daily request limit of your plan: 100".into(),
            rate_limited,
        ),
        (403, html.into(), Class::Blocked),
        (429, String::new(), rate_limited),
        (408, String::new(), unavailable),
        (500, code(17), unavailable),
        (500, html.into(), unavailable),
        (502, String::new(), unavailable),
        // The status decides, regardless of the body.
        (503, PAID.into(), unavailable),
        (500, NOT_FOUND.into(), unavailable),
        (200, code(4), unavailable),
        (200, code(7), unavailable),
        (200, code(9), unavailable),
        (200, code(5), Class::Refused),
        (200, code(12), Class::Refused),
        (200, code(99), Class::Refused),
        (400, code(5), Class::Refused),
        (400, code(7), Class::Refused),
        (404, html.into(), Class::Refused),
        (302, String::new(), Class::Malformed),
        (204, String::new(), Class::Malformed),
        (200, String::new(), Class::Malformed),
        (200, html.into(), Class::Malformed),
        (200, "[]".into(), Class::Malformed),
        (200, "{}".into(), Class::Malformed),
        (
            200,
            r#"{"responseCode":0,"data":null}"#.into(),
            Class::Malformed,
        ),
        (
            200,
            r#"{"responseCode":0,"data":{}}"#.into(),
            Class::Malformed,
        ),
        (
            200,
            r#"{"responseCode":2,"errorCode":1}"#.into(),
            Class::Malformed,
        ),
        (200, r#"{"errorCode":1}"#.into(), Class::Malformed),
        (200, fails_and_paid, Class::Malformed),
        (200, none_and_paid, Class::Malformed),
        (200, PAID[..200].into(), Class::Malformed),
    ] {
        let error = check(status, body.clone()).unwrap_err();
        assert_eq!(error.class(), class, "{status} {body}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
    }
    for (class, remedy) in [
        (Class::Unauthorized, Remedy::NewToken),
        (Class::QuotaExhausted, Remedy::NextDay),
        (Class::Blocked, Remedy::Attention),
        (Class::Refused, Remedy::Attention),
        (Class::Store, Remedy::Attention),
        (rate_limited, Remedy::AskAgain),
        (unavailable, Remedy::AskAgain),
        (Class::Malformed, Remedy::AskAgain),
    ] {
        assert_eq!(class.remedy(), remedy, "{class:?}");
    }
}

#[test]
fn error_codes_have_a_number_and_a_meaning() {
    for number in -1..20 {
        let code = ErrorCode::from_number(number);
        assert_eq!(code.number(), number);
        assert_eq!(code.meaning().is_none(), code == ErrorCode::Other(number));
    }
    let body = r#"{"data":null,"errorCode":99,"responseCode":1}"#;
    let error = check(200, body).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Other(99)));
    // The meaning replaces a missing message.
    let error = check(200, body.replace("99", "5")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Bakong refused the request (HTTP 200, code 5, a required field is missing)"
    );
}

#[test]
fn an_answer_that_may_report_a_payment_never_counts_as_unpaid() {
    let transaction = r#"{"hash":"ab","toAccountId":"shop@devb","amount":1,"currency":"USD"}"#;
    let none = r#""errorCode":1,"responseCode":1,"responseMessage":"could not be found""#;
    for body in [
        format!(r#"{{{none},"data":{transaction}}}"#),
        format!(r#"{{{none},"data":[{transaction}]}}"#),
        format!(r#"{{{none},"data":{{"transaction":{transaction}}}}}"#),
        format!(r#"{{{none},"data":{{"externalRef":"100FT"}}}}"#),
        format!(r#"{{"responseCode":0,"data":{transaction},{none},"data":null}}"#),
        NOT_FOUND.replace("\"errorCode\":1", "\"errorCode\":3,\"errorCode\":1"),
        format!(r#"{{"errorCode":3,"responseCode":1,"data":{transaction}}}"#),
        format!(r#"{{"errorCode":2,"responseCode":1,"data":{transaction}}}"#),
        // A transaction in a member with a garbled name, or nested deeper.
        format!(r#"{{{none},"da=a":{{"hash":"8465d722","amount":1.0}}}}"#),
        format!(r#"{{{none},"result":[null,{{"payment":{{"toAccountId":"shop@devb"}}}}]}}"#),
    ] {
        let error = check(200, body.clone()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Malformed, "{body}");
    }
    // Empty data, equal duplicates and unknown members are harmless.
    for body in [
        format!("{{{none}}}"),
        format!(r#"{{{none},"data":{{ }}}}"#),
        format!(r#"{{{none},"data":[]}}"#),
        format!(r#"{{{none},"data":""}}"#),
        format!("{{{none},{none}}}"),
        format!(r#"{{{none},"trace":{{"id":[1,"hash"]}},"hash":null}}"#),
    ] {
        let answer = check(200, body.clone()).unwrap();
        assert_eq!(answer, CheckAnswer::NotFound, "{body}");
    }
}

#[test]
fn a_paid_answer_survives_stray_bytes() {
    let latin_1 = PAID
        .replace("testing bakong generator", "caf#")
        .into_bytes();
    let latin_1: Vec<u8> = latin_1
        .into_iter()
        .map(|byte| if byte == b'#' { 0xE9 } else { byte })
        .collect();
    for body in [
        latin_1,
        PAID.replace("testing", "one\ntwo\u{1}").into_bytes(),
        format!("\u{feff}{PAID}").into_bytes(),
    ] {
        assert!(matches!(check(200, body), Ok(CheckAnswer::Paid(_))));
    }
}

#[test]
fn a_transaction_keeps_its_json() {
    let transaction = paid(&PAID_LIVE.replace("\"hash\"", "\"new\":[1],\"hash\""));
    assert!(transaction.as_json().contains("\"new\":[1]"));
    assert_eq!(
        Transaction::from_json(transaction.as_json()),
        Some(transaction)
    );
    assert_eq!(Transaction::from_json("{}"), None);
}

#[test]
fn retry_after_is_read_in_both_forms() {
    for (header, retry_after) in [
        ("120", Some(RetryAfter::Delay(Duration::from_secs(120)))),
        (
            "Fri, 31 Dec 1999 23:59:59 GMT",
            Some(RetryAfter::At(Timestamp::from_millis(946_684_799_000))),
        ),
        ("soon", None),
    ] {
        let mut response = answer(429, "");
        response
            .headers_mut()
            .insert(RETRY_AFTER, header.parse().unwrap());
        let error = question().read(&response).unwrap_err();
        assert_eq!(error.class(), ErrorClass::RateLimited { retry_after });
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        let error = question().read(&response).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unavailable { retry_after });
    }
}

#[test]
fn error_messages_are_safe_to_print() {
    let body = r#"{"data":null,"errorCode":5,"responseCode":1,"responseMessage":"\u001b[2Jpaid"}"#;
    let error = check(200, body).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Bakong refused the request (HTTP 200, code 5, \\u{1b}[2Jpaid)"
    );
    let long = format!(
        r#"{{"errorCode":5,"responseCode":1,"responseMessage":"{}"}}"#,
        "x".repeat(9_999)
    );
    assert!(check(200, long).unwrap_err().to_string().len() < 300);
}

proptest! {
    #[test]
    fn only_an_explicit_not_found_is_not_found(
        status in prop_oneof![3 => Just(200u16), 1 => 100u16..600],
        response_code in prop::sample::select(vec!["0", "1", "\"1\"", "2", "null"]),
        error_code in prop::sample::select(vec!["0", "1", "\"1\"", "1.0", "2", "3", "17", "null"]),
        data in prop::sample::select(vec!["null", "{}", "[]", "{\"hash\":\"a\"}", "{\"x\":1}", "7"]),
        missing in prop::option::of(0usize..3),
    ) {
        let members = [("responseCode", response_code), ("errorCode", error_code), ("data", data)];
        let members: Vec<String> = members
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != missing)
            .map(|(_, (name, value))| format!("\"{name}\":{value}"))
            .collect();
        let answer = check(status, format!("{{{}}}", members.join(",")));
        let explicit = status == 200
            && missing != Some(0) && response_code.contains('1')
            && missing != Some(1) && matches!(error_code, "1" | "\"1\"" | "1.0")
            && (missing == Some(2) || matches!(data, "null" | "{}" | "[]"));
        prop_assert_eq!(matches!(answer, Ok(CheckAnswer::NotFound)), explicit);
    }

    #[test]
    fn reading_any_answer_does_not_panic(status in 100u16..1_000, body: Vec<u8>) {
        let _ = check(status, body).map_err(|error| error.to_string());
    }

    #[test]
    fn a_truncated_paid_answer_is_an_error(at in 0..PAID_LIVE.len()) {
        prop_assert!(check(200, &PAID_LIVE[..at]).is_err());
    }
}
