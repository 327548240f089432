//! Builds a fault in a program. Each method sets a field of the [rule](Fault::from_json).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use khqr_core::Timestamp;

use super::answer::Source;
use super::rule::{Fault, Times, TransactionLayout};
use crate::wire::{self, ApiEndpoint};

/// The headers that only the server sets.
pub(super) const FRAMING: [HeaderName; 2] = [CONTENT_LENGTH, TRANSFER_ENCODING];

/// The response that the fault starts from.
impl Fault {
    fn of(answer: Source) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }

    /// The sandbox's own response, to be edited or delayed.
    #[must_use]
    pub fn own_answer() -> Self {
        Self::default()
    }

    /// A given response. The sandbox sets its length.
    #[must_use]
    pub fn answer(response: Response<impl Into<Bytes>>) -> Self {
        let mut answer = response.map(Into::into);
        for framing in FRAMING {
            answer.headers_mut().remove(framing);
        }
        Self::of(Source::Custom(answer.into()))
    }

    /// A response with this status and no body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = status;
        Self::answer(answer)
    }

    /// A response with this status and an HTML page, as proxies and web servers send.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::HTML, body.into()))
    }

    /// A response with this status and a JSON body, which is sent unchanged.
    #[must_use]
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::JSON, body.into()))
    }

    /// A failure in the API's envelope: `responseCode` 1 with this `errorCode` and message.
    #[must_use]
    pub fn error(status: StatusCode, error_code: u8, message: &str) -> Self {
        Self::answer(wire::failure(status, error_code, message))
    }

    /// 401 with error code 6, as for a token that is missing, invalid or expired.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::of(Source::Unauthorized)
    }

    /// 403 with a web server's page. The live service sends this to clients outside Cambodia, and for some
    /// tokens on the list endpoints.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::of(Source::Forbidden)
    }

    /// 429 without a body. [`Fault::retry_after`] and [`Fault::retry_after_date`] add a `Retry-After`.
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self::of(Source::TooManyRequests)
    }

    /// 200 with error code 17, as if the 100 requests of the day were used up. The sandbox's own
    /// [`QuotaLimit`](crate::QuotaLimit) does not change.
    #[must_use]
    pub fn quota_exhausted() -> Self {
        Self::of(Source::QuotaExhausted)
    }

    /// Like [`Fault::quota_exhausted`], with another limit in the message.
    #[must_use]
    pub fn quota_exhausted_at(limit: u32) -> Self {
        let mut fault = Self::quota_exhausted();
        fault.limit = Some(limit);
        fault
    }

    /// Expires every token that was issued before the fault matches. The request itself gets the sandbox's
    /// own response, which is 401 with error code 6 if the endpoint requires a token.
    #[must_use]
    pub fn tokens_expire() -> Self {
        Self::of(Source::TokensExpire)
    }

    /// Closes the connection without a response.
    #[must_use]
    pub fn cut() -> Self {
        Self::of(Source::Cut)
    }

    /// Sends no response and keeps the connection open.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Source::Hang)
    }
}

/// The requests that the fault matches.
impl Fault {
    /// Matches requests to this endpoint, in addition to endpoints from earlier calls. By default a fault
    /// matches every request.
    #[must_use]
    pub fn on(mut self, endpoint: ApiEndpoint) -> Self {
        self.on.push(endpoint);
        self
    }

    /// Matches this many requests. The default is one.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.times = Times(Some(count));
        self
    }

    /// Matches requests until [`Sandbox::clear_faults`](crate::Sandbox::clear_faults) is called.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = Times(None);
        self
    }

    /// Skips this many of the requests that the fault would match.
    #[must_use]
    pub const fn after(mut self, count: u32) -> Self {
        self.after = count;
        self
    }

    /// Matches only this percentage of the requests on average. The sandbox's
    /// [seed](crate::SandboxBuilder::seed) decides which. The maximum is 100; larger values are reduced to it.
    #[must_use]
    pub const fn percent(mut self, percent: u8) -> Self {
        self.percent = if percent < 100 { Some(percent) } else { None };
        self
    }
}

