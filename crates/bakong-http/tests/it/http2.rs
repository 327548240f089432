//! HTTP/2, agreed on in the TLS handshake.

use std::convert::Infallible;
use std::future::pending;
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
use tokio::task::JoinSet;

use crate::authority::{Authority, tls_server};
use crate::server::{Server, ok, receive, send};
use crate::{TOKEN, ask, kind_and_text, request};

/// A server that speaks HTTP/2 alone, and answers with `answer` what it is asked.
async fn server<F, Answering>(authority: &Authority, answer: F) -> (Server, String)
where
    F: Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
    Answering: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let acceptor = authority.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let server = tls_server(acceptor, move |stream| {
        let answer = answer.clone();
        async move {
            let service = service_fn(move |asked| {
                let answering = answer(asked);
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

async fn echo(asked: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = asked.into_body().collect().await.unwrap().to_bytes();
    Response::new(Full::new(body))
}

#[tokio::test]
async fn one_connection_serves_all() {
    let authority = Authority::new();
    let (server, url) = server(&authority, echo).await;
    let transport = authority.trusted();
    let first = ask(&transport, &url).await.unwrap();
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
async fn a_check_goes_out_whole() {
    let authority = Authority::new();
    let (_server, url) = server(&authority, |asked| async move {
        assert_eq!(asked.version(), Version::HTTP_2);
        let host = asked.uri().authority().unwrap().as_str();
        let header = |name| asked.headers()[name].to_str().unwrap();
        let told = [
            asked.uri().path(),
            &host[.."localhost:".len()],
            header("authorization"),
            header("user-agent"),
        ];
        Response::new(Full::from(told.join(" ")))
    })
    .await;
    let response = ask(&authority.trusted(), &url).await.unwrap();
    let agent = concat!("bakong-http/", env!("CARGO_PKG_VERSION"));
    let told = format!("/v1/check_transaction_by_md5 localhost: Bearer {TOKEN} {agent}");
    assert_eq!(response.body(), &told);
}

#[tokio::test]
async fn a_server_that_prefers_the_older_one_gets_it() {
    let authority = Authority::new();
    for offered in [&[][..], &[&b"http/1.1"[..]]] {
        let acceptor = authority.acceptor_of(&["localhost"], 3000, offered);
        let server = tls_server(acceptor, |mut stream| async move {
            receive(&mut stream).await;
            send(&mut stream, ok("{}").as_bytes()).await;
        })
        .await;
        let url = format!("https://localhost:{}", server.port());
        let response = ask(&authority.trusted(), &url).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
    }
}

#[tokio::test]
async fn the_limits_are_the_same() {
    let authority = Authority::new();
    let large = |_| async { Response::new(Full::from("x".repeat(100_001))) };
    let (_large, url) = server(&authority, large).await;
    let exact = authority.trusting().body_limit(100_001).build().unwrap();
    assert_eq!(ask(&exact, &url).await.unwrap().body().len(), 100_001);
    let less = authority.trusting().body_limit(100_000).build().unwrap();
    let (kind, text) = kind_and_text(&less, &url).await;
    assert_eq!(kind, TransportErrorKind::AnswerTooLarge, "{text}");

    let (_hanging, url) = server(&authority, |_| pending()).await;
    let impatient = authority
        .trusting()
        .request_timeout(Duration::from_millis(200));
    let (kind, text) = kind_and_text(&impatient.build().unwrap(), &url).await;
    assert_eq!(kind, TransportErrorKind::Timeout, "{text}");
}

#[tokio::test]
async fn a_caller_who_leaves_takes_only_its_own_stream_along() {
    let authority = Authority::new();
    let count = Arc::new(AtomicUsize::new(0));
    let (server, url) = server(&authority, move |asked| {
        let odd = count.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        async move {
            if odd {
                pending::<()>().await;
            }
            echo(asked).await
        }
    })
    .await;
    let transport = authority.trusting().max_in_flight(1).build().unwrap();
    for _ in 0..10 {
        ask(&transport, &url).await.unwrap();
        let left = tokio::time::timeout(Duration::from_millis(20), ask(&transport, &url));
        assert!(left.await.is_err());
    }
    ask(&transport, &url).await.unwrap();
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_replaced() {
    let authority = Authority::new();
    let acceptor = authority.acceptor_of(&["localhost"], 3000, &[b"h2"]);
    let count = Arc::new(AtomicUsize::new(0));
    let server = tls_server(acceptor, move |stream| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            // The first connection is cut with a request on it.
            let (cut, until_cut) = tokio::sync::oneshot::channel();
            let cut = std::sync::Mutex::new(Some(cut));
            let service = service_fn(move |asked| {
                let cut = cut.lock().unwrap().take().filter(|_| first);
                async move {
                    if let Some(cut) = cut {
                        let _ = cut.send(());
                        pending::<()>().await;
                    }
                    Ok::<_, Infallible>(echo(asked).await)
                }
            });
            let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            if first {
                tokio::select! {
                    _ = serving => {}
                    _ = until_cut => {}
                }
            } else {
                let _ = serving.await;
            }
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.port());
    let (kind, text) = kind_and_text(&authority.trusted(), &url).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    let again = authority
        .trusting()
        .retry(RetryPolicy::default())
        .build()
        .unwrap();
    ask(&again, &url).await.unwrap();
}
