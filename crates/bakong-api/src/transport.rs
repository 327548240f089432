//! What sends a request and brings the answer: one method, so that any HTTP client will do.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Sends one request and brings its answer, whatever its status.
///
/// A transport does not interpret: a 500 is an answer. It may send a request again by itself where
/// [`EndpointInfo::repeatable`](crate::endpoint::EndpointInfo), found in the request's extensions, allows it, or
/// where the error says that it cannot have arrived; it then says so to the [`Attempts`](crate::observe::Attempts) found there.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute, and brings the whole answer.
    ///
    /// # Errors
    /// [`TransportError`] if no whole answer came.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for &T {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// A transport that is a function. Made by [`transport_fn`].
#[derive(Clone, Copy, Debug)]
pub struct TransportFn<F>(F);

/// Makes a transport of an async function: for tests, and for another HTTP client in a few lines.
///
/// ```
/// use bakong_api::Transport;
/// use bakong_api::transport::transport_fn;
/// use http::Response;
///
/// let transport = transport_fn(|_request| async { Ok(Response::new("{}".into())) });
/// # fn is_transport(_: impl Transport) {}
/// # is_transport(transport);
/// ```
pub const fn transport_fn<F, Answer>(send: F) -> TransportFn<F>
where
    F: Fn(Request<Bytes>) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Response<Bytes>, TransportError>> + Send,
{
    TransportFn(send)
}

#[async_trait]
impl<F, Answer> Transport for TransportFn<F>
where
    F: Fn(Request<Bytes>) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Response<Bytes>, TransportError>> + Send,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (self.0)(request).await
    }
}

/// No whole answer came, and at which step it failed.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: Option<Box<str>>,
    at_proxy: bool,
    source: Arc<dyn std::error::Error + Send + Sync>,
}

/// The step at which a transport failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The request could not be formed. It was not sent.
    InvalidRequest,
    /// The transport's rules forbid it, such as plain http to another machine. It was not sent.
    NotAllowed,
    /// The host's name has no address. It was not sent.
    Resolve,
    /// No connection came about. It was not sent.
    Connect,
    /// The host cannot prove who it is, or speaks no TLS that we take. It was not sent.
    Tls,
    /// The proxy in between refused to connect, or wants other credentials. It was not sent.
    Proxy,
    /// So many requests were under way that none ended in time for this one. It was not sent.
    Busy,
    /// The last requests to this host all failed, so that none is sent to it for a while. Nor was this one.
    CircuitOpen,
    /// The time ran out. The request may have arrived.
    Timeout,
    /// The connection broke. The request may have arrived.
    Interrupted,
    /// The answer is larger than the transport takes. The request did arrive.
    AnswerTooLarge,
}

impl TransportErrorKind {
    /// Whether the request may have reached Bakong, so that sending it again may do it twice.
    #[must_use]
    pub const fn may_have_arrived(self) -> bool {
        match self {
            Self::InvalidRequest
            | Self::NotAllowed
            | Self::Resolve
            | Self::Connect
            | Self::Tls
            | Self::Proxy
            | Self::Busy
            | Self::CircuitOpen => false,
            Self::Timeout | Self::Interrupted | Self::AnswerTooLarge => true,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::InvalidRequest => "the request could not be formed",
            Self::NotAllowed => "it may not be sent",
            Self::Resolve => "the host's name could not be looked up",
            Self::Connect => "no connection to the host came about",
            Self::Tls => "no trusted TLS connection to the host came about",
            Self::Proxy => "the proxy did not let the request through",
            Self::Busy => "too many requests were under way",
            Self::CircuitOpen => {
                "nothing is sent to the host for now, since the last requests to it failed"
            }
            Self::Timeout => "no answer came in time",
            Self::Interrupted => "the connection broke before the answer was whole",
            Self::AnswerTooLarge => "the answer is too large",
        }
    }
}

impl TransportError {
    /// An error of this kind because of `source`.
    pub fn new(
        kind: TransportErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            detail: None,
            at_proxy: false,
            source: source.into().into(),
        }
    }

    /// Adds what a person should know beside the kind: which host, how long, what to try.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Box<str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// Says that it failed on the way to a proxy, or at one.
    #[must_use]
    pub fn at_proxy(self) -> Self {
        Self {
            at_proxy: true,
            ..self
        }
    }

    /// Whether it failed on the way to a proxy, or at one, so that the host itself may be well.
    #[must_use]
    pub const fn is_at_proxy(&self) -> bool {
        self.at_proxy
    }

    /// The step at which it failed.
    #[must_use]
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.kind.describe()),
            None => f.write_str(self.kind.describe()),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
