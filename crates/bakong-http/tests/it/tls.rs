//! Whom the transport believes, and what it makes of a handshake that fails.

use std::net::Ipv4Addr;

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, tls_server};
use crate::server::{Server, ok, receive, send, until_closed};
use crate::{MD5, TOKEN, ask, kind_and_text, transport};

const FAR_OFF: i32 = 3000;

async fn echo(acceptor: TlsAcceptor) -> Server {
    tls_server(acceptor, |mut stream| async move {
        while let Some(asked) = receive(&mut stream).await {
            send(&mut stream, ok(&(asked.head + &asked.body)).as_bytes()).await;
        }
    })
    .await
}

fn https(host: &str, server: &Server) -> String {
    format!("https://{host}:{}", server.port())
}

#[tokio::test]
async fn a_trusted_authority_is_believed_for_its_names() {
    let authority = Authority::new();
    let server = echo(authority.acceptor(&["localhost", "127.0.0.1"], FAR_OFF)).await;
    let transport = authority.trusted();
    for host in ["localhost", "127.0.0.1"] {
        for _ in 0..2 {
            let response = ask(&transport, &https(host, &server)).await.unwrap();
            let text = std::str::from_utf8(response.body()).unwrap();
            assert!(text.contains(TOKEN) && text.contains(MD5));
        }
    }
    assert_eq!(server.accepted(), 2);
}

/// A failure that no waiting mends, before anything was sent.
async fn is_refused(transport: &bakong_http::HyperTransport, url: &str) -> String {
    let (kind, text) = kind_and_text(transport, url).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(!kind.may_have_arrived());
    assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::Attention);
    text
}

#[tokio::test]
async fn an_authority_that_nobody_knows_is_not_believed() {
    let server = echo(Authority::new().acceptor(&["localhost"], FAR_OFF)).await;
    let url = https("localhost", &server);
    let text = is_refused(&transport(), &url).await;
    assert!(text.contains("UnknownIssuer"), "{text}");
    // Nor is another one of the same name.
    is_refused(&Authority::new().trusted(), &url).await;
}

#[tokio::test]
async fn an_expired_certificate_is_not_believed() {
    let authority = Authority::new();
    let server = echo(authority.acceptor(&["localhost"], 2020)).await;
    let text = is_refused(&authority.trusted(), &https("localhost", &server)).await;
    assert!(text.contains("expired"), "{text}");
}

#[tokio::test]
async fn another_host_s_certificate_is_not_believed() {
    let authority = Authority::new();
    let server = echo(authority.acceptor(&["bakong.example"], FAR_OFF)).await;
    for host in ["localhost", "127.0.0.1"] {
        let text = is_refused(&authority.trusted(), &https(host, &server)).await;
        assert!(text.contains("bakong.example"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_with_a_thousand_names_does_not_fill_the_log() {
    let authority = Authority::new();
    let names: Vec<String> = (0..1_000).map(|n| format!("host-{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = echo(authority.acceptor(&names, FAR_OFF)).await;
    let text = is_refused(&authority.trusted(), &https("localhost", &server)).await;
    assert!(text.len() < 1_000, "{} bytes", text.len());
}

/// A server that sends these bytes for an answer to the first flight.
async fn answering_hello(bytes: &'static [u8]) -> Server {
    Server::start(move |mut stream| async move {
        stream.read_u8().await.unwrap();
        send(&mut stream, bytes).await;
        until_closed(&mut stream).await;
    })
    .await
}

#[tokio::test]
async fn a_server_of_plain_http_is_told_as_such() {
    let bad_request = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let server = answering_hello(bad_request).await;
    let text = is_refused(&transport(), &https("localhost", &server)).await;
    assert!(text.contains("speaks no TLS"), "{text}");
}

#[tokio::test]
async fn a_server_that_refuses_our_tls_needs_somebody_s_attention() {
    // A fatal alert: handshake_failure, protocol_version, unrecognized_name.
    for alert in [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x02\x70",
    ] {
        let server = answering_hello(alert).await;
        is_refused(&transport(), &https("localhost", &server)).await;
    }
}

/// A failure that may pass, before anything was sent.
async fn may_be_tried_again(server: &Server) {
    let (kind, text) = kind_and_text(&transport(), &https("localhost", server)).await;
    assert_eq!(kind, TransportErrorKind::Connect, "{text}");
    assert!(!kind.may_have_arrived());
    assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::AskAgain);
}

#[tokio::test]
async fn a_handshake_that_breaks_off_may_be_tried_again() {
    let at_once = Server::start(|stream| async move { drop(stream) }).await;
    may_be_tried_again(&at_once).await;
    let after_hello = Server::start(|mut stream| async move {
        stream.read_u8().await.unwrap();
    })
    .await;
    may_be_tried_again(&after_hello).await;
    let within_a_record = Server::start(|mut stream| async move {
        stream.read_u8().await.unwrap();
        send(&mut stream, b"\x16\x03\x03\x00\x40\x02").await;
    })
    .await;
    may_be_tried_again(&within_a_record).await;
    // A fatal alert: internal_error. It is the server's own trouble.
    may_be_tried_again(&answering_hello(b"\x15\x03\x03\x00\x02\x02\x50").await).await;
}

#[tokio::test]
async fn what_breaks_after_the_handshake_may_have_arrived() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&["localhost"], FAR_OFF);
    for bytes in [
        // An alert in the clear, bytes that are no record, one that does not decrypt, and nothing.
        &b"\x15\x03\x03\x00\x02\x02\x50"[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x17\x03\x03\x00\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"",
    ] {
        let server = tls_server(acceptor.clone(), move |mut stream| async move {
            receive(&mut stream).await;
            let (mut tcp, _) = stream.into_inner();
            send(&mut tcp, bytes).await;
        })
        .await;
        let url = https("localhost", &server);
        let (kind, text) = kind_and_text(&authority.trusted(), &url).await;
        assert_eq!(kind, TransportErrorKind::Interrupted, "{bytes:?}: {text}");
    }
}

#[tokio::test]
async fn an_answer_that_somebody_cut_short_is_none() {
    // Its end is the connection's, so that only TLS can tell the server's end from a thief's.
    let authority = Authority::new();
    let acceptor = authority.acceptor(&["localhost"], FAR_OFF);
    let answer = b"HTTP/1.1 200 OK\r\n\r\n{\"responseCode\":1}";
    let cut = tls_server(acceptor.clone(), move |mut stream| async move {
        receive(&mut stream).await;
        send(&mut stream, answer).await;
        drop(stream.into_inner());
    })
    .await;
    let (kind, text) = kind_and_text(&authority.trusted(), &https("localhost", &cut)).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");

    let ended = tls_server(acceptor, move |mut stream| async move {
        receive(&mut stream).await;
        send(&mut stream, answer).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let response = ask(&authority.trusted(), &https("localhost", &ended)).await;
    assert_eq!(&response.unwrap().body()[..], b"{\"responseCode\":1}");
}

#[tokio::test]
async fn where_nothing_listens_tls_is_not_blamed() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (kind, _) = kind_and_text(&transport(), &format!("https://{address}")).await;
    assert_eq!(kind, TransportErrorKind::Connect);
}
