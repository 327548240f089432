//! The sandbox as a session reaches it: over plain HTTP, and through a relay that speaks TLS.

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

use crate::authority::{Authority, tls_server};
use crate::once;
use crate::server::Server;

/// The address that is registered wherever a token was issued.
pub(crate) const EMAIL: &str = "till@example.com";

/// How requests come to the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Plain,
    Tls,
    /// TLS, in which HTTP/2 was agreed on.
    #[cfg(feature = "http2")]
    Http2,
}

impl Way {
    pub(crate) const ALL: &[Self] = &[
        Self::Plain,
        Self::Tls,
        #[cfg(feature = "http2")]
        Self::Http2,
    ];
}

/// A sandbox whose clock stands still, and the way to it.
pub(crate) struct Bakong {
    pub(crate) sandbox: Arc<Sandbox>,
    base_url: String,
    authority: Option<Authority>,
    _relay: Option<Server>,
}

impl Bakong {
    pub(crate) async fn start(way: Way) -> Self {
        let clock = SandboxClock::frozen_at(Timestamp::from_millis(1_800_000_000_000));
        let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
        let address = sandbox.address();
        let authority = Authority::new();
        let relay = match way {
            Way::Plain => {
                return Self {
                    base_url: sandbox.base_url(),
                    sandbox: Arc::new(sandbox),
                    authority: None,
                    _relay: None,
                };
            }
            Way::Tls => relay(&authority, &["localhost"], 3000, address).await,
            #[cfg(feature = "http2")]
            Way::Http2 => http2::relay(&authority, address).await,
        };
        Self {
            base_url: format!("https://localhost:{}", relay.port()),
            sandbox: Arc::new(sandbox),
            authority: Some(authority),
            _relay: Some(relay),
        }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(Way::Plain).await
    }

    /// Settings of a transport that trusts the relay, sends once, gives no host up, and has time enough for a
    /// crowd on a busy machine.
    pub(crate) fn settings(&self) -> HyperTransportBuilder {
        let settings = match &self.authority {
            Some(authority) => authority.trusting(),
            None => once(),
        };
        let (short, long) = (Duration::from_secs(60), Duration::from_secs(600));
        settings
            .connect_timeout(short)
            .attempt_timeout(short)
            .request_timeout(long)
    }

    /// The same that sends three times, if it may, and hardly waits in between.
    pub(crate) fn eager(&self) -> HyperTransportBuilder {
        let soon = Duration::from_millis(1);
        self.settings().retry(RetryPolicy::default().base(soon))
    }

    /// A session that goes by the sandbox's clock and has no token.
    pub(crate) fn session_over(&self, transport: HyperTransport) -> Session<HyperTransport> {
        let base_url = BaseUrl::new(&self.base_url).unwrap();
        let sandbox = Arc::clone(&self.sandbox);
        Session::new(transport, base_url).with_clock(move || sandbox.now())
    }

    /// Such a session that sends everything once.
    pub(crate) fn session(&self) -> Session<HyperTransport> {
        self.session_over(self.settings().build().unwrap())
    }

    /// One that has a token, and cannot renew it.
    pub(crate) fn session_with_token(&self) -> Session<HyperTransport> {
        self.session().with_token(self.issue_token())
    }

    pub(crate) fn issue_token(&self) -> AccessToken {
        AccessToken::new(&self.sandbox.issue_token(EMAIL)).unwrap()
    }

    pub(crate) fn customer(&self) -> Customer {
        self.sandbox.customer(AccountId::new("dara@devb").unwrap())
    }

    /// How many requests of this kind came.
    pub(crate) fn asked(&self, endpoint: ApiEndpoint) -> usize {
        let requests = self.sandbox.requests();
        let such = requests.iter().filter(|it| it.endpoint == Some(endpoint));
        such.count()
    }
}

/// What renews the token of [`EMAIL`].
pub(crate) fn renewal() -> RenewToken {
    RenewToken::new(EMAIL).unwrap()
}

/// Ends TLS, and passes on what is in it.
pub(crate) async fn relay(
    authority: &Authority,
    names: &[&str],
    until: i32,
    sandbox: SocketAddr,
) -> Server {
    tls_server(
        authority.acceptor(names, until),
        move |mut stream| async move {
            let mut bakong = TcpStream::connect(sandbox).await.unwrap();
            // Either side may leave in the midst.
            let _ = copy_bidirectional(&mut stream, &mut bakong).await;
        },
    )
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

    use crate::authority::{Authority, tls_server};
    use crate::server::Server;

    /// Takes HTTP/2 alone, and asks the sandbox what it is asked.
    pub(super) async fn relay(authority: &Authority, sandbox: SocketAddr) -> Server {
        let acceptor = authority.acceptor_of(&["localhost"], 3000, &[b"h2"]);
        tls_server(acceptor, move |stream| async move {
            let service = service_fn(move |asked| pass_on(asked, sandbox));
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        })
        .await
    }

    /// An answer that breaks off at the sandbox breaks off its stream.
    async fn pass_on(
        mut asked: Request<Incoming>,
        sandbox: SocketAddr,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let path = asked.uri().path().to_owned();
        *asked.uri_mut() = path.parse::<Uri>().unwrap();
        *asked.version_mut() = Version::HTTP_11;
        let host = HeaderValue::try_from(sandbox.to_string()).unwrap();
        asked.headers_mut().insert(HOST, host);
        let stream = TcpStream::connect(sandbox).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(asked).await
    }
}
