//! What comes of asking in every way: each finding, what it costs, and where it stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bakong_api::diagnose::{Clues, Diagnosis, Finding, NotAsked};
use bakong_api::khqr_core::{Amount, Currency};
use bakong_api::transport::transport_fn;
use bakong_api::{AccessToken, CheckAnswer, Environment, Lookup, Session, TransactionHash};

use crate::fixtures::MD5;
use crate::tasks::block_on;
use crate::{NOT_FOUND, answer};

const HASH: &str = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9";
const OTHER: &str = "dcd53430d3b3005d9cda36f1fe8dedc3714ccf18f886cf5d090d36fee67ef956";
const FAILED: &str = r#"{"data":null,"errorCode":3,"responseCode":1}"#;
const STATIC: &str = r#"{"data":null,"errorCode":2,"responseCode":1}"#;
const QUOTA: &str = r#"{"data":null,"errorCode":17,"responseCode":1}"#;
const REFUSED: &str = r#"{"data":null,"errorCode":5,"responseCode":1}"#;

fn paid(hash: &str, amount: &str) -> (u16, String) {
    let body = format!(
        r#"{{"responseCode":0,"data":{{"hash":"{hash}","toAccountId":"shop@devb","currency":"USD","amount":{amount}}}}}"#
    );
    (200, body)
}

