//! The interface to an HTTP client: one method that sends a request and returns the response.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Sends a request and returns its response, regardless of the status.
///
/// A transport does not interpret responses: a 500 is a response. It may repeat a request if
/// [`EndpointInfo::repeatable`](crate::endpoint::EndpointInfo) in the request's extensions allows it, or if the
/// request cannot have arrived. Before that, it calls [`Attempts::repeat`](crate::observe::Attempts::repeat) if the
/// extensions contain [`Attempts`](crate::observe::Attempts).
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute, and returns the complete response.
    ///
    /// # Errors
    /// [`TransportError`] if no complete response arrived.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

/// Forwards to the transport behind a pointer.
macro_rules! forward {
    ($($pointer:ty),+) => {$(
        #[async_trait]
        impl<T: Transport + ?Sized> Transport for $pointer {
            async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
                (**self).send(request).await
            }
        }
    )+};
}

forward!(&T, Arc<T>, Box<T>);

/// A transport made from a function by [`transport_fn`].
#[derive(Clone, Copy, Debug)]
pub struct TransportFn<F>(F);

/// Makes a transport from an async function, for tests and for other HTTP clients.
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

/// The step at which a request failed, and why. No complete response arrived.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: Option<Box<str>>,
    at_proxy: bool,
    source: Arc<dyn std::error::Error + Send + Sync>,
}

/// The step at which a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The request is invalid. It was not sent.
    InvalidRequest,
    /// The transport does not allow the request, such as plain HTTP to another machine. It was not sent.
    NotAllowed,
    /// The host name could not be resolved. The request was not sent.
    Resolve,
    /// The connection failed. The request was not sent.
    Connect,
    /// The host's certificate is not trusted, or its TLS version is not supported. The request was not sent.
    Tls,
    /// The proxy refused the connection, or requires other credentials. The request was not sent.
    Proxy,
    /// The request waited too long because too many others were in flight. The request was not sent.
    Busy,
    /// The circuit breaker is open, because the last requests to this host failed. The request was not sent.
    CircuitOpen,
    /// The deadline passed. The request may have arrived.
    Timeout,
    /// The connection broke. The request may have arrived.
    Interrupted,
    /// The response is larger than the transport accepts. The request arrived.
    AnswerTooLarge,
}

impl TransportErrorKind {
    /// Whether the request may have reached Bakong, so that repeating it may duplicate its effect.
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
            Self::InvalidRequest => "the request is invalid",
            Self::NotAllowed => "the request is not allowed",
            Self::Resolve => "the host name could not be resolved",
            Self::Connect => "the connection to the host failed",
            Self::Tls => "the TLS handshake with the host failed",
            Self::Proxy => "the proxy refused the connection",
            Self::Busy => "too many requests are in flight",
            Self::CircuitOpen => {
                "requests to the host are suspended, because the last requests failed"
            }
            Self::Timeout => "no response arrived in time",
            Self::Interrupted => "the connection broke before the response was complete",
            Self::AnswerTooLarge => "the response is too large",
        }
    }
}

impl TransportError {
    /// Creates an error of this kind, caused by `source`.
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

    /// Adds details for a human reader, such as the host, the time waited, or what to try.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Box<str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// Marks the error as a failure of the proxy or of the connection to the proxy.
    #[must_use]
    pub fn at_proxy(self) -> Self {
        Self {
            at_proxy: true,
            ..self
        }
    }

    /// Whether the proxy, or the connection to it, failed. The host itself may be available.
    #[must_use]
    pub const fn is_at_proxy(&self) -> bool {
        self.at_proxy
    }

    /// Returns the step at which the request failed.
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

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_request_may_have_arrived_only_if_it_was_sent() {
        use TransportErrorKind as Kind;
        for kind in [Kind::Timeout, Kind::Interrupted, Kind::AnswerTooLarge] {
            assert!(kind.may_have_arrived(), "{kind:?}");
        }
        for kind in [
            Kind::InvalidRequest,
            Kind::NotAllowed,
            Kind::Resolve,
            Kind::Connect,
            Kind::Tls,
            Kind::Proxy,
            Kind::Busy,
            Kind::CircuitOpen,
        ] {
            assert!(!kind.may_have_arrived(), "{kind:?}");
        }
    }

    #[test]
    fn an_error_has_its_cause_and_whether_the_proxy_failed() {
        let error = TransportError::new(TransportErrorKind::Connect, "refused");
        assert!(!error.is_at_proxy());
        let error = error.at_proxy().with_detail("proxy.example:3128");
        assert!(error.is_at_proxy());
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("refused"));
        assert!(error.to_string().ends_with(" (proxy.example:3128)"));
    }
}
