//! A host that does not answer, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bakong_api::transport::TransportErrorKind;
use bakong_http::{CircuitBreaker, HyperTransport, HyperTransportBuilder, RetryPolicy};

use crate::server::{Server, answering, ok, receive, scripted, send, status};
use crate::{ask, kind_and_text};

fn settings(pause: Duration) -> HyperTransportBuilder {
    HyperTransport::builder()
        .retry(RetryPolicy::never())
        .circuit_breaker(CircuitBreaker::default().failures(3).pause(pause))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_dead_host_is_not_asked_on_and_others_are() {
    let dead = Server::start(|stream| async move { drop(stream) }).await;
    let (alive, received) = answering(ok("{}")).await;
    let transport = settings(LONG).build().unwrap();
    for _ in 0..3 {
        let (kind, _) = kind_and_text(&transport, &dead.url()).await;
        assert_eq!(kind, TransportErrorKind::Interrupted);
    }
    for _ in 0..10 {
        // A clone knows it too.
        let (kind, text) = kind_and_text(&transport.clone(), &dead.url()).await;
        assert_eq!(kind, TransportErrorKind::CircuitOpen);
        assert!(
            text.contains("tried again in") && text.contains("broke"),
            "{text}"
        );
        ask(&transport, &alive.url()).await.unwrap();
    }
    assert_eq!((dead.accepted(), received.all().len()), (3, 10));
}

#[tokio::test]
async fn a_host_that_comes_back_is_asked_again() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let server = Server::start(move |mut stream| {
        let up = is_up.load(Ordering::SeqCst);
        async move {
            receive(&mut stream).await;
            if up {
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let pause = Duration::from_millis(20);
    let transport = settings(pause).build().unwrap();
    for _ in 0..3 {
        ask(&transport, &server.url()).await.unwrap_err();
    }
    // The pause is over, and the one that is let through fails.
    tokio::time::sleep(pause).await;
    let (kind, _) = kind_and_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted);
    let (kind, _) = kind_and_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::CircuitOpen);
    up.store(true, Ordering::SeqCst);
    tokio::time::sleep(pause * 2).await;
    for _ in 0..5 {
        ask(&transport, &server.url()).await.unwrap();
    }
}

#[tokio::test]
async fn only_what_says_that_the_host_is_dead_counts() {
    for (answer, counts) in [
        (status(502, ""), true),
        (status(503, ""), true),
        (status(504, ""), true),
        (status(500, ""), false),
        (status(429, ""), false),
        (status(403, ""), false),
        (ok("<h1>page</h1>"), false),
    ] {
        let (server, received) = scripted(&[&answer]).await;
        let transport = settings(LONG).build().unwrap();
        for _ in 0..6 {
            let _ = ask(&transport, &server.url()).await;
        }
        assert_eq!(received.all().len(), if counts { 3 } else { 6 }, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_in_between_counts_from_the_start() {
    let (down, up) = (status(503, ""), ok("{}"));
    let script = [&down, &down, &up, &down, &down, &up];
    let script: Vec<&str> = script.into_iter().map(String::as_str).collect();
    let (server, received) = scripted(&script).await;
    let transport = settings(LONG).build().unwrap();
    for _ in 0..10 {
        ask(&transport, &server.url()).await.unwrap();
    }
    assert_eq!(received.all().len(), 10);
}

#[tokio::test]
async fn a_request_that_is_sent_again_stops_there_and_says_what_failed() {
    let (server, received) = scripted(&[&status(503, "")]).await;
    let transport = settings(LONG)
        .retry(
            RetryPolicy::default()
                .max_attempts(10)
                .base(Duration::from_millis(1)),
        )
        .build()
        .unwrap();
    let response = ask(&transport, &server.url()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(received.all().len(), 3);
    let (kind, text) = kind_and_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::CircuitOpen);
    assert!(text.contains("HTTP 503"), "{text}");
}
