//! What is sent, and what is refused before it is.

use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken, RequestToken, TokenUse, Verify};
use bakong_api::transport::transport_fn;
use bakong_api::{AccessToken, BaseUrl, Endpoint, Environment, ErrorClass, Session};
use http::header::AUTHORIZATION;

use crate::answer;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

fn check() -> CheckTransactionByMd5 {
    CheckTransactionByMd5::new("d60f3db96913029a2af979a1662c1e72".parse().unwrap())
}

#[test]
fn a_check_carries_the_token_and_its_metadata() {
    let token = AccessToken::new(JWT).unwrap();
    let request = check()
        .to_request(&Environment::Sit.into(), Some(&token))
        .unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://sit-api-bakong.nbc.org.kh/v1/check_transaction_by_md5"
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {JWT}"));
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
    assert_eq!(
        &request.body()[..],
        br#"{"md5":"d60f3db96913029a2af979a1662c1e72"}"#
    );
    let info = CheckTransactionByMd5::INFO;
    assert_eq!(request.extensions().get(), Some(&info));
    assert!(info.repeatable && info.token == TokenUse::Required);
}

#[test]
fn without_a_token_nothing_is_sent() {
    let error = check()
        .to_request(&Environment::Sit.into(), None)
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
}

#[test]
fn the_token_s_endpoints_need_none_and_are_sent_once() {
    let base = BaseUrl::new("http://127.0.0.1:1").unwrap();
    let request = RequestToken::new("a@b.kh", "Org", "Shop \"1\"").unwrap();
    let request = request.to_request(&base, None).unwrap();
    assert_eq!(
        &request.body()[..],
        br#"{"email":"a@b.kh","organization":"Org","project":"Shop \"1\""}"#
    );
    let request = Verify::new(" 0123456789abcdefghij\n").unwrap();
    assert!(!format!("{request:?}").contains("0123"));
    let request = request.to_request(&base, None).unwrap();
    assert_eq!(&request.body()[..], br#"{"code":"0123456789abcdefghij"}"#);
    let request = RenewToken::new("a@b.kh")
        .unwrap()
        .to_request(&base, None)
        .unwrap();
    assert_eq!(&request.body()[..], br#"{"email":"a@b.kh"}"#);
    for info in [RequestToken::INFO, Verify::INFO, RenewToken::INFO] {
        assert!(!info.repeatable && info.token == TokenUse::None, "{info:?}");
    }
}

#[test]
fn limits_of_the_reference_hold_by_construction() {
    let (name, long) = ("x".repeat(100), "x".repeat(101));
    assert!(RequestToken::new("a@b", &name, &name).is_ok());
    let field = |email: &str, organization: &str, project: &str| {
        RequestToken::new(email, organization, project)
            .unwrap_err()
            .field()
    };
    assert_eq!(field("", "o", "p"), "email");
    assert_eq!(field("nobody", "o", "p"), "email");
    assert_eq!(field("0123456789012345678901234@abcde", "o", "p"), "email");
    assert_eq!(field("a@b", "", "p"), "organization");
    assert_eq!(field("a@b", &long, "p"), "organization");
    assert_eq!(field("a@b", "o", ""), "project");
    assert_eq!(field("a@b", "o", &long), "project");
    assert!(Verify::new("0123456789abcdefghi").is_err());
    assert!(Verify::new("0123456789abcdefghijk").is_err());
}

#[test]
fn a_session_puts_the_two_together() {
    let transport = transport_fn(|request: http::Request<bytes::Bytes>| async move {
        assert_eq!(
            request.uri(),
            "http://127.0.0.1:1/v1/check_transaction_by_md5"
        );
        Ok(answer(401, ""))
    });
    let token = AccessToken::new(JWT).unwrap();
    let session = Session::new(transport, BaseUrl::new("http://127.0.0.1:1").unwrap());
    assert_eq!(
        block_on(session.send(&check())).unwrap_err().class(),
        ErrorClass::Unauthorized
    );
    let session = session.with_token(token);
    assert!(!format!("{session:?}").contains("eyJ"));
    let error = block_on(session.send(&check())).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
}

/// Runs a future that never waits.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}
