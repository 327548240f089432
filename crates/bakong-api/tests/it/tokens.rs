//! The answers to the token's endpoints.

use bakong_api::endpoint::{RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::Timestamp;
use bakong_api::{AccessToken, Endpoint, ErrorClass, ErrorCode};

use crate::fake::fresh;
use crate::tasks::block_on;
use crate::{answer, question};

const ISSUED: &str = r#"{"data":{"token":"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2ln"},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}"#;

fn request() -> RequestToken {
    RequestToken::new("a@b.kh", "Org", "Shop").unwrap()
}

fn verify() -> Verify {
    Verify::new("0123456789abcdefghij").unwrap()
}

fn renew() -> RenewToken {
    RenewToken::new("a@b.kh").unwrap()
}

#[test]
fn a_token_is_issued() {
    for token in [
        verify().read(&answer(200, ISSUED)).unwrap(),
        renew().read(&answer(200, ISSUED)).unwrap(),
    ] {
        assert_eq!(
            token.expires_at().map(Timestamp::as_millis),
            Some(1_803_000_000_000)
        );
    }
    let sent = r#"{"data":null,"errorCode":null,"responseCode":0,"responseMessage":"Email has been sent"}"#;
    assert!(request().read(&answer(200, sent)).is_ok());
}

#[test]
fn a_refusal_says_its_code() {
    for (code, expected) in [
        (5, ErrorCode::MissingFields),
        (8, ErrorCode::EmailRegistered),
        (10, ErrorCode::NotRegistered),
    ] {
        let body = format!(
            r#"{{"data":null,"errorCode":{code},"responseCode":1,"responseMessage":"no"}}"#
        );
        let error = request().read(&answer(200, body.clone())).unwrap_err();
        assert_eq!(
            (error.class(), error.code()),
            (ErrorClass::Refused, Some(expected))
        );
        assert!(renew().read(&answer(200, body)).is_err());
    }
}

#[test]
fn a_broken_token_is_not_repeated() {
    let broken = ISSUED.replace("eyJleHAiOjE4MDMwMDAwMDB9", "not claims");
    let error = verify().read(&answer(200, broken)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Malformed);
    assert!(!format!("{error} {error:?}").contains("eyJ"));
    let none = r#"{"data":null,"responseCode":0}"#;
    assert_eq!(
        verify().read(&answer(200, none)).unwrap_err().class(),
        ErrorClass::Malformed
    );
}

#[test]
fn no_error_repeats_what_the_request_carried() {
    let token = fresh("secret");
    let code = "ab\"cd\\efghijklmnopqr";
    let said = |status: u16, code: u16, message: &str| {
        let body = serde_json::json!({
            "responseCode": 1, "errorCode": code, "responseMessage": message, "data": null,
        });
        answer(status, body.to_string())
    };
    let none = |error: bakong_api::ApiError, what: &str| {
        let text = format!("{error} {error:?} {}", error.message());
        assert!(!text.contains(what), "{text}");
        assert!(text.contains("[redacted]"), "{text}");
    };
    let jwt = token.expose();
    // Cut off where the text for people is cut off, too.
    let long = format!("{} Bearer {jwt}", "x".repeat(180));
    for (status, number) in [(200, 99), (401, 6), (200, 6), (500, 1), (429, 1), (400, 5)] {
        for message in [
            &format!("asked with {jwt}!"),
            &long,
            &format!("at {}", &jwt[..12]),
        ] {
            let response = said(status, number, message);
            none(question().read(&response).unwrap_err(), &jwt[..8]);
        }
        let verify = Verify::new(code).unwrap();
        for message in [
            format!("the code {code} is wrong"),
            format!("{} {code}", "x".repeat(190)),
            serde_json::json!({ "code": code }).to_string(),
            format!("the code {}", &code[..9]),
        ] {
            let response = said(status, number, &message);
            none(verify.read(&response).unwrap_err(), "ab\"cd");
            none(verify.read(&response).unwrap_err(), "ab\\\"cd");
        }
    }
}

#[test]
fn a_session_hides_its_token_whatever_is_left_of_it() {
    let token = AccessToken::new("secret.e30.secret").unwrap();
    let echo = bakong_api::transport::transport_fn(
        |request: http::Request<bytes::Bytes>| async move {
            let header = request.headers()[http::header::AUTHORIZATION]
                .to_str()
                .unwrap();
            let body = format!(
                r#"{{"responseCode":1,"errorCode":99,"responseMessage":"with {header}","data":null}}"#,
                header = &header[..header.len() - 6]
            );
            Ok(answer(200, body))
        },
    );
    let session = bakong_api::Session::new(echo, bakong_api::Environment::Sit).with_token(token);
    let error = block_on(session.send(&question())).unwrap_err();
    assert_eq!(error.message(), "with Bearer [redacted]");
}
