//! Diagnoses: each finding, the number of requests, and where lookups stop.

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

fn answered(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn clues() -> Clues {
    Clues::new()
        .with_md5(MD5.parse().unwrap())
        .with_hash(HASH.parse().unwrap())
        .with_short_hash(TransactionHash::new(HASH).unwrap().short().unwrap())
        .with_amount(Amount::from_minor_units(100, Currency::Usd))
}

/// Runs a diagnosis with these answers to the three lookups. Returns the bodies of the requests, too.
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

/// Returns another hash with the same first eight digits.
fn twin() -> String {
    format!("{}{}", &HASH[..8], &OTHER[8..])
}

/// The answers to the three lookups, by name.
fn answers(names: &str) -> [(u16, String); 3] {
    let answer = |name: &str| match name {
        "found" => paid(HASH, "1"),
        "upper" => paid(&HASH.to_uppercase(), "2"),
        "seven" => paid(HASH, "7"),
        "other" => paid(OTHER, "1"),
        "twin" => paid(&twin(), "1"),
        "nameless" => (200, paid(HASH, "1").1.replace("hash", "mash")),
        "none" => answered(NOT_FOUND),
        "static" => answered(STATIC),
        "failed" => answered(FAILED),
        "refused" => answered(REFUSED),
        "garbage" => answered("no JSON"),
        "quota" => answered(QUOTA),
        "401" | "403" | "429" | "503" => (name.parse().unwrap(), String::new()),
        other => panic!("{other}"),
    };
    let answers: Vec<_> = names.split(' ').map(answer).collect();
    answers.try_into().unwrap()
}

#[test]
fn answers_lead_to_findings() {
    use Finding as F;
    use Lookup::{Hash, Md5, ShortHash};
    for (names, expected) in [
        ("found found found", vec![F::Found]),
        ("none none none", vec![F::NotFound]),
        ("static none none", vec![F::NotFound, F::StaticQr]),
        ("static found found", vec![F::Found, F::StaticQr]),
        ("failed none none", vec![F::Failed]),
        ("failed found found", vec![F::FoundAndFailed(Hash, Md5)]),
        ("none found found", vec![F::FoundOnlyBy(Hash, Md5)]),
        (
            "found none none",
            vec![F::FoundOnlyBy(Md5, Hash), F::FoundOnlyBy(Md5, ShortHash)],
        ),
        (
            "other found none",
            vec![
                F::DifferentTransactions(Md5, Hash),
                F::FoundOnlyBy(Md5, ShortHash),
            ],
        ),
        (
            "found upper found",
            vec![F::DifferentField(Md5, Hash, "amount"), F::OtherAmount(Hash)],
        ),
        ("503 none 503", vec![F::LookupFailed(Md5)]),
        ("none 503 none", vec![F::NotFound, F::LookupFailed(Hash)]),
        (
            "static found none",
            vec![F::FoundOnlyBy(Hash, ShortHash), F::StaticQr],
        ),
        (
            "static found 503",
            vec![F::FoundBy(Hash), F::StaticQr, F::LookupFailed(ShortHash)],
        ),
        ("seven seven seven", vec![F::OtherAmount(Md5)]),
        ("found garbage found", vec![F::Found, F::LookupFailed(Hash)]),
        ("refused found found", vec![F::Found, F::LookupFailed(Md5)]),
        // A transaction without a hash may be any transaction.
        (
            "nameless found twin",
            vec![
                F::NotComparable(Md5, Hash),
                F::NotComparable(Md5, ShortHash),
                F::DifferentTransactions(Hash, ShortHash),
            ],
        ),
        (
            "found nameless found",
            vec![
                F::NotComparable(Md5, Hash),
                F::NotComparable(Hash, ShortHash),
            ],
        ),
        (
            "none nameless nameless",
            vec![F::NotComparable(Hash, ShortHash), F::FoundOnlyBy(Hash, Md5)],
        ),
        (
            "nameless 503 none",
            vec![F::FoundBy(Md5), F::LookupFailed(Hash)],
        ),
    ] {
        let findings = diagnose(&clues(), answers(names)).0.findings();
        assert_eq!(findings, expected, "{names}");
        for finding in findings {
            let sentence = finding.to_string();
            assert!(sentence.ends_with(['.', '?']), "{sentence}");
        }
    }
}

#[test]
fn the_transaction_is_returned_only_if_it_is_unique() {
    let hash = Some(HASH.to_owned());
    for (names, expected) in [
        ("found none found", Some(hash)),
        ("other found found", None),
        ("nameless found twin", None),
        ("nameless found found", None),
        ("found found nameless", None),
        ("nameless none none", Some(None)),
        ("none none none", None),
    ] {
        let (diagnosis, _) = diagnose(&clues(), answers(names));
        let transaction = diagnosis.transaction();
        let hash = transaction.map(|transaction| transaction.hash.as_deref().map(str::to_owned));
        assert_eq!(hash, expected, "{names}");
    }
}

#[test]
fn at_most_three_requests_are_sent_and_fewer_after_a_general_failure() {
    let pointless = [Lookup::Hash, Lookup::ShortHash].map(|lookup| (lookup, NotAsked::Pointless));
    for name in "quota 401 403 429 503 garbage refused none found".split(' ') {
        let is_general = !["garbage", "refused", "none", "found"].contains(&name);
        let (diagnosis, sent) = diagnose(&clues(), answers(&format!("{name} found found")));
        let (requests, skipped) = if is_general {
            (1, &pointless[..])
        } else {
            (3, &[][..])
        };
        assert_eq!(
            (sent.len(), diagnosis.answers.len()),
            (requests, requests),
            "{name}"
        );
        assert_eq!(diagnosis.not_asked, skipped, "{name}");
    }
}

#[test]
fn a_payment_in_another_currency_is_reported() {
    let mut known = clues();
    known.amount = Some(Amount::from_minor_units(1, Currency::Khr));
    let (diagnosis, _) = diagnose(&known, answers("found found found"));
    assert_eq!(diagnosis.findings(), [Finding::OtherAmount(Lookup::Md5)]);
    known.amount = None;
    let (diagnosis, _) = diagnose(&known, answers("found found found"));
    assert_eq!(diagnosis.findings(), [Finding::Found]);
}

#[test]
fn a_hash_in_an_answer_is_used_for_the_next_lookup() {
    let clues = Clues::new().with_md5(MD5.parse().unwrap());
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
    let (diagnosis, sent) = diagnose(&clues, [answered(NOT_FOUND), found(), found()]);
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
fn a_short_hash_needs_the_amount_and_must_match_the_full_hash() {
    let mut known = clues();
    known.amount = None;
    let (diagnosis, sent) = diagnose(&known, answers("none none none"));
    assert_eq!(sent.len(), 2);
    assert_eq!(
        diagnosis.not_asked,
        [(Lookup::ShortHash, NotAsked::AmountUnknown)]
    );
    let mut known = clues();
    known.hash = Some(HASH.to_uppercase().parse().unwrap());
    assert_eq!(
        diagnose(&known, answers("none none none")).0.findings(),
        [Finding::NotFound]
    );
    known.hash = Some(OTHER.parse().unwrap());
    let (diagnosis, _) = diagnose(&known, answers("none none none"));
    assert_eq!(
        diagnosis.findings(),
        [Finding::NotFound, Finding::CluesDisagree]
    );
}

#[test]
fn without_clues_no_request_is_sent() {
    let (diagnosis, sent) = diagnose(&Clues::default(), answers("none none none"));
    assert!(sent.is_empty() && diagnosis.findings().is_empty());
    assert_eq!(diagnosis.not_asked.len(), 3);
}

#[test]
fn lookups_and_the_reasons_for_leaving_one_out_are_named() {
    let names = [Lookup::Md5, Lookup::Hash, Lookup::ShortHash].map(|lookup| lookup.to_string());
    assert_eq!(names, ["MD5", "full hash", "short hash"]);
    for (reason, words) in [
        (NotAsked::Unknown, "is unknown"),
        (NotAsked::AmountUnknown, "needs the amount"),
        (NotAsked::Pointless, "would fail as well"),
    ] {
        assert!(reason.to_string().contains(words), "{reason}");
    }
}
