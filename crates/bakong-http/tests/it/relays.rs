//! The sandbox over plain HTTP, and behind relays that terminate TLS or HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::endpoint::RenewToken;
use bakong_api::khqr_core::{AccountId, Timestamp};
use bakong_api::{AccessToken, BaseUrl, Session};
use bakong_http::{HyperTransport, HyperTransportBuilder, RetryPolicy};
use bakong_sandbox::{ApiEndpoint, Customer, Sandbox, SandboxClock};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::ca::{TestCa, tls_server};
use crate::no_retry;
use crate::server::Server;

/// The e-mail address of the registered account.
pub(crate) const EMAIL: &str = "till@example.com";

/// How requests reach the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relay {
    Plain,
    Tls,
    /// TLS with HTTP/2.
    #[cfg(feature = "http2")]
    Http2,
}

impl Relay {
    pub(crate) const ALL: &[Self] = &[
        Self::Plain,
        Self::Tls,
        #[cfg(feature = "http2")]
        Self::Http2,
    ];
}

/// A sandbox with a frozen clock, and the relay in front of it.
pub(crate) struct RelayedSandbox {
    pub(crate) sandbox: Arc<Sandbox>,
    base_url: String,
    ca: Option<TestCa>,
    _relay: Option<Server>,
}

impl RelayedSandbox {
    pub(crate) async fn start(kind: Relay) -> Self {
        let clock = SandboxClock::frozen_at(Timestamp::from_millis(1_800_000_000_000));
        let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
        let address = sandbox.address();
        let ca = TestCa::new();
        let relay = match kind {
            Relay::Plain => {
                return Self {
                    base_url: sandbox.base_url(),
                    sandbox: Arc::new(sandbox),
                    ca: None,
                    _relay: None,
                };
            }
            Relay::Tls => relay(&ca, &["localhost"], 3000, address).await,
            #[cfg(feature = "http2")]
            Relay::Http2 => http2::relay(&ca, address).await,
        };
        Self {
            base_url: format!("https://localhost:{}", relay.port()),
            sandbox: Arc::new(sandbox),
            ca: Some(ca),
            _relay: Some(relay),
        }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(Relay::Plain).await
    }

    /// A transport that trusts the relay, without retries and circuit breaker. Its timeouts suffice for
    /// thousands of requests on a busy machine.
    pub(crate) fn settings(&self) -> HyperTransportBuilder {
        let settings = match &self.ca {
            Some(ca) => ca.trusting(),
            None => no_retry(),
        };
        let (short, long) = (Duration::from_secs(60), Duration::from_secs(600));
        settings
            .connect_timeout(short)
            .attempt_timeout(short)
            .request_timeout(long)
    }

    /// Like [`settings`](Self::settings), with up to three attempts and short waits.
    pub(crate) fn eager(&self) -> HyperTransportBuilder {
        let soon = Duration::from_millis(1);
        self.settings().retry(RetryPolicy::default().base(soon))
    }

    /// A session without a token that uses the sandbox's clock.
    pub(crate) fn session_over(&self, transport: HyperTransport) -> Session<HyperTransport> {
        let base_url = BaseUrl::new(&self.base_url).unwrap();
        let sandbox = Arc::clone(&self.sandbox);
        Session::new(transport, base_url).with_clock(move || sandbox.now())
    }

    /// A session without a token and without retries.
    pub(crate) fn session(&self) -> Session<HyperTransport> {
        self.session_over(self.settings().build().unwrap())
    }

    /// A session with a token, without renewal and without retries.
    pub(crate) fn session_with_token(&self) -> Session<HyperTransport> {
        self.session().with_token(self.issue_token())
    }

    pub(crate) fn issue_token(&self) -> AccessToken {
        AccessToken::new(&self.sandbox.issue_token(EMAIL)).unwrap()
    }

    pub(crate) fn customer(&self) -> Customer {
        self.sandbox.customer(AccountId::new("dara@devb").unwrap())
    }

    /// The number of requests to this endpoint.
    pub(crate) fn request_count(&self, endpoint: ApiEndpoint) -> usize {
        let requests = self.sandbox.requests();
        let matching = requests.iter().filter(|it| it.endpoint == Some(endpoint));
        matching.count()
    }
}

/// Renews the token of [`EMAIL`].
pub(crate) fn renewal() -> RenewToken {
    RenewToken::new(EMAIL).unwrap()
}

/// Terminates TLS and forwards the bytes.
pub(crate) async fn relay(ca: &TestCa, names: &[&str], until: i32, sandbox: SocketAddr) -> Server {
    tls_server(ca.acceptor(names, until), move |mut stream| async move {
        let mut bakong = TcpStream::connect(sandbox).await.unwrap();
        // Either side may close the connection at any time.
        let _ = copy_bidirectional(&mut stream, &mut bakong).await;
    })
    .await
}

#[cfg(feature = "http2")]
mod http2 {
    use std::net::SocketAddr;

    use http::header::HOST;
    use http::{HeaderValue, Request, Response, Uri, Version};
    use hyper::body::Incoming;
    use hyper::client::conn::http1::handshake;
    use hyper::server::conn::http2::Builder;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpStream;

    use crate::ca::{TestCa, tls_server};
    use crate::server::Server;

    /// Accepts only HTTP/2, and forwards each request to the sandbox.
    pub(super) async fn relay(ca: &TestCa, sandbox: SocketAddr) -> Server {
        let acceptor = ca.acceptor_of(&["localhost"], 3000, &[b"h2"]);
        tls_server(acceptor, move |stream| async move {
            let service = service_fn(move |request| forward(request, sandbox));
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        })
        .await
    }

    /// If the sandbox truncates a response, the relay resets its stream.
    async fn forward(
        mut request: Request<Incoming>,
        sandbox: SocketAddr,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = path.parse::<Uri>().unwrap();
        *request.version_mut() = Version::HTTP_11;
        let host = HeaderValue::try_from(sandbox.to_string()).unwrap();
        request.headers_mut().insert(HOST, host);
        let stream = TcpStream::connect(sandbox).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await
    }
}
