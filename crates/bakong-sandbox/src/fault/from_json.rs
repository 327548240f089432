//! Reads a rule and refuses rules that cannot have the requested effect.

use std::str::FromStr;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue};

use super::answer::Source;
use super::builder::FRAMING;
use super::no_effect;
use super::rule::{Fault, Times};
use crate::clock::LAST;
use crate::input::{self, InputError};

impl Fault {
    /// Reads a rule: a JSON object with the requests to match, the response, and its delivery.
    ///
    /// | field | meaning | default |
    /// | --- | --- | --- |
    /// | `on` | the [name](crate::ApiEndpoint::name) of an endpoint, or a list of names | every request |
    /// | `times` | the number of requests, or `"always"` | 1 |
    /// | `after` | how many matching requests to skip first | 0 |
    /// | `percent` | the percentage of requests to match, 1 to 100 | 100 |
    /// | `answer` | `own`, `unauthorized`, `forbidden`, `too_many_requests`, `quota_exhausted`, `tokens_expire`, `cut`, `hang`, or an object with `status` (200 to 999), `headers`, and one of `html`, `json` (any JSON), `body` (text) or `error` (`code`, and `message`, by default the documented one) | `own` |
    /// | `limit` | the limit in the message of `quota_exhausted` | 100 |
    /// | `headers` | an object of additional headers | none |
    /// | `retryAfter`, `retryAfterDate` | a `Retry-After` header, in seconds or as a date in milliseconds since 1970 | none |
    /// | `floatTimes`, `textAmounts`, `withoutErrorCode`, `reversedList` | `true` for the edit of that name | `false` |
    /// | `withoutItems`, `garbledItems`, `serviceFailedItems`, `namelessItems` | indices of list items, from 0 | none |
    /// | `items` | an object of list indices and replacement texts | none |
    /// | `transactionPlace` | where list items contain their transaction: `data`, `transaction` or `inline` | `data` |
    /// | `delayMs`, `truncateTo`, `dripMs` | the delivery: milliseconds, bytes, milliseconds per byte | complete, at once |
    ///
    /// A field with the value null counts as absent.
    ///
    /// ```
    /// use bakong_sandbox::Fault;
    ///
    /// let outage = Fault::from_json(r#"{"answer":{"status":502,"html":"<h1>502</h1>"},"times":3}"#)?;
    /// let flaky = Fault::from_json(r#"{"on":"renew_token","answer":"cut","percent":20,"times":"always"}"#)?;
    /// let spent = Fault::from_json(r#"{"answer":"quota_exhausted","after":5,"times":"always"}"#)?;
    /// let odd = Fault::from_json(r#"{"floatTimes":true,"textAmounts":true,"delayMs":250}"#)?;
    /// let wrong = Fault::from_json(r#"{"answer":"explode"}"#).unwrap_err();
    /// assert!(wrong.to_string().starts_with("rule.answer: unknown variant `explode`"));
    /// # Ok::<(), bakong_sandbox::InputError>(())
    /// ```
    ///
    /// # Errors
    /// Returns the location, the problem and the remedy for an unknown field, a wrong type, or a value out
    /// of range. A rule or a field without an effect is also an error, for example a header on a connection
    /// that is cut.
    pub fn from_json(rule: &str) -> Result<Self, InputError> {
        read_rule("rule", rule.as_bytes())
    }

    /// Whether the JSON rule of this fault can contain its whole response. JSON cannot contain bytes that are
    /// not UTF-8.
    pub(crate) fn is_utf8(&self) -> bool {
        let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        let are_utf8 =
            |headers: &HeaderMap| headers.values().all(|value| is_utf8(value.as_bytes()));
        let is_answer_utf8 = match &self.answer {
            Source::Custom(answer) => is_utf8(&answer.body) && are_utf8(&answer.headers),
            _ => true,
        };
        is_answer_utf8 && are_utf8(&self.headers)
    }
}

impl FromStr for Fault {
    type Err = InputError;

    /// Equivalent to [`Fault::from_json`].
    fn from_str(rule: &str) -> Result<Self, InputError> {
        Self::from_json(rule)
    }
}

/// Reads a rule. Errors give its location as `place`.
pub(crate) fn read_rule(place: &str, text: &[u8]) -> Result<Fault, InputError> {
    let mut fields = input::fields(place, text)?;
    fields.retain(|_, value| value.get() != "null");
    let without_nulls = serde_json::to_vec(&fields);
    let fault: Fault = input::read(place, without_nulls.as_deref().unwrap_or(text))?;
    check_values(&fault, place)?;
    no_effect::check(&fault, place)?;
    Ok(fault)
}

/// Refuses values out of range, and headers that only the server may set.
fn check_values(fault: &Fault, path: &str) -> Result<(), InputError> {
    let refuse = |field: &str, what: &str, help: &str| {
        Err(InputError::new(format!("{path}.{field}"), what, help))
    };
    if fault.times == Times(Some(0)) {
        let help = "specify a number from 1, or \"always\"";
        return refuse("times", "0 matches no request", help);
    }
    if fault
        .percent
        .is_some_and(|percent| !(1..=100).contains(&percent))
    {
        let help = "specify a whole number from 1 to 100";
        return refuse("percent", "the percentage is out of range", help);
    }
    if fault.limit.is_some() && fault.answer != Source::QuotaExhausted {
        let help = "remove `limit`, or use the answer quota_exhausted";
        return refuse("limit", "the answer contains no limit", help);
    }
    if fault.retry_after.is_some() && fault.retry_after_date.is_some() {
        let help = "remove one of the two; `headers` can contain both values";
        return refuse(
            "retryAfterDate",
            "retryAfter and retryAfterDate both set the header Retry-After",
            help,
        );
    }
    let date = fault.retry_after_date.unwrap_or_default();
    if date > LAST.as_millis() {
        let help = format!("specify at most {} milliseconds", LAST.as_millis());
        let what = "the date is after the year 9999";
        return refuse("retryAfterDate", what, &help);
    }
    let server_header = "remove the header; only the server sets it. truncateTo sends less than the announced length, \
        `cut` closes the connection, and connection may be close";
    if has_server_header(&fault.headers) {
        let what = "content-length, transfer-encoding or connection is set";
        return refuse("headers", what, server_header);
    }
    let Source::Custom(answer) = &fault.answer else {
        return Ok(());
    };
    if answer.status.as_u16() < 200 {
        let help =
            "specify a status from 200 to 999; a status from 100 to 199 announces another response";
        return refuse("answer.status", "the status is not final", help);
    }
    if matches!(answer.status.as_u16(), 204 | 304) && !answer.body.is_empty() {
        let help = "remove the body, or specify another status";
        return refuse("answer", "a response with 204 or 304 has no body", help);
    }
    if has_server_header(&answer.headers) {
        let what = "content-length, transfer-encoding or connection is set";
        return refuse("answer.headers", what, server_header);
    }
    Ok(())
}

fn has_server_header(headers: &HeaderMap) -> bool {
    let is_close = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"close");
    FRAMING.iter().any(|name| headers.contains_key(name))
        || !headers.get_all(CONNECTION).iter().all(is_close)
}