/// Edits of the response.
impl Fault {
    /// Adds a header to the response. `Content-Length` and `Transfer-Encoding` are ignored.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !FRAMING.contains(&name) {
            self.headers.append(name, value);
        }
        self
    }

    /// Adds a `Retry-After` in seconds (RFC 9110 §10.2.3). Fractions of a second are rounded up.
    #[must_use]
    pub const fn retry_after(mut self, delay: Duration) -> Self {
        let has_fraction = delay.subsec_nanos() > 0;
        self.retry_after = Some(delay.as_secs().saturating_add(has_fraction as u64));
        self
    }

    /// Adds a `Retry-After` with an HTTP date (RFC 9110 §5.6.7). It has a resolution of one second and is
    /// not later than the year 9999.
    #[must_use]
    pub const fn retry_after_date(mut self, moment: Timestamp) -> Self {
        self.retry_after_date = Some(moment.as_millis());
        self
    }

    /// Writes the times of every transaction as some real responses do: `createdDateMs` as
    /// `1605774370608.0`, `acknowledgedDateMs` as `1636709123467.2`.
    #[must_use]
    pub const fn float_times(mut self) -> Self {
        self.float_times = true;
        self
    }

    /// Writes the amount of every transaction as a string: `"1.5"`.
    #[must_use]
    pub const fn text_amounts(mut self) -> Self {
        self.text_amounts = true;
        self
    }

    /// Removes the key `errorCode` from a successful response.
    #[must_use]
    pub const fn without_error_code(mut self) -> Self {
        self.without_error_code = true;
        self
    }

    /// Reverses the items of a list.
    #[must_use]
    pub const fn reversed_list(mut self) -> Self {
        self.reversed_list = true;
        self
    }

    /// Removes an item from a list. Indices start at 0 and follow the order of the request. An index
    /// beyond the end has no effect.
    #[must_use]
    pub fn without_item(mut self, index: usize) -> Self {
        self.without_items.insert(index);
        self
    }

    /// Replaces an item of a list with `text`, which is sent unchanged and need not be JSON. An index
    /// beyond the end has no effect.
    #[must_use]
    pub fn item(mut self, index: usize, text: impl Into<String>) -> Self {
        self.items.insert(index, text.into());
        self
    }

    /// Sets the status of an item of a list to `SERVICE_FAILED`. The item has its identifier but no
    /// transaction. The live service's message is unknown; the sandbox's is `Service failed`.
    #[must_use]
    pub fn service_failed_item(mut self, index: usize) -> Self {
        self.service_failed_items.insert(index);
        self
    }

    /// Removes `md5` or `hash` from an item of a list, so that only its position identifies it.
    #[must_use]
    pub fn nameless_item(mut self, index: usize) -> Self {
        self.nameless_items.insert(index);
        self
    }

    /// Replaces an item of a list with JSON that has neither an identifier nor a known status.
    #[must_use]
    pub fn garbled_item(mut self, index: usize) -> Self {
        self.garbled_items.insert(index);
        self
    }

    /// Moves the transaction of every list item from the key `data` to the key `transaction`.
    #[must_use]
    pub const fn items_under_transaction(mut self) -> Self {
        self.transaction_layout = TransactionLayout::Transaction;
        self
    }

    /// Moves the fields of the transaction of every list item into the item itself.
    #[must_use]
    pub const fn items_inline(mut self) -> Self {
        self.transaction_layout = TransactionLayout::Inline;
        self
    }
}

/// The delivery of the response. Delays take real time and do not move the sandbox's clock.
impl Fault {
    /// Delays the response, or the closing of the connection, in steps of one millisecond. The sandbox
    /// processes the request before the delay.
    #[must_use]
    pub fn delayed(mut self, latency: Duration) -> Self {
        self.delay_ms = millis(latency);
        self
    }

    /// Announces the full length of a longer body, sends only this many bytes of it, and closes the connection.
    /// The maximum is 4,294,967,295; larger values are reduced to it.
    #[must_use]
    pub fn truncated_to(mut self, bytes: usize) -> Self {
        self.truncate_to = Some(u32::try_from(bytes).unwrap_or(u32::MAX));
        self
    }

    /// Sends the body one byte at a time with this gap after each byte, in steps of one millisecond. A gap
    /// of zero sends each byte separately without a pause.
    #[must_use]
    pub fn dripped(mut self, gap: Duration) -> Self {
        self.drip_ms = Some(millis(gap));
        self
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
