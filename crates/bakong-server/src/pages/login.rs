//! `/login`: a password or a one-time link starts a session.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use khqr_core::Timestamp;

use super::cookie;
use super::form::{Form, StaffForm};
use super::page::{Base, PageError, render};
use super::session::{Session, csrf, forged, is_csrf};
use crate::app::App;
use crate::db::LoginSecret;
use crate::ids;
use crate::problem::{Code, Problem};

/// The cookie of a person who is about to log in. Its secret protects the form.
const COOKIE: &str = "login";
/// How many seconds a person has to log in.
const LIFE: u64 = 60 * 60;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/login", get(show).post(log_in))
        .route("/logout", post(log_out))
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    base: Base,
    csrf: String,
    has_password: bool,
    /// The secret of a one-time link.
    link: Option<&'a str>,
    error: Option<&'static str>,
}

async fn show(
    State(app): State<App>,
    session: Result<Session, PageError>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    if session.is_ok() {
        return Ok(Redirect::to("/dashboard").into_response());
    }
    let query = uri.query().unwrap_or_default();
    let link = query.split('&').find_map(|pair| pair.strip_prefix("link="));
    form(&app, &headers, link, None)
}

/// Shows the form. A link has a button too, so that a program that only follows links does not use it up.
fn form(
    app: &App,
    headers: &HeaderMap,
    link: Option<&str>,
    error: Option<&'static str>,
) -> Result<Response, PageError> {
    let secret = match cookie::find(headers, COOKIE) {
        Some(secret) => secret.to_owned(),
        None => ids::random("").map_err(Problem::from)?,
    };
    let page = LoginPage {
        base: Base::new(),
        csrf: csrf(&secret),
        has_password: app.site().password.is_some(),
        link,
        error,
    };
    let mut response = render(&page);
    let cookie = cookie::strict(COOKIE, &secret, "/login", LIFE, app.site().is_https)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    form_data: Form,
) -> Result<Response, PageError> {
    let secret = cookie::find(&headers, COOKIE).unwrap_or_default();
    if secret.is_empty() || !is_csrf(secret, form_data.get("csrf")) {
        return Err(forged());
    }
    let base = Base::new();
    let error = match form_data.get("link") {
        "" if is_password(&app, form_data.get("password").to_owned()).await? => None,
        "" => Some(base.t.wrong_password),
        link if app
            .db()
            .take_secret(LoginSecret::Link, link, Timestamp::now())
            .await? =>
        {
            None
        }
        _ => Some(base.t.used_link),
    };
    if let Some(error) = error {
        let mut response = form(&app, &headers, None, Some(error))?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let cookie = Session::start(&app).await?;
    let mut response = Redirect::to("/dashboard").into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Compares a password, if another attempt is allowed.
async fn is_password(app: &App, password: String) -> Result<bool, Problem> {
    let site = app.site();
    let Some(expected) = site.password.clone() else {
        return Ok(false);
    };
    site.attempts.count(Timestamp::now()).map_err(|seconds| {
        let detail =
            format!("there were too many attempts to log in; try again in {seconds} seconds");
        Problem {
            retry_after: Some(seconds),
            ..Problem::new(Code::TooManyAttempts, detail)
        }
    })?;
    // The hash takes a good part of a second.
    let compared = tokio::task::spawn_blocking(move || expected.is(&password)).await;
    let is_password = compared.map_err(Problem::internal)?;
    if is_password {
        site.attempts.forget();
    } else {
        tracing::warn!("an attempt to log in failed");
    }
    Ok(is_password)
}

async fn log_out(State(app): State<App>, form: StaffForm) -> Result<Response, PageError> {
    let cookie = form.staff.session.end(&app).await?;
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
