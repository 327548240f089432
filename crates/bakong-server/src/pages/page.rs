//! HTML answers, and problems as pages.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use bakong_flow::store::StoreError;

use super::text::{Texts, other_language, texts};
use crate::problem::{Code, Problem};

/// What every template needs.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) t: &'static Texts,
    /// The link to the same page in the other language.
    pub(super) other_language: String,
}

impl Base {
    pub(super) fn new() -> Self {
        Self {
            t: texts(),
            other_language: other_language(),
        }
    }
}

/// A problem, shown as a page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// The request has no session.
    LogIn,
    /// The request failed.
    Problem(Problem),
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    base: Base,
    status: u16,
    detail: &'a str,
}

impl PageError {
    /// 404: the address is wrong.
    pub(super) fn not_found() -> Self {
        let detail = "there is nothing at this address; check the link";
        Self::Problem(Problem::new(Code::NotFound, detail))
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::LogIn => return Redirect::to("/login").into_response(),
            Self::Problem(problem) => problem,
        };
        let page = ErrorPage {
            base: Base::new(),
            status: problem.status().as_u16(),
            detail: &problem.detail,
        };
        let mut response = (problem.status(), render(&page)).into_response();
        if let Some(seconds) = problem.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Renders a template.
pub(super) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
