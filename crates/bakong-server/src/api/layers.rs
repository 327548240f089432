//! What happens to every request: its id, its time limit, its count, the headers of the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::ids;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem, REQUEST_ID};

/// How long a request may take until its answer begins, with the time to send its body.
const TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("request-id");

pub(super) fn add(router: Router, metrics: Metrics) -> Router {
    let layer = Layer {
        metrics,
        ids: Arc::default(),
    };
    router.layer(middleware::from_fn_with_state(layer, handle))
}

#[derive(Clone)]
struct Layer {
    metrics: Metrics,
    ids: Arc<RequestIds>,
}

/// The ids of requests: unique, and without a system call for each.
#[derive(Default)]
struct RequestIds {
    /// Random, one for each start of the process.
    start: std::sync::OnceLock<String>,
    next: AtomicU64,
}

impl RequestIds {
    fn next(&self) -> Result<String, getrandom::Error> {
        let start = match self.start.get() {
            Some(start) => start,
            None => {
                let start = ids::random("req_")?;
                self.start.get_or_init(|| start)
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{start}{number:x}"))
    }
}

async fn handle(State(layer): State<Layer>, request: Request, next: Next) -> Response {
    let id = match layer.ids.next() {
        Ok(id) => id,
        Err(error) => return Problem::from(error).into_response(),
    };
    let value = HeaderValue::try_from(&id);
    let only_reads = request.method().is_safe();
    let answer = REQUEST_ID.scope(id, answer(layer.metrics, request, next));
    let mut response = if only_reads {
        answer.await
    } else {
        // A task of its own finishes what it began when the client goes away, so that a repetition finds its answer.
        let answer = tokio::spawn(answer).await;
        answer.unwrap_or_else(|error| Problem::internal(error).into_response())
    };
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

/// Answers within the time limit, also if the handler panics, and counts the answer by its route.
async fn answer(metrics: Metrics, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = Instant::now();
    let address = request.uri().path_and_query();
    if address.is_some_and(|address| !is_text(address.as_str())) {
        let detail = "the address contains a zero byte (%00), or bytes that are not UTF-8";
        let problem = Problem::new(Code::InvalidParameter, detail);
        metrics.request(&method, route, problem.status(), started.elapsed());
        return problem.into_response();
    }
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal("a handler panicked; this is a bug").into_response(),
        Err(_) => timed_out().into_response(),
    };
    metrics.request(&method, route, response.status(), started.elapsed());
    response
}

/// Whether an address with percent-encoded bytes is UTF-8 without a zero byte, which PostgreSQL rejects.
fn is_text(address: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(address).decode_utf8();
    decoded.is_ok_and(|text| !text.contains('\0'))
}

fn timed_out() -> Problem {
    Problem::new(
        Code::Timeout,
        "the request took too long; try again with the same Idempotency-Key",
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, Bytes};
    use axum::http::StatusCode;
    use axum::routing::post;
    use futures_util::stream;
    use tower_service::Service;

    use super::*;

    async fn status(router: Router, body: Body) -> StatusCode {
        let mut router = add(router, Metrics::default());
        let request = Request::post("/").body(body).unwrap();
        router.call(request).await.unwrap().status()
    }

    #[test]
    fn an_address_is_text_or_is_refused() {
        for address in [
            "/v1/payments?order_id=a%20b",
            "/%E1%9E%9B",
            "/100%",
            "/%2",
            "/%zz",
            "/%2500",
        ] {
            assert!(is_text(address), "{address}");
        }
        for address in ["/%00", "/?a=%00b", "/%ff", "/%E1%9E", "/a%C0%80"] {
            assert!(!is_text(address), "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_refused_after_the_time_limit() {
        let router = Router::new().route("/", post(async |_: Bytes| "read"));
        let started = tokio::time::Instant::now();
        let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(
            status(router.clone(), body).await,
            StatusCode::REQUEST_TIMEOUT
        );
        assert_eq!(started.elapsed().as_secs(), TIMEOUT.as_secs());
        assert_eq!(status(router, Body::from("{}")).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_an_internal_error() {
        let broken = Router::new().route("/", post(async || -> StatusCode { panic!("broken") }));
        let answered = status(broken, Body::empty()).await;
        assert_eq!(answered, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
