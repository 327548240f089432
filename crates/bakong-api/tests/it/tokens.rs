//! Answers with a token, and secrets that a server repeats.

use bakong_api::endpoint::Verify;
use bakong_api::{AccessToken, Endpoint, ErrorClass};

use crate::fake::fresh;
use crate::tasks::block_on;
use crate::{answer, question};

const ISSUED: &str = r#"{"data":{"token":"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2ln"},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}"#;

fn verify() -> Verify {
    Verify::new("0123456789abcdefghij").unwrap()
}

#[test]
fn an_error_does_not_repeat_a_broken_token() {
    let broken = ISSUED.replace("eyJleHAiOjE4MDMwMDAwMDB9", "not claims");
    let error = verify().read(&answer(200, broken)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Malformed);
    assert!(!format!("{error} {error:?}").contains("eyJ"));
}

#[test]
fn no_error_repeats_the_secrets_of_the_request() {
    let token = fresh("secret");
    let code = "ab\"cd\\efghijklmnopqr";
    let response = |status: u16, code: u16, message: &str| {
        let body = serde_json::json!({
            "responseCode": 1, "errorCode": code, "responseMessage": message, "data": null,
        });
        answer(status, body.to_string())
    };
    let assert_hidden = |error: bakong_api::ApiError, what: &str| {
        let text = format!("{error} {error:?} {}", error.message());
        assert!(!text.contains(what), "{text}");
        assert!(text.contains("[redacted]"), "{text}");
    };
    let jwt = token.expose();
    // `Display` truncates this message within the token.
    let long = format!("{} Bearer {jwt}", "x".repeat(180));
    for (status, number) in [(200, 99), (401, 6), (200, 6), (500, 1), (429, 1), (400, 5)] {
        for message in [
            &format!("asked with {jwt}!"),
            &long,
            &format!("at {}", &jwt[..12]),
        ] {
            let answer = response(status, number, message);
            assert_hidden(question().read(&answer).unwrap_err(), &jwt[..8]);
        }
        let verify = Verify::new(code).unwrap();
        for message in [
            format!("the code {code} is wrong"),
            format!("{} {code}", "x".repeat(190)),
            serde_json::json!({ "code": code }).to_string(),
            format!("the code {}", &code[..9]),
        ] {
            let answer = response(status, number, &message);
            assert_hidden(verify.read(&answer).unwrap_err(), "ab\"cd");
            assert_hidden(verify.read(&answer).unwrap_err(), "ab\\\"cd");
        }
    }
}

#[test]
fn a_session_hides_a_truncated_token() {
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
