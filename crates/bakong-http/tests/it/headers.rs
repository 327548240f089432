//! The head of a request, and redirects.

use bakong_api::{ErrorClass, Session, Transport};
use bakong_http::HyperTransport;

use crate::server::{ReceivedRequest, answering, ok};
use crate::{MD5, TOKEN, request, send_check, token, transport};

/// Sends a check and returns what the server received.
async fn sent_by(transport: &HyperTransport) -> ReceivedRequest {
    let (server, received) = answering(ok("{}")).await;
    send_check(transport, &server.url()).await.unwrap();
    let sent = received.all().remove(0);
    assert_eq!(sent.headers("host"), [server.url().replace("http://", "")]);
    sent
}

#[tokio::test]
async fn a_check_has_each_header_once() {
    let sent = sent_by(&transport()).await;
    let line = sent.head.lines().next();
    assert_eq!(line, Some("POST /v1/check_transaction_by_md5 HTTP/1.1"));
    assert_eq!(sent.body, format!(r#"{{"md5":"{MD5}"}}"#));
    assert_eq!(sent.headers("authorization"), [format!("Bearer {TOKEN}")]);
    assert_eq!(sent.headers("content-type"), ["application/json"]);
    assert_eq!(sent.headers("accept"), ["application/json"]);
    // The client cannot read a compressed answer.
    assert_eq!(sent.headers("accept-encoding"), ["identity"]);
    let length = sent.body.len().to_string();
    assert_eq!(sent.headers("content-length"), [length]);
    assert!(sent.headers("transfer-encoding").is_empty());
}

#[tokio::test]
async fn every_request_has_a_user_agent() {
    let default = concat!("bakong-http/", env!("CARGO_PKG_VERSION"));
    let sent = sent_by(&transport()).await;
    assert_eq!(sent.headers("user-agent"), [default]);

    let till = HyperTransport::builder().user_agent("till/1.0 (shop 7)");
    let sent = sent_by(&till.build().unwrap()).await;
    assert_eq!(sent.headers("user-agent"), ["till/1.0 (shop 7)"]);

    let (server, received) = answering(ok("{}")).await;
    let mut named = request(&server.url());
    let name = http::HeaderValue::from_static("till/2");
    named.headers_mut().insert("user-agent", name);
    transport().send(named).await.unwrap();
    assert_eq!(received.all()[0].headers("user-agent"), ["till/2"]);
}

#[tokio::test]
async fn the_transport_selects_the_http_version() {
    let (server, received) = answering(ok("{}")).await;
    for version in [
        http::Version::HTTP_10,
        http::Version::HTTP_2,
        http::Version::HTTP_3,
    ] {
        let mut request = request(&server.url());
        *request.version_mut() = version;
        transport().send(request).await.unwrap();
    }
    for sent in received.all() {
        let line = sent.head.lines().next().unwrap();
        assert!(line.ends_with("HTTP/1.1"), "{line}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (redirect_target, _) = answering(ok("{}")).await;
    for status in [301, 302, 307, 308] {
        let location = format!("Location: {}/v1\r\n", redirect_target.url());
        let (server, received) = answering(crate::server::status(status, &location)).await;
        let response = send_check(&transport(), &server.url()).await.unwrap();
        assert!(response.status().is_redirection());
        let base_url: bakong_api::BaseUrl = server.url().parse().unwrap();
        let session = Session::new(transport(), base_url).with_token(token());
        let check = bakong_api::endpoint::CheckTransactionByMd5::new(MD5.parse().unwrap());
        let error = session.send(&check).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Malformed);
        let address = format!("{}/v1,", redirect_target.url());
        assert!(error.to_string().contains(&address), "{error}");
        assert_eq!(received.all().len(), 2);
    }
    assert_eq!(redirect_target.accepted(), 0);
}

/// The text of the error of a check that gets this response.
async fn error_text(response: &str) -> String {
    let (server, _) = answering(response).await;
    let base_url: bakong_api::BaseUrl = server.url().parse().unwrap();
    let session = Session::new(transport(), base_url).with_token(token());
    let check = bakong_api::endpoint::CheckTransactionByMd5::new(MD5.parse().unwrap());
    session.send(&check).await.unwrap_err().to_string()
}

#[tokio::test]
async fn the_address_of_a_redirect_is_shown_without_secrets() {
    for location in [
        "https://user:secret@new.example/v1",
        "https://new.example/v1?token=secret",
        "https://new.example/v1#secret",
    ] {
        let response = crate::server::status(308, &format!("Location: {location}\r\n"));
        let text = error_text(&response).await;
        assert!(text.contains("https://new.example/v1,"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let token = format!("Location: https://new.example/{TOKEN}\r\n");
    let text = error_text(&crate::server::status(302, &token)).await;
    assert!(!text.contains(TOKEN), "{text}");
}

#[tokio::test]
async fn the_encoding_of_an_answer_that_cannot_be_read_is_named() {
    for (header, named) in [
        ("gzip", "Content-Encoding gzip,"),
        ("br", "Content-Encoding br,"),
        ("g\tz", "Content-Encoding g"),
    ] {
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {header}\r\nContent-Length: 4\r\n\r\n\x1f\x08??"
        );
        let text = error_text(&response).await;
        assert!(text.contains(named), "{text}");
        assert!(!text.contains('\t'), "{text}");
    }
}
