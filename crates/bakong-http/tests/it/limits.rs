//! Responses larger than the transport accepts.

use bakong_api::transport::TransportErrorKind;
use bakong_http::HyperTransport;

use crate::server::{Server, answering, chunked, ok, receive, send, until_closed};
use crate::{failure_text, no_retry, send_check, transport};

const LIMIT: usize = 1000;

fn limited() -> HyperTransport {
    let builder = no_retry().reuse_http1_connections(true);
    builder.body_limit(LIMIT).build().unwrap()
}

/// A body of this size with `Content-Length`, in chunks, and ended by the end of the connection.
fn responses(size: usize) -> [String; 3] {
    let body = "x".repeat(size);
    let unframed = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    [ok(&body), chunked(&body), unframed]
}

async fn assert_too_large(transport: &HyperTransport, server: &Server) {
    let (kind, text) = failure_text(transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::AnswerTooLarge, "{text}");
    assert!(kind.may_have_arrived());
    assert!(text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn a_body_has_at_most_the_limit() {
    for response in responses(LIMIT) {
        let server = Server::sending_once(response).await;
        let response = send_check(&limited(), &server.url()).await.unwrap();
        assert_eq!(response.body(), &"x".repeat(LIMIT));
    }
    for response in responses(LIMIT + 1) {
        assert_too_large(&limited(), &Server::sending_once(response).await).await;
    }
}

#[tokio::test]
async fn the_default_limit_is_one_mebibyte() {
    let body = "x".repeat(1 << 20);
    let (server, _) = answering(ok(&body)).await;
    let response = send_check(&transport(), &server.url()).await.unwrap();
    assert_eq!(response.body().len(), 1 << 20);
    // Rejected by the Content-Length, before the body arrives.
    let server = Server::start(|mut stream| async move {
        receive(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n";
        send(&mut stream, head).await;
        until_closed(&mut stream).await;
    })
    .await;
    assert_too_large(&transport(), &server).await;
}

#[tokio::test]
async fn the_size_of_a_head_is_limited() {
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: x\r\n".repeat(1_000));
    for head in [long, many] {
        assert_too_large(&transport(), &Server::sending_once(head).await).await;
    }
}

#[tokio::test]
async fn the_rest_of_a_large_response_is_not_read_as_the_next() {
    let (server, _) = answering(ok(&"x".repeat(LIMIT + 1))).await;
    let (small, _) = answering(ok("{}")).await;
    let transport = limited();
    for _ in 0..3 {
        assert_too_large(&transport, &server).await;
        let response = send_check(&transport, &small.url()).await.unwrap();
        assert_eq!(&response.body()[..], b"{}");
    }
}
