//! Lists: each item is matched by its identifier, in any order and form, whatever the other items contain.

use bakong_api::endpoint::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ApiError, CheckAnswer, Endpoint, ErrorClass, TransactionHash};
use proptest::prelude::*;

use crate::answer;
use crate::fixtures::{HASH, MD5, OTHER_MD5};

const TRANSACTION: &str = r#""hash":"8608a3e1f1e9e7c8c6c3ab1a2f5e2c4d9b7a6f5e4d3c2b1a0f9e8d7c6b5a4938","fromAccountId":"payer@bank","toAccountId":"shop@devb","currency":"USD","amount":1"#;

const PAID_HASH: &str = "8608a3e1f1e9e7c8c6c3ab1a2f5e2c4d9b7a6f5e4d3c2b1a0f9e8d7c6b5a4938";

fn md5(text: &str) -> Md5Handle {
    text.parse().unwrap()
}

fn read(items: &str) -> Result<ListAnswer<Md5Handle>, ApiError> {
    let body = format!(
        r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{items}}}"#
    );
    let list = CheckTransactionByMd5List::new([md5(MD5), md5(OTHER_MD5)]).unwrap();
    list.read(&answer(200, body))
}

/// Reads the result for `MD5` from a list with this item, a paid item for `OTHER_MD5`, and invalid items.
fn result_of(item: &str) -> Result<CheckAnswer, ErrorClass> {
    let other = format!(r#"{{"md5":"{OTHER_MD5}","status":"SUCCESS","data":{{{TRANSACTION}}}}}"#);
    let answers = read(&format!(
        r#"[7,null,{{}},"x",[],{{"md5":7}},{other},{item}]"#
    ))
    .unwrap();
    let own = answers.get(&md5(OTHER_MD5)).unwrap();
    assert!(
        matches!(own, Ok(CheckAnswer::Paid(_))),
        "{item} affects another item"
    );
    let own = answers.get(&md5(MD5)).unwrap();
    own.cloned().map_err(ApiError::class)
}

#[test]
fn a_transaction_is_found_under_data_under_transaction_and_inline() {
    let upper = MD5.to_uppercase();
    for item in [
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{{TRANSACTION}}}}}"#),
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS","transaction":{{{TRANSACTION}}}}}"#),
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS",{TRANSACTION}}}"#),
        format!(
            r#"{{"md5":"{upper}","status":"success","message":"Success","data":{{{TRANSACTION}}}}}"#
        ),
        format!(
            r#"{{"md5":" {MD5} ","status":" SUCCESS ","data":null,"transaction":{{{TRANSACTION}}}}}"#
        ),
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{}},{TRANSACTION}}}"#),
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{"trace":"x"}},{TRANSACTION}}}"#),
        // Equal places do not contradict each other.
        format!(
            r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{{TRANSACTION}}},"transaction":{{{TRANSACTION}}},{TRANSACTION}}}"#
        ),
        format!(r#"{{"md5":"{MD5}","status":"SUCCESS","amount":1.0,"data":{{{TRANSACTION}}}}}"#),
    ] {
        match result_of(&item) {
            Ok(CheckAnswer::Paid(transaction)) => {
                assert_eq!(transaction.hash.as_deref(), Some(PAID_HASH), "{item}");
            }
            other => panic!("{other:?} of {item}"),
        }
    }
}

