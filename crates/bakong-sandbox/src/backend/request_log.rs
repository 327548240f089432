//! The log of requests with their responses, for debugging. Tokens and verification codes are redacted when
//! the log is read.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::{Request, StatusCode};
use khqr_core::{Printable, Timestamp};
use serde_json::{Value, json};

use super::logged_headers::LoggedHeaders;
use super::redact::redacted;
use crate::wire::Answer;

/// The maximum number of stored requests.
const CAPACITY: usize = 200;

/// The maximum number of bytes of a body, and of characters of a path, that are stored.
const MAX_BODY: usize = 4 * 1024;
const MAX_PATH: usize = 256;

/// The result of a request.
#[derive(Default)]
pub(crate) struct Outcome<'a> {
    /// `None` if a fault sent no response.
    pub(crate) answer: Option<&'a Answer>,
    /// The number of the fault that matched.
    pub(crate) fault: Option<u64>,
    /// Why the request was refused.
    pub(crate) why: Option<String>,
}

/// A request in the log, and its result.
///
/// Its `Display` form is one line that is safe to print, without secrets: `request 7: POST /v1/verify: 200, success`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The number of the request in `GET /sandbox/requests`. Later requests have higher numbers.
    pub number: u64,
    /// The time of the request on the sandbox's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path, at most 256 characters.
    pub path: String,
    /// The status of the response; `None` if a fault sent no response.
    pub status: Option<StatusCode>,
    /// `responseCode` of the response: 0 for success.
    pub response_code: Option<u64>,
    /// `errorCode` of the response.
    pub error_code: Option<u64>,
    /// The number of the fault that matched.
    pub fault: Option<u64>,
    /// Why the sandbox refused the request: the header, the field or the fault that caused it. `None` for a success, and
    /// for the results *not found* and *failed* of a check.
    pub why: Option<String>,
}

impl LoggedRequest {
    /// The line without the number. Equal requests with equal results have equal descriptions.
    #[must_use]
    pub fn description(&self) -> String {
        let (method, path) = (Printable(&self.method), Printable(&self.path));
        let status = match self.status {
            Some(status) => status.as_str().to_owned(),
            None => "no response".to_owned(),
        };
        let text = format!("{method} {path}: {status}{}", self.result());
        match (self.fault, &self.why) {
            (_, Some(why)) => format!("{text}: {}", Printable(why)),
            (Some(fault), None) => format!("{text}, with fault {fault}"),
            (None, None) => text,
        }
    }

    fn result(&self) -> String {
        let result = match (self.error_code, &self.why) {
            (Some(1), None) => Some("not found"),
            (Some(3), None) => Some("failed"),
            _ => None,
        };
        match (self.error_code, result) {
            (Some(code), Some(result)) => format!(", {result} (error {code})"),
            (Some(code), None) => format!(", error {code}"),
            (None, _) if self.response_code == Some(0) => ", success".to_owned(),
            (None, _) => String::new(),
        }
    }
}

impl fmt::Display for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}: {}", self.number, self.description())
    }
}

/// A request and its response.
struct Entry {
    number: u64,
    at: Timestamp,
    method: String,
    path: String,
    has_token: bool,
    headers: LoggedHeaders,
    request: Excerpt,
    status: Option<StatusCode>,
    answer: Excerpt,
    fault: Option<u64>,
    why: Option<String>,
}

/// The beginning of a body, and its full length.
struct Excerpt {
    bytes: Bytes,
    len: usize,
}

#[derive(Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<Entry>,
    last_number: u64,
}

impl RequestLog {
    /// Records a request.
    pub(crate) fn record(&mut self, at: Timestamp, request: &Request<Bytes>, outcome: Outcome<'_>) {
        let Outcome { answer, fault, why } = outcome;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.last_number = self.last_number.saturating_add(1);
        let path = request.uri().path();
        self.entries.push_back(Entry {
            number: self.last_number,
            at,
            method: request.method().as_str().chars().take(32).collect(),
            path: path.chars().take(MAX_PATH).collect(),
            has_token: request.headers().contains_key(http::header::AUTHORIZATION),
            headers: LoggedHeaders::of(request.headers()),
            request: Excerpt::of(request.body()),
            status: answer.map(Answer::status),
            answer: Excerpt::of(answer.map_or(&Bytes::new(), Answer::body)),
            fault,
            why,
        });
    }

