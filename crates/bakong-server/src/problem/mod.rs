//! Errors of the API as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bakong_flow::CommandError;
use bakong_flow::store::{StoreError, StoreErrorKind};
use khqr_core::Printable;
use serde::Serialize;
use utoipa::ToSchema;

mod code;

pub(crate) use code::Code;

tokio::task_local! {
    /// The id of the request that the current task handles.
    pub(crate) static REQUEST_ID: String;
}

/// An error of the API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) detail: String,
    /// The field or the parameter that is wrong.
    pub(crate) param: Option<Cow<'static, str>>,
    /// In how many seconds to try again.
    pub(crate) retry_after: Option<u64>,
    /// The payment that prevents the request.
    pub(crate) payment: Option<String>,
}

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemBody<'a> {
    /// A URI reference that identifies the kind of error.
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    /// What happened, and what to do.
    detail: &'a str,
    /// A name for programs.
    code: &'a str,
    /// The field or the parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    /// The payment that prevents the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'a str>,
    /// The `Request-Id` of the answer.
    request_id: String,
}

/// Returns a `Retry-After` in seconds (RFC 9110 §10.2.3). It is rounded up, so that a client does not come too early.
pub(crate) fn retry_after(left: Duration) -> u64 {
    let has_fraction = left.subsec_nanos() > 0;
    left.as_secs().saturating_add(has_fraction.into()).max(1)
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let is_unavailable = code.status() == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            code,
            detail: detail.into(),
            param: None,
            // A reason that may end soon.
            retry_after: is_unavailable.then_some(2),
            payment: None,
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// 400: a value cannot be used.
    pub(crate) fn invalid(param: &'static str, detail: impl Into<String>) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::new(Code::InvalidParameter, detail)
        }
    }

    /// 404: the shop of the key has no such object.
    pub(crate) fn not_found(what: &str) -> Self {
        let detail = format!(
            "this shop has no such {what} in the mode of this API key; check the id and the key"
        );
        Self::new(Code::NotFound, detail)
    }

    /// 500. Logs the reason with the id of the request.
    pub(crate) fn internal(reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        tracing::error!(request_id = request_id(), reason = %Printable(&reason), "a request failed");
        Self::new(
            Code::InternalError,
            "the server failed; its log has the reason with this request_id",
        )
    }

    pub(crate) fn about(mut self, payment: &str) -> Self {
        self.payment = Some(payment.to_owned());
        self
    }

    /// Whether a repetition of the request should get this answer too. Other problems end, so the request is executed again.
    /// After 400, the client corrects the request.
    pub(crate) fn is_final(&self) -> bool {
        self.status().is_client_error()
            && !matches!(
                self.status(),
                StatusCode::BAD_REQUEST
                    | StatusCode::CONFLICT
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::REQUEST_TIMEOUT
                    | StatusCode::UNAUTHORIZED
                    | StatusCode::FORBIDDEN
            )
    }

    /// Returns the body as a JSON text.
    pub(crate) fn to_json(&self) -> String {
        let body = ProblemBody {
            kind: format!("/docs#{}", self.code.name()),
            title: self.status().canonical_reason().unwrap_or("Error"),
            status: self.status().as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            param: self.param.as_deref(),
            payment: self.payment.as_deref(),
            request_id: request_id().unwrap_or_default(),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_json()).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.kind() == StoreErrorKind::Fatal {
            return Self::internal(error);
        }
        tracing::error!(request_id = request_id(), %error, "the store failed");
        Self::new(
            Code::StoreUnavailable,
            "the store of the payments cannot be used; try again",
        )
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::StoreUnavailable => Self::new(
                Code::StoreUnavailable,
                "the store or the leader did not answer in time; try again",
            ),
            CommandError::NoQuota { .. } => Self::new(
                Code::NoQuota,
                "every request to Bakong that is left is reserved for the checks of payments",
            ),
            // Stopped, or a new reason of bakong-flow.
            _ => shutting_down(),
        }
    }
}

impl From<getrandom::Error> for Problem {
    fn from(error: getrandom::Error) -> Self {
        Self::internal(format_args!(
            "the operating system has no random numbers: {error}"
        ))
    }
}

/// The id of the request that the current task handles, if it handles one.
pub(crate) fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

pub(crate) fn shutting_down() -> Problem {
    Problem::new(Code::ShuttingDown, "the server is shutting down; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_gets_an_answer_again_if_nothing_can_change_it() {
        for (code, is_final) in [
            (Code::InvalidBody, false),
            (Code::InvalidParameter, false),
            (Code::NotFound, true),
            (Code::BodyTooLarge, true),
            (Code::IdempotencyMismatch, true),
            (Code::WrongKey, false),
            (Code::MissingScope, false),
            (Code::Timeout, false),
            (Code::OrderOpen, false),
            (Code::NoQuota, false),
            (Code::InternalError, false),
            (Code::StoreUnavailable, false),
        ] {
            let problem = Problem::new(code, "detail");
            assert_eq!(problem.is_final(), is_final, "{code:?}");
        }
    }

    #[test]
    fn a_store_that_fails_for_a_while_is_unavailable_and_its_error_is_not_shown() {
        let secret = "postgres://shop:secret@db";
        for (error, status, retry_after) in [
            (StoreError::transient(secret), 503, Some(2)),
            (StoreError::fatal(secret), 500, None),
        ] {
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status);
            assert_eq!(problem.retry_after, retry_after);
            assert!(!problem.to_json().contains("secret"));
        }
        let stopped = Problem::from(CommandError::Stopped);
        assert_eq!(stopped.code, Code::ShuttingDown);
        let away = Problem::from(CommandError::StoreUnavailable);
        assert_eq!(away.code, Code::StoreUnavailable);
    }

    #[test]
    fn the_headers_say_how_to_authenticate_and_when_to_try_again() {
        let response = Problem::new(Code::MissingKey, "").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let response = Problem::new(Code::StoreUnavailable, "").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let kind = &response.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "application/problem+json");
    }
}
