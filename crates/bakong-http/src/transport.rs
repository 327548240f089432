//! A request as its caller sees it: attempts, waits, and one end to them all.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::{AnswerSummary, Attempts};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{ErrorClass, Transport};
use bytes::Bytes;
use http::{Extensions, HeaderValue, Request, Response, StatusCode, header};
use tokio::time::Instant;

use crate::builder::{HyperTransportBuilder, SetupError};
use crate::circuit::Signal;
use crate::deadline::Deadline;
use crate::destination::Destination;
use crate::exchange::{Exchange, Outgoing};
use crate::gate::Gate;
use crate::log::{self, Log};
use crate::retry::{RetryPolicy, random};

/// An answer under HTTP 200 of more bytes than this is hardly one that tells of an outage, which has no data,
/// and is not read for it.
const SHORT: usize = 256;

/// Sends requests over HTTP/1.1 or HTTP/2, with TLS by rustls, from a pool of connections.
///
/// A clone shares the pool, the limits and what is known of dead hosts.
#[derive(Clone)]
pub struct HyperTransport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) exchange: Exchange,
    pub(crate) gate: Gate,
    pub(crate) retry: RetryPolicy,
    pub(crate) user_agent: HeaderValue,
    pub(crate) request_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) allow_plain_http: bool,
}

impl HyperTransport {
    /// A transport with the default settings.
    ///
    /// # Errors
    /// Those of [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self, SetupError> {
        Self::builder().build()
    }

    /// Settings to change.
    #[must_use]
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }
}

type Answer = Result<Response<Bytes>, TransportError>;

/// A request that may be sent, as often as it has to be.
struct Prepared {
    outgoing: Outgoing,
    extensions: Extensions,
    repeatable: bool,
    log: Log,
    start: Instant,
    to: Destination,
}

/// What is needed to judge an attempt.
struct Told {
    summary: Option<AnswerSummary>,
    class: Option<ErrorClass>,
}

impl Inner {
    /// What is to be sent where, if it may be.
    fn prepare(&self, mut request: Request<Bytes>) -> Result<Prepared, TransportError> {
        let extensions = mem::take(request.extensions_mut());
        let endpoint = extensions.get::<EndpointInfo>();
        let log = Log::new(endpoint.map(|endpoint| endpoint.name));
        let start = Instant::now();
        let to = Destination::of(request.uri(), self.allow_plain_http);
        let to = to.inspect_err(|error| log.failure(1, error, start, None))?;
        Ok(Prepared {
            repeatable: endpoint.is_some_and(|endpoint| endpoint.repeatable),
            outgoing: Outgoing::new(request, &self.user_agent),
            extensions,
            log,
            start,
            to,
        })
    }

    async fn send(&self, prepared: &mut Prepared) -> Answer {
        let Prepared {
            outgoing,
            extensions,
            repeatable,
            log,
            start,
            to,
        } = prepared;
        let (repeatable, start) = (*repeatable, *start);
        let deadline = Deadline::of(start, self.request_timeout);
        let mut previous: Option<Answer> = None;
        for number in 1.. {
            let passage = match self.gate.enter(to, deadline).await {
                Ok(passage) => passage,
                Err(refused) => {
                    // What came of the last attempt says more than that there is no next.
                    if let Some(answer) = previous {
                        return answer;
                    }
                    log.failure(number, &refused, start, None);
                    return Err(refused);
                }
            };
            if let (Some(previous), Some(attempts)) = (&previous, extensions.get::<Attempts>()) {
                attempts.repeat(previous.as_ref());
            }
            let begun = Instant::now();
            let left = deadline.remaining_at(begun);
            let (time, limit) = if left < self.attempt_timeout {
                (left, self.request_timeout)
            } else {
                (self.attempt_timeout, self.attempt_timeout)
            };
            let attempt = self.exchange.attempt(to, outgoing, begun, time, limit);
            let answer = attempt.await;
            let signal = self.signal(&answer, begun, time);
            passage.finish(signal, failure_text(signal, &answer));

            let told = self.told(&answer, number, repeatable);
            let wait = self.wait(to, &answer, &told, number, repeatable, deadline);
            match &answer {
                Ok(response) => {
                    log.answer(number, response.status(), told.summary, begun, wait);
                }
                Err(error) => log.failure(number, error, begun, wait),
            }
            let Some(wait) = wait else {
                return answer;
            };
            previous = Some(answer);
            tokio::time::sleep(wait).await;
        }
        // Attempts are counted, and the last one returns.
        let kind = TransportErrorKind::Timeout;
        previous.unwrap_or_else(|| Err(TransportError::new(kind, "there was no attempt")))
    }

