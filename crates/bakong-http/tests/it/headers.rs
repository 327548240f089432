//! What goes out beside the body.

use bakong_api::{ErrorClass, Session, Transport};
use bakong_http::HyperTransport;

use crate::server::{Asked, answering, ok};
use crate::{MD5, TOKEN, ask, request, token, transport};

async fn sent_by(transport: &HyperTransport) -> Asked {
    let (server, received) = answering(ok("{}")).await;
    ask(transport, &server.url()).await.unwrap();
    let asked = received.all().remove(0);
    assert_eq!(asked.headers("host"), [server.url().replace("http://", "")]);
    asked
}

#[tokio::test]
async fn a_check_goes_out_whole_and_with_each_header_once() {
    let asked = sent_by(&transport()).await;
    let line = asked.head.lines().next();
    assert_eq!(line, Some("POST /v1/check_transaction_by_md5 HTTP/1.1"));
    assert_eq!(asked.body, format!(r#"{{"md5":"{MD5}"}}"#));
    assert_eq!(asked.headers("authorization"), [format!("Bearer {TOKEN}")]);
    assert_eq!(asked.headers("content-type"), ["application/json"]);
    assert_eq!(asked.headers("accept"), ["application/json"]);
    assert_eq!(
        asked.headers("content-length"),
        [asked.body.len().to_string()]
    );
    assert!(asked.headers("transfer-encoding").is_empty());
}

#[tokio::test]
async fn there_is_always_a_user_agent() {
    let version = env!("CARGO_PKG_VERSION");
    let asked = sent_by(&transport()).await;
    assert_eq!(
        asked.headers("user-agent"),
        [format!("bakong-http/{version}")]
    );

    let till = HyperTransport::builder().user_agent("till/1.0 (shop 7)");
    let asked = sent_by(&till.build().unwrap()).await;
    assert_eq!(asked.headers("user-agent"), ["till/1.0 (shop 7)"]);
}

#[tokio::test]
async fn a_request_that_names_itself_keeps_its_name() {
    let (server, received) = answering(ok("{}")).await;
    let mut named = request(&server.url());
    let name = http::HeaderValue::from_static("till/2");
    named.headers_mut().insert("user-agent", name);
    transport().send(named).await.unwrap();
    assert_eq!(received.all()[0].headers("user-agent"), ["till/2"]);
}

#[tokio::test]
async fn the_transport_chooses_the_version_of_http() {
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
    for asked in received.all() {
        let line = asked.head.lines().next().unwrap();
        assert!(line.ends_with("HTTP/1.1"), "{line}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_the_token_stays() {
    let (elsewhere, _) = answering(ok("{}")).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Gone",
    ] {
        let target = elsewhere.url();
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {target}/v1\r\nContent-Length: 0\r\n\r\n");
        let (server, received) = answering(answer).await;
        let response = ask(&transport(), &server.url()).await.unwrap();
        assert!(response.status().is_redirection());
        let base_url: bakong_api::BaseUrl = server.url().parse().unwrap();
        let session = Session::new(transport(), base_url).with_token(token());
        let check = bakong_api::endpoint::CheckTransactionByMd5::new(MD5.parse().unwrap());
        let error = session.send(&check).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Malformed);
        assert_eq!(received.all().len(), 2);
    }
    assert_eq!(elsewhere.accepted(), 0);
}
