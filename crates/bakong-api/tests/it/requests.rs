//! The requests that are sent, and the fields that are rejected before sending.

use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken, RequestToken, TokenUse, Verify};
use bakong_api::{AccessToken, Endpoint, Environment};
use http::header::AUTHORIZATION;

use crate::question;

#[test]
fn a_check_carries_the_token_and_its_endpoint() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
    let token = AccessToken::new(jwt).unwrap();
    let request = question()
        .to_request(&Environment::Sit.into(), Some(&token))
        .unwrap();
    assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {jwt}"));
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
    let info = CheckTransactionByMd5::INFO;
    assert_eq!(request.extensions().get(), Some(&info));
    assert!(info.repeatable && info.token == TokenUse::Required);
    for info in [RequestToken::INFO, Verify::INFO, RenewToken::INFO] {
        assert!(!info.repeatable && info.token == TokenUse::None, "{info:?}");
    }
}

#[test]
fn fields_are_escaped_trimmed_and_redacted() {
    let base = Environment::Sit.into();
    let request = RequestToken::new("a@b.kh", "Org", "Shop \"1\"").unwrap();
    assert_eq!(
        &request.to_request(&base, None).unwrap().body()[..],
        br#"{"email":"a@b.kh","organization":"Org","project":"Shop \"1\""}"#
    );
    let request = Verify::new(" 0123456789abcdefghij\n").unwrap();
    let shown = format!("{request:?}");
    assert!(!shown.contains("0123") && shown.contains("[redacted]"));
    assert_eq!(
        &request.to_request(&base, None).unwrap().body()[..],
        br#"{"code":"0123456789abcdefghij"}"#
    );
}

#[test]
fn limits_of_the_reference_are_checked() {
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
