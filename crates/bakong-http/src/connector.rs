//! The way to a host, step by step: look-up, TCP, perhaps a proxy, TLS. All of it within one deadline.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::deadline::Deadline;
#[cfg(feature = "proxy")]
use crate::proxy::{Proxies, Proxy, Way};
use crate::resolver::Resolver;
use crate::stream::Stream;
#[cfg(feature = "proxy")]
use crate::tunnel;

/// Makes connections. A clone is the same connector.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Steps>);

pub(crate) struct Steps {
    pub(crate) tcp: HttpConnector<Resolver>,
    pub(crate) tls: TlsConnector,
    pub(crate) timeout: Duration,
    #[cfg(feature = "proxy")]
    pub(crate) proxies: Proxies,
    /// To a proxy, which is not offered HTTP/2.
    #[cfg(feature = "proxy")]
    pub(crate) proxy_tls: TlsConnector,
}

impl Connector {
    pub(crate) fn new(steps: Steps) -> Self {
        Self(Arc::new(steps))
    }
}

impl Connector {
    /// A stream to the host of this URI.
    pub(crate) async fn connect(&self, to: &Uri) -> Result<Stream, ConnectError> {
        self.0.connect(to.clone()).await
    }
}

impl Steps {
    async fn connect(&self, to: Uri) -> Result<Stream, ConnectError> {
        let time = Time {
            limit: self.timeout,
            deadline: Deadline::after(self.timeout),
        };
        // Before anything is sent to anybody.
        let name = if to.scheme() == Some(&Scheme::HTTPS) {
            let name = server_name(&to).map_err(|error| ConnectError::new(Step::Name, error))?;
            Some(name)
        } else {
            None
        };
        let stream = self.reach(to, time).await?;
        match name {
            Some(name) => time.handshake(&self.tls, name, stream).await,
            None => Ok(stream),
        }
    }

    /// A stream whose other end is the host.
    #[cfg(feature = "proxy")]
    async fn reach(&self, to: Uri, time: Time) -> Result<Stream, ConnectError> {
        match self.proxies.way(&to) {
            Way::Direct => self.tcp(to, time).await,
            Way::Through(proxy) => {
                let reached = self.reach_through(proxy, &to, time).await;
                reached.map_err(|error| error.via(proxy.name()))
            }
            Way::Unclear(variable) => {
                let cause = UnclearProxy(variable);
                Err(ConnectError::new(Step::Environment, cause))
            }
        }
    }

    #[cfg(not(feature = "proxy"))]
    async fn reach(&self, to: Uri, time: Time) -> Result<Stream, ConnectError> {
        self.tcp(to, time).await
    }

    #[cfg(feature = "proxy")]
    async fn reach_through(
        &self,
        proxy: &Proxy,
        to: &Uri,
        time: Time,
    ) -> Result<Stream, ConnectError> {
        let mut stream = self.tcp(proxy.uri().clone(), time).await?;
        if proxy.is_https() {
            let name = server_name(proxy.uri());
            let name = name.map_err(|error| ConnectError::new(Step::ProxyName, error))?;
            stream = time.handshake(&self.proxy_tls, name, stream).await?;
        }
        let default = if to.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        };
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(default);
        let opening = tunnel::open(&mut stream, host, port, proxy.authorization());
        time.limit(Step::Tunnel, opening).await?;
        Ok(stream)
    }

    async fn tcp(&self, to: Uri, time: Time) -> Result<Stream, ConnectError> {
        let connecting = self.tcp.clone().call(to);
        let stream = time.limit(Step::Tcp, connecting).await?;
        Ok(Stream::Plain(stream.into_inner()))
    }
}

/// The time that a connection may take as a whole.
#[derive(Clone, Copy)]
struct Time {
    limit: Duration,
    deadline: Deadline,
}

impl Time {
    async fn limit<T, E>(
        self,
        step: Step,
        taking: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ConnectError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match tokio::time::timeout(self.deadline.remaining(), taking).await {
            Ok(done) => done.map_err(|error| ConnectError::new(step, error)),
            Err(_) => Err(ConnectError::new(
                step,
                TooSlow {
                    step,
                    limit: self.limit,
                },
            )),
        }
    }

    async fn handshake(
        self,
        tls: &TlsConnector,
        name: ServerName<'static>,
        stream: Stream,
    ) -> Result<Stream, ConnectError> {
        let shaking = tls.connect(name, stream);
        let stream = self.limit(Step::Tls, shaking).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn server_name(of: &Uri) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let host = of.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned())
}

/// The part of the way that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The host's name can be none.
    Name,
    #[cfg(feature = "proxy")]
    Environment,
    Tcp,
    #[cfg(feature = "proxy")]
    ProxyName,
    #[cfg(feature = "proxy")]
    Tunnel,
    Tls,
    Http,
}

/// No connection came about.
#[derive(Debug)]
pub(crate) struct ConnectError {
    pub(crate) step: Step,
    /// The proxy that was on the way to the failure.
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

    /// The connection came about, and HTTP could not begin on it.
    pub(crate) fn of_http(cause: hyper::Error) -> Self {
        Self::new(Step::Http, cause)
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
        f.write_str("no connection came about")
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// The time for connecting ran out.
#[derive(Debug)]
struct TooSlow {
    step: Step,
    limit: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            Step::Tls => "the TLS handshake did not end",
            #[cfg(feature = "proxy")]
            Step::Tunnel => "it did not answer CONNECT",
            _ => "no connection came about",
        };
        write!(f, "{what} within {} ms", self.limit.as_millis())
    }
}

impl Error for TooSlow {}

/// A variable of the environment that names a proxy which is none.
#[cfg(feature = "proxy")]
#[derive(Debug)]
struct UnclearProxy(&'static str);

#[cfg(feature = "proxy")]
impl fmt::Display for UnclearProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in the environment is no address of an HTTP proxy; set it to http://host:port, or \
             exempt this host in NO_PROXY",
            self.0
        )
    }
}

#[cfg(feature = "proxy")]
impl Error for UnclearProxy {}
