//! Refusals of each endpoint.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use khqr_core::{AccountId, Amount, KhqrBuilder, Timestamp};
use serde_json::Value;

use super::handle;
use crate::backend::Backend;
use crate::bank::{Transfer, TransferOptions};
use crate::clock::SandboxClock;
use crate::entropy::Entropy;
use crate::state::State;
use crate::wire::{Answer, ApiEndpoint, TokenUse};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

pub(super) fn backend() -> Backend {
    let clock = SandboxClock::frozen_at(NOW);
    Backend::new(State::new(clock, Entropy::from_seed([3; 32])))
}

pub(super) fn token(backend: &mut Backend) -> String {
    backend.issue_token("known@devb.kh", NOW).token
}

/// A complete request. Tests remove parts of it.
pub(super) fn request(
    endpoint: ApiEndpoint,
    token: &str,
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    Request::post(endpoint.path())
        .header(USER_AGENT, "test")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(body.into())
        .unwrap()
}

pub(super) fn answer(backend: &mut Backend, request: &Request<Bytes>) -> Answer {
    handle(backend, request).answer().unwrap().clone()
}

pub(super) fn json(answer: &Answer) -> Value {
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    serde_json::from_slice(answer.body()).unwrap()
}

/// The error code of the response to an authorized request.
fn code_of(backend: &mut Backend, endpoint: ApiEndpoint, body: impl Into<Bytes>) -> Option<u64> {
    let token = token(backend);
    json(&answer(backend, &request(endpoint, &token, body)))["errorCode"].as_u64()
}

/// A code of `sokha@devb` for one dollar, paid by `dara@devb`.
pub(super) fn paid(backend: &mut Backend, options: &TransferOptions) -> Transfer {
    let expires_at = NOW.saturating_add(Duration::from_secs(600));
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .dynamic_code(Amount::us_cents(100), NOW, expires_at)
        .unwrap()
        .to_text();
    let payer = "dara@devb".parse().unwrap();
    backend.pay(&code, payer, options, NOW).unwrap()
}

#[test]
fn lengths_count_characters() {
    let mut backend = backend();
    let mut code_of = |endpoint, body: String| code_of(&mut backend, endpoint, body);
    let khmer = |len: usize| "ក".repeat(len);
    let registration = |email: usize, organization: usize, project: usize| {
        format!(
            r#"{{"email":"{}","organization":"{}","project":"{}"}}"#,
            khmer(email),
            khmer(organization),
            khmer(project)
        )
    };
    for (email, organization, project, expected) in [
        (1, 1, 1, None),
        (30, 100, 100, None),
        (0, 1, 1, Some(5)),
        (31, 1, 1, Some(5)),
        (1, 0, 1, Some(5)),
        (1, 101, 1, Some(5)),
        (1, 1, 0, Some(5)),
        (1, 1, 101, Some(5)),
    ] {
        let body = registration(email, organization, project);
        assert_eq!(
            code_of(ApiEndpoint::RequestToken, body.clone()),
            expected,
            "{body}"
        );
    }
    for (endpoint, name, lengths) in [
        (
            ApiEndpoint::Verify,
            "code",
            &[(0, 5), (19, 5), (20, 10), (21, 5)],
        ),
        (
            ApiEndpoint::RenewToken,
            "email",
            &[(0, 5), (1, 10), (30, 10), (31, 5)],
        ),
        (ApiEndpoint::CheckTransactionByMd5, "md5", &IDENTIFIER),
        (ApiEndpoint::CheckTransactionByHash, "hash", &IDENTIFIER),
        (
            ApiEndpoint::CheckTransactionByInstructionRef,
            "instructionRef",
            &IDENTIFIER,
        ),
        (
            ApiEndpoint::CheckTransactionByExternalRef,
            "externalRef",
            &IDENTIFIER,
        ),
    ] {
        for (len, expected) in lengths {
            let body = format!(r#"{{"{name}":"{}"}}"#, khmer(*len));
            assert_eq!(code_of(endpoint, body), Some(*expected), "{name} {len}");
        }
    }
    for (len, expected) in [(0, 5), (7, 5), (8, 1), (9, 5)] {
        let body = format!(r#"{{"hash":"{}","amount":1,"currency":"USD"}}"#, khmer(len));
        let code = code_of(ApiEndpoint::CheckTransactionByShortHash, body);
        assert_eq!(code, Some(expected), "{len}");
    }
}

/// The error codes of identifiers with these lengths.
const IDENTIFIER: [(usize, u64); 4] = [(0, 5), (1, 1), (255, 1), (256, 5)];

#[test]
fn the_token_is_checked_before_the_body() {
    let mut backend = backend();
    let token = token(&mut backend);
    let status = |backend: &mut Backend, token: &str, body: &'static str| {
        let request = request(ApiEndpoint::CheckTransactionByMd5, token, body);
        answer(backend, &request).status().as_u16()
    };
    assert_eq!(status(&mut backend, "x", "no JSON"), 401);
    assert_eq!(status(&mut backend, &token, "no JSON"), 400);
    backend.revoke_tokens();
    assert_eq!(status(&mut backend, &token, "no JSON"), 401);
}

#[test]
fn authorization_must_be_one_bearer_token() {
    let mut backend = backend();
    let token = token(&mut backend);
    let mut status = |values: &[String]| {
        let mut request = request(ApiEndpoint::CheckTransactionByMd5, "", r#"{"md5":"a"}"#);
        request.headers_mut().remove(AUTHORIZATION);
        for value in values {
            request
                .headers_mut()
                .append(AUTHORIZATION, value.parse().unwrap());
        }
        answer(&mut backend, &request).status().as_u16()
    };
    let good = format!("Bearer {token}");
    assert_eq!(status(std::slice::from_ref(&good)), 200);
    assert_eq!(status(&[format!("bearer {token}")]), 200);
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[good.clone(), good]), 401);
    for bad in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Bearer \"{token}\""),
    ] {
        assert_eq!(status(std::slice::from_ref(&bad)), 401, "{bad}");
    }
}

