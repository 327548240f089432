//! A caller's request: its attempts, the waits between them, and one deadline for all of them.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::{AnswerSummary, Attempts};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{ErrorClass, Transport};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use tokio::time::Instant;

use crate::circuit::Signal;
use crate::client::{HttpClient, TimeLimit};
use crate::deadline::Deadline;
use crate::destination::Destination;
use crate::history::{self, History};
use crate::limiter::Limiter;
use crate::log::{self, Log};
use crate::retry::{RetryPolicy, random};

/// Sends requests over HTTP/1.1 or HTTP/2, with TLS by rustls.
///
/// Clones share the connections, the concurrency limit and the circuit breakers.
#[derive(Clone)]
pub struct HyperTransport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) client: HttpClient,
    pub(crate) limiter: Limiter,
    pub(crate) history: History,
    pub(crate) retry: RetryPolicy,
    pub(crate) user_agent: HeaderValue,
    pub(crate) request_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) allow_plain_http: bool,
}

/// A larger body with HTTP 200 contains data. It reports no outage, so it is not parsed.
const MAX_OUTAGE_BODY: usize = 256;

type SendResult = Result<Response<Bytes>, TransportError>;

/// One request of a caller, with all its attempts.
struct Call<'t> {
    transport: &'t Inner,
    to: Destination,
    path: &'t str,
    repeatable: bool,
    log: Log,
    deadline: Deadline,
}

impl Inner {
    async fn send(&self, mut request: Request<Bytes>) -> SendResult {
        let deadline = Deadline::after(self.request_timeout);
        let extensions = mem::take(request.extensions_mut());
        let endpoint = extensions.get::<EndpointInfo>();
        let log = Log::new(endpoint.map(|endpoint| endpoint.name));
        let to = Destination::of(request.uri(), self.allow_plain_http);
        let to = to.inspect_err(|error| log.failure(1, error, Duration::ZERO, None))?;
        // The TLS handshake selects HTTP/2.
        *request.version_mut() = Version::HTTP_11;
        request
            .headers_mut()
            .entry(header::USER_AGENT)
            .or_insert_with(|| self.user_agent.clone());
        // Without this header, some servers compress the response.
        request
            .headers_mut()
            .entry(header::ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
        let call = Call {
            transport: self,
            to,
            path: request.uri().path(),
            repeatable: endpoint.is_some_and(|endpoint| endpoint.repeatable),
            log,
            deadline,
        };
        call.run(&request, extensions.get()).await
    }
}

impl Call<'_> {
    async fn run(&self, request: &Request<Bytes>, attempts: Option<&Attempts>) -> SendResult {
        let mut number = 1;
        let mut previous: Option<SendResult> = None;
        loop {
            let limiter = &self.transport.limiter;
            let permit = match limiter.acquire(&self.to, self.deadline).await {
                Ok(permit) => permit,
                Err(rejection) => {
                    // The result of the previous attempt is more useful than the rejection of the next.
                    return previous.unwrap_or_else(|| {
                        self.log.failure(number, &rejection, Duration::ZERO, None);
                        Err(rejection)
                    });
                }
            };
            if let (Some(previous), Some(attempts)) = (&previous, attempts) {
                attempts.repeat(previous.as_ref());
            }
            let time = self.time_limit();
            let start = Instant::now();
            let sending = self.transport.client.send(&self.to, request.clone(), time);
            let result = sending.await;
            let elapsed = start.elapsed();
            let signal = self.signal(&result, elapsed, time.left);
            permit.finish(signal, failure_text(signal, &result));

            let wait = self.log_and_decide(number, &result, elapsed);
            let Some(wait) = wait else {
                return result;
            };
            previous = Some(result);
            number += 1;
            tokio::time::sleep(wait).await;
        }
    }

    fn time_limit(&self) -> TimeLimit {
        let left = self.deadline.remaining();
        let attempt_timeout = self.transport.attempt_timeout;
        if left < attempt_timeout {
            let setting = self.transport.request_timeout;
            TimeLimit { left, setting }
        } else {
            TimeLimit {
                left: attempt_timeout,
                setting: attempt_timeout,
            }
        }
    }

