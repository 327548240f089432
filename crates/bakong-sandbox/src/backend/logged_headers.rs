//! The headers of a logged request, without secrets.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::redact::{REDACTED, redacted};

/// How many headers are stored, and how many bytes of each value.
const MAX_HEADERS: usize = 40;
const MAX_VALUE: usize = 256;

/// The headers in the order of the request. Names are in lower case.
pub(super) struct LoggedHeaders(Vec<(HeaderName, Vec<u8>)>);

impl LoggedHeaders {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let stored = headers.iter().take(MAX_HEADERS);
        Self(
            stored
                .map(|(name, value)| (name.clone(), excerpt(name, value)))
                .collect(),
        )
    }

    /// A list of names and values, because a name can occur twice.
    pub(super) fn view(&self) -> Value {
        let headers = self.0.iter().map(|(name, value)| {
            let value = redacted(&String::from_utf8_lossy(value));
            json!({ "name": redacted(name.as_str()), "value": value })
        });
        headers.collect()
    }
}

/// The beginning of a value, or only the scheme if the header carries a secret.
fn excerpt(name: &HeaderName, value: &HeaderValue) -> Vec<u8> {
    let bytes = value.as_bytes();
    if !is_secret(name) {
        return bytes.iter().take(MAX_VALUE).copied().collect();
    }
    let scheme = ["Bearer", "Basic"].into_iter().find(|scheme| {
        let (start, rest) = bytes.split_at_checked(scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme.as_bytes()) && rest.starts_with(b" ")
    });
    match scheme {
        Some(scheme) => format!("{scheme} {REDACTED}").into_bytes(),
        None if bytes.is_empty() => Vec::new(),
        None => REDACTED.into(),
    }
}

fn is_secret(name: &HeaderName) -> bool {
    let parts = ["token", "key", "secret", "auth", "password"];
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
        || parts.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_headers_are_redacted() {
        let secret = "c2VjcmV0LXRva2Vu";
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJkYXRhIjp7fX0.c2VjcmV0";
        for (name, value, expected) in [
            (
                "authorization",
                format!("bearer {secret}"),
                "Bearer [redacted]",
            ),
            ("authorization", secret.to_owned(), "[redacted]"),
            ("authorization", format!("Token {secret}"), "[redacted]"),
            ("authorization", "Bearer".to_owned(), "[redacted]"),
            (
                "proxy-authorization",
                format!("Basic {secret}"),
                "Basic [redacted]",
            ),
            ("cookie", format!("session={secret}"), "[redacted]"),
            ("x-access-token", secret.to_owned(), "[redacted]"),
            ("x-api-key", secret.to_owned(), "[redacted]"),
            ("referer", format!("/?x={jwt}"), "/?x=[redacted]"),
            ("referer", format!("/?token={secret}"), "/?token=[redacted]"),
            ("user-agent", "shop/1".to_owned(), "shop/1"),
        ] {
            let mut headers = HeaderMap::new();
            let header = HeaderName::from_static(name);
            headers.append(header, HeaderValue::try_from(value).unwrap());
            let view = LoggedHeaders::of(&headers).view();
            assert_eq!(view, json!([{ "name": name, "value": expected }]));
        }
    }

    #[test]
    fn a_repeated_header_is_listed_twice_and_long_values_are_truncated() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            let long = HeaderValue::try_from("x".repeat(9_000)).unwrap();
            headers.append("accept", long);
        }
        for number in 0..90 {
            let name = HeaderName::try_from(format!("x-{number}")).unwrap();
            headers.append(name, HeaderValue::from_static(""));
        }
        let view = LoggedHeaders::of(&headers).view();
        let list = view.as_array().unwrap();
        assert_eq!(list.len(), MAX_HEADERS);
        let accepted = list.iter().filter(|header| header["name"] == "accept");
        let lengths: Vec<_> = accepted
            .map(|it| it["value"].as_str().unwrap().len())
            .collect();
        assert_eq!(lengths, [MAX_VALUE; 2]);
    }
}
