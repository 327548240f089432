//! What every answer is wrapped in, and what an answer is when it is not what was asked for.
//!
//! The HTTP status is judged before the envelope: a 500 whose body says "not found" is an outage.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use khqr_core::Timestamp;
use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorClass, ErrorCode, RetryAfter};
use crate::json::{Object, integer, string};

/// An answer of Bakong's own under HTTP 200, one that no class of error covers.
pub(crate) struct Envelope<'a> {
    pub(crate) outcome: Outcome<'a>,
    status: StatusCode,
    code: Option<ErrorCode>,
    message: String,
}

pub(crate) enum Outcome<'a> {
    /// `responseCode` 0, with what `data` holds.
    Success(Option<&'a RawValue>),
    /// `responseCode` 1, where `data` should be null.
    Failure(Option<&'a RawValue>),
}

impl<'a> Envelope<'a> {
    /// Judges an answer.
    pub(crate) fn open(response: &'a Response<Bytes>) -> Result<Self, ApiError> {
        let status = response.status();
        let body = std::str::from_utf8(response.body())
            .ok()
            .and_then(Object::parse);
        let code = body
            .as_ref()
            .and_then(|body| body.get("errorCode"))
            .and_then(integer)
            // `0` is seen where nothing is wrong.
            .filter(|code| *code != 0)
            .map(ErrorCode::from_number);
        let message = body
            .as_ref()
            .and_then(|body| body.get("responseMessage"))
            .and_then(string)
            .unwrap_or_default();
        if let Some(class) = class_of_status(status, code, response.headers()) {
            return Err(ApiError::new(class, message).in_answer(status, code));
        }
        let malformed =
            |what: &str| ApiError::new(ErrorClass::Malformed, what).in_answer(status, code);
        let Some(body) = body else {
            return Err(malformed(match response.body().trim_ascii_start() {
                [] => "it is empty",
                [b'<', ..] => "it is a web page; is the base URL right?",
                _ => "it is no JSON object",
            }));
        };
        let outcome = match body.get("responseCode").and_then(integer) {
            Some(0) if code.is_none() => Outcome::Success(body.get("data")),
            Some(0) => return Err(malformed("it says both success and an error code")),
            Some(1) => Outcome::Failure(body.get("data")),
            _ => return Err(malformed("it has no responseCode 0 or 1")),
        };
        let envelope = Self {
            outcome,
            status,
            code,
            message,
        };
        match code {
            Some(ErrorCode::Unauthorized) => Err(envelope.error(ErrorClass::Unauthorized)),
            Some(ErrorCode::DailyLimit) => Err(envelope.error(ErrorClass::QuotaExhausted)),
            Some(ErrorCode::EmailServerDown | ErrorCode::CannotConnect) => {
                Err(envelope.error(ErrorClass::Unavailable))
            }
            _ => Ok(envelope),
        }
    }

    pub(crate) const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The error that this answer is, with Bakong's own message.
    pub(crate) fn error(self, class: ErrorClass) -> ApiError {
        ApiError::new(class, self.message).in_answer(self.status, self.code)
    }

    /// The error that this answer is because of `what`, in our words.
    pub(crate) fn malformed(&self, what: &'static str) -> ApiError {
        ApiError::new(ErrorClass::Malformed, what).in_answer(self.status, self.code)
    }

    /// The data of a success; the error of a failure.
    pub(crate) fn into_data(self) -> Result<Option<&'a RawValue>, ApiError> {
        match self.outcome {
            Outcome::Success(data) => Ok(data),
            Outcome::Failure(_) => Err(self.error(ErrorClass::Refused)),
        }
    }
}

/// The class of an answer that its status alone makes an error; `None` for 200.
fn class_of_status(
    status: StatusCode,
    code: Option<ErrorCode>,
    headers: &HeaderMap,
) -> Option<ErrorClass> {
    Some(match status {
        StatusCode::OK => return None,
        StatusCode::UNAUTHORIZED => ErrorClass::Unauthorized,
        StatusCode::FORBIDDEN => ErrorClass::Blocked,
        StatusCode::TOO_MANY_REQUESTS if code == Some(ErrorCode::DailyLimit) => {
            ErrorClass::QuotaExhausted
        }
        StatusCode::TOO_MANY_REQUESTS => ErrorClass::RateLimited {
            retry_after: retry_after(headers),
        },
        StatusCode::REQUEST_TIMEOUT => ErrorClass::Unavailable,
        _ if status.is_server_error() => ErrorClass::Unavailable,
        _ if status.is_client_error() => ErrorClass::Refused,
        // A redirect, or a success that the reference does not know.
        _ => ErrorClass::Malformed,
    })
}

/// `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(RetryAfter::Delay(Duration::from_secs(seconds)));
    }
    let moment = httpdate::parse_http_date(text).ok()?;
    let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = u64::try_from(since.as_millis()).ok()?;
    Some(RetryAfter::At(Timestamp::from_millis(millis)))
}
