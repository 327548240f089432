//! The control of the sandbox over HTTP: what the typed handle does, for clients in any language.
//!
//! It is apart from the Open API in everything: no fault, no quota and no token has to do with it, its
//! errors have a form of their own, and a browser may reach it only from the sandbox's own page.

mod clock;
mod guard;
mod handlers;
mod page;
mod pay;
mod query;
mod route;
mod scan;
#[cfg(test)]
mod tests;
pub(crate) mod view;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) use self::guard::Guard;
use self::route::Action;
use crate::answer::MAX_BODY;
use crate::input::InputError;
use crate::state::Shared;
use crate::wire::{self, Answer};

/// What becomes of a request to the control.
pub(crate) enum Reply {
    Answer(Answer),
    /// Events as they happen.
    Events(mpsc::Receiver<Bytes>),
}

/// Why a request to the control is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: InputError,
    /// More about it for machines.
    reason: Option<Value>,
}

impl Refusal {
    fn new(status: StatusCode, error: InputError) -> Self {
        Self {
            status,
            error,
            reason: None,
        }
    }

    fn answer(self) -> Answer {
        let InputError { what, place, help } = self.error;
        let mut error = json!({ "what": what, "where": place, "help": help });
        if let (Some(reason), Some(fields)) = (self.reason, error.as_object_mut()) {
            fields.insert("reason".to_owned(), reason);
        }
        json_answer(self.status, &json!({ "error": error }))
    }
}

impl From<InputError> for Refusal {
    fn from(error: InputError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

/// Whether a path is the control's and not the Open API's.
pub(crate) fn is_control(path: &str) -> bool {
    ["/", "/openapi.json", "/sandbox"].contains(&path)
        || path.starts_with("/sandbox/")
        || route::link_id(path).is_some()
}

/// Answers a request to the control.
pub(crate) fn reply(shared: &Shared, guard: &Guard, request: &Request<Bytes>) -> Reply {
    let mut answer = match admit(guard, request) {
        Err(answer) => *answer,
        Ok(action) => match handlers::perform(shared, action, request) {
            Ok(Reply::Answer(answer)) => answer,
            Ok(events) => return events,
            Err(refusal) => refusal.answer(),
        },
    };
    let same_origin = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // So that no page of another site has it as its own script or image.
        (same_origin, "same-origin"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    Reply::Answer(answer)
}

/// The answer to a request for the Open API that a page of another site sends. It is recorded, and otherwise
/// nothing comes of it.
pub(crate) fn turn_away(
    shared: &Shared,
    guard: &Guard,
    request: &Request<Bytes>,
) -> Option<Answer> {
    let refusal = guard.check_program(request.headers()).err()?;
    let answer = wire::rejected_for(refusal.status, &refusal.error.to_string());
    shared.with(|state| state.record(request, &answer));
    Some(answer)
}

/// What is asked for, if whoever asks may.
fn admit(guard: &Guard, request: &Request<Bytes>) -> Result<Action, Box<Answer>> {
    let refused = |refusal: Refusal| Box::new(refusal.answer());
    guard.check(request).map_err(refused)?;
    let path = request.uri().path();
    let methods = route::methods(path);
    if methods.is_empty() {
        // A path with two methods stands there twice, side by side.
        let mut known: Vec<_> = route::ROUTES.iter().map(|route| route.path).collect();
        known.dedup();
        let help = format!("there are: {}", known.join(", "));
        let error = InputError::new("path", "there is nothing here", help);
        return Err(refused(Refusal::new(StatusCode::NOT_FOUND, error)));
    }
    let Some(action) = route::find(request.method(), path) else {
        let allowed = methods.join(", ");
        let what = "the method is not for this path";
        let error = InputError::new("method", what, format!("use {allowed}"));
        let mut answer = refused(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error));
        if let Ok(allowed) = HeaderValue::try_from(allowed) {
            answer.headers_mut().insert(ALLOW, allowed);
        }
        return Err(answer);
    };
    if request.body().len() > MAX_BODY {
        let help = format!("send at most {MAX_BODY} bytes");
        let error = InputError::new("body", "it is too large", help);
        return Err(refused(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)));
    }
    if request.method() != Method::POST && !request.body().trim_ascii().is_empty() {
        let help = "put what it says into the address, after a question mark";
        let error = InputError::new("body", "this method takes none", help);
        return Err(refused(Refusal::new(StatusCode::BAD_REQUEST, error)));
    }
    if request.method() == Method::POST && !is_json(request) {
        let help = "send the header content-type: application/json";
        let error = InputError::new("header.content-type", "it is not application/json", help);
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(refused(Refusal::new(status, error)));
    }
    Ok(action)
}

/// Whether the body is said to be JSON: a page of another site cannot say that without being asked first.
fn is_json(request: &Request<Bytes>) -> bool {
    let value = request.headers().get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    wire::with_body(status, wire::JSON, Bytes::from(value.to_string()))
}
