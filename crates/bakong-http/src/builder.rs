//! The settings of a transport, each with a default that suits a shop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::resolver::Resolver;
use crate::transport::HyperTransport;

/// How many bytes the head of an answer may have, and how many of its body are read ahead.
const HEAD_LIMIT: usize = 64 << 10;

/// Sets up a [`HyperTransport`]. Made by [`HyperTransport::builder`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    connect_timeout: Duration,
    request_timeout: Duration,
    idle_timeout: Duration,
    body_limit: usize,
    user_agent: String,
    allow_plain_http: bool,
    extra_roots: RootCertStore,
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            body_limit: 1 << 20,
            user_agent: concat!("bakong-http/", env!("CARGO_PKG_VERSION")).to_owned(),
            allow_plain_http: false,
            extra_roots: RootCertStore::empty(),
        }
    }
}

impl HyperTransportBuilder {
    /// How long a TCP connection may take to come about; 5 s unless said.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a request may take as a whole, from looking up the host to the answer's last byte; 15 s
    /// unless said.
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long an unused connection is kept; 30 s unless said.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How many bytes an answer's body may have; 1 MiB unless said.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The `User-Agent`; `bakong-http/` and the version unless said. Bakong answers 403 without one.
    #[must_use]
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Allows `http` to other machines. The token then goes out unencrypted: for a tunnel or a proxy on
    /// a trusted network only. To this machine (`localhost`, `127.0.0.0/8`, `[::1]`) it is always
    /// allowed.
    #[must_use]
    pub const fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Trusts also the authorities in this PEM text, beside the public ones.
    ///
    /// # Errors
    /// [`SetupError`] if the text holds no certificate, or a broken one.
    pub fn trust_pem(mut self, pem: &[u8]) -> Result<Self, SetupError> {
        let before = self.extra_roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| SetupError::BrokenCertificate)?;
            self.extra_roots
                .add(certificate)
                .map_err(|_| SetupError::BrokenCertificate)?;
        }
        if self.extra_roots.len() == before {
            return Err(SetupError::NoCertificate);
        }
        Ok(self)
    }

    /// Makes the transport. It belongs to no runtime until it sends.
    ///
    /// # Errors
    /// [`SetupError`] if a setting cannot be used.
    pub fn build(self) -> Result<HyperTransport, SetupError> {
        let user_agent = user_agent(&self.user_agent).ok_or(SetupError::UserAgent)?;
        let tls = self.tls()?;
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        // The TLS connector around it takes `https` too.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(self.connect_timeout));
        tcp.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .http1_max_buf_size(HEAD_LIMIT)
            // Again is sent only what met a kept connection that was dead before a byte of it was written,
            // so this is safe for requests that must not be repeated.
            .retry_canceled_requests(true)
            .build(HttpsConnector::from((tcp, tls)));
        Ok(HyperTransport {
            client,
            user_agent,
            request_timeout: self.request_timeout,
            body_limit: self.body_limit,
            allow_plain_http: self.allow_plain_http,
        })
    }

    fn tls(&self) -> Result<ClientConfig, SetupError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.extend(self.extra_roots.roots.iter().cloned());
        // Named, so that it does not matter what else in the program chose a provider.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| SetupError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }
}

/// What a header holds without doubt: visible ASCII and spaces (RFC 9110 5.5).
fn user_agent(text: &str) -> Option<HeaderValue> {
    let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.trim().is_empty() || !text.bytes().all(visible) {
        return None;
    }
    HeaderValue::from_str(text).ok()
}

/// A setting that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The PEM text holds no certificate.
    NoCertificate,
    /// A certificate in the PEM text cannot be read or used as an authority.
    BrokenCertificate,
    /// The `User-Agent` is blank or holds characters that a header should not.
    UserAgent,
    /// The TLS library offers no protocol version.
    Tls,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "the text holds no PEM certificate",
            Self::BrokenCertificate => "a certificate cannot be read or is no authority's",
            Self::UserAgent => "the User-Agent must be one line of visible ASCII characters",
            Self::Tls => "no TLS protocol version can be used",
        })
    }
}

impl std::error::Error for SetupError {}
