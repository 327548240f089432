//! The last requests with their answers, for people who look why something went as it did. Tokens and the codes
//! of mails are taken out when they are told.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Request, StatusCode};
use khqr_core::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::redact::redacted;
use crate::wire::Answer;

/// How many are kept.
const KEPT: usize = 200;

/// How many bytes are kept of a body, and of a path.
const BODY: usize = 4 * 1024;
const PATH: usize = 256;

/// A request and its answer as they went over the wire, but for headers.
pub(crate) struct Logged {
    number: u64,
    at: Timestamp,
    method: String,
    path: String,
    has_token: bool,
    request: Piece,
    status: Option<StatusCode>,
    answer: Piece,
    fault: Option<u64>,
}

/// The beginning of a body, and how long all of it was.
struct Piece {
    bytes: Bytes,
    len: usize,
}

#[derive(Default)]
pub(crate) struct Log {
    entries: VecDeque<Logged>,
    last_number: u64,
}

impl Log {
    /// Records an exchange. `answer` is `None` where a fault kept it back.
    pub(crate) fn record(
        &mut self,
        at: Timestamp,
        request: &Request<Bytes>,
        answer: Option<&Answer>,
        fault: Option<u64>,
    ) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.last_number = self.last_number.saturating_add(1);
        let path = request.uri().path();
        self.entries.push_back(Logged {
            number: self.last_number,
            at,
            method: request.method().as_str().chars().take(32).collect(),
            path: path.chars().take(PATH).collect(),
            has_token: request.headers().contains_key(http::header::AUTHORIZATION),
            request: Piece::of(request.body()),
            status: answer.map(Answer::status),
            answer: Piece::of(answer.map_or(&Bytes::new(), Answer::body)),
            fault,
        });
    }

    /// The last `count`, newest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = Shown> {
        self.entries.iter().rev().take(count).map(Logged::show)
    }

    pub(crate) fn forget(&mut self) {
        self.entries.clear();
    }
}

impl Piece {
    fn of(body: &Bytes) -> Self {
        let kept = body.get(..body.len().min(BODY)).unwrap_or_default();
        Self {
            // A copy, so that a small piece does not keep a large body alive.
            bytes: Bytes::copy_from_slice(kept),
            len: body.len(),
        }
    }

    fn show(&self) -> String {
        let mut text = redacted(&String::from_utf8_lossy(&self.bytes));
        if self.len > self.bytes.len() {
            text.push_str(&format!("… ({} bytes in all)", self.len));
        }
        text
    }
}

/// An exchange as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    number: u64,
    at: u64,
    method: String,
    path: String,
    /// Whether it came with a token; which is told to nobody.
    has_token: bool,
    request: String,
    /// Null if there was no answer, by a fault.
    status: Option<u16>,
    response_code: Option<u64>,
    error_code: Option<u64>,
    answer: String,
    /// The number of the fault that struck it.
    fault: Option<u64>,
}

impl Logged {
    fn show(&self) -> Shown {
        let envelope: Option<Value> = serde_json::from_slice(&self.answer.bytes).ok();
        let code = |name| envelope.as_ref().and_then(|it| it.get(name)?.as_u64());
        Shown {
            number: self.number,
            at: self.at.as_millis(),
            method: self.method.clone(),
            path: redacted(&self.path),
            has_token: self.has_token,
            request: self.request.show(),
            status: self.status.map(|status| status.as_u16()),
            response_code: code("responseCode"),
            error_code: code("errorCode"),
            answer: self.answer.show(),
            fault: self.fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjp7fX0.c2VjcmV0-_x";

    fn log_of(path: &str, body: &str, answer: Option<&str>) -> Shown {
        let request = Request::post(path)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        let answer = answer
            .map(|body| wire::with_body(StatusCode::OK, wire::JSON, Bytes::from(body.to_owned())));
        let mut log = Log::default();
        log.record(Timestamp::from_millis(7), &request, answer.as_ref(), None);
        log.last(1).next().unwrap()
    }

    #[test]
    fn tokens_are_told_to_nobody() {
        let body = format!(r#"{{"a":"{TOKEN}","b":"eyJ","c":"{TOKEN}"}}"#);
        let shown = log_of(&format!("/v1/{TOKEN}"), &body, Some(&body));
        let hidden = r#"{"a":"[redacted]","b":"eyJ","c":"[redacted]"}"#;
        assert_eq!((&shown.request[..], &shown.answer[..]), (hidden, hidden));
        assert_eq!(shown.path, "/v1/[redacted]");
    }

    #[test]
    fn an_envelope_s_codes_are_told() {
        let failed = r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":""}"#;
        let shown = log_of("/", "", Some(failed));
        assert_eq!((shown.response_code, shown.error_code), (Some(1), Some(17)));
        let shown = log_of("/", "", Some("<h1>"));
        assert_eq!((shown.response_code, shown.status), (None, Some(200)));
        let shown = log_of("/", "", None);
        assert_eq!((shown.status, &shown.answer[..]), (None, ""));
    }

    #[test]
    fn it_keeps_a_part_of_the_last() {
        let request = |len| Request::new(Bytes::from(vec![b'x'; len]));
        let mut log = Log::default();
        for len in 0..KEPT + 5 {
            log.record(Timestamp::from_millis(0), &request(len), None, None);
        }
        assert_eq!(log.last(usize::MAX).count(), KEPT);
        let numbers: Vec<u64> = log.last(2).map(|shown| shown.number).collect();
        assert_eq!(numbers, [205, 204]);
        log.record(Timestamp::from_millis(0), &request(60_000), None, None);
        let shown = log.last(1).next().unwrap().request;
        assert!(shown.len() < BODY + 40 && shown.ends_with("(60000 bytes in all)"));
        log.forget();
        assert_eq!(log.last(9).count(), 0);
    }
}
