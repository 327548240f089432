//! Nobody is there to ask: the request was not sent, and the error says so.

use std::net::{Ipv4Addr, TcpListener};

use bakong_api::transport::TransportErrorKind;
use bakong_api::{ErrorClass, Remedy, Transport};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::Request;

use crate::{failure, kind_and_text, transport};

#[tokio::test]
async fn where_nothing_listens_no_connection_comes_about() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (kind, text) = kind_and_text(&transport(), &format!("http://{address}")).await;
    assert_eq!(kind, TransportErrorKind::Connect);
    assert!(!kind.may_have_arrived());
    assert_eq!(ErrorClass::Transport(kind).remedy(), Remedy::AskAgain);
    // Which of several is down, a person tells by the port.
    assert!(text.contains(&address.to_string()), "{text}");
}

#[tokio::test]
async fn a_host_without_an_address_is_told_from_one_that_is_down() {
    // No resolver sends a label of more than 63 characters anywhere, so this fails by itself. TLS would
    // refuse such a name before it is looked up.
    let transport = HyperTransport::builder().allow_plain_http(true).build();
    let host = format!("{}.invalid", "x".repeat(64));
    let (kind, text) = kind_and_text(&transport.unwrap(), &format!("http://{host}")).await;
    assert_eq!(kind, TransportErrorKind::Resolve, "{text}");
    assert!(!kind.may_have_arrived());
    assert!(text.contains(&host), "{text}");
}

#[tokio::test]
async fn a_host_that_cannot_be_one_is_refused_for_good() {
    let error = failure(&transport(), "https://bakong..invalid").await;
    assert_eq!(error.kind(), TransportErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains("bakong..invalid"), "{error}");
}

#[tokio::test]
async fn only_http_and_https_to_a_host_can_be_sent() {
    for uri in [
        "/v1/verify",
        "127.0.0.1:80",
        "ftp://127.0.0.1/v1/verify",
        "*",
    ] {
        let request = Request::post(uri).body(Bytes::new()).unwrap();
        let error = transport().send(request).await.unwrap_err();
        assert_eq!(
            error.kind(),
            TransportErrorKind::InvalidRequest,
            "{uri}: {error}"
        );
    }
}
