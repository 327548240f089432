//! A byte stream to a host: plain TCP, TLS, or TLS inside the TLS of an `https` proxy.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The ALPN name of HTTP/2 (RFC 9113 section 3.1).
#[cfg(feature = "http2")]
pub(crate) const H2: &[u8] = b"h2";

pub(crate) struct Stream {
    io: Io,
    reuse_http1: bool,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<Stream>>),
}

impl Stream {
    /// `reuse_http1` is true if hyper-util's pool may reuse the stream for HTTP/1.1.
    pub(crate) fn plain(stream: TcpStream, reuse_http1: bool) -> Self {
        Self {
            io: Io::Plain(stream),
            reuse_http1,
        }
    }

    pub(crate) fn tls(stream: TlsStream<Self>) -> Self {
        Self {
            reuse_http1: stream.get_ref().0.reuse_http1,
            io: Io::Tls(Box::new(stream)),
        }
    }

    /// Whether the server chose HTTP/2 in the TLS handshake.
    fn is_http2(&self) -> bool {
        match &self.io {
            #[cfg(feature = "http2")]
            Io::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(H2),
            _ => false,
        }
    }
}

impl Connection for Stream {
    /// Tells hyper-util's pool which HTTP version the stream speaks, and whether to reuse it.
    ///
    /// Nothing in an HTTP/1.1 response identifies its request. A second response that a server sends after the
    /// first would be read as the response to the next request on the connection (RFC 9112 section 9.2), and
    /// a check could report another payment. HTTP/2 has stream identifiers.
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_http2() {
            return connected.negotiated_h2();
        }
        if !self.reuse_http1 {
            connected.poison();
        }
        connected
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Io::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Io::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(context),
            Io::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
