//! The clients that are compared. Each is set up as its documentation shows, with its own defaults.

use std::future::Future;
use std::net::SocketAddr;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::{AccessToken, BaseUrl, CheckAnswer, Endpoint, Session};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use khqr_api::{BakongClient, TxStatus};

use crate::Failure;
use crate::server::PAID;

/// The code that is checked.
const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

/// An invalid token of realistic length.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                     eyJkYXRhIjp7ImlkIjoiOTBlNmJlbmNoMjA0MSJ9LCJpYXQiOjE3OTUwMDAwMDAsImV4cCI6MTgwMjc3NjAwMH0.\
                     bm90LWEtc2lnbmF0dXJlLW5vdC1hLXNpZ25hdHVyZS0";

/// A client that checks whether a code was paid. Clients are neither trait objects nor variants of an enum, so that
/// each client's future has its own size.
pub(crate) trait Caller: Send + Sync + 'static {
    /// Sends one check. Any answer but "paid" is an error.
    fn check(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Our client, with or without reuse of connections. The other clients reuse them.
pub(crate) struct Ours {
    session: Session<HyperTransport>,
    question: CheckTransactionByMd5,
}

impl Ours {
    pub(crate) fn new(address: SocketAddr, reuse: bool) -> Result<Self, Failure> {
        let transport = HyperTransport::builder().reuse_http1_connections(reuse);
        let session = Session::new(transport.build()?, base_url(address)?)
            .with_token(AccessToken::new(TOKEN)?);
        let question = question()?;
        Ok(Self { session, question })
    }
}

impl Caller for Ours {
    async fn check(&self) -> Result<(), Failure> {
        match self.session.send(&self.question).await? {
            CheckAnswer::Paid(_) => Ok(()),
            other => Err(format!("unexpected answer: {other:?}").into()),
        }
    }
}

/// hyper-util's client with its pool. It sends the same bytes and does not parse the answer.
pub(crate) struct Bare {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Bare {
    pub(crate) fn new(address: SocketAddr) -> Result<Self, Failure> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        let token = AccessToken::new(TOKEN)?;
        let (parts, body) = question()?
            .to_request(&base_url(address)?, Some(&token))?
            .into_parts();
        let mut headers = parts.headers;
        let agent = HeaderValue::from_static("bakong-http/0.1.0");
        headers.insert(header::USER_AGENT, agent);
        Ok(Self {
            client,
            uri: parts.uri,
            headers,
            body,
        })
    }
}

impl Caller for Bare {
    async fn check(&self) -> Result<(), Failure> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK && body.len() == PAID.len() {
            Ok(())
        } else {
            Err(format!("unexpected response: {status}, {} bytes", body.len()).into())
        }
    }
}

/// The crate khqr-api.
pub(crate) struct Peer(BakongClient);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(BakongClient::with_base_url(
            format!("http://{address}"),
            TOKEN,
        ))
    }
}

impl Caller for Peer {
    async fn check(&self) -> Result<(), Failure> {
        match self.0.check_transaction_by_md5(MD5).await? {
            TxStatus::Paid(_) => Ok(()),
            other => Err(format!("unexpected answer: {other:?}").into()),
        }
    }
}

fn question() -> Result<CheckTransactionByMd5, Failure> {
    Ok(CheckTransactionByMd5::new(MD5.parse()?))
}

fn base_url(address: SocketAddr) -> Result<BaseUrl, Failure> {
    Ok(BaseUrl::new(&format!("http://{address}"))?)
}