    /// The requests after the request with this number, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<LoggedRequest> {
        let later = self.entries.iter().filter(|entry| entry.number > number);
        later.map(Entry::logged).collect()
    }

    /// The latest `count` requests, newest first.
    pub(crate) fn latest(&self, count: usize) -> impl Iterator<Item = Value> {
        self.entries.iter().rev().take(count).map(Entry::view)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Excerpt {
    fn of(body: &Bytes) -> Self {
        let kept = body.get(..body.len().min(MAX_BODY)).unwrap_or_default();
        Self {
            // A copy, so that a small excerpt does not keep a large body alive.
            bytes: Bytes::copy_from_slice(kept),
            len: body.len(),
        }
    }

    fn view(&self) -> String {
        let mut text = redacted(&String::from_utf8_lossy(&self.bytes));
        if self.len > self.bytes.len() {
            text.push_str(&format!("… ({} bytes in total)", self.len));
        }
        text
    }
}

impl Entry {
    fn logged(&self) -> LoggedRequest {
        LoggedRequest {
            number: self.number,
            at: self.at,
            method: self.method.clone(),
            path: redacted(&self.path),
            status: self.status,
            response_code: self.code("responseCode"),
            error_code: self.code("errorCode"),
            fault: self.fault,
            why: self.why.as_deref().map(redacted),
        }
    }

    /// A number in the envelope of the response.
    fn code(&self, name: &str) -> Option<u64> {
        let envelope: Value = serde_json::from_slice(&self.answer.bytes).ok()?;
        envelope.get(name)?.as_u64()
    }

    /// The JSON form. `status` is null if a fault sent no response.
    fn view(&self) -> Value {
        json!({
            "number": self.number,
            "at": self.at.as_millis(),
            "method": self.method,
            "path": redacted(&self.path),
            "hasToken": self.has_token,
            "headers": self.headers.view(),
            "request": self.request.view(),
            "status": self.status.map(|status| status.as_u16()),
            "responseCode": self.code("responseCode"),
            "errorCode": self.code("errorCode"),
            "answer": self.answer.view(),
            "fault": self.fault,
            "why": self.why.as_deref().map(redacted),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjp7fX0.c2VjcmV0-_x";

    fn log_of(path: &str, body: &str, answer: Option<&str>) -> Value {
        let request = Request::post(path)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        let answer = answer
            .map(|body| wire::with_body(StatusCode::OK, wire::JSON, Bytes::from(body.to_owned())));
        let mut log = RequestLog::default();
        let outcome = Outcome {
            answer: answer.as_ref(),
            ..Outcome::default()
        };
        log.record(Timestamp::from_millis(7), &request, outcome);
        log.latest(1).next().unwrap()
    }

    #[test]
    fn tokens_are_redacted() {
        let body = format!(r#"{{"a":"{TOKEN}","b":"eyJ","c":"{TOKEN}"}}"#);
        let logged = log_of(&format!("/v1/{TOKEN}"), &body, Some(&body));
        let hidden = r#"{"a":"[redacted]","b":"eyJ","c":"[redacted]"}"#;
        assert_eq!([&logged["request"], &logged["answer"]], [hidden, hidden]);
        assert_eq!(logged["path"], "/v1/[redacted]");
    }

    #[test]
    fn the_codes_of_an_envelope_are_shown() {
        let failed = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":""}"#;
        let logged = log_of("/", "", Some(failed));
        assert_eq!([&logged["responseCode"], &logged["errorCode"]], [1, 17]);
        let logged = log_of("/", "", Some("<h1>"));
        assert!(logged["responseCode"].is_null() && logged["status"] == 200);
        let logged = log_of("/", "", None);
        assert!(logged["status"].is_null() && logged["answer"] == "");
    }

    #[test]
    fn the_line_of_a_request_has_its_result() {
        let body = |codes: &str| format!(r#"{{"responseMessage":"",{codes},"data":null}}"#);
        for (codes, fault, why, expected) in [
            (
                r#""responseCode":0,"errorCode":null"#,
                None,
                None,
                "200, success",
            ),
            (
                r#""responseCode":0,"errorCode":null"#,
                Some(2),
                None,
                "200, success, with fault 2",
            ),
            (
                r#""responseCode":1,"errorCode":1"#,
                None,
                None,
                "200, not found (error 1)",
            ),
            (
                r#""responseCode":1,"errorCode":3"#,
                None,
                None,
                "200, failed (error 3)",
            ),
            (
                r#""responseCode":1,"errorCode":6"#,
                None,
                Some("no\u{1b}"),
                r"200, error 6: no\u{1b}",
            ),
            (
                r#""responseCode":1,"errorCode":1"#,
                Some(2),
                Some("fault 2"),
                "200, error 1: fault 2",
            ),
            ("", None, None, "200"),
        ] {
            let answer = wire::with_body(StatusCode::OK, wire::JSON, Bytes::from(body(codes)));
            let mut log = RequestLog::default();
            let outcome = Outcome {
                answer: Some(&answer),
                fault,
                why: why.map(str::to_owned),
            };
            let request = Request::post("/v1/verify").body(Bytes::new()).unwrap();
            log.record(Timestamp::from_millis(7), &request, outcome);
            let line = log.after(0).pop().unwrap().to_string();
            assert_eq!(line, format!("request 1: POST /v1/verify: {expected}"));
            assert_eq!(log.after(1), []);
        }
    }

    #[test]
    fn long_logs_and_bodies_are_truncated() {
        let request = |len| Request::new(Bytes::from(vec![b'x'; len]));
        let mut log = RequestLog::default();
        for len in 0..CAPACITY + 5 {
            log.record(Timestamp::from_millis(0), &request(len), Outcome::default());
        }
        assert_eq!(log.latest(usize::MAX).count(), CAPACITY);
        let numbers: Vec<u64> = log
            .latest(2)
            .filter_map(|logged| logged["number"].as_u64())
            .collect();
        assert_eq!(numbers, [205, 204]);
        log.record(
            Timestamp::from_millis(0),
            &request(60_000),
            Outcome::default(),
        );
        let logged = log.latest(1).next().unwrap();
        let request = logged["request"].as_str().unwrap();
        assert!(request.len() < MAX_BODY + 40 && request.ends_with("(60000 bytes in total)"));
        log.clear();
        assert_eq!(log.latest(9).count(), 0);
    }
}
