//! Checks lists while the sandbox injects faults. A faulty item is an error of that item only.

use std::time::Duration;

use bakong_api::endpoint::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ApiError, CheckAnswer, ErrorClass};
use bakong_sandbox::{Fault, TransferOptions};
use http::StatusCode;

use crate::fault_cases::{assert_error, cases};
use crate::relays::{Relay, RelayedSandbox};
use crate::requests::{code, hash_of, usd};

/// Four codes: paid, unpaid, failed and paid.
struct Four {
    bakong: RelayedSandbox,
    md5s: [Md5Handle; 4],
    /// The hashes of the two payments.
    hashes: [String; 2],
}

impl Four {
    async fn start(relay: Relay) -> Self {
        let bakong = RelayedSandbox::start(relay).await;
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

    async fn send_with(&self, fault: Fault) -> Result<ListAnswer<Md5Handle>, ApiError> {
        let session = self.bakong.session_with_token();
        self.bakong.sandbox.fault(fault);
        session.send(&self.check()).await
    }

    /// Asserts that the items at these indexes are errors and all others are correct.
    fn assert_all_but(&self, answer: &ListAnswer<Md5Handle>, broken: &[usize], case: &str) {
        for (index, (md5, answer)) in answer.iter().enumerate() {
            assert_eq!(*md5, self.md5s[index], "{case}");
            match (answer, index) {
                (Err(error), _) => {
                    assert!(broken.contains(&index), "{case}: {index}: {error}");
                    assert_eq!(error.class(), ErrorClass::Malformed, "{case}: {error}");
                }
                (Ok(answer), _) if broken.contains(&index) => {
                    panic!("{case}: {index}: {answer:?}")
                }
                (Ok(CheckAnswer::Paid(transaction)), 0 | 3) => {
                    let hash = transaction.hash.as_deref();
                    assert_eq!(hash, Some(&*self.hashes[index / 3]), "{case}");
                    assert_eq!(transaction.amount.known(), Some(&usd(150)), "{case}");
                    let created = transaction.created_at.known();
                    assert_eq!(created, Some(&self.bakong.sandbox.now()), "{case}");
                }
                (Ok(CheckAnswer::NotFound), 1) | (Ok(CheckAnswer::Failed), 2) => {}
                (Ok(answer), _) => panic!("{case}: {index}: {answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_fault_of_the_answer_is_an_error_of_the_list() {
    for relay in Relay::ALL {
        let four = Four::start(*relay).await;
        let bakong = &four.bakong;
        let transport = bakong.eager().build().unwrap();
        for case in cases() {
            let name = format!("{relay:?}: {}", case.name);
            let session = bakong
                .session_over(transport.clone())
                .with_token(bakong.issue_token());
            let before = bakong.sandbox.requests().len();
            let expected = case.attempts_after_a_good_answer();
            bakong.sandbox.fault(case.fault);
            let answer = session.send(&four.check()).await;
            bakong.sandbox.clear_faults();
            let sent = bakong.sandbox.requests().len() - before;
            assert_eq!(sent, expected, "{name}");
            match case.error {
                None => four.assert_all_but(&answer.unwrap(), &[], &name),
                Some(class) => assert_error(&answer.unwrap_err(), class, &name),
            }
            let session = session.with_token(bakong.issue_token());
            let answer = session.send(&four.check()).await;
            four.assert_all_but(&answer.unwrap(), &[], &name);
        }
    }
}

/// Faults of the list's form, and the indexes of the items that become errors.
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
            "two are garbled, in all forms",
            all().items_inline().garbled_item(1).garbled_item(3),
            &[1, 3],
        ),
        ("an item is null", own().item(3, "null"), &[3]),
        (
            "an item is a list",
            own().item(0, r#"[{"status":"NOT_FOUND"}]"#),
            &[0],
        ),
        ("an item is a string", own().item(0, r#""NOT_FOUND""#), &[0]),
        (
            "an item without a key",
            own().item(0, r#"{"status":"NOT_FOUND"}"#),
            &[0],
        ),
    ]
}

#[tokio::test]
async fn an_unreadable_item_is_an_error_of_that_item() {
    for relay in Relay::ALL {
        let four = Four::start(*relay).await;
        for (name, fault, broken) in forms() {
            let answer = four.send_with(fault).await.unwrap();
            four.assert_all_but(&answer, broken, &format!("{relay:?}: {name}"));
        }
        assert_eq!(four.bakong.sandbox.requests().len(), forms().len());
    }
}

#[tokio::test]
async fn an_item_with_another_key_is_not_used() {
    let four = Four::start(Relay::Plain).await;
    let item = |md5: &str, status: &str| format!(r#"{{"md5":"{md5}","status":"{status}"}}"#);
    let [paid, _, failed, _] = four.md5s.map(|md5| md5.to_string());
    let stranger = "0".repeat(32);
    for (name, text, broken) in [
        ("an unknown key", item(&stranger, "NOT_FOUND"), &[0][..]),
        ("an unknown status", item(&paid, "PENDING"), &[0]),
        ("success without data", item(&paid, "SUCCESS"), &[0]),
        (
            "a duplicate with another status",
            item(&failed, "NOT_FOUND"),
            &[0, 2],
        ),
        ("a duplicate", item(&failed, "FAILED"), &[0]),
    ] {
        let answer = four.send_with(Fault::own_answer().item(0, text)).await;
        four.assert_all_but(&answer.unwrap(), broken, name);
    }
    // An outage of one item.
    let down = Fault::own_answer().item(0, item(&paid, "SERVICE_FAILED"));
    let answer = four.send_with(down).await.unwrap();
    let error = answer.get(&four.md5s[0]).unwrap().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unavailable { retry_after: None });
    let last = answer.get(&four.md5s[3]).unwrap();
    assert!(matches!(last, Ok(CheckAnswer::Paid(_))), "{last:?}");
}

#[tokio::test]
async fn an_unreadable_list_is_an_error_of_every_item() {
    let four = Four::start(Relay::Plain).await;
    let empty = r#"{"responseCode":0,"errorCode":null,"data":[]}"#;
    for fault in [
        Fault::own_answer().item(1, "?"),
        Fault::own_answer().item(1, r#"{"md5":"#),
        Fault::json(StatusCode::OK, empty),
        Fault::json(StatusCode::OK, empty.replace("[]", "{}")),
        Fault::json(StatusCode::OK, empty.replace("[]", "[[]]")),
    ] {
        let case = format!("{fault:?}");
        match four.send_with(fault).await {
            Err(error) => assert_eq!(error.class(), ErrorClass::Malformed, "{case}"),
            Ok(answer) => four.assert_all_but(&answer, &[0, 1, 2, 3], &case),
        }
    }
}

#[tokio::test]
async fn lists_of_hashes_have_the_same_forms() {
    for relay in Relay::ALL {
        let four = Four::start(*relay).await;
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
            let case = format!("{relay:?}: {fault:?}");
            four.bakong.sandbox.fault(fault);
            let answer = session.send(&check).await.unwrap();
            for (index, key) in keys.iter().enumerate() {
                match answer.get(key).unwrap() {
                    Err(error) => {
                        assert_eq!(broken, Some(index), "{case}");
                        assert_eq!(error.class(), ErrorClass::Malformed, "{case}");
                    }
                    Ok(CheckAnswer::NotFound) => assert_eq!(index, 1, "{case}"),
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
