//! Pages for people: the checkout, the dashboard, the point of sale and a demo shop.
//!
//! The server renders every state, so the pages work without JavaScript. The scripts add what HTML cannot do: they fetch a page again
//! when something changes, count down, and print. Nothing that a browser sends changes what is owed or whether it is paid.

mod assets;
mod checkout;
mod cookie;
mod dashboard;
mod demo;
mod form;
mod format;
mod live;
mod login;
mod page;
mod pos;
mod session;
mod text;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::app::App;
use crate::site::closed_policy;

/// Returns the routes of the pages.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(assets::router())
        .merge(checkout::router())
        .merge(dashboard::router())
        .merge(demo::router())
        .merge(login::router())
        .merge(pos::router())
        .layer(middleware::from_fn(text::with_language))
        .layer(middleware::from_fn(with_headers))
}

/// Adds the headers that restrict a page. A handler may have set another policy.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(closed_policy);
    // The address of a checkout is a secret, which the shop's site must not learn from the header `Referer`.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}
