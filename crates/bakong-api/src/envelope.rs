//! The envelope around every answer, and the class of an answer that is an error.
//!
//! The HTTP status is checked before the envelope: a 500 whose body says "not found" is an outage.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use khqr_core::Timestamp;
use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorClass, ErrorCode, RetryAfter};
use crate::json::{Object, integer, is_empty, repair, string};
use crate::places;
use crate::transaction::Transaction;
use crate::unreadable;

/// A well-formed answer with HTTP 200 that only the endpoint can interpret.
pub(crate) struct Envelope<'a> {
    pub(crate) response_code: ResponseCode,
    /// The value of `data`, unless it is absent, null or empty.
    pub(crate) data: Option<&'a RawValue>,
    /// Whether a failure contains, outside of `data`, a member that only a transaction has. Such an answer may
    /// report a payment in a member with a garbled name.
    pub(crate) mentions_transaction: bool,
    /// Whether `data`, `transaction` and the answer itself hold different transactions.
    pub(crate) contradicts_itself: bool,
    status: StatusCode,
    code: Option<ErrorCode>,
    message: Cow<'a, str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResponseCode {
    /// `responseCode` 0.
    Success,
    /// `responseCode` 1.
    Failure,
}

/// The codes and the class of an answer, read without knowledge of the request: for logs, and to decide whether
/// to send a request again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AnswerSummary {
    /// `responseCode`, if it is readable.
    pub response_code: Option<i64>,
    /// `errorCode`, if it is readable and not 0.
    pub error_code: Option<ErrorCode>,
    /// The class of an answer that is an error for every endpoint. `None` if only the endpoint can decide:
    /// Bakong itself answered, although it may have refused the request.
    pub class: Option<ErrorClass>,
}

impl AnswerSummary {
    /// Reads the status, the headers and the two codes.
    #[must_use]
    pub fn of(response: &Response<Bytes>) -> Self {
        let mut repaired = String::new();
        let body = parse_body(response.body(), &mut repaired);
        let header = Header::read(response, body.as_ref());
        Self {
            response_code: body
                .as_ref()
                .and_then(|body| body.get("responseCode"))
                .and_then(integer),
            error_code: header.code,
            class: header.class,
        }
    }
}

/// Parses a body. A body that is not valid JSON because of a stray byte may still report a payment, so it is
/// repaired, into `repaired`, and parsed again.
fn parse_body<'a>(body: &'a Bytes, repaired: &'a mut String) -> Option<Object<'a>> {
    let strict = std::str::from_utf8(body).ok().and_then(Object::parse);
    if strict.is_some() {
        return strict;
    }
    *repaired = repair(body);
    Object::parse(repaired)
}

/// The members that every answer has.
const MEMBERS: [&str; 4] = ["responseCode", "responseMessage", "errorCode", "data"];

/// An answer without its data.
struct Header<'a> {
    code: Option<ErrorCode>,
    message: Cow<'a, str>,
    class: Option<ErrorClass>,
}

impl<'a> Header<'a> {
    fn read(response: &Response<Bytes>, body: Option<&Object<'a>>) -> Self {
        let status = response.status();
        let code = body
            .and_then(|body| body.get("errorCode"))
            .and_then(integer)
            // Some successful answers have a 0 here.
            .filter(|code| *code != 0)
            .map(ErrorCode::from_number);
        let message = body
            .and_then(|body| body.get("responseMessage"))
            .and_then(string)
            .unwrap_or_default();
        // A paid answer stays paid, regardless of its message.
        let is_success = body.is_some_and(|body| {
            body.get("responseCode").and_then(integer) == Some(0)
                && body.get("data").is_some_and(|data| !is_empty(data))
        });
        // The body of Bakong is an envelope. Another body, such as a page of a proxy, has its words in any place.
        let is_envelope = body.is_some_and(|body| body.get("responseCode").is_some());
        let is_used_up = has_code(status) && !is_envelope && states_used_up_quota(response.body());
        let class = class_of_code(status, code, &message, is_success)
            .or_else(|| is_used_up.then_some(ErrorClass::QuotaExhausted))
            .or_else(|| class_of_status(status, response.headers()));
        Self {
            code,
            message,
            class,
        }
    }
}

