//! The paths and methods of the control API. A test compares them with `openapi.json`.

use http::Method;

use super::call::Handler;
use super::{clock, faults, handlers, page, pay, quota};

/// A path with a method and its handler.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The names of the query parameters; `None` for a page, which may have any.
    pub(super) parameters: Option<&'static [&'static str]>,
    pub(super) handler: Handler,
}

const fn get(path: &'static str, parameters: &'static [&'static str], handler: Handler) -> Route {
    Route {
        method: "GET",
        path,
        parameters: Some(parameters),
        handler,
    }
}

const fn page(path: &'static str, handler: Handler) -> Route {
    Route {
        parameters: None,
        ..get(path, &[], handler)
    }
}

const fn post(path: &'static str, handler: Handler) -> Route {
    Route {
        method: "POST",
        ..get(path, &[], handler)
    }
}

const fn delete(
    path: &'static str,
    parameters: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route {
        method: "DELETE",
        ..get(path, parameters, handler)
    }
}

pub(super) const ROUTES: &[Route] = &[
    page("/", page::serve),
    page("/openapi.json", page::serve),
    page("/l/{id}", page::follow_link),
    page("/sandbox/page/{file}", page::serve),
    post("/sandbox/pay", pay::pay),
    post("/sandbox/scan", pay::scan),
    get("/sandbox/payments", &["limit", "md5"], handlers::payments),
    get("/sandbox/codes", &[], handlers::codes),
    get("/sandbox/faults", &[], faults::list),
    post("/sandbox/faults", faults::add),
    delete("/sandbox/faults", &["number"], faults::remove),
    get("/sandbox/clock", &[], clock::show),
    post("/sandbox/clock", clock::move_clock),
    get("/sandbox/mailbox", &["email"], handlers::mailbox),
    post("/sandbox/tokens", handlers::issue_token),
    post("/sandbox/accounts", handlers::open_account),
    get("/sandbox/requests", &["limit"], handlers::requests),
    get("/sandbox/quota", &[], quota::show),
    post("/sandbox/quota", quota::set_quota),
    get("/sandbox/state", &[], handlers::state),
    post("/sandbox/reset", handlers::reset),
    get("/sandbox/events", &[], handlers::events),
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
