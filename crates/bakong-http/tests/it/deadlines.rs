//! Servers that never finish a response.

use std::time::Duration;

use bakong_api::transport::TransportErrorKind;
use bakong_http::HyperTransport;

use crate::server::{Server, receive, send, until_closed};
use crate::{failure_text, no_retry, short_timeout};

/// Sends a check that must fail long before ten seconds have passed.
async fn failure_in_time(transport: &HyperTransport, url: &str) -> (TransportErrorKind, String) {
    let failure = failure_text(transport, url);
    let failure = tokio::time::timeout(Duration::from_secs(10), failure);
    failure.await.unwrap()
}

#[tokio::test]
async fn a_response_that_does_not_finish_times_out() {
    for (head, drip) in [
        ("", ""),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nX-Drip: ", "x"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "x"),
    ] {
        let server = Server::start(move |mut stream| async move {
            receive(&mut stream).await;
            send(&mut stream, head.as_bytes()).await;
            loop {
                send(&mut stream, drip.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let (kind, text) = failure_in_time(&short_timeout(), &server.url()).await;
        assert_eq!(kind, TransportErrorKind::Timeout, "{text}");
        assert!(kind.may_have_arrived());
        assert!(text.contains("127.0.0.1:"), "{text}");
        assert!(text.contains("200 ms"), "{text}");
    }
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_finish_is_a_connect_error() {
    let server = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let url = server.url().replace("http", "https");
    let connect_timeout = no_retry().connect_timeout(Duration::from_millis(200));
    for (transport, expected) in [
        (
            connect_timeout.build().unwrap(),
            "the TLS handshake did not finish within 200 ms",
        ),
        (short_timeout(), "200 ms"),
    ] {
        let (kind, text) = failure_in_time(&transport, &url).await;
        assert_eq!(kind, TransportErrorKind::Connect, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
