//! Connections that break after the request may have been sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakong_api::transport::TransportErrorKind;

use crate::server::{Server, ok, receive, send};
use crate::{failure_text, reusing, send_check, transport};

async fn assert_interrupted(response: impl Into<Vec<u8>>) {
    let server = Server::sending_once(response).await;
    let (kind, text) = failure_text(&transport(), &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    assert!(kind.may_have_arrived());
    assert!(text.contains("127.0.0.1"), "{text}");
    // A request that may have arrived is not repeated by the connection pool.
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_an_error() {
    let server = Server::start(|stream| async move { drop(stream) }).await;
    let (kind, text) = failure_text(&transport(), &server.url()).await;
    // The kind depends on whether the client notices the close before it writes the request.
    let kinds = [TransportErrorKind::Connect, TransportErrorKind::Interrupted];
    assert!(kinds.contains(&kind), "{text}");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_truncated_head_is_an_error() {
    for part in [
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        assert_interrupted(part).await;
    }
}

#[tokio::test]
async fn a_truncated_body_is_an_error() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"responseCode\":0}";
    assert_interrupted(short).await;
    for rest in [
        "",
        "7",
        "7\r\n{\"resp",
        "7\r\n{\"respo\r\n",
        "7\r\n{\"respo\r\n0\r\n",
    ] {
        let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
        assert_interrupted(chunked).await;
    }
}

#[tokio::test]
async fn a_response_that_is_not_http_is_an_error() {
    for garbage in [
        &b"220 mail.example ESMTP\r\n"[..],
        b"{\"responseCode\":0}",
        b"<html>\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlots\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x46",
        &[0; 64],
        &[0xff; 64],
    ] {
        assert_interrupted(garbage).await;
    }
}

#[tokio::test]
async fn a_request_that_an_idle_connection_may_have_delivered_is_not_repeated() {
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let server = Server::start(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            // Answers the first request, and reads the second without answering it.
            while receive(&mut stream).await.is_some() {
                if count.fetch_add(1, Ordering::SeqCst) == 1 {
                    return;
                }
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let transport = reusing();
    send_check(&transport, &server.url()).await.unwrap();
    let (kind, text) = failure_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    assert_eq!(received.load(Ordering::SeqCst), 2);
    send_check(&transport, &server.url()).await.unwrap();
    assert_eq!((received.load(Ordering::SeqCst), server.accepted()), (3, 2));
}
