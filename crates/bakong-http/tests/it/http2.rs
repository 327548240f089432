//! HTTP/2, selected in the TLS handshake.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bakong_api::Transport;
use bakong_api::transport::TransportErrorKind;
use bakong_http::RetryPolicy;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::ca::{TestCa, tls_server};
use crate::server::{Server, ok, receive, send, until_closed};
use crate::{TOKEN, failure_text, request, send_check};

/// A server that supports only HTTP/2. `answer` responds to each request.
async fn server<F, Answering>(ca: &TestCa, answer: F) -> (Server, String)
where
    F: Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
    Answering: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let acceptor = ca.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let server = tls_server(acceptor, move |stream| {
        let answer = answer.clone();
        async move {
            let service = service_fn(move |request| {
                let answering = answer(request);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.port());
    (server, url)
}

async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Response::new(Full::new(body))
}

#[tokio::test]
async fn all_requests_share_one_connection() {
    let ca = TestCa::new();
    let (server, url) = server(&ca, echo).await;
    let transport = ca.trusted();
    let first = send_check(&transport, &url).await.unwrap();
    assert_eq!(first.version(), Version::HTTP_2);
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let (transport, mut request) = (transport.clone(), request(&url));
        *request.body_mut() = number.to_string().into();
        callers.spawn(async move {
            let response = transport.send(request).await.unwrap();
            assert_eq!(response.body(), &number.to_string());
        });
    }
    callers.join_all().await;
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_check_has_its_headers() {
    let ca = TestCa::new();
    let (_server, url) = server(&ca, |request| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        let host = request.uri().authority().unwrap().as_str();
        let header = |name| request.headers()[name].to_str().unwrap();
        let values = [
            request.uri().path(),
            &host[.."localhost:".len()],
            header("authorization"),
            header("user-agent"),
        ];
        Response::new(Full::from(values.join(" ")))
    })
    .await;
    let response = send_check(&ca.trusted(), &url).await.unwrap();
    let agent = concat!("bakong-http/", env!("CARGO_PKG_VERSION"));
    let expected = format!("/v1/check_transaction_by_md5 localhost: Bearer {TOKEN} {agent}");
    assert_eq!(response.body(), &expected);
}

#[tokio::test]
async fn http1_is_used_if_the_server_prefers_it() {
    let ca = TestCa::new();
    for offered in [&[][..], &[&b"http/1.1"[..]]] {
        let acceptor = ca.acceptor_of(&["localhost"], 3000, offered);
        let server = tls_server(acceptor, |mut stream| async move {
            receive(&mut stream).await;
            send(&mut stream, ok("{}").as_bytes()).await;
        })
        .await;
        let url = format!("https://localhost:{}", server.port());
        let response = send_check(&ca.trusted(), &url).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
    }
}

#[tokio::test]
async fn limits_apply() {
    let ca = TestCa::new();
    let large = |_| async { Response::new(Full::from("x".repeat(100_001))) };
    let (_large, url) = server(&ca, large).await;
    let exact = ca.trusting().body_limit(100_001).build().unwrap();
    assert_eq!(
        send_check(&exact, &url).await.unwrap().body().len(),
        100_001
    );
    let less = ca.trusting().body_limit(100_000).build().unwrap();
    let (kind, text) = failure_text(&less, &url).await;
    assert_eq!(kind, TransportErrorKind::AnswerTooLarge, "{text}");

    let (_hanging, url) = server(&ca, |_| pending()).await;
    let impatient = ca.trusting().request_timeout(Duration::from_millis(200));
    let (kind, text) = failure_text(&impatient.build().unwrap(), &url).await;
    assert_eq!(kind, TransportErrorKind::Timeout, "{text}");
}

#[tokio::test]
async fn a_dropped_request_resets_only_its_stream() {
    let ca = TestCa::new();
    let count = Arc::new(AtomicUsize::new(0));
    let (server, url) = server(&ca, move |request| {
        let odd = count.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        async move {
            if odd {
                pending::<()>().await;
            }
            echo(request).await
        }
    })
    .await;
    let transport = ca.trusting().max_in_flight(1).build().unwrap();
    for _ in 0..10 {
        send_check(&transport, &url).await.unwrap();
        let left = tokio::time::timeout(Duration::from_millis(20), send_check(&transport, &url));
        assert!(left.await.is_err());
    }
    send_check(&transport, &url).await.unwrap();
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_goaway_costs_no_request() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let server = tls_server(acceptor, |stream| async move {
        let first = Arc::new(Notify::new());
        let notify = Arc::clone(&first);
        let service = service_fn(move |request| {
            notify.notify_one();
            async { Ok::<_, Infallible>(echo(request).await) }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = serving.as_mut() => return,
            () = first.notified() => serving.as_mut().graceful_shutdown(),
        }
        let _ = serving.await;
    })
    .await;
    let (transport, url) = (ca.trusted(), format!("https://localhost:{}", server.port()));
    for _ in 0..20 {
        send_check(&transport, &url).await.unwrap();
    }
    assert!(server.accepted() > 1);
}

#[tokio::test]
async fn a_broken_connection_is_replaced() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let count = Arc::new(AtomicUsize::new(0));
    let server = tls_server(acceptor, move |stream| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            // Closes the first connection when a request arrives.
            let (cut, until_cut) = tokio::sync::oneshot::channel();
            let cut = std::sync::Mutex::new(Some(cut).filter(|_| first));
            let service = service_fn(move |request| {
                let cut = cut.lock().unwrap().take();
                async move {
                    if let Some(cut) = cut {
                        let _ = cut.send(());
                        pending::<()>().await;
                    }
                    Ok::<_, Infallible>(echo(request).await)
                }
            });
            let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = serving => {}
                Ok(()) = until_cut => {}
            }
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.port());
    let transport = ca.trusted();
    let (kind, text) = failure_text(&transport, &url).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    send_check(&transport, &url).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

/// The frames of RFC 9113 sections 6.5 and 6.8: empty `SETTINGS`, its acknowledgement, and a `GOAWAY` whose last stream is
/// 0, so that no request was processed.
const REFUSE_ALL: &[u8] = &[
    0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS
    0, 0, 0, 4, 1, 0, 0, 0, 0, // SETTINGS, ACK
    0, 0, 8, 7, 0, 0, 0, 0, 0, // GOAWAY
    0, 0, 0, 0, 0, 0, 0, 0, // the last stream, NO_ERROR
];

#[tokio::test]
async fn a_check_that_a_goaway_refuses_is_sent_again_on_another_connection() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let count = Arc::new(AtomicUsize::new(0));
    let server = tls_server(acceptor, move |mut stream| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                // The client's preface, and its first frames.
                let _ = stream.read(&mut [0; 4096]).await;
                send(&mut stream, REFUSE_ALL).await;
                until_closed(&mut stream).await;
                return;
            }
            let service = service_fn(|request| async { Ok::<_, Infallible>(echo(request).await) });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.port());
    let retry = RetryPolicy::default().base(Duration::from_millis(1));
    let transport = ca.trusting().retry(retry).build().unwrap();
    let response = send_check(&transport, &url).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(server.accepted(), 2);
}
