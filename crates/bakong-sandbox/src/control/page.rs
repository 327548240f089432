//! The page for people, served from the binary as it was written.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::route::Action;
use crate::wire::{self, Answer};

/// Nothing runs on the page but its own script, nothing leaves it but to the sandbox, and no other page
/// shows it in a frame. The text of a code is a stranger's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// The answer to a request for a file of the page.
pub(super) fn answer(action: Action) -> Option<Answer> {
    let (content_type, text) = match action {
        Action::Page => (
            "text/html; charset=utf-8",
            include_str!("../page/page.html"),
        ),
        Action::Style => ("text/css; charset=utf-8", include_str!("../page/page.css")),
        Action::Script => (
            "text/javascript; charset=utf-8",
            include_str!("../page/page.js"),
        ),
        Action::Document => ("application/json", include_str!("../page/openapi.json")),
        _ => return None,
    };
    let body = Bytes::from_static(text.as_bytes());
    let content_type = HeaderValue::from_static(content_type);
    let mut answer = wire::with_body(StatusCode::OK, content_type, body);
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(), geolocation=()",
        ),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    Some(answer)
}
