//! A certificate authority for tests, and TLS servers with its certificates.

use std::sync::Arc;

use bakong_http::{HyperTransport, HyperTransportBuilder};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::no_retry;
use crate::server::Server;

pub(crate) struct TestCa {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl TestCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let name = "Test CA";
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A transport that trusts this certificate authority.
    pub(crate) fn trusted(&self) -> HyperTransport {
        self.trusting().build().unwrap()
    }

    /// The builder of a transport that trusts this certificate authority.
    pub(crate) fn trusting(&self) -> HyperTransportBuilder {
        no_retry().trust_pem(self.pem().as_bytes()).unwrap()
    }

    /// The TLS side of a server with these names. Its certificate is valid until January 1 of a year.
    pub(crate) fn acceptor(&self, names: &[&str], until: i32) -> TlsAcceptor {
        self.acceptor_of(names, until, &[])
    }

    /// Like [`acceptor`](Self::acceptor), with these ALPN protocols.
    pub(crate) fn acceptor_of(
        &self,
        names: &[&str],
        until: i32,
        protocols: &[&[u8]],
    ) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|&name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server that calls `serve` with each connection after the TLS handshake.
pub(crate) async fn tls_server<F, Serving>(acceptor: TlsAcceptor, serve: F) -> Server
where
    F: Fn(TlsStream<TcpStream>) -> Serving + Clone + Send + 'static,
    Serving: Future<Output = ()> + Send + 'static,
{
    Server::start(move |stream| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream).await;
            }
        }
    })
    .await
}
