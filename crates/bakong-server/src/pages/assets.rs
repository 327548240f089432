//! The style sheet and the scripts, which are parts of the binary.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::page::PageError;
use crate::app::App;

/// How long browsers keep a file.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[(&str, &str, &str)] = &[
    ("page.css", STYLE, include_str!("../../assets/page.css")),
    ("demo.js", SCRIPT, include_str!("../../assets/demo.js")),
    ("live.js", SCRIPT, include_str!("../../assets/live.js")),
    ("pos.js", SCRIPT, include_str!("../../assets/pos.js")),
    (
        "checkout.js",
        SCRIPT,
        include_str!("../../assets/checkout.js"),
    ),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/assets/{file}", get(file))
        .route("/embed.js", get(embed))
}

async fn file(Path(name): Path<String>) -> Result<Response, PageError> {
    let found = FILES.iter().find(|(known, _, _)| *known == name);
    let (_, kind, text) = found.ok_or_else(PageError::not_found)?;
    Ok(with_type(kind, text))
}

/// The script for the pages of shops. It opens the checkout in a dialog.
async fn embed() -> Response {
    with_type(SCRIPT, include_str!("../../assets/embed.js"))
}

fn with_type(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, CACHE),
    ];
    (headers, text).into_response()
}
