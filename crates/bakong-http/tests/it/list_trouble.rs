//! A list of payments while the sandbox makes trouble: what can be told of each is told, and what cannot is an
//! error of that one alone.

use std::time::Duration;

use bakong_api::endpoint::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ApiError, CheckAnswer, ErrorClass};
use bakong_sandbox::{Fault, TransferOptions};
use http::StatusCode;

use crate::cases::{cases, is_told};
use crate::questions::{code, hash_of, usd};
use crate::ways::{Bakong, Way};

/// Four codes: paid, unpaid, failed, and paid.
struct Four {
    bakong: Bakong,
    md5s: [Md5Handle; 4],
    /// Those of the two that were paid.
    hashes: [String; 2],
}

impl Four {
    async fn start(way: Way) -> Self {
        let bakong = Bakong::start(way).await;
        let codes = [0, 1, 2, 3].map(|number| code(number, bakong.sandbox.now()));
        let customer = bakong.customer();
        let first = customer.pay(&codes[0]).unwrap();
        let failing = TransferOptions::new().failing();
        customer.pay_with(&codes[2], &failing).unwrap();
        let last = customer.pay(&codes[3]).unwrap();
        Self {
            md5s: codes.map(|code| Md5Handle::of(&code)),
            hashes: [first.hash().to_owned(), last.hash().to_owned()],
            bakong,
        }
    }

    fn check(&self) -> CheckTransactionByMd5List {
        CheckTransactionByMd5List::new(self.md5s).unwrap()
    }

    async fn asked_with(&self, fault: Fault) -> Result<ListAnswer<Md5Handle>, ApiError> {
        let session = self.bakong.session_with_token();
        self.bakong.sandbox.fault(fault);
        session.send(&self.check()).await
    }

