//! What stands between a session and Bakong: proxies, certificates, and what becomes of the token meanwhile.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::token::{MemoryTokenStore, TokenState, TokenStore};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{BaseUrl, CheckAnswer, ErrorClass, Remedy, Session};
use bakong_http::HyperTransport;

use crate::authority::Authority;
use crate::once;
use crate::questions::code;
use crate::server::Server;
use crate::ways::{Bakong, relay, renewal};

/// A session whose token has expired and that can renew it, and what it asks.
fn expired(
    bakong: &Bakong,
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

/// That a session can neither ask nor renew, that nothing reached Bakong, and how often it tried to connect.
async fn is_stopped(
    bakong: &Bakong,
    (session, check): &(Session<HyperTransport>, CheckTransactionByMd5),
    kind: TransportErrorKind,
    server: &Server,
) {
    let class = ErrorClass::Transport(kind);
    for _ in 0..3 {
        let error = session.send(check).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(error.is_of_renewal(), "{error}");
        assert_eq!(error.class().remedy(), Remedy::Attention);
        assert!(!format!("{error} {error:?}").contains("eyJ"));
    }
    assert_eq!(server.accepted(), 1, "the pause is kept");
    assert!(bakong.sandbox.requests().is_empty());
    assert_eq!(session.token_state(), TokenState::Expired);
}

async fn is_not_believed(authority: &Authority, names: &[&str], until: i32) {
    let bakong = Bakong::plain().await;
    let relay = relay(authority, names, until, bakong.sandbox.address()).await;
    let url = format!("https://localhost:{}", relay.port());
    let asked = expired(&bakong, authority.trusted(), &url);
    is_stopped(&bakong, &asked, TransportErrorKind::Tls, &relay).await;
}

#[tokio::test]
async fn an_expired_certificate_gets_neither_the_token_nor_the_address() {
    is_not_believed(&Authority::new(), &["localhost"], 2020).await;
}

#[tokio::test]
async fn another_host_s_certificate_gets_neither() {
    is_not_believed(&Authority::new(), &["bakong.example"], 3000).await;
}

#[tokio::test]
async fn an_authority_that_nobody_knows_gets_neither() {
    let bakong = Bakong::plain().await;
    let address = bakong.sandbox.address();
    let relay = relay(&Authority::new(), &["localhost"], 3000, address).await;
    let url = format!("https://localhost:{}", relay.port());
    let asked = expired(&bakong, Authority::new().trusted(), &url);
    is_stopped(&bakong, &asked, TransportErrorKind::Tls, &relay).await;
}

#[tokio::test]
async fn a_certificate_that_is_mended_needs_no_other_transport() {
    let authority = Authority::new();
    let bakong = Bakong::plain().await;
    let address = bakong.sandbox.address();
    let old = relay(&authority, &["localhost"], 2020, address).await;
    let transport = authority.trusted();
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
    let new = relay(&authority, &["localhost"], 3000, address).await;
    let sandbox = Arc::clone(&bakong.sandbox);
    let session = session(&new).with_clock(move || sandbox.now());
    assert_eq!(session.send(&check).await.unwrap(), CheckAnswer::NotFound);
    assert_eq!(bakong.sandbox.requests().len(), 1);
}

#[cfg(feature = "proxy")]
mod proxies {
    use bakong_sandbox::{ApiEndpoint, Fault};

    use super::*;
    use crate::proxies::{HOST, proxy_to, refusing};

    fn through(authority: &Authority, proxy: &Server) -> HyperTransport {
        let address = format!("http://sokha:hidden@127.0.0.1:{}", proxy.port());
        let builder = authority.trusting().proxy(&address).unwrap();
        builder.build().unwrap()
    }

    #[tokio::test]
    async fn a_token_is_renewed_and_a_payment_found_through_a_proxy() {
        let authority = Authority::new();
        let bakong = Bakong::plain().await;
        let relay = relay(&authority, &[HOST], 3000, bakong.sandbox.address()).await;
        let (proxy, heads) = proxy_to(relay.port()).await;
        let transport = through(&authority, &proxy);
        let (session, check) = expired(&bakong, transport, &format!("https://{HOST}"));
        for _ in 0..3 {
            let answer = session.send(&check).await.unwrap();
            assert!(matches!(answer, CheckAnswer::Paid(_)), "{answer:?}");
        }
        assert_eq!(bakong.asked(ApiEndpoint::RenewToken), 1);
        assert_eq!(bakong.sandbox.requests().len(), 4);
        assert_eq!(heads.all().len(), 1, "one tunnel serves all");

        // A connection that breaks in the tunnel is one that breaks.
        bakong.sandbox.fault(Fault::own_answer().truncated_to(20));
        let error = session.send(&check).await.unwrap_err();
        let class = ErrorClass::Transport(TransportErrorKind::Interrupted);
        assert_eq!(error.class(), class, "{error}");
        let answer = session.send(&check).await.unwrap();
        assert!(matches!(answer, CheckAnswer::Paid(_)), "{answer:?}");
        assert_eq!(heads.all().len(), 2);
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_told_to_somebody_and_not_asked_on() {
        for answer in [
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\n\r\n",
        ] {
            let bakong = Bakong::plain().await;
            let proxy = refusing(answer).await;
            let transport = through(&Authority::new(), &proxy);
            let asked = expired(&bakong, transport, &format!("https://{HOST}"));
            is_stopped(&bakong, &asked, TransportErrorKind::Proxy, &proxy).await;
        }
    }
}

#[tokio::test]
async fn plain_http_to_another_machine_is_not_sent() {
    let bakong = Bakong::plain().await;
    let transport = once().build().unwrap();
    let (session, check) = expired(&bakong, transport, "http://bakong.example");
    let error = session.send(&check).await.unwrap_err();
    let class = ErrorClass::Transport(TransportErrorKind::NotAllowed);
    assert_eq!(error.class(), class, "{error}");
    assert!(error.is_of_renewal());
    assert_eq!(error.class().remedy(), Remedy::Attention);
}
