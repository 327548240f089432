//! Through a proxy, and what is told of one that does not let through.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy};
use bakong_http::{HyperTransport, HyperTransportBuilder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;

use crate::authority::{Authority, tls_server};
use crate::server::{Server, answering, ok, receive, send, until_closed};
use crate::{TOKEN, ask, kind_and_text, once};

/// A host that only the proxy knows.
pub(crate) const HOST: &str = "bakong.test";

/// The heads that a proxy was sent.
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

/// Takes a connection as a proxy whose every host is at `port` of this machine.
async fn pass_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, heads: Heads, port: u16) {
    heads.read(&mut stream).await;
    let mut host = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    send(&mut stream, b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    let _ = copy_bidirectional(&mut stream, &mut host).await;
}

pub(crate) async fn proxy_to(port: u16) -> (Server, Heads) {
    let heads = Heads::default();
    let record = heads.clone();
    let server = Server::start(move |stream| pass_on(stream, record.clone(), port)).await;
    (server, heads)
}

/// A proxy that answers every request with these bytes.
pub(crate) async fn refusing(bytes: &'static str) -> Server {
    Server::start(move |mut stream| async move {
        Heads::default().read(&mut stream).await;
        send(&mut stream, bytes.as_bytes()).await;
        until_closed(&mut stream).await;
    })
    .await
}

/// A Bakong that has a certificate for [`HOST`].
async fn bakong(authority: &Authority) -> Server {
    tls_server(authority.acceptor(&[HOST], 3000), |mut stream| async move {
        while let Some(asked) = receive(&mut stream).await {
            send(&mut stream, ok(&asked.head).as_bytes()).await;
        }
    })
    .await
}

fn through(builder: HyperTransportBuilder, proxy: &Server, credentials: &str) -> HyperTransport {
    let address = format!("http://{credentials}127.0.0.1:{}", proxy.port());
    builder.proxy(&address).unwrap().build().unwrap()
}

#[tokio::test]
async fn a_proxy_sees_where_to_and_nothing_else() {
    let authority = Authority::new();
    let bakong = bakong(&authority).await;
    let (proxy, heads) = proxy_to(bakong.port()).await;
    let transport = through(authority.trusting(), &proxy, "");
    for _ in 0..5 {
        let response = ask(&transport, &format!("https://{HOST}")).await.unwrap();
        let asked = std::str::from_utf8(response.body()).unwrap();
        assert!(
            asked.contains(TOKEN) && !asked.to_lowercase().contains("proxy"),
            "{asked}"
        );
    }
    let head = format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n");
    assert_eq!(heads.all(), [head]);
    ask(&transport, &format!("https://{HOST}:8443"))
        .await
        .unwrap();
    assert!(heads.all()[1].starts_with("CONNECT bakong.test:8443 "));
}

#[tokio::test]
async fn a_proxy_gets_the_credentials_that_it_wants() {
    let authority = Authority::new();
    let bakong = bakong(&authority).await;
    let (proxy, heads) = proxy_to(bakong.port()).await;
    let transport = through(authority.trusting(), &proxy, "sokha:p%40ss@");
    ask(&transport, &format!("https://{HOST}")).await.unwrap();
    assert!(heads.all()[0].contains("\r\nProxy-Authorization: Basic c29raGE6cEBzcw==\r\n"));
}

#[tokio::test]
async fn a_proxy_may_speak_tls_itself() {
    let authority = Authority::new();
    let bakong = bakong(&authority).await;
    let (heads, port) = (Heads::default(), bakong.port());
    let record = heads.clone();
    let acceptor = authority.acceptor(&["localhost"], 3000);
    let proxy = tls_server(acceptor, move |stream| {
        pass_on(stream, record.clone(), port)
    })
    .await;
    let at = |host: &str| {
        let builder = authority
            .trusting()
            .proxy(&format!("https://{host}:{}", proxy.port()));
        builder.unwrap().build().unwrap()
    };
    let url = format!("https://{HOST}");
    let response = ask(&at("localhost"), &url).await.unwrap();
    assert!(response.body().starts_with(b"POST /v1/"));
    assert_eq!(heads.all().len(), 1);
    // One that cannot prove who it is learns nothing.
    let (kind, text) = kind_and_text(&at("127.0.0.1"), &url).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(text.contains("the proxy 127.0.0.1"), "{text}");
    assert_eq!(heads.all().len(), 1);
}

#[tokio::test]
async fn plain_http_goes_through_a_tunnel_too() {
    let (bakong, received) = answering(ok("{}")).await;
    let (proxy, heads) = proxy_to(bakong.port()).await;
    let transport = through(once().allow_plain_http(true), &proxy, "");
    ask(&transport, &format!("http://{HOST}")).await.unwrap();
    assert!(heads.all()[0].starts_with("CONNECT bakong.test:80 "));
    let asked = &received.all()[0];
    assert!(asked.head.starts_with("POST /v1/check"), "{}", asked.head);
    assert_eq!(asked.headers("host"), [HOST]);
}

#[tokio::test]
async fn this_machine_is_asked_past_the_proxy() {
    let (bakong, _) = answering(ok("{}")).await;
    let proxy = refusing("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let transport = through(once(), &proxy, "");
    ask(&transport, &bakong.url()).await.unwrap();
    assert_eq!(proxy.accepted(), 0);
}

/// How a check fails through this proxy, with nothing sent and the proxy's place told.
async fn refused(proxy: &Server) -> (TransportErrorKind, String) {
    let transport = through(once(), proxy, "sokha:hidden@");
    let (kind, text) = kind_and_text(&transport, &format!("https://{HOST}")).await;
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
async fn a_proxy_that_refuses_says_what_to_do() {
    for (answer, said) in [
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
        ("SSH-2.0-OpenSSH_9.6 and so on\r\n", "is it an HTTP proxy?"),
    ] {
        let (kind, text) = refused(&refusing(answer).await).await;
        assert_eq!(kind, TransportErrorKind::Proxy, "{text}");
        assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::Attention);
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_in_trouble_may_be_tried_again() {
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
async fn a_proxy_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = format!("http://u:hidden@{address}");
    let unknown = format!("http://u:hidden@{}.invalid:3128", "x".repeat(64));
    for (proxy, place) in [
        (gone, address.to_string()),
        (unknown, ".invalid:3128".to_owned()),
    ] {
        let transport = once().proxy(&proxy).unwrap().build().unwrap();
        let error = ask(&transport, "https://api-bakong.nbc.org.kh").await;
        assert!(error.unwrap_err().is_at_proxy());
        let (kind, text) = kind_and_text(&transport, "https://api-bakong.nbc.org.kh").await;
        assert_eq!(kind, TransportErrorKind::Connect, "{text}");
        assert!(
            text.contains("the proxy ") && text.contains(&place),
            "{text}"
        );
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_has_the_time_of_a_connection() {
    let hanging = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let soon = once().connect_timeout(Duration::from_millis(100));
    let transport = through(soon, &hanging, "");
    let asked = kind_and_text(&transport, "https://bakong.test");
    let (kind, text) = tokio::time::timeout(Duration::from_secs(10), asked)
        .await
        .unwrap();
    assert_eq!(kind, TransportErrorKind::Connect, "{text}");
    assert!(
        text.contains("did not answer CONNECT within 100 ms"),
        "{text}"
    );
}

#[tokio::test]
async fn who_is_behind_the_proxy_is_still_looked_at() {
    let authority = Authority::new();
    let other = tls_server(
        authority.acceptor(&["other.test"], 3000),
        |stream| async move { drop(stream) },
    )
    .await;
    let (proxy, _) = proxy_to(other.port()).await;
    let transport = through(authority.trusting(), &proxy, "");
    let (kind, text) = kind_and_text(&transport, &format!("https://{HOST}")).await;
    assert_eq!(kind, TransportErrorKind::Tls, "{text}");
    assert!(
        text.contains("other.test") && !text.contains("the proxy"),
        "{text}"
    );
}
