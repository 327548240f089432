//! Proxies and certificates between a session and Bakong, and the effects on the session's token.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::token::{MemoryTokenStore, TokenState, TokenStore};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{BaseUrl, CheckAnswer, ErrorClass, Remedy, Session};
use bakong_http::HyperTransport;

use crate::ca::TestCa;
use crate::no_retry;
use crate::relays::{RelayedSandbox, relay, renewal};
use crate::requests::code;
use crate::server::Server;

/// A session with an expired token that can be renewed, and a check of a paid code.
fn expired(
    bakong: &RelayedSandbox,
    transport: HyperTransport,
    base_url: &str,
) -> (Session<HyperTransport>, CheckTransactionByMd5) {
    let token = bakong.issue_token();
    bakong.sandbox.advance(Duration::from_secs(91 * 86_400));
    let code = code(1, bakong.sandbox.now());
    let payment = bakong.customer().pay(&code).unwrap();
    let sandbox = Arc::clone(&bakong.sandbox);
    let session = Session::new(transport, BaseUrl::new(base_url).unwrap())
        .with_clock(move || sandbox.now())
        .with_token(token)
        .with_renewal(renewal());
    (session, CheckTransactionByMd5::new(payment.md5()))
}

/// Asserts that a check and a renewal fail with this kind, that the renewal is attempted once, and that nothing reaches
/// the sandbox.
async fn assert_stopped(
    bakong: &RelayedSandbox,
    transport: HyperTransport,
    base_url: &str,
    kind: TransportErrorKind,
    server: &Server,
) {
    let (session, check) = expired(bakong, transport.clone(), base_url);
    let error = session.send(&check).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transport(kind), "{error}");
    assert!(!format!("{error} {error:?}").contains("eyJ"));
    assert_eq!(session.token_state(), TokenState::Expired);

    // Without a token, the first request is a renewal.
    let before = server.accepted();
    let session = Session::new(transport, BaseUrl::new(base_url).unwrap()).with_renewal(renewal());
    for _ in 0..3 {
        let error = session.send(&check).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transport(kind), "{error}");
        assert!(error.is_of_renewal(), "{error}");
        assert_eq!(error.class().remedy(), Remedy::Attention);
    }
    assert_eq!(server.accepted(), before + 1, "no attempt within the pause");
    assert!(bakong.sandbox.requests().is_empty());
}

#[tokio::test]
async fn an_invalid_certificate_receives_neither_token_nor_address() {
    let (ca, unknown) = (TestCa::new(), TestCa::new());
    for (signer, name, until) in [
        (&ca, "localhost", 2020),
        (&ca, "bakong.example", 3000),
        (&unknown, "localhost", 3000),
    ] {
        let bakong = RelayedSandbox::plain().await;
        let relay = relay(signer, &[name], until, bakong.sandbox.address()).await;
        let url = format!("https://localhost:{}", relay.port());
        let kind = TransportErrorKind::Tls;
        assert_stopped(&bakong, ca.trusted(), &url, kind, &relay).await;
    }
}

#[tokio::test]
async fn a_transport_works_again_after_a_certificate_is_replaced() {
    let ca = TestCa::new();
    let bakong = RelayedSandbox::plain().await;
    let address = bakong.sandbox.address();
    let old = relay(&ca, &["localhost"], 2020, address).await;
    let transport = ca.trusted();
    let token = bakong.issue_token();
    let store = Arc::new(MemoryTokenStore::new());
    store.save(&token).await.unwrap();
    let check = CheckTransactionByMd5::new(crate::MD5.parse().unwrap());
    let session = |relay: &Server| {
        let url = format!("https://localhost:{}", relay.port());
        Session::new(transport.clone(), BaseUrl::new(&url).unwrap())
            .with_token_store(Arc::clone(&store))
    };
    let error = session(&old).send(&check).await.unwrap_err();
    let class = ErrorClass::Transport(TransportErrorKind::Tls);
    assert_eq!(error.class(), class, "{error}");
    let new = relay(&ca, &["localhost"], 3000, address).await;
    let sandbox = Arc::clone(&bakong.sandbox);
    let session = session(&new).with_clock(move || sandbox.now());
    assert_eq!(session.send(&check).await.unwrap(), CheckAnswer::NotFound);
    assert_eq!(bakong.sandbox.requests().len(), 1);
}

#[cfg(feature = "proxy")]
mod proxies {
    use bakong_http::HyperTransportBuilder;
    use bakong_sandbox::{ApiEndpoint, Fault};

    use super::*;
    use crate::proxies::{HOST, proxy_to, refusing};

    fn through(builder: HyperTransportBuilder, proxy: &Server) -> HyperTransport {
        let address = format!("http://sokha:hidden@127.0.0.1:{}", proxy.port());
        builder.proxy(&address).unwrap().build().unwrap()
    }

    #[tokio::test]
    async fn a_token_is_renewed_through_a_proxy() {
        let ca = TestCa::new();
        let bakong = RelayedSandbox::plain().await;
        let relay = relay(&ca, &[HOST], 3000, bakong.sandbox.address()).await;
        let (proxy, heads) = proxy_to(relay.port()).await;
        let transport = through(ca.trusting().reuse_http1_connections(true), &proxy);
        let (session, check) = expired(&bakong, transport, &format!("https://{HOST}"));
        for _ in 0..3 {
            let answer = session.send(&check).await.unwrap();
            assert!(matches!(answer, CheckAnswer::Paid(_)), "{answer:?}");
        }
        assert_eq!(bakong.request_count(ApiEndpoint::RenewToken), 1);
        // The first check had the expired token.
        assert_eq!(bakong.sandbox.requests().len(), 5);
        assert_eq!(heads.all().len(), 1, "all requests use one tunnel");

        bakong.sandbox.fault(Fault::own_answer().truncated_to(20));
        let error = session.send(&check).await.unwrap_err();
        let class = ErrorClass::Transport(TransportErrorKind::Interrupted);
        assert_eq!(error.class(), class, "{error}");
        let answer = session.send(&check).await.unwrap();
        assert!(matches!(answer, CheckAnswer::Paid(_)), "{answer:?}");
        assert_eq!(heads.all().len(), 2);
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_reported_and_not_asked_again() {
        for response in [
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\n\r\n",
        ] {
            let bakong = RelayedSandbox::plain().await;
            let proxy = refusing(response).await;
            let transport = through(TestCa::new().trusting(), &proxy);
            let (url, kind) = (format!("https://{HOST}"), TransportErrorKind::Proxy);
            assert_stopped(&bakong, transport, &url, kind, &proxy).await;
        }
    }
}

#[tokio::test]
async fn plain_http_to_another_machine_receives_nothing() {
    let bakong = RelayedSandbox::plain().await;
    let transport = no_retry().build().unwrap();
    let (session, check) = expired(&bakong, transport, "http://bakong.example");
    let error = session.send(&check).await.unwrap_err();
    let class = ErrorClass::Transport(TransportErrorKind::NotAllowed);
    assert_eq!(error.class(), class, "{error}");
    assert_eq!(error.class().remedy(), Remedy::Attention);
}