    /// That all are told right but those at these places, which are errors.
    fn are_told_but(&self, answer: &ListAnswer<Md5Handle>, broken: &[usize], case: &str) {
        for (place, (md5, answer)) in answer.iter().enumerate() {
            assert_eq!(*md5, self.md5s[place], "{case}");
            match (answer, place) {
                (Err(error), _) => {
                    assert!(broken.contains(&place), "{case}: {place}: {error}");
                    assert_eq!(error.class(), ErrorClass::Malformed, "{case}: {error}");
                }
                (Ok(answer), _) if broken.contains(&place) => {
                    panic!("{case}: {place}: {answer:?}")
                }
                (Ok(CheckAnswer::Paid(transaction)), 0 | 3) => {
                    let hash = transaction.hash.as_deref();
                    assert_eq!(hash, Some(&*self.hashes[place / 3]), "{case}");
                    assert_eq!(transaction.amount.known(), Some(&usd(150)), "{case}");
                    let created = transaction.created_at.known();
                    assert_eq!(created, Some(&self.bakong.sandbox.now()), "{case}");
                }
                (Ok(CheckAnswer::NotFound), 1) | (Ok(CheckAnswer::Failed), 2) => {}
                (Ok(answer), _) => panic!("{case}: {place}: {answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn every_trouble_of_one_answer_is_one_of_a_list() {
    for way in Way::ALL {
        let four = Four::start(*way).await;
        let bakong = &four.bakong;
        let transport = bakong.eager().build().unwrap();
        for case in cases() {
            let name = format!("{way:?}: {}", case.name);
            let session = bakong
                .session_over(transport.clone())
                .with_token(bakong.issue_token());
            let before = bakong.sandbox.requests().len();
            bakong.sandbox.fault(case.fault);
            let answer = session.send(&four.check()).await;
            bakong.sandbox.clear_faults();
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, if case.asked_again { 3 } else { 1 }, "{name}");
            match case.error {
                None => four.are_told_but(&answer.unwrap(), &[], &name),
                Some(expected) => is_told(&answer.unwrap_err(), expected, &name),
            }
            let session = session.with_token(bakong.issue_token());
            let answer = session.send(&four.check()).await;
            four.are_told_but(&answer.unwrap(), &[], &name);
        }
    }
}

/// Faults of the list's form, and the places of those of which nothing can be told by them.
fn forms() -> Vec<(&'static str, Fault, &'static [usize])> {
    let own = Fault::own_answer;
    let all = || {
        own()
            .reversed_list()
            .float_times()
            .text_amounts()
            .without_error_code()
            .dripped(Duration::ZERO)
    };
    vec![
        ("reversed", own().reversed_list(), &[]),
        ("under transaction", own().items_under_transaction(), &[]),
        ("inline", own().items_inline(), &[]),
        ("all, under data", all(), &[]),
        (
            "all, under transaction",
            all().items_under_transaction(),
            &[],
        ),
        ("all, inline", all().items_inline(), &[]),
        ("the first is missing", own().without_item(0), &[0]),
        (
            "all but one are missing",
            own().without_item(0).without_item(1).without_item(2),
            &[0, 1, 2],
        ),
        ("beyond the end", own().without_item(4).garbled_item(5), &[]),
        ("a paid one is garbled", own().garbled_item(0), &[0]),
        ("an unpaid one is garbled", own().garbled_item(1), &[1]),
        (
            "two are, in all forms",
            all().items_inline().garbled_item(1).garbled_item(3),
            &[1, 3],
        ),
        ("an item is null", own().item(3, "null"), &[3]),
        (
            "an item is a list",
            own().item(0, r#"[{"status":"NOT_FOUND"}]"#),
            &[0],
        ),
        ("an item is a text", own().item(0, r#""NOT_FOUND""#), &[0]),
        (
            "an item names nobody",
            own().item(0, r#"{"status":"NOT_FOUND"}"#),
            &[0],
        ),
    ]
}

#[tokio::test]
async fn an_item_that_cannot_be_read_hides_no_other() {
    for way in Way::ALL {
        let four = Four::start(*way).await;
        for (name, fault, broken) in forms() {
            let answer = four.asked_with(fault).await.unwrap();
            four.are_told_but(&answer, broken, &format!("{way:?}: {name}"));
        }
        assert_eq!(four.bakong.sandbox.requests().len(), forms().len());
    }
}

#[tokio::test]
async fn an_item_of_another_code_is_not_taken_for_its_place_s() {
    let four = Four::start(Way::Plain).await;
    let item = |md5: &str, status: &str| format!(r#"{{"md5":"{md5}","status":"{status}"}}"#);
    let [paid, _, failed, _] = four.md5s.map(|md5| md5.to_string());
    let stranger = "0".repeat(32);
    for (name, text, broken) in [
        ("a stranger's", item(&stranger, "NOT_FOUND"), &[0][..]),
        ("a status of no meaning", item(&paid, "PENDING"), &[0]),
        ("success and no more", item(&paid, "SUCCESS"), &[0]),
        (
            "another's twice, differently",
            item(&failed, "NOT_FOUND"),
            &[0, 2],
        ),
        ("another's twice, alike", item(&failed, "FAILED"), &[0]),
    ] {
        let answer = four.asked_with(Fault::own_answer().item(0, text)).await;
        four.are_told_but(&answer.unwrap(), broken, name);
    }
    // What fails for one is an outage for that one.
    let down = Fault::own_answer().item(0, item(&paid, "SERVICE_FAILED"));
    let answer = four.asked_with(down).await.unwrap();
    let error = answer.get(&four.md5s[0]).unwrap().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unavailable { retry_after: None });
    let last = answer.get(&four.md5s[3]).unwrap();
    assert!(matches!(last, Ok(CheckAnswer::Paid(_))), "{last:?}");
}

#[tokio::test]
async fn a_list_that_is_no_json_or_none_at_all_says_nothing_of_any() {
    let four = Four::start(Way::Plain).await;
    let empty = r#"{"responseCode":0,"errorCode":null,"data":[]}"#;
    for fault in [
        Fault::own_answer().item(1, "?"),
        Fault::own_answer().item(1, r#"{"md5":"#),
        Fault::json(StatusCode::OK, empty),
        Fault::json(StatusCode::OK, empty.replace("[]", "{}")),
        Fault::json(StatusCode::OK, empty.replace("[]", "[[]]")),
    ] {
        let case = format!("{fault:?}");
        match four.asked_with(fault).await {
            Err(error) => assert_eq!(error.class(), ErrorClass::Malformed, "{case}"),
            Ok(answer) => four.are_told_but(&answer, &[0, 1, 2, 3], &case),
        }
    }
}

#[tokio::test]
async fn a_list_of_hashes_survives_the_same_forms() {
    for way in Way::ALL {
        let four = Four::start(*way).await;
        let unknown = hash_of(&"f".repeat(64));
        let [first, last] = four.hashes.each_ref().map(|hash| hash_of(hash));
        let keys = [first, unknown, last];
        let check = CheckTransactionByHashList::new(keys.clone()).unwrap();
        let session = four.bakong.session_with_token();
        let own = Fault::own_answer;
        for (fault, broken) in [
            (own().reversed_list().float_times().text_amounts(), None),
            (own().items_under_transaction().without_error_code(), None),
            (own().items_inline(), None),
            (
                own().items_inline().reversed_list().garbled_item(0),
                Some(0),
            ),
            (own().without_item(1), Some(1)),
        ] {
            let case = format!("{way:?}: {fault:?}");
            four.bakong.sandbox.fault(fault);
            let answer = session.send(&check).await.unwrap();
            for (place, key) in keys.iter().enumerate() {
                match answer.get(key).unwrap() {
                    Err(error) => {
                        assert_eq!(broken, Some(place), "{case}");
                        assert_eq!(error.class(), ErrorClass::Malformed, "{case}");
                    }
                    Ok(CheckAnswer::NotFound) => assert_eq!(place, 1, "{case}"),
                    Ok(CheckAnswer::Paid(transaction)) => {
                        assert_eq!(transaction.hash.as_deref(), Some(key.as_str()));
                        assert_eq!(transaction.amount.known(), Some(&usd(150)), "{case}");
                    }
                    Ok(other) => panic!("{case}: {other:?}"),
                }
            }
        }
    }
}
