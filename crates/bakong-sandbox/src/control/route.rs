//! The paths and methods of the control API. A test compares them with `openapi.json`.

use http::Method;

use super::page;

/// What a route does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Page,
    PageFile,
    Document,
    Link,
    Pay,
    Scan,
    Payments,
    Codes,
    Faults,
    AddFaults,
    RemoveFaults,
    Clock,
    MoveClock,
    Mailbox,
    IssueToken,
    OpenAccount,
    Requests,
    Quota,
    SetQuota,
    State,
    Reset,
    Events,
}

impl Action {
    /// The names of the query parameters.
    pub(super) const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Payments => &["limit", "md5"],
            Self::RemoveFaults => &["number"],
            Self::Mailbox => &["email"],
            Self::Requests => &["limit"],
            _ => &[],
        }
    }
}

/// A path with a method and its action.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) action: Action,
}

const fn get(path: &'static str, action: Action) -> Route {
    Route {
        method: "GET",
        path,
        action,
    }
}

const fn post(path: &'static str, action: Action) -> Route {
    Route {
        method: "POST",
        path,
        action,
    }
}

pub(crate) const ROUTES: &[Route] = &[
    get("/", Action::Page),
    get("/openapi.json", Action::Document),
    get("/l/{id}", Action::Link),
    get("/sandbox/page/{file}", Action::PageFile),
    post("/sandbox/pay", Action::Pay),
    post("/sandbox/scan", Action::Scan),
    get("/sandbox/payments", Action::Payments),
    get("/sandbox/codes", Action::Codes),
    get("/sandbox/faults", Action::Faults),
    post("/sandbox/faults", Action::AddFaults),
    Route {
        method: "DELETE",
        path: "/sandbox/faults",
        action: Action::RemoveFaults,
    },
    get("/sandbox/clock", Action::Clock),
    post("/sandbox/clock", Action::MoveClock),
    get("/sandbox/mailbox", Action::Mailbox),
    post("/sandbox/tokens", Action::IssueToken),
    post("/sandbox/accounts", Action::OpenAccount),
    get("/sandbox/requests", Action::Requests),
    get("/sandbox/quota", Action::Quota),
    post("/sandbox/quota", Action::SetQuota),
    get("/sandbox/state", Action::State),
    post("/sandbox/reset", Action::Reset),
    get("/sandbox/events", Action::Events),
];

/// The ID in the path of a short link.
pub(crate) fn link_id(path: &str) -> Option<&str> {
    path.strip_prefix("/l/")
}

impl Route {
    fn is_at(&self, path: &str) -> bool {
        match self.action {
            Action::Link => link_id(path).is_some(),
            Action::PageFile => page::file(path).is_some(),
            _ => self.path == path,
        }
    }
}

/// The methods of a path; empty for an unknown path.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|route| route.is_at(path));
    routes.map(|route| route.method).collect()
}

pub(crate) fn find(method: &Method, path: &str) -> Option<Action> {
    let mut routes = ROUTES.iter();
    let route = routes.find(|route| route.is_at(path) && route.method == method.as_str())?;
    Some(route.action)
}
