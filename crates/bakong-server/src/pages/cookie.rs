//! Cookies.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::problem::Problem;

/// Returns the value of a cookie.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let headers = headers.get_all(header::COOKIE).into_iter();
    let texts = headers.filter_map(|header| header.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Returns the header that sets a cookie which scripts cannot read and which other sites cannot make the browser send.
pub(super) fn strict(
    name: &str,
    value: &str,
    path: &str,
    max_age: u64,
    is_https: bool,
) -> Result<HeaderValue, Problem> {
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!(
        "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::try_from(text).map_err(Problem::internal)
}
