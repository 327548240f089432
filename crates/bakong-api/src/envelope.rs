//! What every answer is wrapped in, and what an answer is when it is not what was asked for.
//!
//! The HTTP status is judged before the envelope: a 500 whose body says "not found" is an outage.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use khqr_core::Timestamp;

use crate::error::{ApiError, ErrorClass, ErrorCode, RetryAfter};
use crate::json::{Object, Raw, integer, is_empty, repaired, text};
use crate::transaction::Transaction;

/// An answer of Bakong's own under HTTP 200, one that no class of error covers.
pub(crate) struct Envelope<'a> {
    pub(crate) outcome: Outcome,
    /// What `data` holds, if it is there, not null and not empty.
    pub(crate) data: Option<Raw<'a>>,
    /// The same, if it is an object.
    pub(crate) object: Option<Object<'a>>,
    /// Whether an answer that says "failed" has a member beside it that only a transaction's answer has, or one
    /// that is not known and has such a member in it: a payment under a garbled name.
    pub(crate) tells_of_transaction: bool,
    status: StatusCode,
    code: Option<ErrorCode>,
    message: Cow<'a, str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// `responseCode` 0.
    Success,
    /// `responseCode` 1.
    Failure,
}

/// What an answer says at first glance: for logs, and for deciding whether to send its request again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AnswerSummary {
    /// `responseCode`, if it can be read.
    pub response_code: Option<i64>,
    /// `errorCode`, if it can be read and is not 0.
    pub error_code: Option<ErrorCode>,
    /// The class that makes it an error whatever was asked; `None` if Bakong itself answered, be it to
    /// refuse, and where the body has to say more than is read here.
    pub class: Option<ErrorClass>,
}

impl AnswerSummary {
    /// Whether an answer may be of class [`ErrorClass::Unavailable`] or [`ErrorClass::RateLimited`]. Where it
    /// says no, that is certain; it takes a small part of the time that reading takes.
    #[must_use]
    pub fn may_be_outage(response: &Response<Bytes>) -> bool {
        // Under 200, these are the codes 4, 7 and 9, which no text tells without their digits.
        let outage = |byte: &u8| matches!(byte, b'4' | b'7' | b'9');
        response.status() != StatusCode::OK || response.body().iter().any(outage)
    }

    /// Reads status, headers and the two codes.
    #[must_use]
    pub fn of(response: &Response<Bytes>) -> Self {
        let mut mended = String::new();
        let body = members(response.body(), &mut mended);
        let told = Told::read(response, body.as_ref());
        Self {
            response_code: body
                .as_ref()
                .and_then(|body| body.get("responseCode"))
                .and_then(integer),
            error_code: told.code,
            class: told.class,
        }
    }
}

/// The members of a body. One that is no strict JSON (a stray byte in a payer's remark) may still say
/// that money came, so it is mended.
fn members<'a>(body: &'a Bytes, mended: &'a mut String) -> Option<Object<'a>> {
    let strict = std::str::from_utf8(body).ok().and_then(Object::parse);
    if strict.is_some() {
        return strict;
    }
    *mended = repaired(body);
    Object::parse(mended)
}

/// The members that an answer is known to have.
const MEMBERS: [&str; 4] = ["responseCode", "responseMessage", "errorCode", "data"];

/// What an answer tells beside its data.
struct Told<'a> {
    code: Option<ErrorCode>,
    message: Cow<'a, str>,
    class: Option<ErrorClass>,
}

impl<'a> Told<'a> {
    fn read(response: &Response<Bytes>, body: Option<&Object<'a>>) -> Self {
        let status = response.status();
        let code = body
            .and_then(|body| body.get("errorCode"))
            .and_then(integer)
            // `0` is seen where nothing is wrong.
            .filter(|code| *code != 0)
            .map(ErrorCode::from_number);
        let message = body
            .and_then(|body| body.get("responseMessage"))
            .and_then(text)
            .unwrap_or_default();
        let class = class_of_code(status, code, &message)
            .or_else(|| class_of_status(status, response.headers()));
        Self {
            code,
            message,
            class,
        }
    }
}

impl<'a> Envelope<'a> {
    /// Judges an answer. `mended` holds the body where it had to be mended.
    pub(crate) fn open(
        response: &'a Response<Bytes>,
        mended: &'a mut String,
    ) -> Result<Self, ApiError> {
        let status = response.status();
        let body = members(response.body(), mended);
        let Told {
            code,
            message,
            class,
        } = Told::read(response, body.as_ref());
        if let Some(class) = class {
            return Err(ApiError::told(class, message).in_answer(status, code));
        }
        let malformed =
            |what: &str| ApiError::new(ErrorClass::Malformed, what).in_answer(status, code);
        let Some(mut body) = body else {
            return Err(malformed(match response.body().trim_ascii_start() {
                [] => "it is empty",
                [b'<', ..] => "it is a web page; is the base URL right?",
                _ => "it is no JSON object",
            }));
        };
        if body.contradicts_itself() {
            return Err(malformed("it says one thing twice, and differently"));
        }
        let outcome = match body.get("responseCode").and_then(integer) {
            Some(0) if code.is_none() => Outcome::Success,
            Some(0) => return Err(malformed("it says both success and an error code")),
            Some(1) => Outcome::Failure,
            _ => return Err(malformed("it has no responseCode 0 or 1")),
        };
        Ok(Self {
            outcome,
            data: body.get("data").filter(|raw| !is_empty(*raw)),
            tells_of_transaction: outcome == Outcome::Failure
                && (body.says(Transaction::TELLING.into_iter().chain(["transaction"]))
                    || body.hides(&Transaction::TELLING, &MEMBERS)),
            object: body.take_object("data"),
            status,
            code,
            message,
        })
    }

