//! Servers that keep a caller waiting, each in another way.

use std::time::Duration;

use bakong_api::transport::TransportErrorKind;

use crate::server::{Server, receive, send, until_closed};
use crate::{impatient, kind_and_text, once};

/// Far more than the deadline of [`impatient`], far less than a person notices as hanging.
const GENEROUS: Duration = Duration::from_secs(10);

async fn times_out(url: &str) {
    let transport = impatient();
    let asked = tokio::time::timeout(GENEROUS, kind_and_text(&transport, url));
    let Ok((kind, text)) = asked.await else {
        panic!("the deadline does not hold");
    };
    assert_eq!(kind, TransportErrorKind::Timeout, "{text}");
    assert!(kind.may_have_arrived());
    assert!(
        text.contains("127.0.0.1:") && text.contains("200 ms"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    times_out(&server.url()).await;
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_given_up() {
    let server = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let url = server.url().replace("http", "https");
    // Whichever limit ends it, nothing was sent.
    let soon = Duration::from_millis(200);
    let connecting = once().connect_timeout(soon).build().unwrap();
    for (transport, said) in [
        (connecting, "the TLS handshake did not end within 200 ms"),
        (impatient(), "200 ms"),
    ] {
        let asked = tokio::time::timeout(GENEROUS, kind_and_text(&transport, &url));
        let Ok((kind, text)) = asked.await else {
            panic!("the deadline does not hold");
        };
        assert_eq!(kind, TransportErrorKind::Connect, "{text}");
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn a_head_that_comes_in_drips_is_not_waited_for() {
    let server = Server::start(|mut stream| async move {
        receive(&mut stream).await;
        send(&mut stream, b"HTTP/1.1 200 OK\r\nX-Drip: ").await;
        drip(&mut stream).await;
    })
    .await;
    times_out(&server.url()).await;
}

#[tokio::test]
async fn a_body_that_comes_in_drips_is_not_waited_for() {
    let server = Server::start(|mut stream| async move {
        receive(&mut stream).await;
        send(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        )
        .await;
        drip(&mut stream).await;
    })
    .await;
    times_out(&server.url()).await;
}

#[tokio::test]
async fn a_server_that_announces_an_answer_for_ever_is_given_up() {
    let server = Server::start(|mut stream| async move {
        receive(&mut stream).await;
        loop {
            send(&mut stream, b"HTTP/1.1 100 Continue\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    times_out(&server.url()).await;
}

async fn drip(stream: &mut tokio::net::TcpStream) {
    loop {
        send(stream, b"x").await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
