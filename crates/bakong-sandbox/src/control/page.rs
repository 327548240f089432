//! The page for people, served from the binary as it was written.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::route::Action;
use crate::wire::{self, Answer};

/// Nothing runs on the page but its own scripts, nothing leaves it but to the sandbox, and no other page
/// shows it in a frame. The text of a code is a stranger's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// The style and the scripts, below `/sandbox/page/`.
const FILES: &[(&str, &str)] = &[
    ("page.css", include_str!("../page/page.css")),
    ("main.js", include_str!("../page/main.js")),
    ("api.js", include_str!("../page/api.js")),
    ("camera.js", include_str!("../page/camera.js")),
    ("clock.js", include_str!("../page/clock.js")),
    ("codes.js", include_str!("../page/codes.js")),
    ("dom.js", include_str!("../page/dom.js")),
    ("example.js", include_str!("../page/example.js")),
    ("faults.js", include_str!("../page/faults.js")),
    ("keyed_list.js", include_str!("../page/keyed_list.js")),
    ("payments.js", include_str!("../page/payments.js")),
    ("phone.js", include_str!("../page/phone.js")),
    ("quota.js", include_str!("../page/quota.js")),
    ("requests.js", include_str!("../page/requests.js")),
    ("event_stream.js", include_str!("../page/event_stream.js")),
    ("switches.js", include_str!("../page/switches.js")),
    ("tokens.js", include_str!("../page/tokens.js")),
];

/// The answer to a request for the page or a file of it.
pub(super) fn answer(action: Action, path: &str) -> Option<Answer> {
    let (content_type, text) = match action {
        Action::Page => (
            "text/html; charset=utf-8",
            include_str!("../page/page.html"),
        ),
        Action::PageFile => file(path)?,
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

/// The type and the text of the file at a path, if there is one.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    let name = path.strip_prefix("/sandbox/page/")?;
    let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
    let content_type = if name.ends_with(".css") {
        "text/css; charset=utf-8"
    } else {
        "text/javascript; charset=utf-8"
    };
    Some((content_type, text))
}
