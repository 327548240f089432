//! Requests through an HTTP proxy, and the errors of a proxy that refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy};
use bakong_http::{HyperTransport, HyperTransportBuilder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;

use crate::ca::{TestCa, tls_server};
use crate::server::{Server, answering, ok, receive, send, until_closed};
use crate::{TOKEN, failure, failure_text, no_retry, send_check};

/// A host name that only the proxy can resolve.
pub(crate) const HOST: &str = "bakong.test";

/// The request heads that a proxy received.
#[derive(Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<String>>>);

impl Heads {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8(head).unwrap());
    }
}

/// Serves a connection as a proxy that connects every request to `port` of this machine.
async fn forward(mut stream: impl AsyncRead + AsyncWrite + Unpin, heads: Heads, port: u16) {
    heads.read(&mut stream).await;
    let mut host = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    send(&mut stream, b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    let _ = copy_bidirectional(&mut stream, &mut host).await;
}

pub(crate) async fn proxy_to(port: u16) -> (Server, Heads) {
    let heads = Heads::default();
    let record = heads.clone();
    let server = Server::start(move |stream| forward(stream, record.clone(), port)).await;
    (server, heads)
}

/// A proxy that sends this response to every request.
pub(crate) async fn refusing(bytes: &'static str) -> Server {
    Server::start(move |mut stream| async move {
        Heads::default().read(&mut stream).await;
        send(&mut stream, bytes.as_bytes()).await;
        until_closed(&mut stream).await;
    })
    .await
}

/// A TLS server with a certificate for [`HOST`]. It returns the head of the request.
async fn bakong(ca: &TestCa) -> Server {
    tls_server(ca.acceptor(&[HOST], 3000), |mut stream| async move {
        while let Some(sent) = receive(&mut stream).await {
            send(&mut stream, ok(&sent.head).as_bytes()).await;
        }
    })
    .await
}

fn through(builder: HyperTransportBuilder, proxy: &Server, credentials: &str) -> HyperTransport {
    let address = format!("http://{credentials}127.0.0.1:{}", proxy.port());
    builder.proxy(&address).unwrap().build().unwrap()
}

#[tokio::test]
async fn a_proxy_sees_only_the_host() {
    let ca = TestCa::new();
    let bakong = bakong(&ca).await;
    let (proxy, heads) = proxy_to(bakong.port()).await;
    let builder = ca.trusting().reuse_http1_connections(true);
    let transport = through(builder, &proxy, "");
    for _ in 0..5 {
        let response = send_check(&transport, &format!("https://{HOST}"))
            .await
            .unwrap();
        let sent = std::str::from_utf8(response.body()).unwrap();
        assert!(
            sent.contains(TOKEN) && !sent.to_lowercase().contains("proxy"),
            "{sent}"
        );
    }
    let head = format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n");
    assert_eq!(heads.all(), [head]);
    send_check(&transport, &format!("https://{HOST}:8443"))
        .await
        .unwrap();
    assert!(heads.all()[1].starts_with("CONNECT bakong.test:8443 "));
}

#[tokio::test]
async fn an_https_proxy_is_supported() {
    let ca = TestCa::new();
    let bakong = bakong(&ca).await;
    let (heads, port) = (Heads::default(), bakong.port());
    let record = heads.clone();
    let acceptor = ca.acceptor(&["localhost"], 3000);
    let proxy = tls_server(acceptor, move |stream| {
        forward(stream, record.clone(), port)
    })
    .await;
    let at = |host: &str| {
        let builder = ca
            .trusting()
            .proxy(&format!("https://{host}:{}", proxy.port()));
        builder.unwrap().build().unwrap()
    };
    let url = format!("https://{HOST}");
    let response = send_check(&at("localhost"), &url).await.unwrap();
    assert!(response.body().starts_with(b"POST /v1/"));
    assert_eq!(heads.all().len(), 1);
    // A proxy with an invalid certificate receives nothing.
    let (kind, text) = failure_text(&at("127.0.0.1"), &url).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(text.contains("the proxy 127.0.0.1"), "{text}");
    assert_eq!(heads.all().len(), 1);
}

#[tokio::test]
async fn plain_http_uses_a_tunnel_with_credentials() {
    let (bakong, received) = answering(ok("{}")).await;
    let (proxy, heads) = proxy_to(bakong.port()).await;
    let transport = through(no_retry().allow_plain_http(true), &proxy, "sokha:p%40ss@");
    send_check(&transport, &format!("http://{HOST}"))
        .await
        .unwrap();
    let head = &heads.all()[0];
    assert!(head.starts_with("CONNECT bakong.test:80 "), "{head}");
    let authorization = "\r\nProxy-Authorization: Basic c29raGE6cEBzcw==\r\n";
    assert!(head.contains(authorization), "{head}");
    let sent = &received.all()[0];
    assert!(sent.head.starts_with("POST /v1/check"), "{}", sent.head);
    assert_eq!(sent.headers("host"), [HOST]);
}

#[tokio::test]
async fn requests_to_this_machine_bypass_the_proxy() {
    let (bakong, _) = answering(ok("{}")).await;
    let proxy = refusing("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let transport = through(no_retry(), &proxy, "");
    send_check(&transport, &bakong.url()).await.unwrap();
    assert_eq!(proxy.accepted(), 0);
}

/// Sends a check that fails at this proxy. Asserts that the error names the proxy and hides its credentials.
async fn refused(proxy: &Server) -> (TransportErrorKind, String) {
    let transport = through(no_retry(), proxy, "sokha:hidden@");
    let (kind, text) = failure_text(&transport, &format!("https://{HOST}")).await;
    assert!(!kind.may_have_arrived());
    let place = format!("the proxy 127.0.0.1:{}", proxy.port());
    assert!(text.contains(HOST) && text.contains(&place), "{text}");
    assert!(
        !text.contains("hidden") && !text.contains("sokha"),
        "{text}"
    );
    (kind, text)
}

#[tokio::test]
async fn the_error_of_a_refusal_gives_advice() {
    for (response, advice) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            "user:password@",
        ),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "allow CONNECT"),
        ("HTTP/1.1 405 Method Not Allowed\r\n\r\n", "405"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n",
            "302",
        ),
        (
            "SSH-2.0-OpenSSH_9.6 and so on\r\n",
            "check that this is an HTTP proxy",
        ),
    ] {
        let (kind, text) = refused(&refusing(response).await).await;
        assert_eq!(kind, TransportErrorKind::Proxy, "{text}");
        assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::Attention);
        assert!(text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_host_may_be_tried_again() {
    for answer in [
        "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        "HTTP/1.1 503 No\r\n\r\n",
        "HTTP/1.1 504 Late\r\n\r\n",
    ] {
        let (kind, text) = refused(&refusing(answer).await).await;
        assert_eq!(kind, TransportErrorKind::Connect, "{text}");
        assert!(text.contains("could not reach the host"), "{text}");
    }
    let closing = Server::start(|stream| async move { drop(stream) }).await;
    assert_eq!(refused(&closing).await.0, TransportErrorKind::Connect);
}

#[tokio::test]
async fn the_error_names_an_unreachable_proxy() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = format!("http://u:hidden@{address}");
    let unknown = format!("http://u:hidden@{}.invalid:3128", "x".repeat(64));
    for (proxy, place) in [
        (gone, address.to_string()),
        (unknown, ".invalid:3128".to_owned()),
    ] {
        let transport = no_retry().proxy(&proxy).unwrap().build().unwrap();
        let error = failure(&transport, "https://api-bakong.nbc.org.kh").await;
        assert_eq!(error.kind(), TransportErrorKind::Connect, "{error}");
        assert!(error.is_at_proxy());
        let text = error.to_string();
        assert!(text.contains("the proxy ") && text.contains(&place));
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn the_connect_timeout_includes_the_proxy() {
    let hanging = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let soon = no_retry().connect_timeout(Duration::from_millis(100));
    let transport = through(soon, &hanging, "");
    let failure = failure_text(&transport, "https://bakong.test");
    let (kind, text) = tokio::time::timeout(Duration::from_secs(10), failure)
        .await
        .unwrap();
    assert_eq!(kind, TransportErrorKind::Connect, "{text}");
    assert!(
        text.contains("did not answer CONNECT within 100 ms"),
        "{text}"
    );
}

#[tokio::test]
async fn the_certificate_behind_the_proxy_is_verified() {
    let ca = TestCa::new();
    let other = tls_server(ca.acceptor(&["other.test"], 3000), |stream| async move {
        drop(stream);
    })
    .await;
    let (proxy, _) = proxy_to(other.port()).await;
    let transport = through(ca.trusting(), &proxy, "");
    let (kind, text) = failure_text(&transport, &format!("https://{HOST}")).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(
        text.contains("other.test") && !text.contains("the proxy"),
        "{text}"
    );
}
