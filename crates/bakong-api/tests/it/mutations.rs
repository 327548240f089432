//! Answers with something wrong in them: whatever it is, nothing that may say that money came is taken for
//! the opposite, and a payment is not lost to what can be read around.

use bakong_api::endpoint::{RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::{Amount, Currency};
use bakong_api::observe::AnswerSummary;
use bakong_api::{ApiError, CheckAnswer, Endpoint, ErrorClass, Reading, Transaction};
use bytes::Bytes;
use http::Response;
use proptest::prelude::*;

use crate::{NOT_FOUND, answer, check};

pub(crate) const PAID: &str = r#"{"responseCode":0,"responseMessage":"Getting transaction successfully.","errorCode":null,"data":{"hash":"8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9","fromAccountId":"payer@bank","toAccountId":"merchant@bank","currency":"USD","amount":1.0,"description":"testing bakong generator"}}"#;
const FAILED: &str =
    r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#;
const STATIC: &str =
    r#"{"data":null,"errorCode":2,"responseCode":1,"responseMessage":"Static QR"}"#;

fn paid(body: &str) -> Transaction {
    match check(200, body.to_owned()) {
        Ok(CheckAnswer::Paid(transaction)) => *transaction,
        other => panic!("not paid: {other:?}"),
    }
}

#[test]
fn what_stands_twice_and_differently_in_a_transaction_is_not_chosen_from() {
    let twice = |name: &str, other: &str| {
        let member = format!("\"{name}\":");
        paid(&PAID.replace(&member, &format!("{member}{other},{member}")))
    };
    let transaction = twice("amount", "100");
    assert_eq!(
        transaction.amount,
        Reading::Unreadable("[100,1.0]".into()),
        "a person has to look"
    );
    assert_eq!(
        twice("toAccountId", "\"other@bank\"").to_account_id,
        Reading::Unreadable(r#"["other@bank","merchant@bank"]"#.into())
    );
    assert!(matches!(twice("hash", "null").hash, Reading::Unreadable(_)));
    let transaction = twice("currency", "\"KHR\"");
    assert!(matches!(transaction.currency, Reading::Unreadable(_)));
    assert!(matches!(transaction.amount, Reading::Unreadable(_)));
    // What is said twice alike is said.
    assert_eq!(
        twice("amount", "1.0").amount,
        Reading::Known(Amount::from_minor_units(100, Currency::Usd))
    );
}

#[test]
fn a_part_of_a_payment_anywhere_is_no_answer_that_there_is_none() {
    for none in [NOT_FOUND, FAILED, STATIC] {
        for part in [
            r#""hash":"ab""#,
            r#""toAccountId":"shop@devb""#,
            r#""fromAccountId":"payer@bank""#,
            r#""amount":1"#,
            r#""externalRef":"100FT""#,
            r#""instructionRef":"I""#,
            r#""createdDateMs":1"#,
            r#""transaction":{"hash":"ab"}"#,
            r#""transaction":7"#,
        ] {
            let body = none.replacen('{', &format!("{{{part},"), 1);
            let error = check(200, body.clone()).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Malformed, "{body}");
        }
        // What is empty says nothing.
        for part in [
            r#""hash":"""#,
            r#""amount":null"#,
            r#""transaction":{}"#,
            r#""transaction":null"#,
            r#""md5":"ab""#,
        ] {
            let body = none.replacen('{', &format!("{{{part},"), 1);
            assert_eq!(
                check(200, body.clone()).unwrap(),
                check(200, none).unwrap(),
                "{body}"
            );
        }
    }
}

#[test]
fn an_answer_of_a_hundred_thousand_members_is_judged_in_no_time() {
    let many: Vec<_> = (0..100_000)
        .map(|number| format!("\"{number}\":0"))
        .collect();
    let many = many.join(",");
    let body = PAID.replacen('{', &format!("{{{many},"), 1);
    paid(&body);
    let inside = PAID.replace("{\"hash\"", &format!("{{{many},\"hash\""));
    paid(&inside);
    let deep = format!(
        "{}{}{}",
        NOT_FOUND.replacen("null", &"[".repeat(100_000), 1),
        "]".repeat(100_000),
        ""
    );
    let _ = check(200, deep);
}

/// Every endpoint's reading of an answer, for those that only have to survive it.
fn read_by_all(response: &Response<Bytes>) -> Vec<Option<ApiError>> {
    let md5 = crate::fixtures::MD5.parse().unwrap();
    let hash = crate::fixtures::HASH.parse().unwrap();
    vec![
        crate::question().read(response).err(),
        crate::fixtures::by_hash().read(response).err(),
        bakong_api::endpoint::CheckTransactionByMd5List::new([md5])
            .unwrap()
            .read(response)
            .err(),
        bakong_api::endpoint::CheckTransactionByHashList::new([hash])
            .unwrap()
            .read(response)
            .err(),
        crate::fixtures::account().read(response).err(),
        crate::fixtures::deeplink().read(response).err(),
        RequestToken::new("a@b.kh", "Org", "Shop")
            .unwrap()
            .read(response)
            .err(),
        Verify::new("0123456789abcdefghij")
            .unwrap()
            .read(response)
            .err(),
        RenewToken::new("a@b.kh").unwrap().read(response).err(),
    ]
}

#[test]
fn under_each_status_but_200_every_answer_is_an_error_whose_class_the_summary_tells() {
    for status in (100..=599).filter(|status| *status != 200) {
        for body in [PAID, NOT_FOUND, FAILED, STATIC, "", "<html>", "{}"] {
            let response = answer(status, body);
            let class = AnswerSummary::of(&response).class;
            for error in read_by_all(&response) {
                let error = error.unwrap();
                assert_eq!(Some(error.class()), class, "{status} {body}");
                assert_eq!(error.status(), Some(response.status()));
            }
        }
    }
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "null",
        "0",
        "1",
        "2",
        "3",
        "6",
        "17",
        "-1",
        "1.0",
        "1e0",
        "\"1\"",
        "\"0\"",
        "true",
        "\"\"",
        "\"x\"",
        "{}",
        "[]",
        "[{}]",
        "{\"hash\":\"ab\"}",
        "{\"hash\":null}",
        "99999999999999999999999999",
        "1e999",
        "\"\\ud800\"",
        "\"\\u0000\"",
    ])
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "responseCode",
        "errorCode",
        "responseMessage",
        "data",
        "transaction",
        "hash",
        "amount",
        "d\\u0061ta",
        "Data",
        "\\ud800",
        "",
    ])
}

