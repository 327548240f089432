//! The paths and methods of the control API. A test compares them with `openapi.json`.

use http::Method;

use super::call::{Call, Handler, Reply};
use super::refusal::Refusal;
use super::{clock, faults, handlers, page, pay, picture, quota};

/// A path with a method and its handler.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The names of the query parameters; `None` for a page, which may have any.
    pub(super) parameters: Option<&'static [&'static str]>,
    pub(super) handler: Handler,
}

type StateHandler = fn(&mut Call<'_>) -> Result<Reply, Refusal>;

/// A route with these query parameters.
const fn route(
    method: &'static str,
    path: &'static str,
    parameters: &'static [&'static str],
    handler: StateHandler,
) -> Route {
    Route {
        method,
        path,
        parameters: Some(parameters),
        handler: Handler::State(handler),
    }
}

const fn page(path: &'static str, handler: StateHandler) -> Route {
    Route {
        parameters: None,
        ..route("GET", path, &[], handler)
    }
}

pub(super) const ROUTES: &[Route] = &[
    page("/", page::serve),
    page("/openapi.json", page::serve),
    page("/l/{id}", page::follow_link),
    page("/sandbox/page/{file}", page::serve),
    route("POST", "/sandbox/pay", &[], pay::pay),
    route("POST", "/sandbox/scan", &[], pay::scan),
    Route {
        method: "POST",
        path: picture::PATH,
        parameters: Some(&[]),
        handler: Handler::Picture(picture::read),
    },
    route(
        "GET",
        "/sandbox/payments",
        &["limit", "md5"],
        handlers::payments,
    ),
    route("GET", "/sandbox/codes", &[], handlers::codes),
    route("GET", "/sandbox/faults", &[], faults::list),
    route("POST", "/sandbox/faults", &[], faults::add),
    route("DELETE", "/sandbox/faults", &["number"], faults::remove),
    route("GET", "/sandbox/clock", &[], clock::show),
    route("POST", "/sandbox/clock", &[], clock::move_clock),
    route("GET", "/sandbox/mailbox", &["email"], handlers::mailbox),
    route("POST", "/sandbox/tokens", &[], handlers::issue_token),
    route("POST", "/sandbox/accounts", &[], handlers::open_account),
    route("GET", "/sandbox/requests", &["limit"], handlers::requests),
    route("GET", "/sandbox/quota", &[], quota::show),
    route("POST", "/sandbox/quota", &[], quota::set_quota),
    route("GET", "/sandbox/state", &[], handlers::state),
    route("POST", "/sandbox/reset", &[], handlers::reset),
    route("GET", "/sandbox/events", &[], handlers::events),
];

impl Route {
    fn is_at(&self, path: &str) -> bool {
        match self.path {
            "/l/{id}" => page::link_id(path).is_some(),
            "/sandbox/page/{file}" => page::file(path).is_some(),
            known => known == path,
        }
    }
}

/// The methods of a path; empty for an unknown path.
pub(super) fn methods(path: &str) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|route| route.is_at(path));
    routes.map(|route| route.method).collect()
}

pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let mut routes = ROUTES.iter();
    routes.find(|route| route.is_at(path) && route.method == method.as_str())
}
