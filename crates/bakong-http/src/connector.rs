//! Opens connections step by step: name lookup, TCP, proxy tunnel, TLS. One deadline covers all steps.
//!
//! An error names the step that failed. A request whose connection failed was not sent.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::deadline::Deadline;
#[cfg(feature = "proxy")]
use crate::proxy::{Proxies, Proxy, Route};
use crate::resolver::Resolver;
use crate::stream::Stream;
#[cfg(feature = "proxy")]
use crate::tunnel;

/// The connector of hyper-util's client. Clones share everything.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Steps>);

/// The settings and resources that the steps share.
pub(crate) struct Steps {
    /// For `https` hosts and for proxies, on any machine.
    pub(crate) tcp: HttpConnector<Resolver>,
    /// For plain HTTP. Connects only to loopback addresses, unless plain HTTP to other machines is allowed.
    pub(crate) plain_tcp: HttpConnector<Resolver>,
    pub(crate) tls: TlsConnector,
    pub(crate) timeout: Duration,
    /// Whether HTTP/1.1 connections go back to the pool. HTTP/2 connections always do.
    pub(crate) reuse_http1: bool,
    #[cfg(feature = "proxy")]
    pub(crate) proxies: Proxies,
    /// The TLS settings for the connection to an `https` proxy, which offer no HTTP/2.
    #[cfg(feature = "proxy")]
    pub(crate) proxy_tls: TlsConnector,
}

impl Connector {
    pub(crate) fn new(steps: Steps) -> Self {
        Self(Arc::new(steps))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let steps = Arc::clone(&self.0);
        Box::pin(async move { steps.connect(to).await.map(TokioIo::new) })
    }
}

impl Steps {
    async fn connect(&self, to: Uri) -> Result<Stream, ConnectError> {
        let deadline = ConnectDeadline {
            timeout: self.timeout,
            deadline: Deadline::after(self.timeout),
        };
        // The name is checked before any byte is sent.
        let name = if to.scheme() == Some(&Scheme::HTTPS) {
            let name = server_name(&to).map_err(|error| ConnectError::new(Step::Name, error))?;
            Some(name)
        } else {
            None
        };
        let stream = self.open(to, deadline).await?;
        match name {
            Some(name) => deadline.handshake(&self.tls, name, stream).await,
            None => Ok(stream),
        }
    }

    /// Opens a stream to the host, through the proxy if one is set.
    #[cfg(feature = "proxy")]
    async fn open(&self, to: Uri, deadline: ConnectDeadline) -> Result<Stream, ConnectError> {
        match self.proxies.route(&to) {
            Route::Direct => self.open_direct(to, deadline).await,
            Route::Proxy(proxy) => {
                let opened = self.open_tunnel(proxy, &to, deadline).await;
                opened.map_err(|error| error.via(proxy.name()))
            }
            Route::Invalid(variable) => {
                let cause = InvalidProxyVariable(variable);
                Err(ConnectError::new(Step::Environment, cause))
            }
        }
    }

    #[cfg(not(feature = "proxy"))]
    async fn open(&self, to: Uri, deadline: ConnectDeadline) -> Result<Stream, ConnectError> {
        self.open_direct(to, deadline).await
    }

