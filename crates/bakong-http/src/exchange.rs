//! One attempt: send, wait within the limit, read up to the limit.

use std::time::Duration;

use bakong_api::{TransportError, TransportErrorKind};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version, header};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use tokio::time::Instant;

use crate::connector::Connector;
use crate::destination::Destination;
use crate::failure;
use crate::payload::{Payload, Touched};

/// What is sent, as often as it has to be.
pub(crate) struct Outgoing {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    pub(crate) fn new(request: Request<Bytes>, user_agent: &HeaderValue) -> Self {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        headers
            .entry(header::USER_AGENT)
            .or_insert_with(|| user_agent.clone());
        Self {
            method: parts.method,
            uri: parts.uri,
            headers,
            body,
        }
    }

    fn request(&self) -> (Request<Payload>, Touched) {
        let (payload, touched) = Payload::new(self.body.clone());
        let mut request = Request::new(payload);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        // To the client this means that the connection decides.
        *request.version_mut() = Version::HTTP_11;
        (request, touched)
    }
}

pub(crate) type PooledClient = Client<Connector, Payload>;

/// Sends once, over pooled connections.
pub(crate) struct Exchange {
    pub(crate) client: PooledClient,
    pub(crate) body_limit: usize,
}

impl Exchange {
    /// Brings the answer within `time` from now, which is called `limit` where it runs out.
    pub(crate) async fn attempt(
        &self,
        to: &Destination,
        outgoing: &Outgoing,
        now: Instant,
        time: Duration,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let (request, touched) = outgoing.request();
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| failure::sending(to, error))?;
            let (parts, body) = response.into_parts();
            let body = self.read(to, body).await?;
            Ok(Response::from_parts(parts, body))
        };
        let Some(end) = now.checked_add(time) else {
            return exchange.await;
        };
        match tokio::time::timeout_at(end, exchange).await {
            Ok(result) => result,
            Err(elapsed) => {
                let kind = if touched.is_touched() {
                    TransportErrorKind::Timeout
                } else {
                    TransportErrorKind::Connect
                };
                Err(failure::late(kind, to, limit, elapsed))
            }
        }
    }

    async fn read(&self, to: &Destination, body: Incoming) -> Result<Bytes, TransportError> {
        let limit = self.body_limit;
        // One that announces too much is not worth waiting for.
        if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
            let reason = "its Content-Length is larger";
            return Err(failure::too_large(to, limit, reason));
        }
        let body = Limited::new(body, limit).collect().await;
        body.map(Collected::to_bytes)
            .map_err(|error| failure::reading(to, limit, error))
    }
}
