//! Metrics, TLS, and connections that send nothing.

use std::sync::Arc;

use bakong_server::{Config, Server, TlsConfig};
use http::Method;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{PATIENCE, send};
use crate::harness::Harness;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_an_address_of_their_own() {
    let shop = Harness::start_with(|config, _| {
        config.metrics_bind = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let created = shop.create("INV-1").await;
    shop.pay_and_wait(&created).await;
    let address = shop.server.metrics_address().unwrap();
    let metrics = send(address, Method::GET, "/metrics", &[], "").await;
    let text = metrics.text();
    for line in [
        "bakong_server_leader{mode=\"test\"} 1",
        "bakong_server_token_usable{mode=\"test\"} 1",
        "bakong_server_bakong_requests_limit{mode=\"test\"} 100",
        "bakong_server_events_total{mode=\"test\",kind=\"payment.paid\"} 1",
        "bakong_server_http_requests_total{method=\"POST\",route=\"/v1/payments\",status=\"201\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains(created["id"].as_str().unwrap()));
    shop.get("/metrics")
        .await
        .expect_problem(404, "no_such_path");
    assert_eq!(
        send(address, Method::GET, "/v1/payments", &[], "")
            .await
            .status,
        404
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_are_enough_for_tls() {
    let folder = tempfile::tempdir().unwrap();
    let names = vec!["localhost".to_owned()];
    let generated = rcgen::generate_simple_self_signed(names).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, generated.cert.pem()).unwrap();
    std::fs::write(&key, generated.signing_key.serialize_pem()).unwrap();
    let tls = TlsConfig {
        cert_file: cert.clone(),
        key_file: key.clone(),
    };
    let shop = Harness::start_with(|config, _| {
        config.public_url = None;
        config.tls = Some(tls);
    })
    .await;
    assert!(shop.server.public_url().starts_with("https://127.0.0.1:"));

    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(generated.cert.der().to_vec()))
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(shop.server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"),
        "{answer}"
    );

    // A client without TLS gets no answer, and does not disturb others.
    let mut plain = TcpStream::connect(shop.server.address()).await.unwrap();
    plain.write_all(request).await.unwrap();
    let mut nothing = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut nothing))
        .await
        .unwrap();
    assert!(!nothing.starts_with(b"HTTP"));
    shop.server.shutdown().await;

    let names = vec!["other".to_owned()];
    let other = rcgen::generate_simple_self_signed(names).unwrap();
    let other_key = folder.path().join("other.pem");
    std::fs::write(&other_key, other.signing_key.serialize_pem()).unwrap();
    for (cert_file, key_file, expected) in [
        (cert.clone(), other_key, "cannot be used together"),
        (key.clone(), key.clone(), "no certificate"),
        (cert.clone(), cert.clone(), "no private key"),
        (cert, folder.path().to_path_buf(), "not a regular file"),
    ] {
        let mut config = Config::sandbox("127.0.0.1:0".parse().unwrap(), folder.path());
        config.tls = Some(TlsConfig {
            cert_file,
            key_file,
        });
        let error = Server::start(&config).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
