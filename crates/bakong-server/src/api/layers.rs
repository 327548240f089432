//! What happens to every request: its id, its time limit, the headers of the answer.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::ids;
use crate::metrics::Metrics;
use crate::problem::{Problem, REQUEST_ID};

/// How long a request may take until its answer begins, with the time to send its body.
const TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("request-id");

pub(super) fn add(router: Router, metrics: Metrics) -> Router {
    router
        .layer(middleware::from_fn_with_state(metrics, with_metrics))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(with_request_id))
}

/// Counts the answer by its route.
async fn with_metrics(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    metrics.request(&method, route, response.status(), started.elapsed());
    response
}

async fn with_request_id(request: Request, next: Next) -> Response {
    let Ok(id) = ids::random("req_") else {
        return Problem::internal().into_response();
    };
    let value = HeaderValue::try_from(&id);
    let answer = async {
        let answer = tokio::time::timeout(TIMEOUT, next.run(request)).await;
        answer.unwrap_or_else(|_| timed_out().into_response())
    };
    // A task of its own finishes what it began when the client goes away, so that a repetition finds its answer.
    let answer = tokio::spawn(REQUEST_ID.scope(id, answer));
    let answer = answer.await.map_err(|_| Problem::internal());
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    if let Ok(value) = value {
        headers.insert(REQUEST_ID_HEADER, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Answers contain personal data.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

fn timed_out() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "timeout",
        "the request took too long; try again with the same Idempotency-Key",
    )
}

/// Answers a request whose handler panicked. This is a bug.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
