//! Certificate verification, and failed TLS handshakes.

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::ca::{TestCa, tls_server};
use crate::server::{Server, ok, receive, send, until_closed};
use crate::{MD5, TOKEN, failure_text, send_check, transport};

const VALID: i32 = 3000;

async fn echo(acceptor: TlsAcceptor) -> Server {
    tls_server(acceptor, |mut stream| async move {
        while let Some(sent) = receive(&mut stream).await {
            send(&mut stream, ok(&(sent.head + &sent.body)).as_bytes()).await;
        }
    })
    .await
}

fn https(host: &str, server: &Server) -> String {
    format!("https://{host}:{}", server.port())
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted_for_its_names() {
    let ca = TestCa::new();
    let server = echo(ca.acceptor(&["localhost", "127.0.0.1"], VALID)).await;
    let transport = ca.trusted();
    for host in ["localhost", "127.0.0.1"] {
        let response = send_check(&transport, &https(host, &server)).await;
        let text = String::from_utf8(response.unwrap().body().to_vec()).unwrap();
        assert!(text.contains(TOKEN) && text.contains(MD5));
    }
}

#[tokio::test]
async fn a_certificate_authority_from_a_file_is_trusted() {
    let ca = TestCa::new();
    let server = echo(ca.acceptor(&["localhost"], VALID)).await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("ca-{}.pem", std::process::id()));
    std::fs::write(&path, ca.pem()).unwrap();
    let trusting = crate::no_retry().trust_pem_file(&path);
    std::fs::remove_file(&path).unwrap();
    let transport = trusting.unwrap().build().unwrap();
    send_check(&transport, &https("localhost", &server))
        .await
        .unwrap();
}

/// Asserts a TLS error before the request is sent.
async fn assert_tls_error(transport: &bakong_http::HyperTransport, url: &str) -> String {
    let (kind, text) = failure_text(transport, url).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(!kind.may_have_arrived());
    assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::Attention);
    text
}

#[tokio::test]
async fn an_invalid_certificate_is_rejected() {
    // Both authorities have the same name.
    let (ca, other) = (TestCa::new(), TestCa::new());
    let (default, trusting) = (transport(), ca.trusted());
    for (transport, signer, name, until, cause) in [
        (&default, &ca, "localhost", VALID, "UnknownIssuer"),
        (&trusting, &other, "localhost", VALID, "BadSignature"),
        (&trusting, &ca, "localhost", 2020, "expired"),
        (&trusting, &ca, "other.test", VALID, "other.test"),
    ] {
        let server = echo(signer.acceptor(&[name], until)).await;
        let text = assert_tls_error(transport, &https("localhost", &server)).await;
        assert!(text.contains(cause), "{text}");
    }
    // The certificate is for the name, not for the address.
    let server = echo(ca.acceptor(&["localhost"], VALID)).await;
    assert_tls_error(&trusting, &https("127.0.0.1", &server)).await;
}

#[tokio::test]
async fn the_error_of_a_certificate_with_many_names_is_short() {
    let ca = TestCa::new();
    let names: Vec<String> = (0..1_000).map(|n| format!("host-{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = echo(ca.acceptor(&names, VALID)).await;
    let text = assert_tls_error(&ca.trusted(), &https("localhost", &server)).await;
    assert!(text.len() < 1_000, "{} bytes", text.len());
}

/// A server that responds to the first TLS record with these bytes.
async fn answering_hello(bytes: &'static [u8]) -> Server {
    Server::start(move |mut stream| async move {
        stream.read_u8().await.unwrap();
        send(&mut stream, bytes).await;
        until_closed(&mut stream).await;
    })
    .await
}

#[tokio::test]
async fn the_error_of_a_plain_http_server_says_so() {
    let bad_request = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let server = answering_hello(bad_request).await;
    let text = assert_tls_error(&transport(), &https("localhost", &server)).await;
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[tokio::test]
async fn a_fatal_alert_is_a_tls_error() {
    // handshake_failure, protocol_version, unrecognized_name.
    for alert in [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x02\x70",
    ] {
        let server = answering_hello(alert).await;
        assert_tls_error(&transport(), &https("localhost", &server)).await;
    }
}

/// Asserts a temporary error before the request is sent.
async fn assert_temporary(server: &Server) {
    let (kind, text) = failure_text(&transport(), &https("localhost", server)).await;
    assert_eq!(kind, TransportErrorKind::Connect, "{text}");
    assert!(!kind.may_have_arrived());
    assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::AskAgain);
}

#[tokio::test]
async fn an_interrupted_handshake_may_be_tried_again() {
    let at_once = Server::start(|stream| async move { drop(stream) }).await;
    assert_temporary(&at_once).await;
    let after_hello = Server::start(|mut stream| async move {
        stream.read_u8().await.unwrap();
    })
    .await;
    assert_temporary(&after_hello).await;
    let within_a_record = Server::start(|mut stream| async move {
        stream.read_u8().await.unwrap();
        send(&mut stream, b"\x16\x03\x03\x00\x40\x02").await;
    })
    .await;
    assert_temporary(&within_a_record).await;
    // The server sends the alert internal_error.
    assert_temporary(&answering_hello(b"\x15\x03\x03\x00\x02\x02\x50").await).await;
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_handshake_is_interrupted() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor(&["localhost"], VALID);
    for bytes in [
        // An unencrypted alert, bytes that are not a TLS record, a record that cannot be decrypted, and no bytes.
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
        let (kind, text) = failure_text(&ca.trusted(), &url).await;
        assert_eq!(kind, TransportErrorKind::Interrupted, "{bytes:?}: {text}");
    }
}

#[tokio::test]
async fn a_body_without_close_notify_is_an_error() {
    // The end of the connection ends the body, so only close_notify shows that it is complete.
    let ca = TestCa::new();
    let acceptor = ca.acceptor(&["localhost"], VALID);
    let answer = b"HTTP/1.1 200 OK\r\n\r\n{\"responseCode\":1}";
    let cut = tls_server(acceptor.clone(), move |mut stream| async move {
        receive(&mut stream).await;
        send(&mut stream, answer).await;
        drop(stream.into_inner());
    })
    .await;
    let (kind, text) = failure_text(&ca.trusted(), &https("localhost", &cut)).await;
    assert_eq!(kind, TransportErrorKind::Interrupted, "{text}");

    let ended = tls_server(acceptor, move |mut stream| async move {
        receive(&mut stream).await;
        send(&mut stream, answer).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let response = send_check(&ca.trusted(), &https("localhost", &ended)).await;
    assert_eq!(&response.unwrap().body()[..], b"{\"responseCode\":1}");
}