impl<'a> Envelope<'a> {
    /// Opens an answer. `repaired` stores the body if it had to be repaired.
    ///
    /// # Errors
    /// [`ApiError`] if the answer belongs to an error class, is not an envelope, or contradicts itself.
    pub(crate) fn open(
        response: &'a Response<Bytes>,
        repaired: &'a mut String,
    ) -> Result<Self, ApiError> {
        let status = response.status();
        let body = parse_body(response.body(), repaired);
        let Header {
            code,
            message,
            class,
        } = Header::read(response, body.as_ref());
        if let Some(class) = class {
            let message = unreadable::redirect(response).map_or(message, Cow::Owned);
            return Err(ApiError::with_server_message(class, message).in_answer(status, code));
        }
        let malformed =
            |what: &str| ApiError::new(ErrorClass::Malformed, what).in_answer(status, code);
        let Some(body) = body else {
            return Err(malformed(&unreadable::body(response)));
        };
        if body.contradicts_itself() {
            return Err(malformed("a member occurs twice with different values"));
        }
        let response_code = match body.get("responseCode").and_then(integer) {
            Some(0) if code.is_none() => ResponseCode::Success,
            Some(0) => {
                return Err(malformed(
                    "the answer reports both success and an error code",
                ));
            }
            Some(1) => ResponseCode::Failure,
            _ => return Err(malformed("responseCode is neither 0 nor 1")),
        };
        Ok(Self {
            response_code,
            contradicts_itself: !places::agree(&body),
            data: body.get("data").filter(|data| !is_empty(data)),
            mentions_transaction: response_code == ResponseCode::Failure
                && (body.has_any(Transaction::MARKERS.into_iter().chain(["transaction"]))
                    || body.hides_any(&Transaction::MARKERS, &MEMBERS)),
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

    /// Turns this answer into an error with Bakong's own message.
    pub(crate) fn into_error(self, class: ErrorClass) -> ApiError {
        ApiError::with_server_message(class, self.message).in_answer(self.status, self.code)
    }

    /// Returns the error for an answer that cannot be used. `what` is the reason, in this crate's words.
    pub(crate) fn malformed(&self, what: &'static str) -> ApiError {
        ApiError::new(ErrorClass::Malformed, what).in_answer(self.status, self.code)
    }

    /// Returns the data of a success.
    ///
    /// # Errors
    /// [`ErrorClass::Refused`] if the answer is a failure.
    pub(crate) fn into_data(self) -> Result<Option<&'a RawValue>, ApiError> {
        match self.response_code {
            ResponseCode::Success => Ok(self.data),
            ResponseCode::Failure => Err(self.into_error(ErrorClass::Refused)),
        }
    }

    /// Returns the string member `name` of a success's data, if it has one.
    ///
    /// # Errors
    /// [`ErrorClass::Refused`] if the answer is a failure.
    pub(crate) fn into_text(self, name: &str) -> Result<Option<Cow<'a, str>>, ApiError> {
        let data = self.into_data()?;
        let data = data.and_then(|data| Object::parse(data.get()));
        Ok(data.and_then(|data| data.get(name)).and_then(string))
    }
}

/// Returns the class of an answer according to its code or message, regardless of its status.
///
/// A rejected token and an exhausted quota are also recognized under other statuses and codes, and without a code,
/// because sending the request again would spend more of the quota. `is_success` is true if the answer reports
/// success and has data; its message is then ignored.
fn class_of_code(
    status: StatusCode,
    code: Option<ErrorCode>,
    message: &str,
    is_success: bool,
) -> Option<ErrorClass> {
    if !has_code(status) {
        return None;
    }
    match code.map(ErrorCode::class) {
        Some(class @ (ErrorClass::QuotaExhausted | ErrorClass::Unauthorized)) => Some(class),
        None if is_success => None,
        class => class_of_message(message).or_else(|| {
            // A code of the class `Refused` may be the answer to the question, such as "not found".
            class.filter(|class| *class != ErrorClass::Refused && status == StatusCode::OK)
        }),
    }
}

/// Whether the code or the words of an answer with this status decide its class. Under 5xx, the status decides: an
/// outage may repeat an earlier answer.
fn has_code(status: StatusCode) -> bool {
    status == StatusCode::OK || (status.is_client_error() && status != StatusCode::UNAUTHORIZED)
}

/// Whether a body without an envelope contains Bakong's sentence "Daily request limit of 100 exceeded", with any number.
///
/// The whole sentence is required. A proxy's page may contain some of the words, and a wrong match stops all checks
/// until the next probe. Tags and punctuation are ignored.
fn states_used_up_quota(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let Some(at) = text.find("daily") else {
        return false;
    };
    let mut is_tag = false;
    let visible: String = text[at..]
        .chars()
        .map(|c| match c {
            '<' | '>' => {
                is_tag = c == '<';
                ' '
            }
            _ if is_tag => ' ',
            c => c,
        })
        .collect();
    let visible = visible.replace(|c: char| !c.is_alphanumeric() && c != ',', " ");
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.windows(6).any(|words| match words {
        ["daily", "request", "limit", "of", number, "exceeded"] => number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b','),
        _ => false,
    })
}

/// Returns the class of a failure according to its message alone.
pub(crate) fn class_of_message(message: &str) -> Option<ErrorClass> {
    let message = message.to_ascii_lowercase();
    if message.contains("daily request limit") {
        Some(ErrorClass::QuotaExhausted)
    } else if message.contains("unauthorized") {
        Some(ErrorClass::Unauthorized)
    } else {
        None
    }
}

/// Returns the class of an answer that is an error by its status alone; `None` for 200.
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
        // A redirect, or a success that the reference does not document.
        _ => ErrorClass::Malformed,
    })
}

/// Reads `Retry-After` (RFC 9110 10.2.3), in seconds or as a date.
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
