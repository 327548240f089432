//! The settings of a transport and their defaults.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::ca_files;
use crate::circuit::CircuitBreaker;
use crate::client::HttpClient;
use crate::connector::{Connector, Steps};
use crate::error::SetupError;
use crate::history::History;
use crate::limiter::Limiter;
#[cfg(feature = "proxy")]
use crate::proxy::{Proxies, Proxy, ProxySetting};
use crate::resolver::{Reach, Resolver};
use crate::retry::RetryPolicy;
use crate::tls::{self, Roots};
use crate::transport::{HyperTransport, Inner};

impl HyperTransport {
    /// Returns a transport with the default settings.
    ///
    /// # Errors
    /// See [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self, SetupError> {
        Self::builder().build()
    }

    /// Returns a builder with the default settings.
    #[must_use]
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }

    /// Returns a builder of a transport for the watcher of `bakong-flow`: it sends each request once.
    ///
    /// The watcher counts every request against the daily quota and schedules the repetitions itself. A transport that
    /// retries would send requests that the watcher has not reserved.
    #[must_use]
    pub fn for_watcher() -> HyperTransportBuilder {
        Self::builder().retry(RetryPolicy::never())
    }
}

/// Configures a [`HyperTransport`]. Returned by [`HyperTransport::builder`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    request_timeout: Duration,
    idle_timeout: Duration,
    reuse_http1: bool,
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
    /// The addresses to which every host name resolves, for tests.
    #[cfg(test)]
    hosts_file: Option<Vec<std::net::IpAddr>>,
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            reuse_http1: false,
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
            #[cfg(test)]
            hosts_file: None,
        }
    }
}

impl HyperTransportBuilder {
    /// Sets how long opening a connection may take: name lookup, TCP, proxy tunnel and TLS handshake together.
    /// Defaults to 5 s. If this timeout passes, the request was not sent.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long one attempt may take, from connecting to the last byte of the response. Defaults to 10 s.
    #[must_use]
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets how long a request may take in total: the time in the queue, all attempts, and the waits between
    /// them. Defaults to 30 s. An attempt that starts late gets only the time that is left.
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets how long a connection may be idle before it is closed. Defaults to 30 s. The maximum is a year. Idle
    /// connections are checked at this interval: one may stay open for twice the timeout, but is not reused after it.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Allows reusing HTTP/1.1 connections. Defaults to `false`: each request opens a connection.
    ///
    /// Reuse saves a TCP and TLS handshake per request. It also trusts the server and every proxy on the way
    /// to send exactly one response per request: an HTTP/1.1 client cannot distinguish a surplus response from the
    /// response to the next request, and would return a wrong answer. HTTP/2 connections are always reused,
    /// since HTTP/2 identifies each response.
    #[must_use]
    pub const fn reuse_http1_connections(mut self, reuse: bool) -> Self {
        self.reuse_http1 = reuse;
        self
    }

    /// Sets how many requests may be in flight at once. Defaults to 64. Further requests wait in a first-in,
    /// first-out queue. They fail with [`TransportErrorKind::Busy`](bakong_api::transport::TransportErrorKind::Busy)
    /// if their [`request_timeout`](Self::request_timeout) passes first. The limit also bounds the open connections.
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Sets which requests are retried, and when.
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets when requests to a host that does not respond are rejected for a while.
    #[must_use]
    pub const fn circuit_breaker(mut self, circuit_breaker: CircuitBreaker) -> Self {
        self.circuit_breaker = circuit_breaker;
        self
    }

    /// Sets how many bytes the body of a response may have. Defaults to 1 MiB.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets the `User-Agent` header. Defaults to `bakong-http/` and the version. Bakong answers requests
    /// without this header with HTTP 403.
    #[must_use]
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Allows plain `http` to other machines, where the token is sent unencrypted. Use it only on a trusted
    /// network, such as a tunnel. Plain `http` to this machine (`localhost`, `127.0.0.0/8`, `[::1]`) is always
    /// allowed. Only the loopback addresses of `localhost` are used. Other addresses from a hosts file
    /// or a name server are rejected.
    #[must_use]
    pub const fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Sends all requests through this HTTP proxy and ignores the environment. Requests to this machine
    /// never use a proxy.
    ///
    /// The address is `http://host:port` or `https://host:port`, with `user:password@` before the host if the
    /// proxy requires them. Special characters are percent-encoded: `%40` for `@`, `%23` for `#`. The port defaults to 80 or
    /// 443. The proxy sees the host of each request. It sees nothing else of an `https` request.
    ///
    /// By default, the environment variables `HTTPS_PROXY` and `ALL_PROXY` set the proxy, and `NO_PROXY` lists
    /// hosts to connect to directly. Their lowercase names work too. They are read when the transport is built.
    ///
    /// # Errors
    /// [`SetupError::ProxyAddress`] if the address is invalid. The error does not contain the address.
    #[cfg(feature = "proxy")]
    pub fn proxy(mut self, address: &str) -> Result<Self, SetupError> {
        let proxy = Proxy::parse(address).ok_or(SetupError::ProxyAddress)?;
        self.proxy = ProxySetting::Given(proxy);
        Ok(self)
    }

