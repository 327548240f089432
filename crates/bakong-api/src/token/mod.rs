//! Access tokens: the token itself, its states over time, and where it is stored.

#[cfg(feature = "file-store")]
mod file;
mod life;
#[cfg(feature = "file-store")]
mod regular_file;
#[cfg(feature = "file-store")]
mod renewal_mark;
mod store;

#[cfg(feature = "file-store")]
pub use self::file::FileTokenStore;
pub use self::life::{TokenLife, TokenState, TokenStep};
pub use self::store::{
    LeaseOutcome, LeaseRequest, MemoryTokenStore, RenewalFailure, RenewalLease, TokenStore,
    TokenStoreError,
};

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use khqr_core::Timestamp;
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::{jwt, redact};

/// An access token: a JWT that NBC issues for 90 days, or a token that a relay issues in a format of its own.
///
/// `Debug` prints no part of it, and it cannot be compared. Its memory is wiped when the last clone, and the last
/// request that carries it, is dropped. Copies in a transport's own buffers are not wiped.
#[derive(Clone)]
pub struct AccessToken {
    /// The header value `Bearer …`, built once and shared by all requests.
    authorization: HeaderValue,
    expires_at: Option<Timestamp>,
    registration_id: Option<Box<str>>,
    /// Why the token is not a JWT.
    not_a_jwt: Option<InvalidToken>,
}

const BEARER: &str = "Bearer ";

impl AccessToken {
    /// Parses a token. Accepts and removes what people paste with it: surrounding white space and quotes, and
    /// the word `Bearer`.
    ///
    /// Accepts tokens in any format, because relays define their own. Only a JWT is sent to NBC's hosts: see
    /// [`check_for`](Self::check_for).
    ///
    /// # Errors
    /// [`InvalidToken`] unless the text consists of printable ASCII characters without spaces. The error contains no
    /// part of the text.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let is_around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let jwt = text.trim_matches(is_around);
        let jwt = match jwt.split_once(char::is_whitespace) {
            Some((word, rest)) if word.eq_ignore_ascii_case("bearer") => {
                rest.trim_matches(is_around)
            }
            _ => jwt,
        };
        let claims = jwt::read_claims(jwt).map_err(InvalidToken);
        let is_printable = !jwt.is_empty() && jwt.bytes().all(|byte| byte.is_ascii_graphic());
        let (expires_at, registration_id, not_a_jwt) = match claims {
            Ok(claims) => (claims.expires_at, claims.registration_id, None),
            Err(reason) if is_printable => (None, None, Some(reason)),
            Err(reason) => return Err(reason),
        };
        Ok(Self {
            expires_at,
            registration_id,
            not_a_jwt,
            authorization: authorization(jwt).ok_or(InvalidToken(jwt::UNREADABLE))?,
        })
    }

    /// Whether the token has the form of a JWT, as all of NBC's tokens do.
    #[must_use]
    pub const fn is_jwt(&self) -> bool {
        self.not_a_jwt.is_none()
    }

    /// Checks whether this token may be sent to this host. [`Endpoint::to_request`](crate::Endpoint::to_request)
    /// performs the same check.
    ///
    /// # Errors
    /// [`InvalidToken`] if the host is NBC's and the token is not a JWT: it was probably not copied completely.
    pub fn check_for(&self, base_url: &BaseUrl) -> Result<(), InvalidToken> {
        match self.not_a_jwt {
            Some(reason) if base_url.is_of_nbc() => Err(reason),
            _ => Ok(()),
        }
    }

    /// Returns the token's expiry (`exp`), to the second; `None` if the token has none, or is not a JWT.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Returns the id of the registration that the token belongs to (`data.id`); `None` if the token has none, or is not a
    /// JWT.
    ///
    /// All tokens of a registration have the same id and share its quota. The id is not secret.
    #[must_use]
    pub fn registration_id(&self) -> Option<&str> {
        self.registration_id.as_deref()
    }

    /// Returns the token itself, to be stored as a secret. Do not print it.
    #[must_use]
    pub fn expose(&self) -> &str {
        // `new` accepts ASCII only.
        let text = self.authorization.to_str().unwrap_or_default();
        text.strip_prefix(BEARER).unwrap_or_default()
    }

    /// Removes this token, and each part of it of at least six characters, from a string. Meant for logs of answers: a
    /// server may repeat the request. [`without_tokens`] does not recognize a token of another form than NBC's.
    #[must_use]
    pub fn removed_from<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let redacted = redact::without(text, self.expose());
        redacted.map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Returns the value of the `Authorization` header, marked as sensitive.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

