//! Opens a tunnel through an HTTP proxy with `CONNECT` (RFC 9110 section 9.3.6).
//!
//! hyper-util's tunnel does not report the status with which a proxy refused. The status is needed for the
//! advice: wrong credentials, a rule of the proxy, and a proxy that cannot reach Bakong need different actions.

use std::fmt;
use std::io;

use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How many bytes the head of the proxy's response may have.
const HEAD_LIMIT: usize = 8 << 10;

/// Why the proxy did not open a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TunnelRefused {
    /// The proxy responded with this status.
    Status(StatusCode),
    /// The response is not HTTP/1.
    NotHttp,
}

impl TunnelRefused {
    /// Whether the connection from the proxy to the host failed.
    pub(crate) fn is_beyond_the_proxy(self) -> bool {
        matches!(
            self,
            Self::Status(
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            )
        )
    }

    /// Advice for the user.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Status(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                "set the proxy's user name and password: http://user:password@host:port"
            }
            Self::Status(_) if self.is_beyond_the_proxy() => "the proxy could not reach the host",
            Self::Status(_) => "the proxy must allow CONNECT to this host and port",
            Self::NotHttp => "check that this is an HTTP proxy",
        }
    }
}

impl fmt::Display for TunnelRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(
                f,
                "the proxy answered CONNECT with HTTP {}",
                status.as_u16()
            ),
            Self::NotHttp => f.write_str("the response to CONNECT is not HTTP"),
        }
    }
}

impl std::error::Error for TunnelRefused {}

/// Asks the proxy at the other end of `stream` to connect to `host` (in brackets if it is an IPv6 address).
/// On success, the stream is connected to the host.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    port: u16,
    authorization: Option<&HeaderValue>,
) -> io::Result<()> {
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;

    let mut answer = Vec::with_capacity(512);
    let end = loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // A refusal is clear from the status line. An error page may follow, which is not read.
        if answer.len() >= STATUS_LINE && status(&answer).is_none_or(|it| !it.is_success()) {
            break answer.len();
        }
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > HEAD_LIMIT {
            return Err(io::Error::other(TunnelRefused::NotHttp));
        }
    };
    match status(&answer) {
        // In TLS and HTTP the client speaks first, so early bytes do not come from the host.
        Some(status) if status.is_success() && end == answer.len() => Ok(()),
        Some(status) if !status.is_success() => {
            Err(io::Error::other(TunnelRefused::Status(status)))
        }
        _ => Err(io::Error::other(TunnelRefused::NotHttp)),
    }
}

/// The length of a status line up to the status.
const STATUS_LINE: usize = "HTTP/1.1 200".len();

fn status(answer: &[u8]) -> Option<StatusCode> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let status = rest.strip_prefix(b" ")?.get(..3)?;
    let status = minor.is_ascii_digit().then_some(status)?;
    StatusCode::from_bytes(status).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// Opens a tunnel through a proxy that sends this response. Returns the result and the request.
    async fn open_with(response: &[u8]) -> (io::Result<()>, String) {
        let (mut ours, mut proxy) = duplex(HEAD_LIMIT * 2);
        proxy.write_all(response).await.unwrap();
        // This closes only the write half.
        let (mut requests, mut responses) = tokio::io::split(proxy);
        responses.shutdown().await.unwrap();
        let authorization = HeaderValue::from_static("Basic dTpw");
        let opened = open(&mut ours, "[::1]", 443, Some(&authorization)).await;
        drop(ours);
        let mut text = String::new();
        requests.read_to_string(&mut text).await.unwrap();
        (opened, text)
    }

    async fn refused(response: &[u8]) -> TunnelRefused {
        let error = open_with(response).await.0.unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        *inner.unwrap_or_else(|| panic!("{error}"))
    }

    #[tokio::test]
    async fn the_request_names_the_host_and_has_the_credentials() {
        let (opened, text) = open_with(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        opened.unwrap();
        assert_eq!(
            text,
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn any_2xx_status_opens_the_tunnel() {
        for answer in [
            &b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n"[..],
            b"HTTP/1.1 204 \r\n\r\n",
        ] {
            open_with(answer).await.0.unwrap();
        }
    }

    #[tokio::test]
    async fn a_refusal_reports_the_status() {
        for status in [403, 407, 500, 502, 302, 100] {
            let answer = format!("HTTP/1.1 {status} No\r\n\r\n<h1>page</h1>");
            let refusal = refused(answer.as_bytes()).await;
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(refusal, TunnelRefused::Status(status));
        }
    }

    #[tokio::test]
    async fn a_response_that_is_not_http_is_rejected() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(HEAD_LIMIT));
        for answer in [
            long.as_bytes(),
            b"220 mail.example ESMTP ready",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 2000\r\n\r\nearly bytes",
            b"HTTP/1.1 200 OK\r\n\r\nearly bytes",
            b"\x15\x03\x03\x00\x02\x02\x46 and more",
        ] {
            assert_eq!(refused(answer).await, TunnelRefused::NotHttp);
        }
        for cut in [&b""[..], b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n"] {
            let error = open_with(cut).await.0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
