//! Connections that break once the request may have arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakong_api::transport::TransportErrorKind;

use crate::server::{Server, ok, receive, send};
use crate::{ask, kind_and_text, transport};

async fn is_interrupted(server: &Server) {
    let (kind, text) = kind_and_text(&transport(), &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    assert!(kind.may_have_arrived());
    assert!(text.contains("127.0.0.1"), "{text}");
    // A request that may have arrived is not sent again behind the caller's back.
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_server_that_closes_at_once_has_not_answered() {
    is_interrupted(&Server::start(|stream| async move { drop(stream) }).await).await;
}

#[tokio::test]
async fn a_server_that_reads_and_closes_has_not_answered() {
    is_interrupted(&Server::sending_once("").await).await;
}

#[tokio::test]
async fn a_head_that_breaks_off_is_no_answer() {
    for part in [
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        is_interrupted(&Server::sending_once(part).await).await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"responseCode\":0}";
    is_interrupted(&Server::sending_once(announced).await).await;
    for rest in [
        "",
        "7",
        "7\r\n{\"resp",
        "7\r\n{\"respo\r\n",
        "7\r\n{\"respo\r\n0\r\n",
    ] {
        let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
        is_interrupted(&Server::sending_once(chunked).await).await;
    }
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
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
        is_interrupted(&Server::sending_once(garbage).await).await;
    }
}

#[tokio::test]
async fn what_a_kept_connection_swallowed_is_not_sent_again() {
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let server = Server::start(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            // The first request is answered, the second swallowed.
            while receive(&mut stream).await.is_some() {
                if count.fetch_add(1, Ordering::SeqCst) == 1 {
                    return;
                }
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let transport = transport();
    ask(&transport, &server.url()).await.unwrap();
    let (kind, text) = kind_and_text(&transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");
    assert_eq!(received.load(Ordering::SeqCst), 2);
    ask(&transport, &server.url()).await.unwrap();
    assert_eq!((received.load(Ordering::SeqCst), server.accepted()), (3, 2));
}
