//! A tunnel through an HTTP proxy (RFC 9110 9.3.6).
//!
//! hyper-util has one too, which does not say with what status a proxy refused. People need to know: wrong
//! credentials, a rule of the proxy's and a proxy that cannot reach Bakong have different remedies.

use std::fmt;
use std::io;

use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How many bytes the head of a proxy's answer may have.
const HEAD_LIMIT: usize = 8 << 10;

/// Why a proxy's tunnel did not come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TunnelRefused {
    /// It answered with this status.
    Status(StatusCode),
    /// It answered with something else than HTTP.
    NotHttp,
}

impl TunnelRefused {
    /// Whether it was the way from the proxy to the host that failed.
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

    /// What to do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Status(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                "it wants a user name and a password, or others than were given: \
                 http://user:password@host:port"
            }
            Self::Status(_) if self.is_beyond_the_proxy() => "it could not reach the host itself",
            Self::Status(_) => "whoever runs it has to allow CONNECT to this host and port",
            Self::NotHttp => "is it an HTTP proxy?",
        }
    }
}

impl fmt::Display for TunnelRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answered CONNECT with {}", status.as_u16()),
            Self::NotHttp => f.write_str("it did not answer CONNECT as HTTP does"),
        }
    }
}

impl std::error::Error for TunnelRefused {}

/// Asks the proxy at the other end of `stream` to pass everything on to `host` (in brackets, if it is an
/// IPv6 address). Once this is done, the stream is the host's.
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
        // Told before the head is whole, since a page may follow that need not be read.
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
        // The host does not speak first in TLS or HTTP, so what comes early is not the host's.
        Some(status) if status.is_success() && end == answer.len() => Ok(()),
        Some(status) if !status.is_success() => {
            Err(io::Error::other(TunnelRefused::Status(status)))
        }
        _ => Err(io::Error::other(TunnelRefused::NotHttp)),
    }
}

/// How many bytes a status line has up to its status.
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

    /// What comes of a proxy that answers like this, and what it was asked.
    async fn asked(answer: &[u8]) -> (io::Result<()>, String) {
        let (mut ours, mut proxy) = duplex(HEAD_LIMIT * 2);
        proxy.write_all(answer).await.unwrap();
        // It can still be written to, but says no more.
        let (mut asked, silent) = tokio::io::split(proxy);
        let mut silent = silent;
        silent.shutdown().await.unwrap();
        let authorization = HeaderValue::from_static("Basic dTpw");
        let opened = open(&mut ours, "[::1]", 443, Some(&authorization)).await;
        drop(ours);
        let mut text = String::new();
        asked.read_to_string(&mut text).await.unwrap();
        (opened, text)
    }

    async fn refused(answer: &[u8]) -> TunnelRefused {
        let error = asked(answer).await.0.unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        *inner.unwrap_or_else(|| panic!("{error}"))
    }

    #[tokio::test]
    async fn it_asks_for_the_host_and_shows_the_credentials() {
        let (opened, text) = asked(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        opened.unwrap();
        assert_eq!(
            text,
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn any_success_is_one() {
        for answer in [
            &b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n"[..],
            b"HTTP/1.1 204 \r\n\r\n",
        ] {
            asked(answer).await.0.unwrap();
        }
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_status() {
        for status in [403, 407, 500, 502, 302, 100] {
            let answer = format!("HTTP/1.1 {status} No\r\n\r\n<h1>page</h1>");
            let told = refused(answer.as_bytes()).await;
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(told, TunnelRefused::Status(status));
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_none() {
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
            let error = asked(cut).await.0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
