//! The checks of a request's headers: the user agent, the token and the content type.
//!
//! Every check that fails returns its reason. A developer sees the reason in the log of requests, because the
//! live service's response contains none.

use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use khqr_core::Timestamp;

use crate::access::{TokenError, TokenKey};
use crate::wire::TokenUse;

/// The value of a header that must occur once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err("is missing".to_owned()),
        (Some(_), Some(_)) => Err("occurs more than once".to_owned()),
    }
}

pub(super) fn has_user_agent(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|name| !name.as_bytes().trim_ascii().is_empty())
}

/// The token of an `Authorization: Bearer …` header. The scheme is case-insensitive (RFC 9110 §11.1). Two
/// such headers are ambiguous and count as none.
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, String> {
    const HELP: &str = "send `Authorization: Bearer TOKEN`";
    let refuse = |what: &str| format!("the header Authorization {what}; {HELP}");
    let value = one(headers, &AUTHORIZATION).map_err(|what| refuse(&what))?;
    let text = value
        .to_str()
        .map_err(|_| refuse("contains characters that are not ASCII"))?;
    let is_bearer = |scheme: &str| scheme.eq_ignore_ascii_case("Bearer");
    match text.split_once(' ') {
        Some((scheme, token)) if is_bearer(scheme) => Ok(token),
        None if is_bearer(text) => Err(refuse("contains no token after `Bearer`")),
        _ => Err(refuse("does not start with `Bearer `")),
    }
}

/// Checks the token as the endpoint requires.
pub(super) fn authorize(
    key: &TokenKey,
    token: TokenUse,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(), String> {
    let is_ignored = match token {
        TokenUse::Required => false,
        TokenUse::Optional => !headers.contains_key(AUTHORIZATION),
        TokenUse::Ignored => true,
    };
    if is_ignored {
        return Ok(());
    }
    let token = bearer_token(headers)?;
    key.verify(token, now).map(drop).map_err(|error| {
        let why = match error {
            TokenError::Malformed => {
                "the token is not a JWT, which has three parts with dots between them; copy the whole token"
            }
            TokenError::Signature => {
                "this sandbox did not sign the token, or has revoked it by a reset, a fault or a restart \
                 without a state file; issue a new token"
            }
            TokenError::Expired => {
                "the token has expired on the sandbox's clock; POST /v1/renew_token issues another"
            }
        };
        why.to_owned()
    })
}

/// Checks that the content type is JSON. The reference lists the header for every endpoint. Parameters such as
/// `charset` are ignored.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), String> {
    let value = one(headers, &CONTENT_TYPE);
    let value = value.and_then(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let essence = text.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(match essence.to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" | "multipart/form-data" => {
                "announces a form".to_owned()
            }
            _ => "is not application/json".to_owned(),
        })
    });
    value.map_err(|what| {
        format!(
            "the header Content-Type {what}; send JSON with the header `Content-Type: application/json`"
        )
    })
}
