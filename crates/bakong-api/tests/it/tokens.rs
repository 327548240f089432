//! The answers to the token's endpoints.

use bakong_api::khqr_core::Timestamp;
use bakong_api::{Endpoint, ErrorClass, ErrorCode, RenewToken, RequestToken, Verify};

use crate::answer;

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