#[test]
fn contradicting_places_of_an_item_are_an_error() {
    let other = TRANSACTION.replace("8608", "9608");
    let more = TRANSACTION.replace("\"amount\":1", "\"amount\":2");
    for rest in [
        format!(r#""data":{{{TRANSACTION}}},"transaction":{{{other}}}"#),
        format!(r#""data":{{{TRANSACTION}}},{other}"#),
        format!(r#""transaction":{{{TRANSACTION}}},{more}"#),
        format!(r#""data":{{{TRANSACTION}}},"amount":1.01"#),
        format!(r#""data":{{{TRANSACTION}}},"currency":"KHR""#),
        format!(r#""data":{{{TRANSACTION},"transaction":{{{other}}}}}"#),
        format!(r#""data":{{{TRANSACTION},"md5":"{OTHER_MD5}"}}"#),
        format!(r#""data":7,"transaction":{{{TRANSACTION}}}"#),
        format!(r#""data":[{{{TRANSACTION}}}],"transaction":{{{TRANSACTION}}}"#),
    ] {
        let item = format!(r#"{{"md5":"{MD5}","status":"SUCCESS",{rest}}}"#);
        assert_eq!(result_of(&item), Err(ErrorClass::Malformed), "{item}");
    }
    // The transaction of an item has the hash that the item repeats.
    let list = CheckTransactionByHashList::new([TransactionHash::new(HASH).unwrap()]).unwrap();
    let body = format!(
        r#"{{"responseCode":0,"data":[{{"hash":"{HASH}","status":"SUCCESS","data":{{{TRANSACTION}}}}}]}}"#
    );
    let answers = list.read(&answer(200, body)).unwrap();
    let (_, result) = answers.into_iter().next().unwrap();
    assert_eq!(result.unwrap_err().class(), ErrorClass::Malformed);
}

#[test]
fn the_words_of_the_quota_in_an_item_are_not_a_result() {
    for status in ["FAILED", "NOT_FOUND", "SERVICE_FAILED", "PENDING"] {
        let item = format!(
            r#"{{"md5":"{MD5}","status":"{status}","message":"Daily request limit of 100 exceeded."}}"#
        );
        assert_eq!(result_of(&item), Err(ErrorClass::QuotaExhausted), "{item}");
    }
}

#[test]
fn statuses_without_a_payment_are_read() {
    for (status, expected) in [
        ("NOT_FOUND", Ok(CheckAnswer::NotFound)),
        ("not_found", Ok(CheckAnswer::NotFound)),
        ("FAILED", Ok(CheckAnswer::Failed)),
        ("STATIC_QR", Ok(CheckAnswer::StaticQr)),
        (
            "SERVICE_FAILED",
            Err(ErrorClass::Unavailable { retry_after: None }),
        ),
        ("SUCCESS", Err(ErrorClass::Malformed)),
        ("PENDING", Err(ErrorClass::Malformed)),
        ("", Err(ErrorClass::Malformed)),
    ] {
        for rest in [
            "",
            r#","message":"none","data":null"#,
            r#","data":{},"transaction":[],"hash":"","amount":null"#,
        ] {
            let item = format!(r#"{{"md5":"{MD5}","status":"{status}"{rest}}}"#);
            assert_eq!(result_of(&item), expected, "{item}");
        }
    }
}

#[test]
fn an_item_that_may_report_a_payment_never_counts_as_unpaid() {
    for status in ["NOT_FOUND", "FAILED", "STATIC_QR"] {
        for rest in [
            format!(r#""data":{{{TRANSACTION}}}"#),
            format!(r#""transaction":{{{TRANSACTION}}}"#),
            TRANSACTION.to_owned(),
            r#""data":7"#.to_owned(),
            r#""data":[{"hash":"ab"}]"#.to_owned(),
            r#""hash":"ab""#.to_owned(),
            r#""externalRef":"100FT""#.to_owned(),
            r#""createdDateMs":1"#.to_owned(),
            r#""status":"SUCCESS""#.to_owned(),
        ] {
            let item = format!(r#"{{"md5":"{MD5}","status":"{status}",{rest}}}"#);
            assert_eq!(result_of(&item), Err(ErrorClass::Malformed), "{item}");
        }
    }
}

#[test]
fn duplicate_items_count_only_if_they_are_equal() {
    let none = format!(r#"{{"md5":"{MD5}","status":"NOT_FOUND"}}"#);
    let same = format!(r#"{{"md5":"{}","status":"NOT_FOUND"}}"#, MD5.to_uppercase());
    let paid = format!(r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{{TRANSACTION}}}}}"#);
    let broken = format!(r#"{{"md5":"{MD5}","status":"SUCCESS"}}"#);
    assert_eq!(
        result_of(&format!("{none},{same}")),
        Ok(CheckAnswer::NotFound)
    );
    for pair in [
        format!("{none},{paid}"),
        format!("{paid},{none}"),
        format!("{none},{broken}"),
        format!("{broken},{none}"),
    ] {
        assert_eq!(result_of(&pair), Err(ErrorClass::Malformed), "{pair}");
    }
    assert!(matches!(
        result_of(&format!("{paid},{paid}")),
        Ok(CheckAnswer::Paid(_))
    ));
}

#[test]
fn an_identifier_without_an_item_is_an_error() {
    let answers = read(&format!(
        r#"[{{"md5":"{OTHER_MD5}","status":"NOT_FOUND"}}]"#
    ))
    .unwrap();
    let error = answers.get(&md5(MD5)).unwrap().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Malformed);
    assert_eq!(
        answers.get(&md5(OTHER_MD5)).unwrap().unwrap(),
        &CheckAnswer::NotFound
    );
    assert!(answers.get(&Md5Handle::of("another")).is_none());
    let keys: Vec<_> = answers.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [md5(MD5), md5(OTHER_MD5)]);
}

#[test]
fn an_answer_without_a_list_is_an_error() {
    for items in ["null", "{}", "\"x\"", "7", r#"{"list":[]}"#] {
        assert_eq!(read(items).unwrap_err().class(), ErrorClass::Malformed);
    }
    let list = CheckTransactionByMd5List::new([md5(MD5)]).unwrap();
    let paid = format!(r#"{{"md5":"{MD5}","status":"SUCCESS","data":{{{TRANSACTION}}}}}"#);
    for (body, class) in [
        (crate::NOT_FOUND.to_owned(), ErrorClass::Refused),
        (
            format!(r#"{{"responseCode":1,"errorCode":1,"data":[{paid}]}}"#),
            ErrorClass::Malformed,
        ),
        (format!("[{paid}]"), ErrorClass::Malformed),
    ] {
        let error = list.read(&answer(200, body.clone())).unwrap_err();
        assert_eq!(error.class(), class, "{body}");
    }
    let blocked = list.read(&answer(403, "<html>")).unwrap_err();
    assert_eq!(blocked.class(), ErrorClass::Blocked);
}

#[test]
fn hashes_are_matched_in_any_case_and_do_not_indicate_a_payment() {
    let list = CheckTransactionByHashList::new([TransactionHash::new(HASH).unwrap()]).unwrap();
    let upper = HASH.to_uppercase();
    let result = |item: &str| {
        let body = format!(r#"{{"responseCode":0,"data":[{item}]}}"#);
        let answers = list.read(&answer(200, body)).unwrap();
        let (_, result) = answers.into_iter().next().unwrap();
        result.map_err(|error| error.class())
    };
    for hash in [HASH, &upper] {
        let none = format!(r#"{{"hash":"{hash}","status":"NOT_FOUND"}}"#);
        assert_eq!(result(&none), Ok(CheckAnswer::NotFound));
        let paid = format!(r#"{{"hash":"{hash}","status":"SUCCESS","amount":1,"currency":"USD"}}"#);
        assert!(matches!(result(&paid), Ok(CheckAnswer::Paid(_))));
        let nothing = format!(r#"{{"hash":"{hash}","status":"SUCCESS"}}"#);
        assert_eq!(result(&nothing), Err(ErrorClass::Malformed));
        let both = format!(r#"{{"hash":"{hash}","status":"NOT_FOUND","amount":1}}"#);
        assert_eq!(result(&both), Err(ErrorClass::Malformed));
    }
}

#[test]
fn a_list_has_one_to_fifty_identifiers() {
    let many = |count: u64| (0..count).map(|number| md5(&format!("{number:032x}")));
    assert!(CheckTransactionByMd5List::new(many(50)).is_ok());
    // Duplicates do not count.
    assert!(CheckTransactionByMd5List::new(many(50).chain(many(50))).is_ok());
    let error = CheckTransactionByMd5List::new(many(60)).unwrap_err();
    assert_eq!(error.field(), "md5");
    assert_eq!(
        error.to_string(),
        "md5: the list must have at most 50 items"
    );
    assert!(CheckTransactionByMd5List::new([]).is_err());
    assert!(CheckTransactionByHashList::new([]).is_err());
}

proptest! {
    #[test]
    fn results_are_matched_by_identifier_in_any_order(
        order in Just((0u64..50).collect::<Vec<_>>()).prop_shuffle(),
        kinds in prop::collection::vec(0u8..6, 50),
        garbage in prop::collection::vec(0usize..50, 0..10),
    ) {
        let asked: Vec<_> = (0..50u64).map(|number| md5(&format!("{number:032x}"))).collect();
        let mut items: Vec<String> = order
            .iter()
            .filter_map(|number| {
                let index = usize::try_from(*number).unwrap();
                let rest = match kinds[index] {
                    0 => r#""status":"NOT_FOUND""#.to_owned(),
                    1 => r#""status":"FAILED""#.to_owned(),
                    2 => format!(r#""status":"SUCCESS","data":{{"hash":"{number:064}","amount":1}}"#),
                    3 => format!(r#""status":"SUCCESS","hash":"{number:064}""#),
                    4 => r#""status":7"#.to_owned(),
                    _ => return None,
                };
                Some(format!(r#"{{"md5":"{number:032X}",{rest}}}"#))
            })
            .collect();
        for at in garbage {
            items.insert(at.min(items.len()), r#"{"status":"SUCCESS","hash":"garbage"}"#.to_owned());
        }
        let list = CheckTransactionByMd5List::new(asked.clone()).unwrap();
        let body = format!(r#"{{"responseCode":0,"data":[{}]}}"#, items.join(","));
        let answers = list.read(&answer(200, body)).unwrap();
        prop_assert_eq!(answers.iter().map(|(key, _)| *key).collect::<Vec<_>>(), asked);
        for (number, (_, result)) in answers.iter().enumerate() {
            match (kinds[number], result) {
                (0, Ok(CheckAnswer::NotFound)) | (1, Ok(CheckAnswer::Failed)) | (4 | 5, Err(_)) => {}
                (2 | 3, Ok(CheckAnswer::Paid(transaction))) => {
                    let hash = format!("{number:064}");
                    prop_assert_eq!(transaction.hash.as_deref(), Some(hash.as_str()));
                }
                (kind, result) => prop_assert!(false, "{kind}: {result:?}"),
            }
        }
    }
}
