//! Many payments in one request, over each way to the sandbox.

use std::fmt::Debug;

use bakong_api::endpoint::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
use bakong_api::khqr_core::{AccountId, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{CheckAnswer, TransactionHash};
use bakong_sandbox::{ApiEndpoint, Fault, TransferOptions};

use crate::questions::{code, hash_of, usd};
use crate::ways::{Bakong, Way};

/// What became of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    /// The transaction's hash.
    Paid(String),
    NotFound,
    Failed,
    Static,
}

impl Fate {
    fn of(answer: &CheckAnswer) -> Self {
        match answer {
            CheckAnswer::Paid(transaction) => {
                Self::Paid(transaction.hash.as_deref().unwrap().to_owned())
            }
            CheckAnswer::NotFound => Self::NotFound,
            CheckAnswer::Failed => Self::Failed,
            CheckAnswer::StaticQr => Self::Static,
        }
    }
}

/// So many codes, the first paid and then in turn unpaid, failed, static: by MD5.
fn codes(bakong: &Bakong, count: usize) -> Vec<(Md5Handle, Fate)> {
    let customer = bakong.customer();
    (0..count)
        .map(|number| {
            let text = code(number, bakong.sandbox.now());
            let md5 = Md5Handle::of(&text);
            match number % 4 {
                0 => {
                    let hash = customer.pay(&text).unwrap().hash().to_owned();
                    (md5, Fate::Paid(hash))
                }
                1 => (md5, Fate::NotFound),
                2 => {
                    let failing = TransferOptions::new().failing();
                    customer.pay_with(&text, &failing).unwrap();
                    (md5, Fate::Failed)
                }
                _ => {
                    let account = AccountId::new("shop@devb").unwrap();
                    let text = KhqrBuilder::individual(account, "Shop")
                        .bill_number(&format!("STATIC-{number}"))
                        .static_code(Currency::Usd)
                        .unwrap()
                        .to_text();
                    let options = TransferOptions::new().amount(usd(100));
                    customer.pay_with(&text, &options).unwrap();
                    (Md5Handle::of(&text), Fate::Static)
                }
            }
        })
        .collect()
}

/// So many hashes, the first of a payment and then in turn of none and of one that failed.
fn hashes(bakong: &Bakong, count: usize) -> Vec<(TransactionHash, Fate)> {
    let customer = bakong.customer();
    (0..count)
        .map(|number| {
            let text = code(number, bakong.sandbox.now());
            match number % 3 {
                0 => {
                    let hash = customer.pay(&text).unwrap().hash().to_owned();
                    (hash_of(&hash), Fate::Paid(hash))
                }
                1 => (hash_of(&format!("{number:064x}")), Fate::NotFound),
                _ => {
                    let failing = TransferOptions::new().failing();
                    let payment = customer.pay_with(&text, &failing).unwrap();
                    (hash_of(payment.hash()), Fate::Failed)
                }
            }
        })
        .collect()
}

/// That each has the answer that it should, and in the order in which they were asked about.
fn are_told<K: Clone + PartialEq + Debug>(answer: &ListAnswer<K>, expected: &[(K, Fate)]) {
    let told: Vec<(K, Fate)> = answer
        .iter()
        .map(|(key, answer)| (key.clone(), Fate::of(answer.unwrap())))
        .collect();
    assert_eq!(told, expected);
}

/// The sandbox's own order, and the opposite one.
fn orders() -> [Fault; 2] {
    [Fault::own_answer(), Fault::own_answer().reversed_list()]
}

#[tokio::test]
async fn each_code_of_a_list_gets_its_own_answer_in_whatever_order_they_come() {
    for way in Way::ALL {
        for count in [1, 2, 50] {
            let bakong = Bakong::start(*way).await;
            let session = bakong.session_with_token();
            let mut expected = codes(&bakong, count);
            // Not in the order in which they were paid.
            expected.reverse();
            let md5s = expected.iter().map(|(md5, _)| *md5);
            let check = CheckTransactionByMd5List::new(md5s).unwrap();
            for order in orders() {
                bakong.sandbox.fault(order);
                are_told(&session.send(&check).await.unwrap(), &expected);
            }
            let endpoint = ApiEndpoint::CheckTransactionByMd5List;
            assert_eq!(bakong.asked(endpoint), 2, "{way:?}");
        }
    }
}

#[tokio::test]
async fn each_hash_of_a_list_gets_its_own_answer_in_whatever_order_they_come() {
    for way in Way::ALL {
        for count in [1, 2, 50] {
            let bakong = Bakong::start(*way).await;
            let session = bakong.session_with_token();
            let mut expected = hashes(&bakong, count);
            expected.reverse();
            let hashes = expected.iter().map(|(hash, _)| hash.clone());
            let check = CheckTransactionByHashList::new(hashes).unwrap();
            for order in orders() {
                bakong.sandbox.fault(order);
                are_told(&session.send(&check).await.unwrap(), &expected);
            }
            let endpoint = ApiEndpoint::CheckTransactionByHashList;
            assert_eq!(bakong.asked(endpoint), 2, "{way:?}");
        }
    }
}

#[tokio::test]
async fn what_is_named_twice_is_asked_once() {
    let bakong = Bakong::plain().await;
    let session = bakong.session_with_token();
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let (md5, hash) = (payment.md5(), hash_of(payment.hash()));
    let paid = Fate::Paid(payment.hash().to_owned());
    let by_md5 = CheckTransactionByMd5List::new([md5; 99]).unwrap();
    let by_md5 = session.send(&by_md5).await.unwrap();
    are_told(&by_md5, &[(md5, paid.clone())]);
    let by_hash = CheckTransactionByHashList::new([hash.clone(), hash.clone()]).unwrap();
    let by_hash = session.send(&by_hash).await.unwrap();
    are_told(&by_hash, &[(hash, paid)]);
}