    /// What an attempt that began then and had this much time tells of its host.
    fn signal(&self, answer: &Answer, begun: Instant, time: Duration) -> Signal {
        use TransportErrorKind as Kind;
        match answer {
            Ok(response) => match response.status() {
                StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => Signal::Dead,
                _ => Signal::Alive,
            },
            Err(error) => match error.kind() {
                // Its time may have passed in the queue or with other attempts.
                Kind::Timeout | Kind::Connect
                    if begun.elapsed() >= time
                        && time < self.attempt_timeout.min(self.request_timeout) / 2 =>
                {
                    Signal::Unclear
                }
                Kind::Resolve | Kind::Connect | Kind::Timeout | Kind::Interrupted => Signal::Dead,
                Kind::AnswerTooLarge => Signal::Alive,
                _ => Signal::Unclear,
            },
        }
    }

    fn told(&self, answer: &Answer, number: u32, repeatable: bool) -> Told {
        match answer {
            Ok(response) => {
                let decides = repeatable
                    && self.retry.goes_on_after(number)
                    && (response.status() != StatusCode::OK || response.body().len() <= SHORT);
                let summary = (decides || log::is_on()).then(|| AnswerSummary::of(response));
                Told {
                    summary,
                    class: summary.and_then(|summary| summary.class),
                }
            }
            Err(error) => Told {
                summary: None,
                class: Some(ErrorClass::Transport(error.kind())),
            },
        }
    }

    /// How long to wait before sending again; `None` if this is the end.
    fn wait(
        &self,
        to: &Destination,
        answer: &Answer,
        told: &Told,
        number: u32,
        repeatable: bool,
        deadline: Deadline,
    ) -> Option<Duration> {
        let said_at = || match answer {
            // By the server's own clock, so that it does not matter whether ours is right.
            Ok(response) => response
                .headers()
                .get(header::DATE)
                .and_then(|date| date.to_str().ok())
                .and_then(|date| httpdate::parse_http_date(date).ok())
                .unwrap_or_else(std::time::SystemTime::now),
            Err(_) => std::time::SystemTime::now(),
        };
        let wait = self
            .retry
            .wait(number, told.class?, repeatable, said_at, random());
        wait.filter(|wait| *wait < deadline.remaining() && self.gate.would_admit(to, *wait))
    }
}

/// What a person is told of a host that is given up because of this answer.
fn failure_text(signal: Signal, answer: &Answer) -> String {
    match answer {
        _ if signal != Signal::Dead => String::new(),
        Ok(response) => format!("HTTP {}", response.status().as_u16()),
        Err(error) => error.to_string(),
    }
}

#[async_trait]
impl Transport for HyperTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut prepared = self.0.prepare(request)?;
        self.0.send(&mut prepared).await
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("user_agent", &self.0.user_agent)
            .field("request_timeout", &self.0.request_timeout)
            .field("attempt_timeout", &self.0.attempt_timeout)
            .field("retry", &self.0.retry)
            .field("body_limit", &self.0.exchange.body_limit)
            .field("allow_plain_http", &self.0.allow_plain_http)
            .finish_non_exhaustive()
    }
}
