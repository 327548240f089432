//! Where a request may go out unencrypted.

use bakong_api::transport::TransportErrorKind;
use bakong_http::HyperTransport;

use crate::server::{answering, ok};
use crate::{ask, failure, kind_and_text, transport};

#[tokio::test]
async fn another_machine_gets_nothing() {
    for url in [
        "http://10.0.0.1",
        "http://192.0.2.1:8080/bakong",
        "http://localhost.example",
        "http://127.0.0.1.nip.example",
        "http://[2001:db8::1]",
        "http://api-bakong.nbc.org.kh",
    ] {
        let (kind, text) = kind_and_text(&transport(), url).await;
        assert_eq!(kind, TransportErrorKind::NotAllowed, "{url}");
        assert!(!kind.may_have_arrived());
        assert!(
            text.contains("https") && text.contains("allow_plain_http"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn this_machine_is_asked_without_leave() {
    let (server, received) = answering(ok("{}")).await;
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let url = format!("http://{host}:{}", server.port());
        ask(&transport(), &url).await.unwrap();
    }
    assert_eq!(received.all().len(), 3);
    // There may be no IPv6 here, and then nobody answers; what counts is that it was tried.
    let error = failure(&transport(), "http://[::1]:1").await;
    assert_eq!(error.kind(), TransportErrorKind::Connect, "{error}");
}

/// `0.0.0.0` is no loopback address by its number, and yet this machine: what is sent there by mistake
/// can be seen.
#[cfg(unix)]
#[tokio::test]
async fn leave_makes_the_difference() {
    let (server, received) = answering(ok("{}")).await;
    let url = format!("http://0.0.0.0:{}", server.port());
    let error = failure(&transport(), &url).await;
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    assert_eq!((server.accepted(), received.all().len()), (0, 0));
    let allowed = HyperTransport::builder()
        .allow_plain_http(true)
        .build()
        .unwrap();
    ask(&allowed, &url).await.unwrap();
    assert_eq!((server.accepted(), received.all().len()), (1, 1));
}