/// Builds a header value whose bytes are wiped when the last clone is dropped.
fn authorization(jwt: &str) -> Option<HeaderValue> {
    let bytes = Zeroizing::new(format!("{BEARER}{jwt}").into_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("jwt", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Removes from a string everything that looks like a token or a part of one: JWTs, beginnings of JWTs, and long words
/// with upper case, lower case and digits. Meant for messages that may repeat what a user or a server wrote.
#[must_use]
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    redact::without_tokens(Cow::Borrowed(text))
}

/// The reason why a string is not a token. Contains no part of the string.
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
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn jwt(claims: &str) -> String {
        format!(
            "eyJhbGciOiJIUzI1NiJ9.{}.c2ln",
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn the_expiry_is_read_from_the_claims() {
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
            r#"{"exp":18446744073709551615}"#,
        ] {
            assert_eq!(expires(claims), None, "{claims}");
        }
    }

    #[test]
    fn the_registration_is_read_from_the_claims() {
        let id = |claims: &str| {
            let token = AccessToken::new(&jwt(claims)).unwrap();
            token.registration_id().map(str::to_owned)
        };
        let claims = r#"{"data":{"id":"a1b2-c3"},"exp":1803000000}"#;
        assert_eq!(id(claims).as_deref(), Some("a1b2-c3"));
        for claims in [
            "{}",
            r#"{"data":null}"#,
            r#"{"data":{"id":7}}"#,
            r#"{"data":{"id":""}}"#,
            r#"{"data":{"id":"a b"}}"#,
            r#"{"data":{"id":"a\u001b"}}"#,
        ] {
            assert_eq!(id(claims), None, "{claims}");
        }
        assert_eq!(AccessToken::new("opaque").unwrap().registration_id(), None);
    }

    #[test]
    fn a_token_of_any_form_is_removed_from_a_text() {
        for token in [jwt("{}").as_str(), "relay-Password-1"] {
            let token = AccessToken::new(token).unwrap();
            let text = format!("before {} after", token.expose());
            assert_eq!(token.removed_from(&text), "before [redacted] after");
            let part = format!("before {}", &token.expose()[..8]);
            assert_eq!(token.removed_from(&part), "before [redacted]");
            assert_eq!(token.removed_from("not found"), "not found");
        }
    }

    #[test]
    fn quotes_white_space_and_bearer_are_removed() {
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
    fn an_invalid_token_is_rejected_without_repeating_it() {
        for text in [
            "",
            "\"\"",
            "se cret.e30.a",
            "sécret.e30.a",
            "secret\u{1b}",
            "secret\nsecret",
            "Basic secret.e30.a",
        ] {
            let error = AccessToken::new(text).unwrap_err();
            assert!(!error.to_string().contains("cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_token_in_another_form_is_for_relays_only() {
        let relay = BaseUrl::new("https://relay.example").unwrap();
        let nbc = [
            "https://api-bakong.nbc.gov.kh",
            "https://SIT-API-bakong.nbc.org.kh.",
            "https://new.nbc.gov.kh",
        ]
        .map(|url| BaseUrl::new(url).unwrap());
        for text in [
            "secret",
            "rbk-secret_0aZ",
            "secret.secret",
            "a.b.c.secret",
            "..",
            "secret.secret.secret",
            "secret.W10.a",
        ] {
            let token = AccessToken::new(&format!(" \"{text}\"\n")).unwrap();
            assert_eq!((token.expose(), token.expires_at()), (text, None));
            assert!(!token.is_jwt() && token.check_for(&relay).is_ok());
            for host in &nbc {
                let error = token.check_for(host).unwrap_err();
                assert!(!error.to_string().contains("cret"), "{text}: {error}");
            }
        }
        let token = AccessToken::new(&jwt("{}")).unwrap();
        assert!(token.is_jwt() && token.check_for(&nbc[0]).is_ok());
    }

    #[test]
    fn debug_output_does_not_contain_the_token() {
        let token = AccessToken::new(&jwt("{}")).unwrap();
        let printed = format!("{token:?} {:?}", token.authorization());
        assert!(!printed.contains("eyJ"), "{printed}");
        assert!(printed.contains("[redacted]"), "{printed}");
    }

    #[test]
    fn a_text_is_shown_without_the_secret_token() {
        let shown = without_tokens("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln, again").into_owned();
        assert_eq!(shown, "Bearer [redacted], again");
    }
}