#[test]
fn identifiers_are_case_sensitive() {
    let mut backend = backend();
    let payment = paid(&mut backend, &TransferOptions::new());
    for (endpoint, name, identifier) in [
        (
            ApiEndpoint::CheckTransactionByMd5,
            "md5",
            payment.md5().to_string(),
        ),
        (
            ApiEndpoint::CheckTransactionByHash,
            "hash",
            payment.hash().to_owned(),
        ),
    ] {
        let mut code_of = |identifier: String| {
            let body = format!(r#"{{"{name}":"{identifier}"}}"#);
            code_of(&mut backend, endpoint, body)
        };
        assert_eq!(code_of(identifier.clone()), None);
        assert_eq!(code_of(identifier.to_uppercase()), Some(1));
        assert_eq!(code_of(format!(" {identifier}")), Some(1));
        assert_eq!(code_of(identifier[1..].to_owned()), Some(1));
    }
}

#[test]
fn a_short_hash_needs_its_amount_and_currency() {
    let mut backend = backend();
    let payment = paid(&mut backend, &TransferOptions::new());
    let short = &payment.hash()[..8];
    let mut code_of = |hash: &str, rest: &str| {
        let body = format!(r#"{{"hash":"{hash}"{rest}}}"#);
        code_of(&mut backend, ApiEndpoint::CheckTransactionByShortHash, body)
    };
    for (rest, expected) in [
        (r#","amount":1,"currency":"USD""#, None),
        (r#","amount":1.0,"currency":"USD""#, None),
        (r#","amount":100e-2,"currency":"USD""#, None),
        (r#","amount":1.01,"currency":"USD""#, Some(1)),
        (r#","amount":-1,"currency":"USD""#, Some(1)),
        (r#","amount":1e999,"currency":"USD""#, Some(1)),
        (
            r#","amount":1e99999999999999999999,"currency":"USD""#,
            Some(1),
        ),
        (r#","amount":100,"currency":"KHR""#, Some(1)),
        (r#","amount":1,"currency":"KHR""#, Some(1)),
        (r#","amount":"1","currency":"USD""#, Some(5)),
        (r#","amount":null,"currency":"USD""#, Some(5)),
        (r#","amount":true,"currency":"USD""#, Some(5)),
        (r#","amount":[1],"currency":"USD""#, Some(5)),
        (r#","currency":"USD""#, Some(5)),
        (r#","amount":1"#, Some(5)),
        (r#","amount":1,"currency":"usd""#, Some(5)),
        (r#","amount":1,"currency":"840""#, Some(5)),
        (r#","amount":1,"currency":"THB""#, Some(5)),
        (r#","amount":1,"currency":840"#, Some(5)),
    ] {
        assert_eq!(code_of(short, rest), expected, "{rest}");
    }
    let right = r#","amount":1,"currency":"USD""#;
    assert_eq!(code_of(&payment.hash()[1..9], right), Some(1));
    assert_eq!(code_of(&short.to_uppercase(), right), Some(1));
}

#[test]
fn a_completed_transfer_hides_failed_ones() {
    let mut backend = backend();
    paid(&mut backend, &TransferOptions::new());
    let endpoint = ApiEndpoint::CheckTransactionByInstructionRef;
    let body = r#"{"instructionRef":"FT1"}"#;
    assert_eq!(code_of(&mut backend, endpoint, body), Some(1));
    let again = TransferOptions::new().again().instruction_ref("FT1");
    paid(&mut backend, &again.clone().failing());
    assert_eq!(code_of(&mut backend, endpoint, body), Some(3));
    paid(&mut backend, &again);
    assert_eq!(code_of(&mut backend, endpoint, body), None);
    paid(&mut backend, &again.failing());
    assert_eq!(code_of(&mut backend, endpoint, body), None);
}

#[test]
fn a_link_needs_a_code_and_a_complete_source() {
    let mut backend = backend();
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .static_code(khqr_core::Currency::Usd)
        .unwrap()
        .to_text();
    let mut code_of = |qr: &str, rest: &str| {
        let body = format!(r#"{{"qr":"{qr}"{rest}}}"#);
        code_of(&mut backend, ApiEndpoint::GenerateDeeplinkByQr, body)
    };
    let source = |icon: &str, name: &str, callback: &str| {
        format!(
            r#","sourceInfo":{{"appIconUrl":{icon},"appName":{name},"appDeepLinkCallback":{callback}}}"#
        )
    };
    for (rest, expected) in [
        (String::new(), None),
        (r#","sourceInfo":null"#.to_owned(), None),
        (source(r#""i""#, r#""n""#, r#""c""#), None),
        (source(r#""""#, r#""n""#, r#""c""#), Some(5)),
        (source(r#""i""#, r#""""#, r#""c""#), Some(5)),
        (source(r#""i""#, r#""n""#, r#""""#), Some(5)),
        (source("null", r#""n""#, r#""c""#), Some(5)),
        (source(r#""i""#, "1", r#""c""#), Some(5)),
        (
            r#","sourceInfo":{"appIconUrl":"i","appName":"n"}"#.to_owned(),
            Some(5),
        ),
        (r#","sourceInfo":{}"#.to_owned(), Some(5)),
        (r#","sourceInfo":"app""#.to_owned(), Some(5)),
        (r#","sourceInfo":false"#.to_owned(), Some(5)),
    ] {
        assert_eq!(code_of(&code, &rest), expected, "{rest}");
    }
    assert_eq!(code_of("", ""), Some(5));
    assert_eq!(code_of("hello", ""), Some(5));
    assert_eq!(code_of(&code[..code.len() - 1], ""), Some(5));
}

#[test]
fn an_invalid_account_is_not_a_missing_field() {
    let mut backend = backend();
    paid(&mut backend, &TransferOptions::new().failing());
    for (account, expected) in [
        // A failed transfer opens no account.
        (r#""sokha@devb""#, 11),
        (r#""sokha""#, 12),
        (r#""@devb""#, 12),
        (r#""a@b@c""#, 12),
        (r#""a b@devb""#, 12),
        (r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#, 12),
        (r#""""#, 5),
        ("null", 5),
        ("1", 5),
        ("{}", 5),
    ] {
        let body = format!(r#"{{"accountId":{account}}}"#);
        let code = code_of(&mut backend, ApiEndpoint::CheckBakongAccount, body);
        assert_eq!(code, Some(expected), "{account}");
    }
}

#[test]
fn each_endpoint_treats_tokens_as_documented() {
    let mut backend = backend();
    for endpoint in ApiEndpoint::ALL {
        let mut status = |token: Option<&str>| {
            let mut request = request(*endpoint, token.unwrap_or_default(), "{}");
            if token.is_none() {
                request.headers_mut().remove(AUTHORIZATION);
            }
            answer(&mut backend, &request).status().as_u16()
        };
        let expected = match endpoint.token_use() {
            TokenUse::Required => (401, 401),
            TokenUse::Optional => (200, 401),
            TokenUse::Ignored => (200, 200),
        };
        assert_eq!((status(None), status(Some("x"))), expected, "{endpoint:?}");
    }
}
