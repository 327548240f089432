//! Admits requests to the control API, and answers them.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};

use super::call::{Call, Handler, Reply};
use super::guard::Guard;
use super::page;
use super::picture::{self, MAX_PICTURE};
use super::query::Query;
use super::refusal::Refusal;
use super::route::{self, ROUTES, Route};
use crate::api::{MAX_BODY, check_content_type};
use crate::backend::Outcome;
use crate::input::InputError;
use crate::persist::Shared;
use crate::wire::{self, Answer};

/// Whether a path belongs to the control API.
pub(crate) fn is_control(path: &str) -> bool {
    ["/", "/openapi.json", "/sandbox"].contains(&path)
        || path.starts_with("/sandbox/")
        || page::link_id(path).is_some()
}

/// Whether the request has a picture. Answering it takes long, and does not need the state of the sandbox.
pub(crate) fn is_picture(path: &str) -> bool {
    path == picture::PATH
}

/// The largest body for a path, in bytes.
pub(crate) fn max_body(path: &str) -> usize {
    if is_picture(path) {
        MAX_PICTURE
    } else {
        MAX_BODY
    }
}

/// Answers a request to the control API.
pub(crate) fn serve(shared: &Shared, guard: &Guard, request: &Request<Bytes>) -> Reply {
    let mut answer = match admit(guard, request) {
        Err(answer) => *answer,
        Ok(route) => match call(shared, route, request) {
            Ok(Reply::Answer(answer)) => answer,
            Ok(events) => return events,
            Err(refusal) => refusal.answer(),
        },
    };
    let same_origin = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Prevents other websites from loading the response as a script or an image.
        (same_origin, "same-origin"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    Reply::Answer(answer)
}

/// The response to a request for the Open API that a page of another website sends. The request is logged
/// and has no other effect.
pub(crate) fn reject_website(
    shared: &Shared,
    guard: &Guard,
    request: &Request<Bytes>,
) -> Option<Answer> {
    let refusal = guard.check_program(request.headers()).err()?;
    let why = refusal.error.to_string();
    let answer = wire::rejected_for(refusal.status, &why);
    shared.with(|backend| {
        let now = backend.state().clock.now();
        let outcome = Outcome {
            answer: Some(&answer),
            fault: None,
            why: Some(why),
        };
        backend.record_in_log(request, outcome, now);
    });
    Some(answer)
}

fn call(shared: &Shared, route: &Route, request: &Request<Bytes>) -> Result<Reply, Refusal> {
    let query = Query::of(request, route.parameters)?;
    let handler = match route.handler {
        Handler::State(handler) => handler,
        Handler::Picture(handler) => return handler(request.body()),
    };
    shared.with_journal(|backend, journal| {
        let now = backend.state().clock.now();
        handler(&mut Call {
            backend,
            journal: journal.as_ref(),
            request,
            query,
            now,
        })
    })
}

/// The route of a request that is allowed.
fn admit(guard: &Guard, request: &Request<Bytes>) -> Result<&'static Route, Box<Answer>> {
    let refuse = |status, place, what: &str, help: String| {
        let error = InputError::new(place, what, help);
        Box::new(Refusal::new(status, error).answer())
    };
    guard
        .check(request)
        .map_err(|refusal| Box::new(refusal.answer()))?;
    let path = request.uri().path();
    let methods = route::methods(path);
    if methods.is_empty() {
        // The routes of one path are adjacent, so `dedup` removes all repetitions.
        let mut known: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
        known.dedup();
        let help = format!("use one of: {}", known.join(", "));
        let what = "the path does not exist";
        return Err(refuse(StatusCode::NOT_FOUND, "path", what, help));
    }
    let Some(route) = route::find(request.method(), path) else {
        let allowed = methods.join(", ");
        let (what, help) = (
            "the path does not allow this method",
            format!("use {allowed}"),
        );
        let mut answer = refuse(StatusCode::METHOD_NOT_ALLOWED, "method", what, help);
        if let Ok(allowed) = HeaderValue::try_from(allowed) {
            answer.headers_mut().insert(ALLOW, allowed);
        }
        return Err(answer);
    };
    let is_post = request.method() == Method::POST;
    let max_body = max_body(path);
    if request.body().len() > max_body {
        let (what, help) = (
            "the body is too large",
            format!("send at most {max_body} bytes"),
        );
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "body", what, help));
    }
    if !is_post && !request.body().trim_ascii().is_empty() {
        let help = "send parameters in the query string".to_owned();
        let what = "this method takes no body";
        return Err(refuse(StatusCode::BAD_REQUEST, "body", what, help));
    }
    if matches!(route.handler, Handler::Picture(_)) {
        if !picture::is_picture(request.headers()) {
            let (status, place) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "header.content-type");
            let help = "send the header content-type: image/png or image/jpeg".to_owned();
            let what = "the content type is not that of a picture";
            return Err(refuse(status, place, what, help));
        }
        return Ok(route);
    }
    // A page of another website cannot send this content type without a preflight.
    if is_post && check_content_type(request.headers()).is_err() {
        let (status, place) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "header.content-type");
        let help = "send the header content-type: application/json".to_owned();
        let what = "the content type is not application/json";
        return Err(refuse(status, place, what, help));
    }
    Ok(route)
}
