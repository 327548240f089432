//! Checks of many payments in one request, through each relay.

use std::fmt::Debug;

use bakong_api::endpoint::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
use bakong_api::khqr_core::{AccountId, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{CheckAnswer, TransactionHash};
use bakong_sandbox::{ApiEndpoint, Fault, TransferOptions};

use crate::relays::{Relay, RelayedSandbox};
use crate::requests::{code, hash_of, usd};

/// The status of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Status {
    /// With the transaction's hash.
    Paid(String),
    NotFound,
    Failed,
    Static,
}

impl Status {
    fn of(answer: &CheckAnswer) -> Self {
        match answer {
            CheckAnswer::Paid(transaction) => {
                Self::Paid(transaction.hash.as_deref().unwrap().to_owned())
            }
            CheckAnswer::NotFound => Self::NotFound,
            CheckAnswer::Failed => Self::Failed,
            CheckAnswer::StaticQr => Self::Static,
            other => panic!("{other:?}"),
        }
    }
}

/// Codes that are in turn paid, unpaid, failed and static, by MD5.
fn codes(bakong: &RelayedSandbox, count: usize) -> Vec<(Md5Handle, Status)> {
    let customer = bakong.customer();
    let make = |number| {
        let text = code(number, bakong.sandbox.now());
        let md5 = Md5Handle::of(&text);
        match number % 4 {
            0 => {
                let hash = customer.pay(&text).unwrap().hash().to_owned();
                (md5, Status::Paid(hash))
            }
            1 => (md5, Status::NotFound),
            2 => {
                let failing = TransferOptions::new().failing();
                customer.pay_with(&text, &failing).unwrap();
                (md5, Status::Failed)
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
                (Md5Handle::of(&text), Status::Static)
            }
        }
    };
    // The codes are not in the order of payment.
    (0..count).rev().map(make).collect()
}

/// Hashes of payments that in turn succeeded, do not exist, and failed.
fn hashes(bakong: &RelayedSandbox, count: usize) -> Vec<(TransactionHash, Status)> {
    let customer = bakong.customer();
    let make = |number| {
        let text = code(1_000 + number, bakong.sandbox.now());
        match number % 3 {
            0 => {
                let hash = customer.pay(&text).unwrap().hash().to_owned();
                (hash_of(&hash), Status::Paid(hash))
            }
            1 => (hash_of(&format!("{number:064x}")), Status::NotFound),
            _ => {
                let failing = TransferOptions::new().failing();
                let payment = customer.pay_with(&text, &failing).unwrap();
                (hash_of(payment.hash()), Status::Failed)
            }
        }
    };
    (0..count).rev().map(make).collect()
}

/// Asserts the status of each key, in the order of the request.
fn assert_statuses<K: Clone + PartialEq + Debug>(answer: &ListAnswer<K>, expected: &[(K, Status)]) {
    let statuses: Vec<(K, Status)> = answer
        .iter()
        .map(|(key, answer)| (key.clone(), Status::of(answer.unwrap())))
        .collect();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn items_are_matched_by_key_in_any_order() {
    for relay in Relay::ALL {
        for count in [1, 2, 50] {
            let bakong = RelayedSandbox::start(*relay).await;
            let session = bakong.session_with_token();
            let (codes, hashes) = (codes(&bakong, count), hashes(&bakong, count));
            let md5s = codes.iter().map(|(md5, _)| *md5);
            let by_md5 = CheckTransactionByMd5List::new(md5s).unwrap();
            let keys = hashes.iter().map(|(hash, _)| hash.clone());
            let by_hash = CheckTransactionByHashList::new(keys).unwrap();
            for order in [Fault::own_answer(), Fault::own_answer().reversed_list()] {
                bakong.sandbox.fault(order.always());
                assert_statuses(&session.send(&by_md5).await.unwrap(), &codes);
                assert_statuses(&session.send(&by_hash).await.unwrap(), &hashes);
                bakong.sandbox.clear_faults();
            }
            for endpoint in [
                ApiEndpoint::CheckTransactionByMd5List,
                ApiEndpoint::CheckTransactionByHashList,
            ] {
                assert_eq!(bakong.request_count(endpoint), 2, "{relay:?}");
            }
        }
    }
}

#[tokio::test]
async fn duplicate_keys_are_sent_once() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token();
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let (md5, hash) = (payment.md5(), hash_of(payment.hash()));
    let paid = Status::Paid(payment.hash().to_owned());
    let by_md5 = CheckTransactionByMd5List::new([md5; 99]).unwrap();
    let by_md5 = session.send(&by_md5).await.unwrap();
    assert_statuses(&by_md5, &[(md5, paid.clone())]);
    let by_hash = CheckTransactionByHashList::new([hash.clone(), hash.clone()]).unwrap();
    let by_hash = session.send(&by_hash).await.unwrap();
    assert_statuses(&by_hash, &[(hash, paid)]);
}
