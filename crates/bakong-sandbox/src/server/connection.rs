//! The thin part: bytes from a socket to the state, and its answer back.

use std::future::{self, Future};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer::MAX_BODY;
use crate::control::{self, Guard, Reply};
use crate::delivery::{Cut, DeliveredBody, Delivery};
use crate::fault::{Effect, Outcome};
use crate::state::Shared;
use crate::stream::{EventBody, ServerBody};

/// How much of a body that is too large is still read, so that the client sees its 413 and not a reset.
const MAX_DRAINED: usize = 4 * 1024 * 1024;

/// How long to wait where no connection can be taken. Without it the loop would spin until one can.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Says that the sandbox stops, by the end of its sender.
pub(crate) type Stopped = watch::Receiver<()>;

/// Takes connections until the sandbox stops, then ends them all.
pub(crate) async fn serve(
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
                // A client that left at once, or no descriptor free: the next may fare better, in a while.
                Err(_) => tokio::time::sleep(AFTER_FAILURE).await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Answers on one connection. What goes wrong on it is the client's affair and ends nothing else.
async fn connection(stream: TcpStream, shared: Arc<Shared>, guard: Guard, mut stopped: Stopped) {
    // Without it small answers may wait for an acknowledgement; with an error they just do.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| exchange(&shared, &guard, request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            // Answering takes no waiting but by faults, so one look finishes whatever can be finished, and no client
            // that keeps its connection open holds the sandbox up.
            connection.as_mut().graceful_shutdown();
            future::poll_fn(|context| {
                let _ = connection.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        }
    }
}

async fn exchange(
    shared: &Arc<Shared>,
    guard: &Guard,
    request: Request<Incoming>,
) -> Result<Response<ServerBody>, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await.map_err(|_| Cut)?;
    let request = Request::from_parts(head, body);
    if control::is_control(request.uri().path()) {
        let answer = match control::reply(shared, guard, &request) {
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
    if let Some(answer) = control::turn_away(shared, guard, &request) {
        return Ok(answer.map(whole));
    }
    let Effect { outcome, delivery } = shared.with(|state| state.handle(&request));
    if !delivery.latency.is_zero() {
        tokio::time::sleep(delivery.latency).await;
    }
    match outcome {
        Outcome::Answer(answer) => {
            Ok(answer.map(|body| ServerBody::Answer(DeliveredBody::new(body, delivery))))
        }
        Outcome::Cut => Err(Cut),
        Outcome::Hang => future::pending().await,
    }
}

fn whole(body: Bytes) -> ServerBody {
    ServerBody::Answer(DeliveredBody::new(body, Delivery::default()))
}

/// Reads a body; of one that is too large enough to see that it is, and the rest into nothing.
async fn read(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        let room = (MAX_BODY + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if seen > MAX_DRAINED {
            break;
        }
    }
    Ok(kept.freeze())
}
