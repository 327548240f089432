//! Answers that are larger than the transport takes.

use bakong_api::Transport;
use bakong_api::transport::TransportErrorKind;
use bakong_http::HyperTransport;

use crate::server::{Server, answering, chunked, ok, receive, send, until_closed};
use crate::{ask, kind_and_text, request, transport};

const LIMIT: usize = 1000;

fn limited() -> HyperTransport {
    HyperTransport::builder().body_limit(LIMIT).build().unwrap()
}

async fn is_too_large(transport: &HyperTransport, server: &Server) {
    let (kind, text) = kind_and_text(transport, &server.url()).await;
    assert_eq!(kind, TransportErrorKind::AnswerTooLarge, "{text}");
    assert!(kind.may_have_arrived());
    assert!(text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn a_body_of_just_the_limit_passes() {
    let body = "x".repeat(LIMIT);
    let until_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for answer in [ok(&body), chunked(&body), until_the_end] {
        let server = Server::sending_once(answer).await;
        let response = ask(&limited(), &server.url()).await.unwrap();
        assert_eq!(response.body(), &body);
    }
}

#[tokio::test]
async fn a_body_of_one_byte_more_does_not() {
    let body = "x".repeat(LIMIT + 1);
    let until_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for answer in [ok(&body), chunked(&body), until_the_end] {
        is_too_large(&limited(), &Server::sending_once(answer).await).await;
    }
}

#[tokio::test]
async fn one_mebibyte_is_the_limit_unless_said() {
    let body = "x".repeat(1 << 20);
    let (server, _) = answering(ok(&body)).await;
    let response = ask(&transport(), &server.url()).await.unwrap();
    assert_eq!(response.body().len(), 1 << 20);
    let (server, _) = answering(ok(&(body + "x"))).await;
    is_too_large(&transport(), &server).await;
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_not_waited_for() {
    let server = Server::start(|mut stream| async move {
        receive(&mut stream).await;
        send(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
        )
        .await;
        until_closed(&mut stream).await;
    })
    .await;
    is_too_large(&transport(), &server).await;
}

#[tokio::test]
async fn a_head_has_a_limit_too() {
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: x\r\n".repeat(1_000));
    for head in [long, many] {
        is_too_large(&transport(), &Server::sending_once(head).await).await;
    }
}

#[tokio::test]
async fn the_next_answer_is_not_the_rest_of_one_that_was_too_large() {
    let large = "x".repeat(LIMIT + 1);
    let (server, _) = answering(ok(&large)).await;
    let (small, _) = answering(ok("{}")).await;
    let transport = limited();
    for _ in 0..3 {
        is_too_large(&transport, &server).await;
        let response = transport.send(request(&small.url())).await.unwrap();
        assert_eq!(&response.body()[..], b"{}");
    }
}
