//! Questions as HTTP requests, and the answers that are read from HTTP responses.

use bakong_flow::bakong_api::endpoint::RenewToken;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, CheckAnswer, Environment, ErrorClass};
use bakong_flow::{Question, Reply};
use bytes::Bytes;
use http::Response;

use crate::desk::{NOON, by_md5, hash, khr, md5, short_hash, transaction_json};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

fn checks() -> [Question; 3] {
    [
        by_md5(1),
        Question::Hash(hash(1)),
        Question::ShortHash(short_hash(1), khr(10_000)),
    ]
}

fn list() -> Question {
    Question::Md5List([md5(1), md5(2)].into())
}

/// A successful response of Bakong with this data.
fn success(data: &str) -> Response<Bytes> {
    let body = format!(
        r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{data}}}"#
    );
    Response::new(body.into())
}

/// The body of an HTTP error, without an answer of Bakong.
fn http_error(status: u16) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .body(Bytes::new())
        .unwrap()
}

#[test]
fn each_question_is_a_request_to_its_endpoint() {
    let base = BaseUrl::from(Environment::Sit);
    let token = AccessToken::new(TOKEN).unwrap();
    let renewal = RenewToken::new("shop@example.com").unwrap();
    let [by_md5, by_hash, by_short_hash] = checks();
    let (first, second) = (md5(1).to_string(), md5(2).to_string());
    let (full, short) = (hash(1), short_hash(1));
    for (question, path, words) in [
        (&by_md5, "/v1/check_transaction_by_md5", vec![&*first]),
        (
            &list(),
            "/v1/check_transaction_by_md5_list",
            vec![&*first, &*second],
        ),
        (
            &by_hash,
            "/v1/check_transaction_by_hash",
            vec![full.as_str()],
        ),
        (
            &by_short_hash,
            "/v1/check_transaction_by_short_hash",
            vec![short.as_str(), "10000", "KHR"],
        ),
        (
            &Question::Renewal,
            "/v1/renew_token",
            vec!["shop@example.com"],
        ),
    ] {
        let request = question.to_request(&base, Some(&token), Some(&renewal));
        let request = request.unwrap();
        assert_eq!(request.uri().path(), path);
        let body = str::from_utf8(request.body()).unwrap();
        for word in words {
            assert!(body.contains(word), "{word} is missing: {body}");
        }
    }
    let error = Question::Renewal.to_request(&base, Some(&token), None);
    assert!(error.is_err(), "a renewal needs the e-mail address");
}

#[test]
fn each_check_reads_its_answer() {
    let paid = success(&transaction_json(1, "10000", NOON));
    for question in checks() {
        let answered = question.read(&paid);
        let Reply::Check(Ok(CheckAnswer::Paid(transaction))) = answered.reply else {
            panic!("{question:?}: {answered:?}");
        };
        assert_eq!(transaction.hash.as_deref(), Some(hash(1).as_str()));
        assert!(answered.error.is_none() && answered.token.is_none());
        let failed = question.read(&http_error(503));
        let Reply::Check(Err(class)) = failed.reply else {
            panic!("{question:?}: {failed:?}");
        };
        assert_eq!(class, failed.error_of(&md5(1)).unwrap().class());
    }
}

#[test]
fn an_error_in_a_list_is_the_error_of_its_payment() {
    let item = |number, data: &str| format!(r#"{{"md5":"{}",{data}}}"#, md5(number));
    let paid = format!(
        r#""status":"SUCCESS","data":{}"#,
        transaction_json(7, "10000", NOON)
    );
    let items = format!("[{},{}]", item(1, &paid), item(2, r#""status":7"#));
    let answered = list().read(&success(&items));
    let Reply::List(Ok(found)) = &answered.reply else {
        panic!("{answered:?}");
    };
    assert_eq!(found.len(), 2);
    assert!(answered.error.is_none());
    assert!(answered.error_of(&md5(1)).is_none());
    assert_eq!(
        answered.error_of(&md5(2)).unwrap().class(),
        ErrorClass::Malformed
    );

    // The error of the whole list concerns every payment.
    let failed = list().read(&http_error(503));
    assert!(matches!(failed.reply, Reply::List(Err(_))), "{failed:?}");
    assert!(failed.item_errors.is_empty());
    assert!(failed.error_of(&md5(1)).is_some());
}

#[test]
fn a_renewal_reads_the_new_token() {
    let answered = Question::Renewal.read(&success(&format!(r#"{{"token":"{TOKEN}"}}"#)));
    assert!(matches!(answered.reply, Reply::Renewal(Ok(None))));
    assert!(answered.token.is_some());
    // The claims are `{"exp":1803000000}`.
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2ln";
    let answered = Question::Renewal.read(&success(&format!(r#"{{"token":"{token}"}}"#)));
    let expires_at = Timestamp::from_millis(1_803_000_000_000);
    assert!(matches!(answered.reply, Reply::Renewal(Ok(Some(at))) if at == expires_at));
    let failed = Question::Renewal.read(&http_error(503));
    assert!(matches!(failed.reply, Reply::Renewal(Err(_))));
    assert!(failed.token.is_none() && failed.error.is_some());
}

#[test]
fn a_request_that_was_not_sent_fails_in_the_form_of_its_question() {
    let error = || TransportError::new(TransportErrorKind::InvalidRequest, "no address");
    for question in checks() {
        let reply = question.failed_with(error()).reply;
        assert!(matches!(reply, Reply::Check(Err(_))), "{reply:?}");
    }
    let reply = list().failed_with(error()).reply;
    assert!(matches!(reply, Reply::List(Err(_))), "{reply:?}");
    let reply = Question::Renewal.failed_with(error()).reply;
    assert!(matches!(reply, Reply::Renewal(Err(_))), "{reply:?}");
}
