//! Answers in Bakong's form.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bakong_flow::bakong_api::{ApiError, ErrorClass};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::problem::{Problem, request_id};

/// Bakong's message for a transaction.
const TRANSACTION_FOUND: &str = "Getting transaction successfully.";

/// Bakong's error codes that the drop-in uses, with their messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ErrorCode {
    TransactionNotFound = 1,
    StaticQr = 2,
    TransactionFailed = 3,
    MissingFields = 5,
    Unauthorized = 6,
    AccountNotFound = 11,
    AccountInvalid = 12,
    QuotaExhausted = 17,
}

impl ErrorCode {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::TransactionNotFound => {
                "Transaction could not be found. Please check and try again."
            }
            Self::StaticQr => "Static QR is not supported for this check flow",
            Self::TransactionFailed => "Transaction failed.",
            Self::MissingFields => "Missing required fields",
            Self::Unauthorized => "Unauthorized, not yet requested for token or code invalid",
            Self::AccountNotFound => "Account ID not found",
            Self::AccountInvalid => "Account ID is invalid",
            // Bakong's sentence names the limit of its token, which is a setting here.
            Self::QuotaExhausted => "Daily request limit exceeded. Please try again tomorrow.",
        }
    }
}

/// The envelope of an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, T> {
    response_code: u8,
    response_message: &'a str,
    error_code: Option<i64>,
    data: Option<T>,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<u64>,
    /// JSON, except for an outage.
    body: String,
}

/// The body of an outage. It is not JSON, as Bakong's: clients take an envelope with an error code for "not paid".
const OUTAGE: &str = "The server cannot answer now. Try again.\n";

impl Answer {
    pub(super) fn transaction(json: &RawValue) -> Self {
        Self::success(TRANSACTION_FOUND, Some(json))
    }

    pub(super) fn list(items: &[impl Serialize]) -> Self {
        Self::success("Success", Some(items))
    }

    pub(super) fn token(token: &str) -> Self {
        let data = serde_json::json!({ "token": token });
        Self::success("Token has been issued", Some(data))
    }

    pub(super) fn deeplink(link: &str) -> Self {
        let data = serde_json::json!({ "shortLink": link });
        Self::success("Getting deep link successfully", Some(data))
    }

    pub(super) fn account_exists() -> Self {
        Self::success("Account ID exists", None::<()>)
    }

    /// The answer with an error code and its message.
    pub(super) fn error(code: ErrorCode) -> Self {
        let status = match code {
            ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
            _ => StatusCode::OK,
        };
        Self::failure(status, code as i64, code.message())
    }

    /// The answer if nobody can say whether there is a payment.
    pub(super) fn outage() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: None,
            body: OUTAGE.to_owned(),
        }
    }

    fn success(message: &str, data: Option<impl Serialize>) -> Self {
        Self::new(
            StatusCode::OK,
            &Envelope {
                response_code: 0,
                response_message: message,
                error_code: None,
                data,
            },
        )
    }

    fn failure(status: StatusCode, code: i64, message: &str) -> Self {
        Self::new(
            status,
            &Envelope {
                response_code: 1,
                response_message: message,
                error_code: Some(code),
                data: None::<()>,
            },
        )
    }

    fn new(status: StatusCode, envelope: &Envelope<'_, impl Serialize>) -> Self {
        Self {
            status,
            retry_after: None,
            // Texts and numbers cannot fail to serialize.
            body: serde_json::to_string(envelope).unwrap_or_default(),
        }
    }
}

/// A problem of the server. A program must not read one as "not paid".
impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let mut answer = match problem.status() {
            StatusCode::UNAUTHORIZED => Self::error(ErrorCode::Unauthorized),
            StatusCode::FORBIDDEN => {
                // Bakong has no code for this, so only the log can tell the reason.
                tracing::warn!(
                    request_id = request_id(),
                    reason = problem.detail,
                    "the drop-in refused the API key of a program"
                );
                Self::error(ErrorCode::Unauthorized)
            }
            StatusCode::TOO_MANY_REQUESTS => Self::error(ErrorCode::QuotaExhausted),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                Self::error(ErrorCode::MissingFields)
            }
            _ => Self::outage(),
        };
        answer.retry_after = problem.retry_after;
        answer
    }
}

/// Why Bakong did not answer a request that was passed on.
impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        match (error.class(), error.code()) {
            (ErrorClass::QuotaExhausted, _) => Self::error(ErrorCode::QuotaExhausted),
            (ErrorClass::Refused, Some(code)) => {
                let message = khqr_core::Printable(error.message()).to_string();
                Self::failure(StatusCode::OK, code.number(), &message)
            }
            // The token of the server, not the key of the program.
            _ => Self::outage(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        if self.status != StatusCode::SERVICE_UNAVAILABLE {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use bakong_flow::bakong_api::transport::{TransportError, TransportErrorKind};

    use super::*;
    use crate::problem::Code;

    /// Returns the error code, and nothing for an outage.
    fn code(answer: &Answer) -> Option<i64> {
        let body: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
        assert_eq!(body["responseCode"], 1, "{body}");
        body["errorCode"].as_i64()
    }

    #[test]
    fn no_problem_of_the_server_says_that_a_code_is_not_paid() {
        for (code_of_problem, expected) in [
            (Code::InvalidBody, Some(5)),
            (Code::WrongKey, Some(6)),
            (Code::MissingScope, Some(6)),
            (Code::Timeout, None),
            (Code::OrderOpen, None),
            (Code::BodyTooLarge, Some(5)),
            (Code::NoQuota, Some(17)),
            (Code::InternalError, None),
            (Code::StoreUnavailable, None),
        ] {
            let mut problem = Problem::new(code_of_problem, "detail");
            problem.retry_after = Some(7);
            let answer = Answer::from(problem);
            assert_eq!((code(&answer), answer.retry_after), (expected, Some(7)));
            let is_outage = answer.status == StatusCode::SERVICE_UNAVAILABLE;
            assert_eq!(is_outage, expected.is_none(), "{code_of_problem:?}");
        }
    }

    #[test]
    fn a_request_that_was_not_answered_is_an_outage() {
        let answer = Answer::from(ApiError::from(TransportError::new(
            TransportErrorKind::Interrupted,
            "cut",
        )));
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(code(&answer), None);
    }
}
