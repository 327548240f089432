//! The three sides. Each is set up as its documentation shows, with its own defaults.

use std::future::Future;
use std::net::SocketAddr;

use bakong_api::{AccessToken, BaseUrl, CheckAnswer, Endpoint, Session};
use bakong_api::endpoint::CheckTransactionByMd5;
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

/// What is asked for.
const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

/// As long as Bakong's; nobody's.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                     eyJkYXRhIjp7ImlkIjoiOTBlNmJlbmNoMjA0MSJ9LCJpYXQiOjE3OTUwMDAwMDAsImV4cCI6MTgwMjc3NjAwMH0.\
                     bm90LWEtc2lnbmF0dXJlLW5vdC1hLXNpZ25hdHVyZS0";

/// Somebody who asks whether a code was paid. No trait object and no enum: the future of each side is as
/// large as that side makes it.
pub(crate) trait Caller: Send + Sync + 'static {
    /// Asks once; an error for any answer but "paid".
    fn check(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Our client.
pub(crate) struct Ours {
    session: Session<HyperTransport>,
    question: CheckTransactionByMd5,
}

impl Ours {
    pub(crate) fn new(address: SocketAddr, reuse: bool) -> Result<Self, Failure> {
        let session = Session::new(HyperTransport::builder().reuse_http1_connections(reuse).build()?, base_url(address)?)
            .with_token(AccessToken::new(TOKEN)?);
        let question = question()?;
        Ok(Self { session, question })
    }
}

impl Caller for Ours {
    async fn check(&self) -> Result<(), Failure> {
        match self.session.send(&self.question).await? {
            CheckAnswer::Paid(_) => Ok(()),
            other => Err(format!("{other:?} is not what the server says").into()),
        }
    }
}

/// Hyper's client with its pool: the same bytes go out, and those that come are not read.
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
            Err(format!("{status} and {} bytes came", body.len()).into())
        }
    }
}

/// The crate of others.
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
            other => Err(format!("{other:?} is not what the server says").into()),
        }
    }
}

fn question() -> Result<CheckTransactionByMd5, Failure> {
    Ok(CheckTransactionByMd5::new(MD5.parse()?))
}

fn base_url(address: SocketAddr) -> Result<BaseUrl, Failure> {
    Ok(BaseUrl::new(&format!("http://{address}"))?)
}
