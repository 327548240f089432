//! Unencrypted requests: the addresses to which they are allowed.

use bakong_api::transport::TransportErrorKind;
use bakong_http::HyperTransport;

use crate::server::{answering, ok};
use crate::{failure, failure_text, send_check, transport};

#[tokio::test]
async fn plain_http_to_another_machine_is_rejected() {
    for url in [
        "http://10.0.0.1",
        "http://192.0.2.1:8080/bakong",
        "http://localhost.example",
        "http://127.0.0.1.nip.example",
        "http://[2001:db8::1]",
        "http://api-bakong.nbc.org.kh",
    ] {
        let (kind, text) = failure_text(&transport(), url).await;
        assert_eq!(kind, TransportErrorKind::NotAllowed, "{url}");
        assert!(!kind.may_have_arrived());
        assert!(
            text.contains("https") && text.contains("allow_plain_http"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn plain_http_to_this_machine_is_always_allowed() {
    let (server, received) = answering(ok("{}")).await;
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let url = format!("http://{host}:{}", server.port());
        send_check(&transport(), &url).await.unwrap();
    }
    assert_eq!(received.all().len(), 3);
    // No server listens on this address, and IPv6 may be unavailable. The attempt shows that the
    // address is allowed.
    let error = failure(&transport(), "http://[::1]:1").await;
    assert_eq!(error.kind(), TransportErrorKind::Connect, "{error}");
}

/// `0.0.0.0` is not a loopback address, but connects to this machine, so the server sees a request that is sent
/// by mistake.
#[cfg(unix)]
#[tokio::test]
async fn allow_plain_http_permits_other_machines() {
    let (server, received) = answering(ok("{}")).await;
    let url = format!("http://0.0.0.0:{}", server.port());
    let error = failure(&transport(), &url).await;
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    assert_eq!((server.accepted(), received.all().len()), (0, 0));
    let allowed = HyperTransport::builder()
        .allow_plain_http(true)
        .build()
        .unwrap();
    send_check(&allowed, &url).await.unwrap();
    assert_eq!((server.accepted(), received.all().len()), (1, 1));
}
