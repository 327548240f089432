//! Mutated answers: none that may report a payment counts as unpaid, and a payment is not lost because of one
//! broken field.

use bakong_api::endpoint::{RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::{Amount, Currency};
use bakong_api::observe::AnswerSummary;
use bakong_api::{ApiError, CheckAnswer, Endpoint, ErrorClass, Reading};
use bytes::Bytes;
use http::Response;
use proptest::prelude::*;

use crate::answers::paid;
use crate::{NOT_FOUND, answer, check};

pub(crate) const PAID: &str = r#"{"responseCode":0,"responseMessage":"Getting transaction successfully.","errorCode":null,"data":{"hash":"8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9","fromAccountId":"payer@bank","toAccountId":"merchant@bank","currency":"USD","amount":1.0,"description":"testing bakong generator"}}"#;
const FAILED: &str =
    r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#;
const STATIC: &str =
    r#"{"data":null,"errorCode":2,"responseCode":1,"responseMessage":"Static QR"}"#;

#[test]
fn a_field_with_two_values_is_unreadable() {
    let twice = |name: &str, other: &str| {
        let member = format!("\"{name}\":");
        paid(&PAID.replace(&member, &format!("{member}{other},{member}")))
    };
    let transaction = twice("amount", "100");
    assert_eq!(
        transaction.amount,
        Reading::Unreadable("[100,1.0]".into()),
        "neither value is trusted"
    );
    assert_eq!(
        twice("toAccountId", "\"other@bank\"").to_account_id,
        Reading::Unreadable(r#"["other@bank","merchant@bank"]"#.into())
    );
    assert!(matches!(twice("hash", "null").hash, Reading::Unreadable(_)));
    let transaction = twice("currency", "\"KHR\"");
    assert!(matches!(transaction.currency, Reading::Unreadable(_)));
    assert!(matches!(transaction.amount, Reading::Unreadable(_)));
    // Equal duplicates are not a contradiction.
    assert_eq!(
        twice("amount", "1.0").amount,
        Reading::Known(Amount::from_minor_units(100, Currency::Usd))
    );
}

#[test]
fn a_failure_with_a_part_of_a_payment_is_malformed() {
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
        // Empty members are ignored.
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
fn an_answer_with_a_hundred_thousand_members_is_read_quickly() {
    let many: Vec<_> = (0..100_000)
        .map(|number| format!("\"{number}\":0"))
        .collect();
    let many = many.join(",");
    let body = PAID.replacen('{', &format!("{{{many},"), 1);
    paid(&body);
    let inside = PAID.replace("{\"hash\"", &format!("{{{many},\"hash\""));
    paid(&inside);
    // Unknown members are searched for a payment. Values nested too deep are not, and make the answer malformed.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for member in ["data", "other"] {
        let body = NOT_FOUND.replacen('{', &format!("{{\"{member}\":{deep},"), 1);
        let error = check(200, body).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Malformed);
    }
}

/// Reads an answer with every endpoint, and returns the errors.
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
fn under_every_status_but_200_the_summary_has_the_class_of_the_error() {
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

/// Values of a member, separated by spaces.
const VALUES: &str = r#"null 0 1 2 3 6 17 -1 1.0 1e0 "1" "0" true "" "x" {} [] [{}] {"hash":"ab"} {"hash":null} 99999999999999999999999999 1e999 "\ud800" "\u0000""#;

const NAMES: [&str; 11] = [
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
];

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(VALUES.split(' ').collect::<Vec<_>>())
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

/// Adds, removes and changes members.
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
    fn no_mutation_turns_a_paid_answer_into_an_unpaid_one(changes in changes()) {
        // The mutations keep the data, perhaps twice, under another name or with another code.
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
    fn no_mutation_turns_an_unpaid_answer_into_a_paid_one(changes in changes()) {
        let body = mutated(NOT_FOUND, &changes);
        if let Ok(CheckAnswer::Paid(_)) = check(200, body.clone()) {
            prop_assert!(body.contains("\"hash\":\"ab\""), "{body}");
        }
    }

    #[test]
    fn every_endpoint_reads_every_mutation(
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
    fn one_broken_field_does_not_lose_the_payment(
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
