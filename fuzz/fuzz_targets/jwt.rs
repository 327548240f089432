//! Reads any text as a token and as the claims of a token, because users may paste any text as their token.

#![no_main]

use bakong_api::AccessToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        pasted(text);
    }
    claimed(bytes);
});

fn pasted(text: &str) {
    match AccessToken::new(text) {
        Ok(token) => {
            assert!(
                text.contains(token.expose()),
                "the token is part of the text"
            );
            check_token(&token);
            let again = AccessToken::new(token.expose()).expect("valid token");
            assert_eq!(again.expose(), token.expose());
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.len() < 100 && !sentence.contains(char::is_control));
            assert!(sentence.starts_with("the access token "));
        }
    }
}

fn claimed(claims: &[u8]) {
    let jwt = format!(
        "eyJhbGciOiJIUzI1NiJ9.{}.c2ln",
        URL_SAFE_NO_PAD.encode(claims)
    );
    let token = AccessToken::new(&jwt);
    // AccessToken must accept all claims that a plain JSON reader accepts.
    if let Ok(Value::Object(plain)) = serde_json::from_slice(claims) {
        let token = token.as_ref().expect("an object is valid as claims");
        if let Some(exp) = plain.get("exp").and_then(Value::as_u64) {
            let millis = token.expires_at().map(|moment| moment.as_millis());
            assert_eq!(millis, exp.checked_mul(1_000));
        }
    }
    if let Ok(token) = &token {
        assert_eq!(token.expose(), jwt);
        check_token(token);
    }
}

/// Debug output shows the expiry and nothing else of the token.
fn check_token(token: &AccessToken) {
    let expected = format!(
        "AccessToken {{ jwt: \"[redacted]\", expires_at: {:?} }}",
        token.expires_at()
    );
    assert_eq!(format!("{token:?}"), expected);
}