/// A body with members added, taken away, and changed.
fn mutated(sample: &str, changes: &[(usize, &str, &str)]) -> String {
    let mut body = sample.to_owned();
    for (kind, name, value) in changes {
        let member = format!("\"{name}\":");
        body = match kind {
            0 => body.replacen('{', &format!("{{{member}{value},"), 1),
            1 => {
                let end = body.len() - 1;
                format!("{},{member}{value}}}", &body[..end])
            }
            2 => body.replacen(&member, "\"gone\":", 1),
            _ => body.replacen(&member, &format!("{member}{value},\"was\":"), 1),
        };
    }
    body
}

fn changes() -> impl Strategy<Value = Vec<(usize, &'static str, &'static str)>> {
    prop::collection::vec((0usize..4, name(), value()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_change_to_a_paid_answer_makes_it_say_that_nothing_was_paid(changes in changes()) {
        // Its data stays in it, be it twice, under another name or behind another code.
        let body = mutated(PAID, &changes);
        match check(200, body.clone()) {
            Ok(CheckAnswer::Paid(_)) | Err(_) => {}
            Ok(other) => {
                let renamed = body.contains("\"gone\":{\"hash\"") || body.contains("\"was\":{\"hash\"");
                prop_assert!(renamed, "{other:?} of {body}");
            }
        }
    }

    #[test]
    fn no_change_to_an_answer_that_nothing_was_paid_makes_it_paid(changes in changes()) {
        let body = mutated(NOT_FOUND, &changes);
        if let Ok(CheckAnswer::Paid(_)) = check(200, body.clone()) {
            prop_assert!(body.contains("\"hash\":\"ab\""), "{body}");
        }
    }

    #[test]
    fn every_endpoint_survives_every_answer(
        changes in changes(),
        sample in prop::sample::select(vec![PAID, NOT_FOUND, FAILED, STATIC]),
        status in prop::sample::select(vec![200u16, 200, 204, 301, 400, 401, 403, 404, 429, 500, 999]),
        cut in prop::option::of(0usize..400),
    ) {
        let mut body = mutated(sample, &changes).into_bytes();
        body.truncate(cut.unwrap_or(usize::MAX));
        let response = answer(status, body);
        let class = AnswerSummary::of(&response).class;
        prop_assert!(class.is_some() || status == 200);
        for error in read_by_all(&response).into_iter().flatten() {
            prop_assert!(class.is_none_or(|class| class == error.class()));
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn what_goes_wrong_in_one_field_of_a_transaction_leaves_the_payment(
        field in prop::sample::select(vec![
            "hash", "fromAccountId", "toAccountId", "currency", "amount", "description",
        ]),
        value in value(),
        kind in 0usize..4,
    ) {
        let at = PAID.find("{\"hash\"").unwrap();
        let data = &PAID[at..PAID.len() - 1];
        let body = format!("{}{}}}", &PAID[..at], mutated(data, &[(kind, field, value)]));
        let transaction = paid(&body);
        if let Reading::Known(amount) = transaction.amount {
            prop_assert!(
                amount == Amount::from_minor_units(100, Currency::Usd) || kind == 3,
                "{body}"
            );
        }
    }
}