    /// Uses no proxy and ignores the environment.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxySetting::None;
        self
    }

    /// Sets which certificate authorities are trusted.
    #[must_use]
    pub const fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Also trusts the certificate authorities in this PEM text, in addition to [`roots`](Self::roots).
    ///
    /// # Errors
    /// [`SetupError`] if the text contains no certificate, or an invalid one.
    pub fn trust_pem(mut self, pem: &[u8]) -> Result<Self, SetupError> {
        tls::add_pem(&mut self.extra_roots, pem)?;
        Ok(self)
    }

    /// Also trusts the certificate authorities in this PEM file, as [`trust_pem`](Self::trust_pem) does. The file
    /// is read at once.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read, is not a regular file or is larger than 4 MiB, or if it contains
    /// no certificate, or an invalid one.
    pub fn trust_pem_file(mut self, path: impl AsRef<Path>) -> Result<Self, SetupError> {
        ca_files::add_file(&mut self.extra_roots, path.as_ref())?;
        Ok(self)
    }

    /// Also trusts the certificate authorities that the environment variables `SSL_CERT_FILE` (a PEM file) and
    /// `SSL_CERT_DIR` (folders of PEM files) name, if they are set. They are read at once.
    ///
    /// They are added to [`roots`](Self::roots). OpenSSL replaces its default roots with them; to do that, choose
    /// [`Roots::OnlyGiven`].
    ///
    /// # Errors
    /// [`SetupError::SslCertFile`] or [`SetupError::SslCertDir`] if the variable is set and leads to no valid
    /// certificate.
    pub fn trust_environment(mut self) -> Result<Self, SetupError> {
        ca_files::add_environment(&mut self.extra_roots, std::env::var_os)?;
        Ok(self)
    }

    /// Builds the transport. A tokio runtime is needed only when a request is sent.
    ///
    /// # Errors
    /// [`SetupError`] if a setting cannot be used.
    pub fn build(self) -> Result<HyperTransport, SetupError> {
        let user_agent = user_agent(&self.user_agent).ok_or(SetupError::UserAgent)?;
        if self.max_in_flight == 0 {
            return Err(SetupError::NothingInFlight);
        }
        Ok(HyperTransport(Arc::new(Inner {
            client: HttpClient::new(
                self.connector()?,
                self.idle_timeout,
                self.max_in_flight,
                self.body_limit,
            ),
            limiter: Limiter::new(self.max_in_flight, self.circuit_breaker),
            history: History::default(),
            retry: self.retry,
            user_agent,
            request_timeout: self.request_timeout,
            attempt_timeout: self.attempt_timeout,
            allow_plain_http: self.allow_plain_http,
        })))
    }

    fn tcp(&self, reach: Reach) -> HttpConnector<Resolver> {
        #[cfg_attr(not(test), allow(unused_mut, reason = "mutated only in tests"))]
        let mut resolver = Resolver::new(reach);
        #[cfg(test)]
        resolver.hosts_file.clone_from(&self.hosts_file);
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        // By default, HttpConnector rejects `https`.
        tcp.enforce_http(false);
        // This time is divided among the addresses of a host, so that an unreachable one leaves time for the next.
        tcp.set_connect_timeout(Some(self.connect_timeout));
        tcp.set_nodelay(true);
        tcp
    }

    fn connector(&self) -> Result<Connector, SetupError> {
        let config = tls::config(self.roots, &self.extra_roots)?;
        let plain_reach = match self.allow_plain_http {
            true => Reach::Anywhere,
            false => Reach::ThisMachine,
        };
        Ok(Connector::new(Steps {
            tcp: self.tcp(Reach::Anywhere),
            plain_tcp: self.tcp(plain_reach),
            timeout: self.connect_timeout,
            reuse_http1: self.reuse_http1,
            #[cfg(feature = "proxy")]
            proxies: Proxies::new(&self.proxy),
            #[cfg(feature = "proxy")]
            proxy_tls: TlsConnector::from(Arc::new(config.clone())),
            tls: TlsConnector::from(Arc::new(with_alpn(config))),
        }))
    }
}

/// Offers the supported HTTP versions in the TLS handshake.
fn with_alpn(mut config: ClientConfig) -> ClientConfig {
    #[cfg(feature = "http2")]
    config.alpn_protocols.push(crate::stream::H2.to_vec());
    config.alpn_protocols.push(b"http/1.1".to_vec());
    config
}

/// Accepts visible ASCII and spaces (RFC 9110 section 5.5).
fn user_agent(text: &str) -> Option<HeaderValue> {
    let is_allowed = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.trim().is_empty() || !text.bytes().all(is_allowed) {
        return None;
    }
    HeaderValue::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bakong_api::Transport;
    use bakong_api::transport::{TransportError, TransportErrorKind};
    use bytes::Bytes;
    use http::{Request, Response};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Sends a request to `http://localhost` while that name resolves to these addresses.
    async fn send(addresses: &[&str], port: u16) -> Result<Response<Bytes>, TransportError> {
        let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let mut builder = HyperTransport::builder().retry(RetryPolicy::never());
        builder.hosts_file = Some(addresses);
        let request = Request::post(format!("http://localhost:{port}/v1")).body(Bytes::new());
        builder.build().unwrap().send(request.unwrap()).await
    }

    #[tokio::test]
    async fn localhost_is_trusted_by_its_address_and_not_by_its_name() {
        for other in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1"] {
            let error = send(&[other], 1).await.unwrap_err();
            assert_eq!(error.kind(), TransportErrorKind::NotAllowed, "{error}");
            let text = error.to_string();
            assert!(
                text.contains(other) && text.contains("hosts file"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn the_loopback_address_among_others_is_used() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        };
        let (sent, ()) = tokio::join!(send(&["192.0.2.1", "127.0.0.1"], port), serving);
        assert_eq!(sent.unwrap().status(), 204);
    }
}
