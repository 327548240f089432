//! Forms of pages.

use axum::extract::{FromRequest, Request};
use axum::http::header;

use super::page::PageError;
use super::session::Staff;
use crate::api::body::RawBody;
use crate::app::App;
use crate::problem::{Code, Problem};

/// The fields of a form. Without `Debug`, because a field may be a password.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Returns the value of a field; an empty text if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut fields = self.0.iter();
        let found = fields.find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Returns all values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter().filter(move |(found, _)| found == name);
        fields.map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail = "send a form as application/x-www-form-urlencoded";
            let problem = Problem::new(Code::NotAForm, detail);
            return Err(problem.into());
        }
        let body = RawBody::from_request(request, state).await?;
        Ok(Self(form_urlencoded::parse(&body.0).into_owned().collect()))
    }
}

/// A form that a person with a session sent from a page of that session.
pub(super) struct StaffForm {
    pub(super) staff: Staff,
    pub(super) form: Form,
}

impl FromRequest<App> for StaffForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &App) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let staff =
            <Staff as axum::extract::FromRequestParts<App>>::from_request_parts(&mut parts, app)
                .await?;
        let form = Form::from_request(Request::from_parts(parts, body), app).await?;
        staff.check(form.get("csrf"))?;
        Ok(Self { staff, form })
    }
}
