//! The settings of a transport, each with a default that suits a shop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::circuit::CircuitBreaker;
use crate::connector::{Connector, Steps};
use crate::exchange::Exchange;
use crate::gate::Gate;
use crate::pool::Pool;
#[cfg(feature = "proxy")]
use crate::proxy::{Proxies, Proxy, ProxySetting};
use crate::resolver::Resolver;
use crate::retry::RetryPolicy;
use crate::tls::{self, Roots};
use crate::transport::{HyperTransport, Inner};

/// Sets up a [`HyperTransport`]. Made by [`HyperTransport::builder`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    request_timeout: Duration,
    idle_timeout: Duration,
    max_in_flight: usize,
    body_limit: usize,
    retry: RetryPolicy,
    circuit_breaker: CircuitBreaker,
    user_agent: String,
    allow_plain_http: bool,
    #[cfg(feature = "proxy")]
    proxy: ProxySetting,
    roots: Roots,
    extra_roots: RootCertStore,
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            max_in_flight: 64,
            body_limit: 1 << 20,
            retry: RetryPolicy::default(),
            circuit_breaker: CircuitBreaker::default(),
            user_agent: concat!("bakong-http/", env!("CARGO_PKG_VERSION")).to_owned(),
            allow_plain_http: false,
            #[cfg(feature = "proxy")]
            proxy: ProxySetting::default(),
            roots: Roots::default(),
            extra_roots: RootCertStore::empty(),
        }
    }
}

impl HyperTransportBuilder {
    /// How long a connection may take until it can be used: looking up the host, TCP, the proxy's tunnel and
    /// TLS, all together; 5 s unless said. What fails by it was not sent.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a single attempt may take, from connecting to the answer's last byte; 10 s unless said.
    #[must_use]
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a request may take as a whole, with its wait for others, every attempt and the waits between
    /// them; 30 s unless said. It is the only limit that a caller can count on: an attempt that begins late
    /// has only what is left of it.
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

    /// How many requests are under way at once; 64 unless said. The others wait in the order in which they
    /// came, and fail with [`TransportErrorKind::Busy`](bakong_api::transport::TransportErrorKind::Busy) if their
    /// [`request_timeout`](Self::request_timeout) passes meanwhile. There are no more connections than about
    /// this many.
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// What is sent again, and when.
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// When a host is given up for a while.
    #[must_use]
    pub const fn circuit_breaker(mut self, circuit_breaker: CircuitBreaker) -> Self {
        self.circuit_breaker = circuit_breaker;
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

    /// Sends everything through this HTTP proxy, whatever the environment says, except what goes to this
    /// machine. `http://host:port` or `https://host:port`, with `user:password@` before the host if the proxy
    /// wants them; a character that has a meaning in URLs is written as in them, `%40` for `@`. Without a
    /// port, it is 80 or 443. The proxy sees where the requests go, and not what is in them, if that is
    /// `https`.
    ///
    /// Unless said, the variables `HTTPS_PROXY` and `ALL_PROXY` of the environment name the proxy when the
    /// transport is made, and `NO_PROXY` the hosts that are asked without; in small letters too.
    ///
    /// # Errors
    /// [`SetupError::ProxyAddress`] if it is no such address. The error does not repeat it.
    #[cfg(feature = "proxy")]
    pub fn proxy(mut self, address: &str) -> Result<Self, SetupError> {
        let proxy = Proxy::parse(address).ok_or(SetupError::ProxyAddress)?;
        self.proxy = ProxySetting::Given(proxy);
        Ok(self)
    }

    /// Uses no proxy, whatever the environment says.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxySetting::None;
        self
    }

    /// Whose certificates are believed.
    #[must_use]
    pub const fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Trusts also the authorities in this PEM text, beside those of [`roots`](Self::roots).
    ///
    /// # Errors
    /// [`SetupError`] if the text holds no certificate, or a broken one.
    pub fn trust_pem(mut self, pem: &[u8]) -> Result<Self, SetupError> {
        tls::add_pem(&mut self.extra_roots, pem)?;
        Ok(self)
    }

    /// Makes the transport. It belongs to no runtime until it sends.
    ///
    /// # Errors
    /// [`SetupError`] if a setting cannot be used.
    pub fn build(self) -> Result<HyperTransport, SetupError> {
        let user_agent = user_agent(&self.user_agent).ok_or(SetupError::UserAgent)?;
        if self.max_in_flight == 0 {
            return Err(SetupError::NothingInFlight);
        }
        Ok(HyperTransport(Arc::new(Inner {
            exchange: Exchange {
                pool: Pool::new(self.connector()?, self.idle_timeout, self.max_in_flight),
                body_limit: self.body_limit,
            },
            gate: Gate::new(self.max_in_flight, self.circuit_breaker),
            retry: self.retry,
            user_agent,
            request_timeout: self.request_timeout,
            attempt_timeout: self.attempt_timeout,
            allow_plain_http: self.allow_plain_http,
        })))
    }

    fn connector(&self) -> Result<Connector, SetupError> {
        let config = tls::config(self.roots, &self.extra_roots)?;
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        // TLS around it takes `https` too.
        tcp.enforce_http(false);
        // Shared among the addresses of a host, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(self.connect_timeout));
        tcp.set_nodelay(true);
        Ok(Connector::new(Steps {
            tcp,
            timeout: self.connect_timeout,
            #[cfg(feature = "proxy")]
            proxies: Proxies::new(&self.proxy),
            #[cfg(feature = "proxy")]
            proxy_tls: TlsConnector::from(Arc::new(config.clone())),
            tls: TlsConnector::from(Arc::new(with_alpn(config))),
        }))
    }
}

/// Offers the versions of HTTP that we speak.
fn with_alpn(mut config: ClientConfig) -> ClientConfig {
    #[cfg(feature = "http2")]
    config.alpn_protocols.push(crate::stream::H2.to_vec());
    config.alpn_protocols.push(b"http/1.1".to_vec());
    config
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
    /// Only given authorities are to be believed, and none was given.
    NoRoots,
    /// This machine's authorities were not found.
    NoPlatformRoots,
    /// The `User-Agent` is blank or holds characters that a header should not.
    UserAgent,
    /// The proxy's address is none, or no HTTP proxy's.
    ProxyAddress,
    /// No request at all may be under way.
    NothingInFlight,
    /// The TLS library offers no protocol version.
    Tls,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "the text holds no PEM certificate",
            Self::BrokenCertificate => "a certificate cannot be read or is no authority's",
            Self::NoRoots => "no authority is trusted; give one, or choose other roots",
            Self::NoPlatformRoots => {
                "this machine's trusted authorities were not found; install them, or set SSL_CERT_FILE"
            }
            Self::UserAgent => "the User-Agent must be one line of visible ASCII characters",
            Self::ProxyAddress => {
                "the proxy's address must be http://host:port or https://host:port, with user:password@ \
                 before the host if it wants them; SOCKS is not spoken"
            }
            Self::NothingInFlight => "max_in_flight must be at least 1",
            Self::Tls => "no TLS protocol version can be used",
        })
    }
}

impl std::error::Error for SetupError {}