    #[cfg(feature = "proxy")]
    async fn open_tunnel(
        &self,
        proxy: &Proxy,
        to: &Uri,
        deadline: ConnectDeadline,
    ) -> Result<Stream, ConnectError> {
        let mut stream = self
            .open_tcp(&self.tcp, proxy.uri().clone(), deadline)
            .await?;
        if proxy.is_https() {
            let name = server_name(proxy.uri());
            let name = name.map_err(|error| ConnectError::new(Step::ProxyName, error))?;
            stream = deadline.handshake(&self.proxy_tls, name, stream).await?;
        }
        let default = if to.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        };
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(default);
        let tunnel = tunnel::open(&mut stream, host, port, proxy.authorization());
        deadline.limit(Step::Tunnel, tunnel).await?;
        Ok(stream)
    }

    async fn open_direct(
        &self,
        to: Uri,
        deadline: ConnectDeadline,
    ) -> Result<Stream, ConnectError> {
        let tcp = match to.scheme() == Some(&Scheme::HTTPS) {
            true => &self.tcp,
            false => &self.plain_tcp,
        };
        self.open_tcp(tcp, to, deadline).await
    }

    async fn open_tcp(
        &self,
        tcp: &HttpConnector<Resolver>,
        to: Uri,
        deadline: ConnectDeadline,
    ) -> Result<Stream, ConnectError> {
        let stream = deadline.limit(Step::Tcp, tcp.clone().call(to)).await?;
        Ok(Stream::plain(stream.into_inner(), self.reuse_http1))
    }
}

/// The deadline of all steps together.
#[derive(Clone, Copy)]
struct ConnectDeadline {
    /// The timeout setting, for the error message.
    timeout: Duration,
    deadline: Deadline,
}

impl ConnectDeadline {
    async fn limit<T, E>(
        self,
        step: Step,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ConnectError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match tokio::time::timeout(self.deadline.remaining(), future).await {
            Ok(result) => result.map_err(|error| ConnectError::new(step, error)),
            Err(_) => {
                let timeout = self.timeout;
                Err(ConnectError::new(step, StepTimeout { step, timeout }))
            }
        }
    }

    async fn handshake(
        self,
        tls: &TlsConnector,
        name: ServerName<'static>,
        stream: Stream,
    ) -> Result<Stream, ConnectError> {
        let stream = self.limit(Step::Tls, tls.connect(name, stream)).await?;
        Ok(Stream::tls(stream))
    }
}

fn server_name(of: &Uri) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let host = of.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned())
}

/// A step of opening a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Checks that the host's name is a DNS name or an IP address.
    Name,
    /// Reads the proxy from the environment.
    #[cfg(feature = "proxy")]
    Environment,
    /// Looks up the host and connects.
    Tcp,
    /// Checks the name of the proxy.
    #[cfg(feature = "proxy")]
    ProxyName,
    /// Opens a tunnel through the proxy.
    #[cfg(feature = "proxy")]
    Tunnel,
    Tls,
}

/// The connection could not be opened.
#[derive(Debug)]
pub(crate) struct ConnectError {
    pub(crate) step: Step,
    /// The proxy in use when the step failed.
    pub(crate) via: Option<String>,
    cause: Box<dyn Error + Send + Sync>,
}

impl ConnectError {
    fn new(step: Step, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            step,
            via: None,
            cause: cause.into(),
        }
    }

    #[cfg(feature = "proxy")]
    fn via(self, proxy: &str) -> Self {
        Self {
            via: Some(proxy.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection could not be opened")
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// The connect timeout passed during this step.
#[derive(Debug)]
struct StepTimeout {
    step: Step,
    timeout: Duration,
}

impl fmt::Display for StepTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Tls => "the TLS handshake did not finish",
            #[cfg(feature = "proxy")]
            Step::Tunnel => "the proxy did not answer CONNECT",
            _ => "the TCP connection was not established",
        };
        write!(f, "{step} within {} ms", self.timeout.as_millis())
    }
}

impl Error for StepTimeout {}

/// The environment variable with this name does not contain the URL of an HTTP proxy.
#[cfg(feature = "proxy")]
#[derive(Debug)]
struct InvalidProxyVariable(&'static str);

#[cfg(feature = "proxy")]
impl fmt::Display for InvalidProxyVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the environment variable {} is not the URL of an HTTP proxy; set it to http://host:port, with special \
             characters in a password written as %40 for @, %2F for /, %3F for ?; or list this host in NO_PROXY",
            self.0
        )
    }
}

#[cfg(feature = "proxy")]
impl Error for InvalidProxyVariable {}
