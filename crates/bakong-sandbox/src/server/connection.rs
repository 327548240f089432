//! Connections: passes requests to the backend and sends its responses.

use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::body::{EventBody, ServerBody};
use super::delivered_body::{Cut, DeliveredBody};
use super::write_limit::WriteLimit;
use crate::api;
use crate::control::{self, Guard, Reply};
use crate::fault::{Delivery, Effect};
use crate::persist::Shared;

/// The number of bytes of an oversized body that are read, so that the client gets 413 instead of a reset.
const MAX_DRAINED: usize = 4 * 1024 * 1024;

/// The time limit for an idle connection, for the head of a request, for its body, and for a client that reads
/// nothing of a response. After it, the connection closes. nginx closes idle connections after 75 s.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// The pause after a connection cannot be accepted, which keeps the loop from spinning.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Signals, once its sender is dropped, that the sandbox is stopping.
pub(super) type Stopped = watch::Receiver<()>;

/// Accepts connections until the sandbox stops, then closes them all.
pub(super) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    guard: Guard,
    mut stopped: Stopped,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (shared, guard) = (Arc::clone(&shared), guard.clone());
                    let connection = connection(stream, shared, guard, stopped.clone());
                    connections.spawn(connection);
                }
                // The client has disconnected, or no file descriptor is free.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection. Its errors affect no other connection.
async fn connection(stream: TcpStream, shared: Arc<Shared>, guard: Guard, mut stopped: Stopped) {
    // Avoids delays of small responses. An error here is harmless.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| dated(&shared, &guard, request));
    let mut builder = http1::Builder::new();
    builder
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_LIMIT);
    let stream = TokioIo::new(WriteLimit::new(stream, IDLE_LIMIT));
    let connection = builder.serve_connection(stream, service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
    }
    // Only a fault can delay a response. A single poll therefore completes all that can complete, and an idle client
    // does not delay the stop.
    connection.as_mut().graceful_shutdown();
    future::poll_fn(|context| {
        let _ = connection.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// Adds `Date` to the response, from the sandbox's clock, because Bakong judges expiries by the clock that its `Date`
/// shows (RFC 9110, section 6.6.1). The time is read when the response is sent, after a delay.
async fn dated(
    shared: &Arc<Shared>,
    guard: &Guard,
    request: Request<Incoming>,
) -> Result<Response<ServerBody>, Cut> {
    let mut response = respond(shared, guard, request).await?;
    let now = shared.with(|backend| backend.state().clock.now());
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now.as_millis()));
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().entry(DATE).or_insert(date);
    }
    Ok(response)
}

async fn respond(
    shared: &Arc<Shared>,
    guard: &Guard,
    request: Request<Incoming>,
) -> Result<Response<ServerBody>, Cut> {
    let (head, body) = request.into_parts();
    let max_body = control::max_body(head.uri.path());
    let body = timeout(IDLE_LIMIT, read(body, max_body))
        .await
        .map_err(|_| Cut)?;
    let body = body.map_err(|_| Cut)?;
    let request = Request::from_parts(head, body);
    if control::is_control(request.uri().path()) {
        let reply = if control::is_picture(request.uri().path()) {
            let (shared, guard) = (Arc::clone(shared), guard.clone());
            let reply = spawn_blocking(move || control::serve(&shared, &guard, &request));
            reply.await.map_err(|_| Cut)?
        } else {
            control::serve(shared, guard, &request)
        };
        let answer = match reply {
            Reply::Answer(answer) => answer.map(whole),
            Reply::Events(events) => {
                let body = EventBody::new(events, Arc::clone(shared));
                let mut answer = Response::new(ServerBody::Events(body));
                let headers = answer.headers_mut();
                let stream = HeaderValue::from_static("text/event-stream");
                headers.insert(CONTENT_TYPE, stream);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                answer
            }
        };
        return Ok(answer);
    }
    if let Some(answer) = control::reject_website(shared, guard, &request) {
        return Ok(answer.map(whole));
    }
    match shared.with(|backend| api::handle(backend, &request)) {
        Effect::Answer(answer, delivery) => {
            wait(delivery.latency).await;
            Ok(answer.map(|body| ServerBody::Answer(DeliveredBody::new(body, delivery))))
        }
        Effect::Cut(latency) => {
            wait(latency).await;
            Err(Cut)
        }
        Effect::Hang => future::pending().await,
    }
}

async fn wait(latency: Duration) {
    // The timer would round a delay of zero up.
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

fn whole(body: Bytes) -> ServerBody {
    ServerBody::Answer(DeliveredBody::new(body, Delivery::default()))
}

/// Reads a body. Returns the beginning of an oversized body, enough to detect its size, and discards the rest.
async fn read(mut body: Incoming, max_body: usize) -> Result<Bytes, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        let room = (max_body + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if seen > MAX_DRAINED {
            break;
        }
    }
    Ok(kept.freeze())
}
