//! The circuit breaker of a host that does not respond and comes back.

use std::time::Duration;

use bakong_api::transport::TransportErrorKind;
use bakong_http::{CircuitBreaker, HyperTransport, HyperTransportBuilder, RetryPolicy};

use crate::server::{Server, answering, ok, scripted, status};
use crate::{failure_text, send_check};

fn settings(pause: Duration) -> HyperTransportBuilder {
    HyperTransport::builder()
        .retry(RetryPolicy::never())
        .circuit_breaker(CircuitBreaker::default().failures(3).pause(pause))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn requests_to_a_dead_host_are_rejected() {
    let dead = Server::sending_once("").await;
    let (alive, received) = answering(ok("{}")).await;
    let transport = settings(LONG).build().unwrap();
    for _ in 0..3 {
        let (kind, _) = failure_text(&transport, &dead.url()).await;
        assert_eq!(kind, TransportErrorKind::Interrupted);
    }
    for _ in 0..10 {
        // Clones share the circuit.
        let (kind, text) = failure_text(&transport.clone(), &dead.url()).await;
        assert_eq!(kind, TransportErrorKind::CircuitOpen);
        assert!(text.contains("a new attempt is possible in"), "{text}");
        assert!(text.contains("connection closed"), "{text}");
        send_check(&transport, &alive.url()).await.unwrap();
    }
    assert_eq!((dead.accepted(), received.all().len()), (3, 10));
}

#[tokio::test]
async fn a_response_to_the_probe_closes_the_circuit() {
    // The server answers from the fifth request on.
    let (server, _) = scripted(&["", "", "", "", &ok("{}")]).await;
    let pause = Duration::from_millis(20);
    let transport = settings(pause).build().unwrap();
    for _ in 0..3 {
        send_check(&transport, &server.url()).await.unwrap_err();
    }
    tokio::time::sleep(pause).await;
    // The probe fails, and the next pause begins.
    let (kind, _) = failure_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted);
    let (kind, _) = failure_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::CircuitOpen);
    tokio::time::sleep(pause * 2).await;
    for _ in 0..5 {
        send_check(&transport, &server.url()).await.unwrap();
    }
}

#[tokio::test]
async fn only_some_statuses_open_the_circuit() {
    for (response, counts) in [
        (status(502, ""), true),
        (status(503, ""), true),
        (status(504, ""), true),
        (status(500, ""), false),
        (status(429, ""), false),
        (status(403, ""), false),
        (ok("<h1>page</h1>"), false),
    ] {
        let (server, received) = scripted(&[&response]).await;
        let transport = settings(LONG).build().unwrap();
        for _ in 0..6 {
            let _ = send_check(&transport, &server.url()).await;
        }
        let expected = if counts { 3 } else { 6 };
        assert_eq!(received.all().len(), expected, "{response}");
    }
}

#[tokio::test]
async fn a_response_resets_the_count_of_failures() {
    let (down, up) = (status(503, ""), ok("{}"));
    let script = [&down, &down, &up, &down, &down, &up];
    let script: Vec<&str> = script.into_iter().map(String::as_str).collect();
    let (server, received) = scripted(&script).await;
    let transport = settings(LONG).build().unwrap();
    for _ in 0..10 {
        send_check(&transport, &server.url()).await.unwrap();
    }
    assert_eq!(received.all().len(), 10);
}

#[tokio::test]
async fn retries_stop_when_the_circuit_opens() {
    let (server, received) = scripted(&[&status(503, "")]).await;
    let eager = RetryPolicy::default().base(Duration::from_millis(1));
    let transport = settings(LONG).retry(eager.max_attempts(10));
    let transport = transport.build().unwrap();
    let response = send_check(&transport, &server.url()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(received.all().len(), 3);
    let (kind, text) = failure_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::CircuitOpen);
    assert!(text.contains("HTTP 503"), "{text}");
}
