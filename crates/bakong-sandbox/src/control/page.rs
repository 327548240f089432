//! Serves the page and its files, which are embedded in the binary.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::input::InputError;
use crate::wire::{self, Answer};

/// Restricts the page to its own scripts and to requests to the sandbox, and forbids frames, because the text of a
/// code is untrusted.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// The stylesheet and the scripts under `/sandbox/page/`.
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

/// Serves the page or one of its files.
pub(super) fn serve(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (content_type, text) = match call.request.uri().path() {
        "/openapi.json" => ("application/json", include_str!("../page/openapi.json")),
        path => file(path).unwrap_or((
            "text/html; charset=utf-8",
            include_str!("../page/page.html"),
        )),
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
    Ok(Reply::Answer(answer))
}

/// The content type and the text of a file.
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

/// The ID in the path of a short link.
pub(super) fn link_id(path: &str) -> Option<&str> {
    path.strip_prefix("/l/")
}

/// Redirects a short link to the page.
pub(super) fn follow_link(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = link_id(call.request.uri().path()).unwrap_or_default();
    let target = call.backend.state().links.target(id);
    let target = target.and_then(|target| HeaderValue::try_from(target).ok());
    let target = target.ok_or_else(|| {
        let help = "create a link with POST /v1/generate_deeplink_by_qr; the latest 1,000 links are stored";
        let error = InputError::new("path", "the link does not exist", help);
        Refusal::new(StatusCode::NOT_FOUND, error)
    })?;
    let mut answer = Answer::new(Bytes::new());
    *answer.status_mut() = StatusCode::FOUND;
    answer.headers_mut().insert(LOCATION, target);
    Ok(Reply::Answer(answer))
}
