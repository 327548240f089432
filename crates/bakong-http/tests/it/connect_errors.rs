//! Requests that cannot be sent. The error says that they were not sent.

use std::net::{Ipv4Addr, TcpListener};

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, Transport};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::Request;

use crate::{failure, failure_text, transport};

#[tokio::test]
async fn a_refused_connection_is_a_connect_error() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let (kind, text) = failure_text(&transport(), &format!("{scheme}://{address}")).await;
        assert_eq!(kind, TransportErrorKind::Connect);
        assert!(!kind.may_have_arrived());
        assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::AskAgain);
        assert!(text.contains(&address.to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_failed_name_lookup_is_a_resolve_error() {
    // No resolver sends a label of more than 63 characters, so this fails without a network. Over TLS the name
    // would be rejected before the lookup.
    let transport = HyperTransport::builder().allow_plain_http(true).build();
    let host = format!("{}.invalid", "x".repeat(64));
    let (kind, text) = failure_text(&transport.unwrap(), &format!("http://{host}")).await;
    assert_eq!(kind, TransportErrorKind::Resolve, "{text}");
    assert!(!kind.may_have_arrived());
    assert!(text.contains(&host), "{text}");
}

#[tokio::test]
async fn an_invalid_host_name_is_an_invalid_request() {
    let error = failure(&transport(), "https://bakong..invalid").await;
    assert_eq!(error.kind(), TransportErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains("bakong..invalid"), "{error}");
}

#[tokio::test]
async fn only_http_and_https_urls_can_be_sent() {
    for uri in [
        "/v1/verify",
        "127.0.0.1:80",
        "ftp://127.0.0.1/v1/verify",
        "*",
    ] {
        let request = Request::post(uri).body(Bytes::new()).unwrap();
        let error = transport().send(request).await.unwrap_err();
        let kind = error.kind();
        assert_eq!(kind, TransportErrorKind::InvalidRequest, "{uri}: {error}");
    }
}
