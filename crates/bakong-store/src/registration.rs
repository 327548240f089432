//! The name of a registration.

use std::fmt;

use bakong_flow::bakong_api::{AccessToken, BaseUrl};

/// Names a registration: one token and its quota.
///
/// The name consists of the host of the API and the id in the token: [`Registration::of`]. It stays the same when the token
/// is renewed. It is stored and printed, so it must not contain the token itself.
///
/// Do not change the name of a shop that has payments. The store keeps the open payments and the count of requests under
/// the old name, so the shop would not find its payments, and would count the quota from zero.
///
/// # Examples
/// ```
/// use bakong_flow::bakong_api::{AccessToken, Environment};
/// use bakong_store::Registration;
///
/// let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.eyJkYXRhIjp7ImlkIjoiM2Y5YSJ9fQ.c2ln")?;
/// let registration = Registration::of(&Environment::Production.into(), &token)?;
/// assert_eq!(registration.as_str(), "api-bakong.nbc.org.kh/3f9a");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Registration(Box<str>);

impl Registration {
    /// The maximum length of the host and of the owner, in bytes.
    pub const MAX_LEN: usize = 255;

    /// The owner of a token that contains no id.
    const DEFAULT_OWNER: &str = "default";

    /// Creates the name of the registration of this token: the host of the API and
    /// [`AccessToken::registration_id`], or `default` if the token contains no id.
    ///
    /// # Errors
    /// [`InvalidRegistration`] if the id cannot be part of a name: see [`new`](Self::new).
    pub fn of(base_url: &BaseUrl, token: &AccessToken) -> Result<Self, InvalidRegistration> {
        let owner = token.registration_id().unwrap_or(Self::DEFAULT_OWNER);
        Self::new(base_url.host(), owner)
    }

    /// Creates the name of the registration of `owner` at `host`, for a program that has no token, such as a report. The host
    /// is converted to lower case.
    ///
    /// # Errors
    /// [`InvalidRegistration`] if a part is empty, longer than [`MAX_LEN`](Self::MAX_LEN) bytes or contains a control
    /// character, if the host contains a slash, or if the owner looks like a token.
    pub fn new(host: &str, owner: &str) -> Result<Self, InvalidRegistration> {
        for (part, text) in [("host", host), ("owner", owner)] {
            let is_valid =
                !text.is_empty() && text.len() <= Self::MAX_LEN && !text.contains(char::is_control);
            if !is_valid {
                return Err(InvalidRegistration::Part(part));
            }
        }
        if host.contains('/') {
            return Err(InvalidRegistration::Part("host"));
        }
        // A JWT starts with the encoded `{"`, and two dots divide its parts.
        if owner.starts_with("eyJ") && owner.matches('.').count() == 2 {
            return Err(InvalidRegistration::Token);
        }
        let host = host.to_ascii_lowercase();
        Ok(Self(format!("{host}/{owner}").into()))
    }

    /// Returns the name: host, slash, owner.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The error for a text that cannot be part of the name of a [`Registration`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum InvalidRegistration {
    /// The host or the owner is invalid.
    Part(&'static str),
    /// The owner is a token. A name is not secret, so it must not contain the token.
    Token,
}

impl fmt::Display for InvalidRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => write!(
                f,
                "invalid {part} of a registration: it must have 1 to {} bytes and no control character, and the host no slash",
                Registration::MAX_LEN
            ),
            Self::Token => f.write_str(
                "the owner of a registration is a token; pass an id or an e-mail address instead",
            ),
        }
    }
}

impl std::error::Error for InvalidRegistration {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_named_by_host_and_owner() {
        let name = |host, owner| Registration::new(host, owner).map(|name| name.to_string());
        assert_eq!(
            name("API.example", "Shop 1/2"),
            Ok("api.example/Shop 1/2".into())
        );
        let long = "x".repeat(256);
        for host in ["", "a/b", "a\n", &long] {
            let error = name(host, "shop").unwrap_err();
            assert_eq!(error, InvalidRegistration::Part("host"));
            assert!(error.to_string().contains("invalid host"), "{error}");
        }
        assert_eq!(name("host", ""), Err(InvalidRegistration::Part("owner")));
    }

    #[test]
    fn a_registration_is_named_by_the_host_and_the_id_in_the_token() {
        let base_url = BaseUrl::new("http://Sandbox.example:4717").unwrap();
        // `{"data":{"id":"3f9a"}}`, and a token without an id.
        for (claims, name) in [
            ("eyJkYXRhIjp7ImlkIjoiM2Y5YSJ9fQ", "sandbox.example/3f9a"),
            ("e30", "sandbox.example/default"),
        ] {
            let token = format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln");
            let token = AccessToken::new(&token).unwrap();
            let registration = Registration::of(&base_url, &token).unwrap();
            assert_eq!(registration.as_str(), name);
        }
    }

    #[test]
    fn a_secret_token_cannot_be_a_name() {
        let error = Registration::new("host", "eyJhbGciOi.eyJzdWIi.c2ln");
        assert_eq!(error, Err(InvalidRegistration::Token));
        let error = error.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("eyJ"));
        assert!(error.to_string().contains("pass an id"), "{error}");
    }
}
