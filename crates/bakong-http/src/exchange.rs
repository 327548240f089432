//! One attempt: send, wait within the limit, read up to the limit.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bakong_api::transport::{TransportError, TransportErrorKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::{Body, Incoming};
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::Instant;

use crate::destination::Destination;
use crate::failure;
use crate::payload::{Payload, Touched};
use crate::pool::{Connection, Http1, Pool};

/// What is sent, as often as it has to be.
pub(crate) struct Outgoing {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    pub(crate) fn new(request: Request<Bytes>, user_agent: &HeaderValue) -> Self {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        headers
            .entry(header::USER_AGENT)
            .or_insert_with(|| user_agent.clone());
        Self {
            method: parts.method,
            uri: parts.uri,
            headers,
            body,
        }
    }

    fn request(&mut self, uri: Uri, touched: &Touched) -> Request<Payload> {
        let mut request = Request::new(Payload::new(self.body.clone(), touched));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        // What was made first has room for what is added on the way, a copy has none.
        let copy = self.headers.clone();
        *request.headers_mut() = mem::replace(&mut self.headers, copy);
        request
    }

    /// As HTTP/1.1 wants it: the path alone, and the host in a header.
    fn http1(&mut self, host: Option<&HeaderValue>, touched: &Touched) -> Request<Payload> {
        let path = self.uri.path_and_query();
        let uri = path.map_or_else(|| self.uri.clone(), |path| path.clone().into());
        let mut request = self.request(uri, touched);
        if let Some(host) = host {
            let entry = request.headers_mut().entry(header::HOST);
            entry.or_insert_with(|| host.clone());
        }
        request
    }

    #[cfg(feature = "http2")]
    fn http2(&mut self, touched: &Touched) -> Request<Payload> {
        let mut request = self.request(self.uri.clone(), touched);
        *request.version_mut() = http::Version::HTTP_2;
        request
    }
}

/// Sends once, over connections that are kept.
pub(crate) struct Exchange {
    pub(crate) pool: Pool,
    pub(crate) body_limit: usize,
}

impl Exchange {
    /// Brings the answer within `time` from now, which is called `limit` where it runs out.
    pub(crate) async fn attempt(
        &self,
        to: &Destination,
        outgoing: &mut Outgoing,
        now: Instant,
        time: Duration,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let touched = Touched::default();
        let Some(end) = now.checked_add(time) else {
            return self.exchange(to, outgoing, &touched, now).await;
        };
        let in_time = {
            let exchange = pin!(self.exchange(to, outgoing, &touched, now));
            tokio::time::timeout_at(end, exchange).await
        };
        // It is over by now, so nothing can be written any more.
        match in_time {
            Ok(result) => result,
            Err(elapsed) => {
                let kind = if touched.is_touched() {
                    TransportErrorKind::Timeout
                } else {
                    TransportErrorKind::Connect
                };
                Err(failure::late(kind, to, limit, elapsed))
            }
        }
    }

    async fn exchange(
        &self,
        to: &Destination,
        outgoing: &mut Outgoing,
        touched: &Touched,
        now: Instant,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut may_be_kept = true;
        loop {
            let kept = may_be_kept
                .then(|| self.pool.kept(&outgoing.uri, now))
                .flatten();
            let was_kept = kept.is_some();
            let (connection, in_use) = match kept {
                Some(kept) => kept,
                None => {
                    // Apart, since it is large and seldom: what is sent and waited for is small without it.
                    let connected = Box::pin(self.pool.connect(&outgoing.uri)).await;
                    connected.map_err(|error| failure::not_connected(to, error))?
                }
            };
            let answer = match connection {
                Connection::Http1(connection) => {
                    self.over_http1(to, outgoing, touched, connection).await
                }
                #[cfg(feature = "http2")]
                Connection::Http2(mut sender) => {
                    let request = outgoing.http2(touched);
                    Box::pin(self.answer(to, sender.send_request(request))).await
                }
            };
            drop(in_use);
            // A connection that was dead before a byte of this was written has no part in it, so this is safe
            // for requests that must not be repeated.
            if answer.is_err() && was_kept && !touched.is_touched() {
                may_be_kept = false;
                continue;
            }
            return answer;
        }
    }

    async fn over_http1(
        &self,
        to: &Destination,
        outgoing: &mut Outgoing,
        touched: &Touched,
        mut connection: Http1,
    ) -> Result<Response<Bytes>, TransportError> {
        let request = outgoing.http1(connection.host.as_ref(), touched);
        let sending = connection.sender.send_request(request);
        let answer = pin!(unconstrained(self.answer(to, sending)));
        let answer = driven(&mut connection, answer).await?;
        self.pool.keep(&outgoing.uri, connection);
        Ok(answer)
    }

    /// The whole answer to what is being sent.
    async fn answer(
        &self,
        to: &Destination,
        sending: impl Future<Output = hyper::Result<Response<Incoming>>>,
    ) -> Result<Response<Bytes>, TransportError> {
        let response = sending.await;
        let response = response.map_err(|error| failure::exchanging(to, error))?;
        let (parts, body) = response.into_parts();
        let body = self.whole(to, body).await?;
        Ok(Response::from_parts(parts, body))
    }

    /// All of a body, if it is within the limit.
    async fn whole(&self, to: &Destination, mut body: Incoming) -> Result<Bytes, TransportError> {
        let limit = self.body_limit;
        // One that announces too much is not worth waiting for.
        if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
            let reason = "its Content-Length is larger";
            return Err(failure::too_large(to, limit, reason));
        }
        let mut whole = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|error| failure::exchanging(to, error))?;
            // Trailers are nothing that is asked for.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit - whole.len().max(joined.len()) {
                return Err(failure::too_large(to, limit, "its body went on beyond"));
            }
            // One that comes in one piece, as nearly all do, is not copied.
            if whole.is_empty() && joined.is_empty() {
                whole = data;
            } else {
                joined.extend_from_slice(&mem::take(&mut whole));
                joined.extend_from_slice(&data);
            }
        }
        Ok(if joined.is_empty() {
            whole
        } else {
            joined.freeze()
        })
    }
}

/// What `work` brings, which goes on only when the connection does.
///
/// It is looked at whenever the connection was, so nobody has to be woken for it: unless the runtime put it off,
/// having let this task do enough for one turn, which it may not do behind the task's back.
fn driven<W: Future>(
    connection: &mut Http1,
    mut work: Pin<&mut Unconstrained<W>>,
) -> impl Future<Output = W::Output> {
    let mut has_begun = false;
    poll_fn(move |context| {
        let mut unheard = Context::from_waker(Waker::noop());
        // At first, it says what it wants. Later, what came meanwhile is brought without anybody to wake: whoever
        // takes a body's data from hyper wakes whoever drives the connection, which is this task, which would be
        // run once more for nothing.
        if mem::replace(&mut has_begun, true) {
            let _ = connection.drive_unheard();
        }
        if let Poll::Ready(output) = work.as_mut().poll(&mut unheard) {
            return Poll::Ready(output);
        }
        if connection.drive(context).is_pending() {
            return work.as_mut().poll(&mut unheard);
        }
        // The connection has ended, so nothing looks at it any more.
        work.as_mut().poll(context)
    })
}