    pub(crate) const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The error that this answer is, with Bakong's own message.
    pub(crate) fn error(self, class: ErrorClass) -> ApiError {
        ApiError::told(class, self.message).in_answer(self.status, self.code)
    }

    /// The error that this answer is because of `what`, in our words.
    pub(crate) fn malformed(&self, what: &'static str) -> ApiError {
        ApiError::new(ErrorClass::Malformed, what).in_answer(self.status, self.code)
    }

    /// The data of a success; the error of a failure.
    pub(crate) fn into_data(self) -> Result<Option<Raw<'a>>, ApiError> {
        match self.outcome {
            Outcome::Success => Ok(self.data),
            Outcome::Failure => Err(self.error(ErrorClass::Refused)),
        }
    }
}

/// The class that a code or a message makes of an answer, whatever else it says: a refused token or a
/// spent quota is dear to miss, since asking again spends more.
fn class_of_code(status: StatusCode, code: Option<ErrorCode>, message: &str) -> Option<ErrorClass> {
    let judged = status == StatusCode::OK || status.is_client_error();
    if !judged || status == StatusCode::UNAUTHORIZED {
        return None;
    }
    let says = |what: &str| message.to_ascii_lowercase().contains(what);
    match code {
        Some(ErrorCode::DailyLimit) => Some(ErrorClass::QuotaExhausted),
        Some(ErrorCode::Unauthorized) => Some(ErrorClass::Unauthorized),
        Some(_) if says("daily request limit") => Some(ErrorClass::QuotaExhausted),
        Some(_) if says("unauthorized") => Some(ErrorClass::Unauthorized),
        Some(
            ErrorCode::DeeplinkProvider | ErrorCode::EmailServerDown | ErrorCode::CannotConnect,
        ) if status == StatusCode::OK => Some(ErrorClass::Unavailable { retry_after: None }),
        _ => None,
    }
}

/// The class of an answer that its status alone makes an error; `None` for 200.
fn class_of_status(status: StatusCode, headers: &HeaderMap) -> Option<ErrorClass> {
    if status == StatusCode::OK {
        return None;
    }
    let retry_after = retry_after(headers);
    Some(match status {
        StatusCode::UNAUTHORIZED => ErrorClass::Unauthorized,
        StatusCode::FORBIDDEN => ErrorClass::Blocked,
        StatusCode::TOO_MANY_REQUESTS => ErrorClass::RateLimited { retry_after },
        StatusCode::REQUEST_TIMEOUT => ErrorClass::Unavailable { retry_after },
        _ if status.is_server_error() => ErrorClass::Unavailable { retry_after },
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer of this status with this body.
    fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }

    fn is_outage(response: &Response<Bytes>) -> bool {
        matches!(
            AnswerSummary::of(response).class,
            Some(ErrorClass::Unavailable { .. } | ErrorClass::RateLimited { .. })
        )
    }

    #[test]
    fn no_outage_is_overlooked_at_first_glance() {
        for code in ["4", "7", "9", "\"4\"", "7.0", "0.9e1", " 9 "] {
            let body = format!(r#"{{"responseCode":1,"errorCode":{code},"data":null}}"#);
            let answer = answer(200, body);
            assert!(is_outage(&answer), "{code}");
            assert!(AnswerSummary::may_be_outage(&answer), "{code}");
        }
        for status in [408, 429, 500, 502, 503, 504, 599] {
            let answer = answer(status, "");
            assert!(is_outage(&answer) && AnswerSummary::may_be_outage(&answer));
        }
    }

    #[test]
    fn the_answers_that_come_all_day_are_told_from_an_outage_at_first_glance() {
        for body in [
            "",
            "{}",
            r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#,
            r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#,
            r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized"}"#,
        ] {
            let answer = answer(200, body);
            assert!(!AnswerSummary::may_be_outage(&answer), "{body}");
            assert!(!is_outage(&answer), "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_no_outage_at_first_glance_is_none(
            status in prop_oneof![4 => Just(200u16), 1 => 200..600u16],
            code in prop_oneof![
                (0..20u8).prop_map(|code| code.to_string()),
                (0..20u8).prop_map(|code| format!("\"{code}\"")),
                "[0-9]{1,2}(\\.[0-9])?(e-?[0-2])?",
            ],
            message in "[A-Za-z0-9 ]{0,20}",
            tail in prop_oneof![9 => Just("}"), 1 => Just("")],
        ) {
            let body = format!(
                r#"{{"responseCode":1,"errorCode":{code},"responseMessage":"{message}"{tail}"#
            );
            let answer = answer(status, body);
            if !AnswerSummary::may_be_outage(&answer) {
                prop_assert!(!is_outage(&answer));
            }
        }

        #[test]
        fn nor_is_it_in_any_bytes(body: Vec<u8>) {
            let answer = answer(200, body);
            prop_assert!(AnswerSummary::may_be_outage(&answer) || !is_outage(&answer));
        }
    }
}
