//! One attempt: sends a request through hyper-util's client and reads the response.

use std::time::Duration;

use bakong_api::transport::{TransportError, TransportErrorKind};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connector::Connector;
use crate::destination::Destination;
use crate::failure;
use crate::tracked_body::{TrackedBody, WriteMarker};

/// How many bytes the head of a response may have. A connection reads ahead at most this much.
const HEAD_LIMIT: usize = 64 << 10;

/// The longest idle timeout. A longer one would overflow the clock.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(365 * 86_400);

pub(crate) struct HttpClient {
    client: Client<Connector, TrackedBody>,
    body_limit: usize,
}

/// How long one attempt may take.
#[derive(Clone, Copy)]
pub(crate) struct TimeLimit {
    /// The time that is left for the attempt.
    pub(crate) left: Duration,
    /// The timeout setting that ends the attempt, for the error message.
    pub(crate) setting: Duration,
}

impl HttpClient {
    pub(crate) fn new(
        connector: Connector,
        idle_timeout: Duration,
        max_idle: usize,
        body_limit: usize,
    ) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout.min(MAX_IDLE_TIMEOUT))
            .pool_max_idle_per_host(if idle_timeout.is_zero() { 0 } else { max_idle })
            .http1_max_buf_size(HEAD_LIMIT)
            // Repeats a request if an idle connection turns out to be closed before hyper takes the request
            // from its queue. hyper returns only requests of which it has written nothing, so this is safe
            // for requests that must not run twice.
            .retry_canceled_requests(true);
        #[cfg(feature = "http2")]
        configure_http2(&mut builder);
        Self {
            client: builder.build(connector),
            body_limit,
        }
    }

    pub(crate) const fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Sends the request once and reads the whole response.
    pub(crate) async fn send(
        &self,
        to: &Destination,
        request: Request<Bytes>,
        time: TimeLimit,
    ) -> Result<Response<Bytes>, TransportError> {
        let marker = WriteMarker::default();
        let request = request.map(|bytes| TrackedBody::new(bytes, &marker));
        let exchange = async {
            let response = self.client.request(request).await;
            let response =
                response.map_err(|error| failure::sending(to, error, marker.cancel()))?;
            let (parts, body) = response.into_parts();
            let body = self.read(to, body).await?;
            Ok(Response::from_parts(parts, body))
        };
        match tokio::time::timeout(time.left, exchange).await {
            Ok(result) => result,
            Err(elapsed) => {
                let kind = match marker.cancel() {
                    true => TransportErrorKind::Timeout,
                    false => TransportErrorKind::Connect,
                };
                Err(failure::timed_out(kind, to, time.setting, elapsed))
            }
        }
    }

    /// Reads a body up to the limit.
    async fn read(&self, to: &Destination, body: Incoming) -> Result<Bytes, TransportError> {
        let limit = self.body_limit;
        let announced = body.size_hint().lower();
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            let reason = "the Content-Length exceeds the limit";
            return Err(failure::too_large(to, limit, reason));
        }
        match Limited::new(body, limit).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) => Err(match error.downcast::<LengthLimitError>() {
                Ok(error) => failure::too_large(to, limit, error),
                Err(error) => failure::receiving(to, error),
            }),
        }
    }
}

#[cfg(feature = "http2")]
fn configure_http2(builder: &mut hyper_util::client::legacy::Builder) {
    /// How many bytes of one response are read ahead.
    const STREAM_WINDOW: u32 = 64 << 10;
    /// How many bytes of all responses on a connection are read ahead.
    const CONNECTION_WINDOW: u32 = 1 << 20;
    const PING_INTERVAL: Duration = Duration::from_secs(5);
    const PING_TIMEOUT: Duration = Duration::from_secs(4);

    builder
        .timer(TokioTimer::new())
        .http2_max_header_list_size(u32::try_from(HEAD_LIMIT).unwrap_or(u32::MAX))
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        // All requests share one connection. Pings detect that it is dead within the default attempt timeout.
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true);
}
