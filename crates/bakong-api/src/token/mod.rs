//! The secret that a registered project sends with its requests.

mod life;
mod store;

pub use self::life::{TokenLife, TokenState, TokenStep};
pub use self::store::{FileTokenStore, MemoryTokenStore, TokenStore, TokenStoreError};

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use khqr_core::Timestamp;
use zeroize::Zeroizing;

use crate::json::{Decimal, Object, Raw, unquoted};

/// An access token: a JWT that NBC issues for 90 days.
///
/// Never prints itself, cannot be compared, and its own bytes are wiped from memory when the last clone is
/// dropped and the last request that carries it. What a transport wrote of it into buffers of its own is not.
#[derive(Clone)]
pub struct AccessToken {
    /// `Bearer` and the token, as the header has it: made once, shared by all requests.
    authorization: HeaderValue,
    expires_at: Option<Timestamp>,
}

const BEARER: &str = "Bearer ";

impl AccessToken {
    /// Takes a token as people paste it: white space and quotes around it are dropped, and the word
    /// `Bearer` before it.
    ///
    /// # Errors
    /// [`InvalidToken`] if it is not three base64url parts between dots, the middle one a JSON object.
    /// The error repeats nothing of the text.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let is_around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let jwt = text.trim_matches(is_around);
        let jwt = match jwt.split_once(char::is_whitespace) {
            Some((word, rest)) if word.eq_ignore_ascii_case("bearer") => {
                rest.trim_matches(is_around)
            }
            _ => jwt,
        };
        if jwt.is_empty() {
            return Err(InvalidToken("is empty"));
        }
        let mut parts = jwt.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidToken(
                "is not three parts between dots; was it copied whole?",
            ));
        };
        let base64url = |part: &str| {
            let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !part.is_empty() && part.bytes().all(fit)
        };
        if ![header, claims, signature].into_iter().all(base64url) {
            return Err(InvalidToken(
                "holds characters that no token has; was something else pasted?",
            ));
        }
        let unreadable = InvalidToken("holds no readable claims; was it copied whole?");
        let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).map_err(|_| unreadable)?);
        let claims = std::str::from_utf8(&claims).map_err(|_| unreadable)?;
        let claims = Object::parse(claims).ok_or(unreadable)?;
        Ok(Self {
            expires_at: claims.get("exp").and_then(expiry),
            authorization: authorization(jwt).ok_or(unreadable)?,
        })
    }

    /// When the token says that it expires (`exp`), to the second; `None` if it does not say.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The token itself, to be stored where secrets are. Name it nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        // It was checked to be ASCII.
        let text = self.authorization.to_str().unwrap_or_default();
        text.strip_prefix(BEARER).unwrap_or_default()
    }

    /// The value of an `Authorization` header, marked as sensitive.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

/// A header's value whose bytes are wiped when nobody has it any more.
fn authorization(jwt: &str) -> Option<HeaderValue> {
    let bytes = Zeroizing::new(format!("{BEARER}{jwt}").into_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `exp` is in seconds, and a whole number in every token seen.
fn expiry(raw: Raw<'_>) -> Option<Timestamp> {
    let seconds = Decimal::parse(unquoted(raw))?.floor()?;
    seconds.checked_mul(1_000).map(Timestamp::from_millis)
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("jwt", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// A text that cannot be a token, and why. Holds nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidToken(&'static str);

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the access token {}", self.0)
    }
}

impl std::error::Error for InvalidToken {}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!(
            "eyJhbGciOiJIUzI1NiJ9.{}.c2ln",
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn a_token_says_when_it_expires() {
        let expires = |claims: &str| AccessToken::new(&jwt(claims)).unwrap().expires_at();
        let moment = Some(Timestamp::from_millis(1_803_000_000_000));
        assert_eq!(expires(r#"{"exp":1803000000,"iat":1795224000}"#), moment);
        assert_eq!(expires(r#"{"exp":1803000000.0}"#), moment);
        assert_eq!(expires(r#"{"exp":1.803e9}"#), moment);
        for claims in [
            "{}",
            r#"{"exp":null}"#,
            r#"{"exp":"soon"}"#,
            r#"{"exp":-1}"#,
        ] {
            assert_eq!(expires(claims), None, "{claims}");
        }
        assert_eq!(expires(r#"{"exp":18446744073709551615}"#), None);
    }

    #[test]
    fn what_people_paste_around_it_is_dropped() {
        let token = jwt("{}");
        for pasted in [
            format!("{token}\n"),
            format!(" \"{token}\" "),
            format!("'{token}'\r\n"),
            format!("Bearer {token}"),
            format!("bearer\t\"{token}\""),
        ] {
            assert_eq!(AccessToken::new(&pasted).unwrap().expose(), token);
        }
    }

    #[test]
    fn what_is_no_token_is_refused_without_repeating_it() {
        for text in [
            "",
            "\"\"",
            "secret",
            "secret.secret",
            "a.b.c.secret",
            "se cret.e30.a",
            "..",
            "secret.secret.secret",
            "sécret.e30.a",
            "secret.W10.a",
            "Basic secret.e30.a",
        ] {
            let error = AccessToken::new(text).unwrap_err();
            assert!(!error.to_string().contains("cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_token_never_prints_itself() {
        let token = AccessToken::new(&jwt("{}")).unwrap();
        let printed = format!("{token:?} {:?}", token.authorization());
        assert!(!printed.contains("eyJ"), "{printed}");
    }
}
