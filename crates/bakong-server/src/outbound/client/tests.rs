use std::cell::{Cell, RefCell};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A name whose addresses change with each lookup. No address accepts a connection.
struct Rebinding<'a> {
    lookups: &'a [&'a [&'a str]],
    next: Cell<usize>,
    connected: RefCell<Vec<String>>,
}

impl Network for Rebinding<'_> {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let number = self.next.replace(self.next.get() + 1);
        let addresses = self.lookups[number].iter();
        Ok(addresses
            .map(|address| SocketAddr::new(address.parse().unwrap(), port))
            .collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.borrow_mut().push(address.ip().to_string());
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

async fn connected_addresses(lookups: &[&[&str]], allow_private: bool) -> Vec<String> {
    let network = Rebinding {
        lookups,
        next: Cell::new(0),
        connected: RefCell::default(),
    };
    let target = check_url("https://shop.example/", allow_private).unwrap();
    connect(&network, &target, allow_private).await.unwrap_err();
    assert_eq!(network.next.get(), 1, "the number of lookups");
    network.connected.into_inner()
}

#[tokio::test]
async fn only_the_addresses_that_were_checked_are_connected() {
    let (public, private) = ("1.1.1.1", "169.254.169.254");
    // The name leads to a private address after the check.
    assert_eq!(
        connected_addresses(&[&[public], &[private]], false).await,
        [public]
    );
    let mixed = &["::1", "10.0.0.1", public, "::ffff:127.0.0.1", private][..];
    assert_eq!(connected_addresses(&[mixed], false).await, [public]);
    assert_eq!(connected_addresses(&[&[private]], false).await, [""; 0]);
    assert_eq!(connected_addresses(&[&[private]], true).await, [private]);
}

#[test]
fn an_endpoint_is_public_and_uses_tls() {
    for url in [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://[::1]:8443/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:secret@shop.example/",
        "ftp://shop.example/",
        "/webhooks",
        "https://",
        "",
    ] {
        assert!(check_url(url, false).is_err(), "{url}");
    }
    assert!(check_url("https://shop.example/webhooks?shop=1", false).is_ok());
    assert_eq!(
        check_url("https://[2606:4700::1]/", false).unwrap().port,
        443
    );
    for url in [
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:/",
    ] {
        assert!(check_url(url, true).is_err(), "{url}");
    }
    assert!(check_url("http://127.0.0.1:3000/", true).is_ok());
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Sender::new(false).unwrap();
    let post = Post {
        url: &format!("https://localhost:{port}/"),
        headers: &[],
        body: "{}",
    };
    let error = sender.post(post).await.unwrap_err();
    assert_eq!(error, "the host has no public address");
}

/// A receiver with a certificate for `localhost`, which answers 204. Returns its port and its certificate.
async fn tls_receiver() -> (u16, CertificateDer<'static>) {
    let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = generated.cert.der().clone();
    let key = PrivateKeyDer::try_from(generated.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut request = BufReader::new(&mut stream).lines();
                while request.next_line().await.unwrap().unwrap() != "" {}
                let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    (port, certificate)
}

#[tokio::test]
async fn a_receiver_with_a_certificate_of_an_unknown_authority_gets_nothing() {
    let (port, certificate) = tls_receiver().await;
    let post = Post {
        url: &format!("https://localhost:{port}/"),
        headers: &[],
        body: "{}",
    };
    let error = Sender::new(true).unwrap().post(post).await.unwrap_err();
    assert!(error.starts_with("TLS failed: "), "{error}");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = Sender::trusting(roots, true).unwrap();
    assert_eq!(trusting.post(post).await.unwrap().status, 204);
}

#[test]
fn the_wait_that_a_receiver_demands_is_a_number_or_a_date() {
    let wait = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    };
    assert_eq!(wait("120"), Some(Duration::from_secs(120)));
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    assert!(wait("Tue, 31 Dec 2999 23:59:59 GMT").unwrap() > year);
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("soon"), None);
    assert_eq!(retry_after(&HeaderMap::new()), None);
}