fn says(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn clues() -> Clues {
    Clues {
        md5: Some(MD5.parse().unwrap()),
        hash: Some(HASH.parse().unwrap()),
        short_hash: TransactionHash::new(HASH).unwrap().short(),
        amount: Some(Amount::from_minor_units(100, Currency::Usd)),
    }
}

/// The diagnosis where each way is answered so, and the requests that it took.
fn diagnose(clues: &Clues, answers: [(u16, String); 3]) -> (Diagnosis, Vec<String>) {
    let names = ["md5", "hash", "short_hash"];
    let answers: HashMap<_, _> = names
        .map(|name| format!("/v1/check_transaction_by_{name}"))
        .into_iter()
        .zip(answers)
        .collect();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let transport = transport_fn(move |request: http::Request<bytes::Bytes>| {
        let path = request.uri().path().to_owned();
        let (status, body) = answers[&path].clone();
        let body_sent = String::from_utf8(request.body().to_vec()).unwrap();
        seen.lock().unwrap().push(body_sent);
        async move { Ok(answer(status, body)) }
    });
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    let session = Session::new(transport, Environment::Sit).with_token(token);
    let diagnosis = block_on(session.diagnose(clues));
    let sent = sent.lock().unwrap().clone();
    (diagnosis, sent)
}

/// Another hash with the same first eight digits.
fn twin() -> String {
    format!("{}{}", &HASH[..8], &OTHER[8..])
}

fn findings(answers: [(u16, String); 3]) -> Vec<Finding> {
    diagnose(&clues(), answers).0.findings()
}

#[test]
fn each_finding() {
    use Finding as F;
    use Lookup::{Hash, Md5, ShortHash};
    let (found, none) = (|| paid(HASH, "1"), || says(NOT_FOUND));
    let out = || (503, String::new());
    for (answers, expected) in [
        ([found(), found(), found()], vec![F::Found]),
        ([none(), none(), none()], vec![F::NotFound]),
        (
            [says(STATIC), none(), none()],
            vec![F::NotFound, F::StaticQr],
        ),
        (
            [says(STATIC), found(), found()],
            vec![F::Found, F::StaticQr],
        ),
        ([says(FAILED), none(), none()], vec![F::Failed]),
        (
            [says(FAILED), found(), found()],
            vec![F::FoundAndFailed(Hash, Md5)],
        ),
        ([none(), found(), found()], vec![F::FoundOnlyBy(Hash, Md5)]),
        (
            [found(), none(), none()],
            vec![F::FoundOnlyBy(Md5, Hash), F::FoundOnlyBy(Md5, ShortHash)],
        ),
        (
            [paid(OTHER, "1"), found(), none()],
            vec![
                F::DifferentTransactions(Md5, Hash),
                F::FoundOnlyBy(Md5, ShortHash),
            ],
        ),
        (
            [found(), paid(&HASH.to_uppercase(), "2"), found()],
            vec![F::DifferentField(Md5, Hash, "amount"), F::OtherAmount(Hash)],
        ),
        ([out(), none(), out()], vec![F::CouldNotAsk(Md5)]),
        (
            [none(), out(), none()],
            vec![F::NotFound, F::CouldNotAsk(Hash)],
        ),
        (
            [says(STATIC), found(), none()],
            vec![F::FoundOnlyBy(Hash, ShortHash), F::StaticQr],
        ),
        (
            [says(STATIC), found(), out()],
            vec![F::FoundBy(Hash), F::StaticQr, F::CouldNotAsk(ShortHash)],
        ),
        (
            [paid(HASH, "7"), paid(HASH, "7"), paid(HASH, "7")],
            vec![F::OtherAmount(Md5)],
        ),
        (
            [found(), says("no JSON"), found()],
            vec![F::Found, F::CouldNotAsk(Hash)],
        ),
        (
            [says(REFUSED), found(), found()],
            vec![F::Found, F::CouldNotAsk(Md5)],
        ),
        // The first tells no hash, and the others tell two.
        (
            [
                (200, found().1.replace("hash", "mash")),
                found(),
                paid(&twin(), "1"),
            ],
            vec![F::DifferentTransactions(Hash, ShortHash)],
        ),
    ] {
        let told = findings(answers.clone());
        assert_eq!(told, expected, "{answers:?}");
        for finding in told {
            let sentence = finding.to_string();
            assert!(sentence.ends_with(['.', '?']), "{sentence}");
        }
    }
}

#[test]
fn the_transaction_is_told_only_if_there_is_one() {
    let transaction = |answers| {
        let (diagnosis, _) = diagnose(&clues(), answers);
        let transaction = diagnosis.transaction();
        transaction.map(|transaction| transaction.hash.as_deref().map(str::to_owned))
    };
    let (found, other) = (|| paid(HASH, "1"), || paid(OTHER, "1"));
    let twin = || paid(&twin(), "1");
    let without = || (200, found().1.replace("hash", "mash"));
    let hash = Some(HASH.to_owned());
    assert_eq!(
        transaction([found(), says(NOT_FOUND), found()]),
        Some(hash.clone())
    );
    assert_eq!(transaction([other(), found(), found()]), None);
    assert_eq!(transaction([without(), found(), twin()]), None);
    assert_eq!(transaction([without(), found(), found()]), Some(None));
    assert_eq!(
        transaction([says(NOT_FOUND), says(NOT_FOUND), says(NOT_FOUND)]),
        None
    );
}

#[test]
fn it_asks_three_times_at_most_and_stops_where_more_would_be_pointless() {
    let found = || paid(HASH, "1");
    for (stop, requests) in [
        (says(QUOTA), 1),
        ((401, String::new()), 1),
        ((403, "<html>".to_owned()), 1),
        ((429, String::new()), 1),
        ((503, String::new()), 1),
        (says("no JSON"), 3),
        (says(REFUSED), 3),
        (says(NOT_FOUND), 3),
        (found(), 3),
    ] {
        let (diagnosis, sent) = diagnose(&clues(), [stop.clone(), found(), found()]);
        assert_eq!(sent.len(), requests, "{stop:?}");
        let pointless = [Lookup::Hash, Lookup::ShortHash].map(|way| (way, NotAsked::Pointless));
        let expected = if requests == 1 { &pointless[..] } else { &[] };
        assert_eq!(diagnosis.not_asked, expected, "{stop:?}");
        assert_eq!(diagnosis.answers.len(), requests);
    }
}

#[test]
fn a_payment_in_another_currency_is_not_the_one_that_was_meant() {
    let found = || paid(HASH, "1");
    let mut known = clues();
    known.amount = Some(Amount::from_minor_units(1, Currency::Khr));
    let (diagnosis, _) = diagnose(&known, [found(), found(), found()]);
    assert_eq!(diagnosis.findings(), [Finding::OtherAmount(Lookup::Md5)]);
    known.amount = None;
    let (diagnosis, _) = diagnose(&known, [found(), found(), found()]);
    assert_eq!(diagnosis.findings(), [Finding::Found]);
}

#[test]
fn what_one_answer_tells_serves_for_the_next_question() {
    let clues = Clues {
        md5: Some(MD5.parse().unwrap()),
        ..Clues::default()
    };
    let found = || paid(HASH, "1.50");
    let (diagnosis, sent) = diagnose(&clues, [found(), found(), found()]);
    assert_eq!(
        sent,
        [
            format!(r#"{{"md5":"{MD5}"}}"#),
            format!(r#"{{"hash":"{HASH}"}}"#),
            r#"{"hash":"8465d722","amount":1.50,"currency":"USD"}"#.to_owned(),
        ]
    );
    assert_eq!(diagnosis.findings(), [Finding::Found]);
    let (diagnosis, sent) = diagnose(&clues, [says(NOT_FOUND), found(), found()]);
    assert_eq!(sent.len(), 1);
    assert_eq!(diagnosis.findings(), [Finding::NotFound]);
    assert_eq!(
        diagnosis.not_asked,
        [
            (Lookup::Hash, NotAsked::Unknown),
            (Lookup::ShortHash, NotAsked::Unknown)
        ]
    );
    assert!(matches!(
        diagnosis.answers[..],
        [(Lookup::Md5, Ok(CheckAnswer::NotFound))]
    ));
}

#[test]
fn a_short_hash_needs_its_amount_and_should_begin_the_full_one() {
    let none = || says(NOT_FOUND);
    let mut known = clues();
    known.amount = None;
    let (diagnosis, sent) = diagnose(&known, [none(), none(), none()]);
    assert_eq!(sent.len(), 2);
    assert_eq!(
        diagnosis.not_asked,
        [(Lookup::ShortHash, NotAsked::AmountUnknown)]
    );
    let mut known = clues();
    known.hash = Some(HASH.to_uppercase().parse().unwrap());
    assert_eq!(
        diagnose(&known, [none(), none(), none()]).0.findings(),
        [Finding::NotFound]
    );
    known.hash = Some(OTHER.parse().unwrap());
    let (diagnosis, _) = diagnose(&known, [none(), none(), none()]);
    assert_eq!(
        diagnosis.findings(),
        [Finding::NotFound, Finding::CluesDisagree]
    );
}

#[test]
fn nothing_to_ask_by_costs_nothing_and_finds_nothing() {
    let none = || says(NOT_FOUND);
    let (diagnosis, sent) = diagnose(&Clues::default(), [none(), none(), none()]);
    assert!(sent.is_empty() && diagnosis.findings().is_empty());
    assert_eq!(diagnosis.not_asked.len(), 3);
}
