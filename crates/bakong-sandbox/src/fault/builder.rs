//! Trouble on request: what a client must survive and nobody can make the live service do.

mod edits;
mod idle;
mod queue;
mod rule;
#[cfg(test)]
pub(crate) mod taken;
mod target;
#[cfg(test)]
mod tests;
mod told;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use khqr_core::Timestamp;

use self::edits::{Edits, ItemEdit, TransactionPlace};
use self::target::Target;
use crate::delivery::Delivery;
use crate::wire::{self, Answer, Failure};

pub(crate) use self::queue::Faults;
pub(crate) use self::rule::read;

/// What happens to the next request, or to the next few of some endpoints.
///
/// A fault starts as an answer that stands in place of the sandbox's own, as that answer
/// ([`Fault::own_answer`]), or as none. What the answer says can then be changed, also in ways in which
/// real answers differ, and so can the way in which it comes. Every request that it strikes uses it up by
/// one, whether or not there was anything to change in its answer.
///
/// ```
/// use std::time::Duration;
/// use bakong_sandbox::{ApiEndpoint, Fault};
/// use http::StatusCode;
///
/// let outage = Fault::html(StatusCode::BAD_GATEWAY, "<h1>502 Bad Gateway</h1>").times(3);
/// let throttled = Fault::too_many_requests()
///     .retry_after(Duration::from_secs(2))
///     .on(ApiEndpoint::CheckTransactionByMd5);
/// let lists_are_closed = Fault::forbidden()
///     .on(ApiEndpoint::CheckTransactionByMd5List)
///     .on(ApiEndpoint::CheckTransactionByHashList)
///     .always();
/// let odd = Fault::own_answer().float_times().text_amounts().always();
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    trouble: Trouble,
    target: Target,
}

/// What a fault does to one request.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    source: Source,
    expires_tokens: bool,
    headers: HeaderMap,
    edits: Edits,
    delivery: Delivery,
}

#[derive(Clone, Debug)]
enum Source {
    Own,
    Answer(Answer),
    Cut,
    Hang,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) outcome: Outcome,
    pub(crate) delivery: Delivery,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Answer(Answer),
    Cut,
    Hang,
}

impl Fault {
    fn of(source: Source) -> Self {
        Self {
            trouble: Trouble {
                source,
                expires_tokens: false,
                headers: HeaderMap::new(),
                edits: Edits::default(),
                delivery: Delivery::default(),
            },
            target: Target::default(),
        }
    }

    /// What the sandbox would answer anyway, to be changed or delayed.
    #[must_use]
    pub fn own_answer() -> Self {
        Self::of(Source::Own)
    }

    /// This answer. Its length is set by the sandbox.
    #[must_use]
    pub fn answer(response: Response<impl Into<Bytes>>) -> Self {
        let mut answer = response.map(Into::into);
        for framing in FRAMING {
            answer.headers_mut().remove(framing);
        }
        Self::of(Source::Answer(answer))
    }

    /// An answer of this status without a body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = status;
        Self::answer(answer)
    }

    /// An answer of this status with a page, as proxies and web servers give it.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::HTML, body.into()))
    }

    /// An answer of this status with a JSON body, which is sent as it is.
    #[must_use]
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::JSON, body.into()))
    }

    /// An answer of this status in the API's envelope: `responseCode` 1 with this `errorCode` and message.
    #[must_use]
    pub fn error(status: StatusCode, error_code: u8, message: &str) -> Self {
        Self::answer(wire::failure(status, error_code, message))
    }

    /// 401 with error code 6, as to a token that is missing, wrong or expired.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::answer(Failure::Unauthorized.answer())
    }

    /// 403 with the web server's page, as to a client outside Cambodia, and on the list endpoints to some
    /// tokens.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::answer(wire::forbidden_page())
    }

    /// 429 without a body. When to come back is said only with [`Fault::retry_after`] or
    /// [`Fault::retry_after_date`].
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self::status(StatusCode::TOO_MANY_REQUESTS)
    }

    /// 200 with error code 17: the token's 100 requests of the day are spent. Says so to as many requests
    /// as asked for, whatever the sandbox's own [`QuotaLimit`](crate::QuotaLimit).
    #[must_use]
    pub fn quota_exhausted() -> Self {
        Self::quota_exhausted_at(100)
    }

    /// The same of another number of requests.
    #[must_use]
    pub fn quota_exhausted_at(limit: u32) -> Self {
        Self::answer(wire::quota_exhausted(limit))
    }

    /// Every token that was issued so far has expired when it strikes. The request itself gets the sandbox's
    /// own answer, which is 401 with error code 6 where a token is needed.
    #[must_use]
    pub fn tokens_expire() -> Self {
        let mut fault = Self::own_answer();
        fault.trouble.expires_tokens = true;
        fault
    }

    /// The connection is closed without an answer.
    #[must_use]
    pub fn cut() -> Self {
        Self::of(Source::Cut)
    }

    /// No answer, while the connection stays open.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Source::Hang)
    }
}

