//! Sends one request: resolves the host, checks the address, and connects to that address. Follows no redirect.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use khqr_core::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::guard::is_public;

/// How long a receiver may take in all.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How many bytes of an answer are read.
const MAX_ANSWER: usize = 4_096;
/// The maximum length of an address in bytes.
const MAX_URL: usize = 2_000;

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Sender {
    tls: TlsConnector,
    /// Whether addresses of private networks and plain HTTP are allowed.
    allow_private: bool,
}

/// A request with a body of JSON. `Debug` does not show the address, which can contain a secret.
#[derive(Clone, Copy)]
pub(crate) struct Post<'a> {
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: &'a str,
}

/// What a receiver answered.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The first bytes of the body.
    pub(crate) start: String,
}

impl Sender {
    pub(crate) fn new(allow_private: bool) -> Result<Self, rustls::Error> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        };
        Self::trusting(roots, allow_private)
    }

    fn trusting(roots: RootCertStore, allow_private: bool) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            allow_private,
        })
    }

    /// Whether addresses of private networks and plain HTTP are allowed.
    pub(crate) const fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// Sends a request. An error is a sentence for the owner of the endpoint, without the path of the address.
    pub(crate) async fn post(&self, post: Post<'_>) -> Result<Received, String> {
        let sent = tokio::time::timeout(TIMEOUT, self.post_now(post)).await;
        sent.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())))
    }

    async fn post_now(&self, post: Post<'_>) -> Result<Received, String> {
        let target = check_url(post.url, self.allow_private)?;
        let stream = connect(&System, &target, self.allow_private).await?;
        if !target.is_https {
            return exchange(stream, &target, post).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| "the host is no valid name for TLS".to_owned())?;
        let stream = self.tls.connect(name, stream).await;
        let stream = stream.map_err(|error| format!("TLS failed: {error}"))?;
        exchange(stream, &target, post).await
    }
}

/// Resolves names and opens connections.
trait Network {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The network of the operating system.
struct System;

impl Network for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// Connects to an address of the host that is allowed. The name is not resolved again after the check.
async fn connect(
    network: &impl Network,
    target: &Target,
    allow_private: bool,
) -> Result<TcpStream, String> {
    let found = network.resolve(&target.host, target.port).await;
    let mut found = found.map_err(|error| format!("the host cannot be resolved: {error}"))?;
    found.retain(|address| allow_private || is_public(address.ip()));
    let mut last = "the host has no public address".to_owned();
    for address in found {
        match network.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("the host cannot be reached: {error}"),
        }
    }
    Err(last)
}

/// The parts of an address.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    is_https: bool,
    authority: String,
    path: String,
}

/// Checks the address of an endpoint. Its host is checked again at each delivery, because its address can change.
///
/// # Errors
/// A sentence that says what is wrong.
pub(crate) fn check_url(url: &str, allow_private: bool) -> Result<Target, String> {
    let wrong = || {
        format!(
            "write an address such as https://shop.example/webhooks, with at most {MAX_URL} bytes"
        )
    };
    if url.len() > MAX_URL {
        return Err(wrong());
    }
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err("the address must not contain a user name or a password".to_owned());
    }
    let is_https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if allow_private => false,
        Some("http") => return Err("the address must begin with https://".to_owned()),
        _ => return Err(wrong()),
    };
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    if let Ok(address) = host.parse()
        && !allow_private
        && !is_public(address)
    {
        return Err("the address belongs to a private network".to_owned());
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let port = match authority.as_str().rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse().ok(),
        _ => Some(if is_https { 443 } else { 80 }),
    };
    let port = port
        .filter(|port| *port > 0)
        .ok_or("the port must be a number from 1 to 65535")?;
    Ok(Target {
        host: host.to_owned(),
        port,
        is_https,
        authority: authority.as_str().to_owned(),
        path: path.to_owned(),
    })
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    post: Post<'_>,
) -> Result<Received, String> {
    let failed = |error: hyper::Error| format!("the exchange failed: {error}");
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(failed)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(target.path.as_str())
        .header(header::HOST, &target.authority)
        .header(
            header::USER_AGENT,
            concat!("bakong-server/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in post.headers {
        request = request.header(*name, value);
    }
    let body = Bytes::copy_from_slice(post.body.as_bytes());
    let request = request
        .body(Full::new(body))
        .map_err(|error| format!("the request cannot be built: {error}"))?;
    let received = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let mut body = response.into_body();
        let mut start = Vec::new();
        while start.len() < MAX_ANSWER {
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            if let Ok(data) = frame.into_data() {
                start.extend_from_slice(&data);
            }
        }
        start.truncate(MAX_ANSWER);
        // Some databases cannot store this character.
        let start = String::from_utf8_lossy(&start).replace('\0', "\u{FFFD}");
        Ok(Received {
            status,
            retry_after,
            start,
        })
    };
    let received = received.await;
    // The receiver may send the rest of a long answer for ever.
    connection.abort();
    received
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Timestamp::from(httpdate::parse_http_date(text).ok()?);
    Some(at.saturating_since(Timestamp::now()))
}

#[cfg(test)]
mod tests;
