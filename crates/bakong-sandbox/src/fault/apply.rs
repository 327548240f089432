//! Applies a fault to one request.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use super::answer::Source;
use super::rule::Fault;
use crate::wire::{self, Answer, Failure};

/// The response to a request, if any, and how it is delivered.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Answer(Answer, Delivery),
    /// Waits, then closes the connection.
    Cut(Duration),
    /// Keeps the connection open without a response.
    Hang,
}

/// How a response is delivered. By default it is sent at once and complete.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Delivery {
    /// The delay before the response starts.
    pub(crate) latency: Duration,
    /// If the body is longer than this many bytes, the connection closes after them.
    pub(crate) limit: Option<usize>,
    /// The gap after each byte; `None` sends all bytes together.
    pub(crate) gap: Option<Duration>,
}

impl Effect {
    /// The response, if there is one.
    pub(crate) const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer, _) => Some(answer),
            Self::Cut(_) | Self::Hang => None,
        }
    }
}

impl Fault {
    /// Whether the response is the sandbox's own.
    pub(crate) fn has_own_answer(&self) -> bool {
        matches!(self.answer, Source::Own | Source::TokensExpire)
    }

    /// Whether every token expires when the fault matches.
    pub(crate) fn expires_tokens(&self) -> bool {
        self.answer == Source::TokensExpire
    }

    /// Applies the fault; `own` computes the sandbox's own response.
    pub(crate) fn apply(&self, own: impl FnOnce() -> Answer) -> Effect {
        let latency = Duration::from_millis(self.delay_ms);
        let mut answer = match &self.answer {
            Source::Own | Source::TokensExpire => own(),
            Source::Unauthorized => wire::refusal(Failure::Unauthorized),
            Source::Forbidden => wire::forbidden_page(),
            Source::TooManyRequests => too_many_requests(),
            Source::QuotaExhausted => wire::quota_exhausted(self.limit.unwrap_or(LIVE_LIMIT)),
            Source::Custom(answer) => answer.answer(),
            Source::Cut => return Effect::Cut(latency),
            Source::Hang => return Effect::Hang,
        };
        if let Some(body) = self.edited(answer.body()) {
            *answer.body_mut() = body;
        }
        for (name, value) in &self.headers {
            answer.headers_mut().append(name, value.clone());
        }
        let seconds = self.retry_after.map(HeaderValue::from);
        let date = self.retry_after_date.and_then(http_date);
        for value in [seconds, date].into_iter().flatten() {
            answer.headers_mut().append(RETRY_AFTER, value);
        }
        let len = answer.body().len();
        let limit = self.truncate_to.and_then(|it| usize::try_from(it).ok());
        let gap = self.drip_ms.map(Duration::from_millis);
        let delivery = Delivery {
            latency,
            limit: limit.filter(|limit| *limit < len),
            gap: gap.filter(|_| len > 0),
        };
        Effect::Answer(answer, delivery)
    }
}

fn too_many_requests() -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    answer
}

/// The daily limit of the live service.
const LIVE_LIMIT: u32 = 100;

/// The last second of the year 9999, in seconds since 1970. An HTTP date cannot express a later time.
const END_OF_9999: u64 = 253_402_300_799;

/// An HTTP date (RFC 9110 §5.6.7) with a resolution of one second, not later than the year 9999.
fn http_date(millis: u64) -> Option<HeaderValue> {
    let since_1970 = Duration::from_secs((millis / 1000).min(END_OF_9999));
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_1970);
    HeaderValue::try_from(date).ok()
}
