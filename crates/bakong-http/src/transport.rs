//! One exchange: send, wait within the deadline, read within the limit.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bakong_api::{EndpointInfo, Transport, TransportError};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::builder::{HyperTransportBuilder, SetupError};
use crate::destination::Destination;
use crate::failure;
use crate::resolver::Resolver;

/// Sends requests over HTTP/1.1, with TLS by rustls, from a pool of connections.
///
/// A clone shares the pool.
#[derive(Clone)]
pub struct HyperTransport {
    pub(crate) client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    pub(crate) user_agent: HeaderValue,
    pub(crate) request_timeout: Duration,
    pub(crate) body_limit: usize,
    pub(crate) allow_plain_http: bool,
}

impl HyperTransport {
    /// A transport with the default settings.
    ///
    /// # Errors
    /// Those of [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self, SetupError> {
        Self::builder().build()
    }

    /// Settings to change.
    #[must_use]
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let to = Destination::of(request.uri(), self.allow_plain_http)?;
        let mut request = request.map(Full::new);
        *request.version_mut() = Version::HTTP_11;
        request
            .headers_mut()
            .entry(header::USER_AGENT)
            .or_insert_with(|| self.user_agent.clone());
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| failure::sending(&to, error))?;
            let (parts, body) = response.into_parts();
            let body = self.read(&to, body).await?;
            Ok(Response::from_parts(parts, body))
        };
        tokio::time::timeout(self.request_timeout, exchange)
            .await
            .unwrap_or_else(|elapsed| Err(failure::late(&to, self.request_timeout, elapsed)))
    }

    async fn read(&self, to: &Destination, body: Incoming) -> Result<Bytes, TransportError> {
        let limit = self.body_limit;
        // One that announces too much is not worth waiting for.
        if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
            return Err(failure::too_large(
                to,
                limit,
                "its Content-Length is larger",
            ));
        }
        let body = Limited::new(body, limit).collect().await;
        body.map(Collected::to_bytes)
            .map_err(|error| failure::reading(to, limit, error))
    }
}

#[async_trait]
impl Transport for HyperTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let endpoint = request
            .extensions()
            .get::<EndpointInfo>()
            .map_or("unknown", |info| info.name);
        let start = Instant::now();
        let result = self.exchange(request).await;
        let elapsed_ms = start.elapsed().as_millis();
        match &result {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(endpoint, status, elapsed_ms, "exchange");
            }
            Err(error) => {
                tracing::debug!(endpoint, error = %error, elapsed_ms, "no answer");
            }
        }
        result
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("user_agent", &self.user_agent)
            .field("request_timeout", &self.request_timeout)
            .field("body_limit", &self.body_limit)
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}