    /// Returns the conclusion about the host from an attempt that took `elapsed` of its `limit`.
    fn signal(&self, result: &SendResult, elapsed: Duration, limit: Duration) -> Signal {
        use TransportErrorKind as Kind;
        let error = match result {
            Ok(response) => {
                return match response.status() {
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => Signal::Dead,
                    _ => Signal::Alive,
                };
            }
            Err(error) => error,
        };
        let Inner {
            attempt_timeout,
            request_timeout,
            ..
        } = self.transport;
        // The queue or earlier attempts used up most of the time.
        let was_short = limit < *attempt_timeout.min(request_timeout) / 2;
        match error.kind() {
            Kind::Timeout | Kind::Connect if elapsed >= limit && was_short => Signal::Unclear,
            Kind::Resolve | Kind::Connect | Kind::Timeout | Kind::Interrupted => Signal::Dead,
            Kind::AnswerTooLarge => Signal::Alive,
            _ => Signal::Unclear,
        }
    }

    /// Logs an attempt. Returns how long to wait before the next one, or `None` if this was the last.
    fn log_and_decide(
        &self,
        number: u32,
        result: &SendResult,
        elapsed: Duration,
    ) -> Option<Duration> {
        match result {
            Ok(response) => {
                let may_repeat = self.repeatable
                    && self.transport.retry.goes_on_after(number)
                    && (response.status() != StatusCode::OK
                        || response.body().len() <= MAX_OUTAGE_BODY);
                let summary = (may_repeat || log::is_on()).then(|| AnswerSummary::of(response));
                let refused = may_repeat && summary.is_some_and(|it| is_of_a_front(response, it));
                let class = if refused && self.transport.history.has_answered(&self.to, self.path) {
                    Some(ErrorClass::Unavailable { retry_after: None })
                } else {
                    summary.and_then(|summary| summary.class)
                };
                let wait =
                    class.and_then(|class| self.wait(number, class, || server_time(response)));
                self.remember(response, wait);
                self.log
                    .answer(number, response.status(), summary, elapsed, wait);
                wait
            }
            Err(error) => {
                let class = ErrorClass::Transport(error.kind());
                let wait = self.wait(number, class, SystemTime::now);
                self.log.failure(number, error, elapsed, wait);
                wait
            }
        }
    }

    /// Records what the answer shows about the path.
    fn remember(&self, response: &Response<Bytes>, retry_in: Option<Duration>) {
        let history = &self.transport.history;
        if response.status() == StatusCode::OK {
            if !history.has_answered(&self.to, self.path) && history::is_good(response) {
                history.answered(&self.to, self.path);
            }
        } else if retry_in.is_none() && history::may_be_of_a_front(response.status()) {
            history.refused(&self.to, self.path);
        }
    }

    fn wait(
        &self,
        number: u32,
        class: ErrorClass,
        server_time: impl FnOnce() -> SystemTime,
    ) -> Option<Duration> {
        let Inner { retry, limiter, .. } = self.transport;
        let wait = retry.wait(number, class, self.repeatable, server_time, random());
        wait.filter(|wait| {
            *wait < self.deadline.remaining() && limiter.would_admit(&self.to, *wait)
        })
    }
}

/// Whether a CDN in front of Bakong may have refused the request. Bakong's own refusals have an error code.
fn is_of_a_front(response: &Response<Bytes>, summary: AnswerSummary) -> bool {
    history::may_be_of_a_front(response.status())
        && summary.error_code.is_none()
        && matches!(
            summary.class,
            Some(ErrorClass::Blocked | ErrorClass::Refused)
        )
}

/// When the server sent its response, by its own clock, so that an error of this machine's clock does not matter.
fn server_time(response: &Response<Bytes>) -> SystemTime {
    let date = response.headers().get(header::DATE);
    date.and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now)
}

/// Describes the failure for errors that a circuit breaker returns later.
fn failure_text(signal: Signal, result: &SendResult) -> String {
    match result {
        _ if signal != Signal::Dead => String::new(),
        Ok(response) => format!("HTTP {}", response.status().as_u16()),
        Err(error) => error.to_string(),
    }
}

#[async_trait]
impl Transport for HyperTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.0.send(request).await
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("user_agent", &self.0.user_agent)
            .field("request_timeout", &self.0.request_timeout)
            .field("attempt_timeout", &self.0.attempt_timeout)
            .field("retry", &self.0.retry)
            .field("body_limit", &self.0.client.body_limit())
            .field("allow_plain_http", &self.0.allow_plain_http)
            .finish_non_exhaustive()
    }
}
