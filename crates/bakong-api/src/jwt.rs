//! The form of a token: a JWT (RFC 7519), three base64url parts separated by dots. The second encodes a JSON object.
//! The signature cannot be checked without NBC's key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khqr_core::Timestamp;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::json::{Decimal, Object, string};

/// The maximum length of a registration's id. The ids seen so far have 13 to 36 characters.
const MAX_ID: usize = 128;

/// The reason for rejecting a JWT whose second part is not a JSON object.
pub(crate) const UNREADABLE: &str = "has no readable claims; check that it was copied completely";

/// The claims that this crate uses.
pub(crate) struct Claims {
    /// The expiry (`exp`), to the second.
    pub(crate) expires_at: Option<Timestamp>,
    /// The id of the registration (`data.id`).
    pub(crate) registration_id: Option<Box<str>>,
}

/// Reads the claims of a token, or returns the reason why the string is not a token. The reason contains no part of the
/// string.
pub(crate) fn read_claims(jwt: &str) -> Result<Claims, &'static str> {
    if jwt.is_empty() {
        return Err("is empty");
    }
    let mut parts = jwt.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(
            "does not have three parts separated by dots; check that it was copied completely",
        );
    };
    let is_base64url = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !part.is_empty() && part.bytes().all(fits)
    };
    if ![header, claims, signature].into_iter().all(is_base64url) {
        return Err("contains invalid characters; check that only the token was pasted");
    }
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).map_err(|_| UNREADABLE)?);
    let claims = std::str::from_utf8(&claims).map_err(|_| UNREADABLE)?;
    let claims = Object::parse(claims).ok_or(UNREADABLE)?;
    Ok(Claims {
        expires_at: claims.get("exp").and_then(expiry),
        registration_id: claims.get("data").and_then(registration_id),
    })
}

/// Reads `id` from `data`: printable ASCII characters, as in every token seen so far.
fn registration_id(data: &RawValue) -> Option<Box<str>> {
    let data = Object::parse(data.get())?;
    let id = string(data.get("id")?)?;
    let is_readable =
        !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic());
    is_readable.then(|| id.into())
}

/// Reads `exp`: seconds since 1970, a whole number in every token seen so far.
fn expiry(value: &RawValue) -> Option<Timestamp> {
    let seconds = Decimal::read(value)?.floor()?;
    seconds.checked_mul(1_000).map(Timestamp::from_millis)
}