/// How the answer is changed.
impl Fault {
    /// With one more header, if there is an answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !FRAMING.contains(&name) {
            self.trouble.headers.append(name, value);
        }
        self
    }

    /// With a `Retry-After` in seconds (RFC 9110 §10.2.3); a part of a second counts as a whole one.
    #[must_use]
    pub fn retry_after(self, delay: Duration) -> Self {
        let seconds = delay
            .as_secs()
            .saturating_add(u64::from(delay.subsec_nanos() > 0));
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// With a `Retry-After` that names a moment, as an HTTP date (RFC 9110 §5.6.7): whole seconds, and no
    /// later than the year 9999.
    #[must_use]
    pub fn retry_after_date(self, moment: Timestamp) -> Self {
        let since_1970 = Duration::from_secs((moment.as_millis() / 1000).min(END_OF_9999));
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_1970);
        match HeaderValue::try_from(date) {
            Ok(date) => self.header(RETRY_AFTER, date),
            // A date is letters, digits, spaces, commas and colons.
            Err(_) => self,
        }
    }

    /// With the times of every transaction in it as real answers have them at times: `createdDateMs` as
    /// `1605774370608.0`, `acknowledgedDateMs` as `1636709123467.2`.
    #[must_use]
    pub fn float_times(mut self) -> Self {
        self.trouble.edits.float_times = true;
        self
    }

    /// With the amount of every transaction in it as a text: `"1.5"`.
    #[must_use]
    pub fn text_amounts(mut self) -> Self {
        self.trouble.edits.text_amounts = true;
        self
    }

    /// Without the key `errorCode`, if it is a success.
    #[must_use]
    pub fn without_error_code(mut self) -> Self {
        self.trouble.edits.without_error_code = true;
        self
    }

    /// With the items of its list the other way round.
    #[must_use]
    pub fn reversed_list(mut self) -> Self {
        self.trouble.edits.reversed = true;
        self
    }

    /// Without this item of its list, counted from 0 in the order asked. One beyond the end changes nothing.
    #[must_use]
    pub fn without_item(mut self, place: usize) -> Self {
        self.trouble.edits.items.insert(place, ItemEdit::Missing);
        self
    }

    /// With `text` for this item of its list, counted from 0 in the order asked. It is sent as it is, JSON
    /// or not. One beyond the end changes nothing.
    #[must_use]
    pub fn item(mut self, place: usize, text: impl Into<String>) -> Self {
        let edit = ItemEdit::Text(text.into());
        self.trouble.edits.items.insert(place, edit);
        self
    }

    /// With status `SERVICE_FAILED` for this item of its list: it says of which identifier it is, and nothing of
    /// what became of it. Its `message` is not known; here it is `Service failed`.
    #[must_use]
    pub fn service_failed_item(mut self, place: usize) -> Self {
        let edit = ItemEdit::ServiceFailed;
        self.trouble.edits.items.insert(place, edit);
        self
    }

    /// Without the `md5` or `hash` of this item of its list, so that only its place tells of which identifier
    /// it is.
    #[must_use]
    pub fn nameless_item(mut self, place: usize) -> Self {
        self.trouble.edits.items.insert(place, ItemEdit::Nameless);
        self
    }

    /// With JSON for this item of its list that says nothing: not even of which identifier it is.
    #[must_use]
    pub fn garbled_item(self, place: usize) -> Self {
        self.item(place, GARBLED)
    }

    /// With the transaction of every item of its list under the key `transaction` instead of `data`.
    #[must_use]
    pub fn items_under_transaction(mut self) -> Self {
        self.trouble.edits.transaction_place = TransactionPlace::Transaction;
        self
    }

    /// With the fields of the transaction of every item of its list among the item's own.
    #[must_use]
    pub fn items_inline(mut self) -> Self {
        self.trouble.edits.transaction_place = TransactionPlace::Inline;
        self
    }
}

/// How the answer comes. Here real time passes, not the sandbox's: keep it short in tests.
impl Fault {
    /// This much later, or the connection is cut this much later. The sandbox does what it is asked at once
    /// all the same, so what happens meanwhile is not in the answer.
    #[must_use]
    pub const fn delayed(mut self, latency: Duration) -> Self {
        self.trouble.delivery.latency = latency;
        self
    }

    /// Only so many bytes of the body come, of the length that was announced; then the connection is closed.
    /// A body that has no more than these comes whole.
    #[must_use]
    pub const fn truncated_to(mut self, bytes: usize) -> Self {
        self.trouble.delivery.limit = Some(bytes);
        self
    }

    /// The body comes a byte at a time, with this gap after each. It may be zero: each byte is then sent by
    /// itself, but no time passes between them.
    #[must_use]
    pub const fn dripped(mut self, gap: Duration) -> Self {
        self.trouble.delivery.gap = Some(gap);
        self
    }
}

impl Trouble {
    /// Whether every token ends when it strikes.
    pub(crate) const fn expires_tokens(&self) -> bool {
        self.expires_tokens
    }

    /// Does it to a request, which the sandbox would answer with `own`.
    pub(crate) fn befall(self, own: impl FnOnce() -> Answer) -> Effect {
        let mut answer = match self.source {
            Source::Own => own(),
            Source::Answer(answer) => answer,
            Source::Cut => return Effect::new(Outcome::Cut, self.delivery),
            Source::Hang => return Effect::new(Outcome::Hang, self.delivery),
        };
        if let Some(body) = self.edits.apply(answer.body()) {
            *answer.body_mut() = body;
        }
        for (name, value) in &self.headers {
            answer.headers_mut().append(name, value.clone());
        }
        Effect::new(Outcome::Answer(answer), self.delivery)
    }
}

impl Effect {
    pub(crate) const fn new(outcome: Outcome, delivery: Delivery) -> Self {
        Self { outcome, delivery }
    }

    /// The sandbox's own answer without any fault.
    pub(crate) fn undisturbed(answer: Answer) -> Self {
        Self::new(Outcome::Answer(answer), Delivery::default())
    }
}

/// An item that says nothing.
const GARBLED: &str = r#"{"status":0,"data":["?"]}"#;

/// The headers that are the server's own affair.
const FRAMING: [HeaderName; 2] = [CONTENT_LENGTH, TRANSFER_ENCODING];

/// The last second that an HTTP date can say, since 1970.
const END_OF_9999: u64 = 253_402_300_799;
