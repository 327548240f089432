//! What goes wrong with a request, and how each endpoint says so.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use khqr_core::{AccountId, Amount, KhqrBuilder};
use serde_json::Value;

use super::*;
use crate::TransferOptions;
use crate::clock::SandboxClock;
use crate::entropy::Entropy;
use crate::fault::Outcome;
use crate::payment::Transfer;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

pub(super) fn state() -> State {
    State::new(SandboxClock::frozen_at(NOW), Entropy::from_seed([3; 32]))
}

/// A request that lacks nothing but what a test takes away.
pub(super) fn request(
    endpoint: ApiEndpoint,
    token: &str,
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    Request::post(endpoint.path())
        .header(USER_AGENT, "test")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(body.into())
        .unwrap()
}

pub(super) fn answer(state: &mut State, request: &Request<Bytes>) -> Answer {
    match state.handle(request).outcome {
        Outcome::Answer(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

pub(super) fn json(answer: &Answer) -> Value {
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    serde_json::from_slice(answer.body()).unwrap()
}

/// The error code of the answer to an authorized request.
fn code_of(state: &mut State, endpoint: ApiEndpoint, body: impl Into<Bytes>) -> Option<u64> {
    let token = state.issue_token("known@devb.kh");
    json(&answer(state, &request(endpoint, &token, body)))["errorCode"].as_u64()
}

/// A dollar's code of `sokha@devb`, paid by `dara@devb`.
pub(super) fn paid(state: &mut State, options: &TransferOptions) -> Transfer {
    let expires_at = NOW.saturating_add(Duration::from_secs(600));
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .dynamic_code(Amount::us_cents(100), NOW, expires_at)
        .unwrap()
        .to_text();
    let order = options
        .order(&code, "dara@devb".parse().unwrap(), NOW)
        .unwrap();
    state.ledger.place(order, NOW, &mut state.entropy).unwrap()
}

#[test]
fn fields_have_their_lengths_in_characters() {
    let mut state = state();
    let mut code_of = |endpoint, body: String| code_of(&mut state, endpoint, body);
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
    for (len, expected) in [(0, 5), (19, 5), (20, 10), (21, 5)] {
        let body = format!(r#"{{"code":"{}"}}"#, khmer(len));
        assert_eq!(code_of(ApiEndpoint::Verify, body), Some(expected), "{len}");
    }
    for (len, expected) in [(0, 5), (1, 10), (30, 10), (31, 5)] {
        let body = format!(r#"{{"email":"{}"}}"#, khmer(len));
        assert_eq!(
            code_of(ApiEndpoint::RenewToken, body),
            Some(expected),
            "{len}"
        );
    }
    for (endpoint, name) in [
        (ApiEndpoint::CheckTransactionByMd5, "md5"),
        (ApiEndpoint::CheckTransactionByHash, "hash"),
        (
            ApiEndpoint::CheckTransactionByInstructionRef,
            "instructionRef",
        ),
        (ApiEndpoint::CheckTransactionByExternalRef, "externalRef"),
    ] {
        for (len, expected) in [(0, 5), (1, 1), (32, 1), (255, 1), (256, 5)] {
            let body = format!(r#"{{"{name}":"{}"}}"#, khmer(len));
            assert_eq!(code_of(endpoint, body), Some(expected), "{name} {len}");
        }
    }
    for (len, expected) in [(0, 5), (7, 5), (8, 1), (9, 5)] {
        let body = format!(r#"{{"hash":"{}","amount":1,"currency":"USD"}}"#, khmer(len));
        let code = code_of(ApiEndpoint::CheckTransactionByShortHash, body);
        assert_eq!(code, Some(expected), "{len}");
    }
}

#[test]
fn a_field_of_another_type_is_missing() {
    let mut state = state();
    let token = state.issue_token("known@devb.kh");
    for body in [
        "{}",
        "[]",
        "null",
        "1",
        r#""md5""#,
        r#"{"md5":1}"#,
        r#"{"md5":null}"#,
        r#"{"md5":["a"]}"#,
    ] {
        let request = request(ApiEndpoint::CheckTransactionByMd5, &token, body);
        assert_eq!(
            json(&answer(&mut state, &request))["errorCode"],
            5,
            "{body}"
        );
    }
}

#[test]
fn the_token_is_asked_for_before_the_body() {
    let mut state = state();
    let token = state.issue_token("known@devb.kh");
    let status = |state: &mut State, token: &str, body: &'static str| {
        let request = request(ApiEndpoint::CheckTransactionByMd5, token, body);
        answer(state, &request).status().as_u16()
    };
    assert_eq!(status(&mut state, "x", "no JSON"), 401);
    assert_eq!(status(&mut state, &token, "no JSON"), 400);
    state.revoke_tokens();
    assert_eq!(status(&mut state, &token, "no JSON"), 401);
}

#[test]
fn authorization_must_be_one_bearer_token() {
    let mut state = state();
    let token = state.issue_token("known@devb.kh");
    let mut status = |values: &[String]| {
        let mut request = request(ApiEndpoint::CheckTransactionByMd5, "", r#"{"md5":"a"}"#);
        request.headers_mut().remove(AUTHORIZATION);
        for value in values {
            request
                .headers_mut()
                .append(AUTHORIZATION, value.parse().unwrap());
        }
        answer(&mut state, &request).status().as_u16()
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
fn a_handle_is_found_as_it_is_written_only() {
    let mut state = state();
    let payment = paid(&mut state, &TransferOptions::new());
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
            code_of(&mut state, endpoint, body)
        };
        assert_eq!(code_of(identifier.clone()), None);
        assert_eq!(code_of(identifier.to_uppercase()), Some(1));
        assert_eq!(code_of(format!(" {identifier}")), Some(1));
        assert_eq!(code_of(identifier[1..].to_owned()), Some(1));
    }
}

#[test]
fn a_short_hash_is_found_with_its_amount_and_currency_only() {
    let mut state = state();
    let payment = paid(&mut state, &TransferOptions::new());
    let short = &payment.hash()[..8];
    let mut code_of = |hash: &str, rest: &str| {
        let body = format!(r#"{{"hash":"{hash}"{rest}}}"#);
        code_of(&mut state, ApiEndpoint::CheckTransactionByShortHash, body)
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
fn an_instruction_s_reference_is_found_where_there_is_one() {
    let mut state = state();
    paid(&mut state, &TransferOptions::new());
    let endpoint = ApiEndpoint::CheckTransactionByInstructionRef;
    let body = r#"{"instructionRef":"FT1"}"#;
    assert_eq!(code_of(&mut state, endpoint, body), Some(1));
    let again = TransferOptions::new().again().instruction_ref("FT1");
    paid(&mut state, &again.clone().failing());
    assert_eq!(code_of(&mut state, endpoint, body), Some(3));
    paid(&mut state, &again);
    assert_eq!(code_of(&mut state, endpoint, body), None);
    paid(&mut state, &again.failing());
    assert_eq!(code_of(&mut state, endpoint, body), None);
}

#[test]
fn a_list_is_of_one_to_fifty_texts() {
    let mut state = state();
    for endpoint in [
        ApiEndpoint::CheckTransactionByMd5List,
        ApiEndpoint::CheckTransactionByHashList,
    ] {
        for (len, expected) in [(0, Some(5)), (1, None), (50, None), (51, Some(5))] {
            let body = format!("[{}]", vec![r#""a""#; len].join(","));
            assert_eq!(code_of(&mut state, endpoint, body), expected, "{len}");
        }
        for body in ["{}", "null", r#""a""#, r#"["a",1]"#, r#"{"md5":["a"]}"#] {
            assert_eq!(code_of(&mut state, endpoint, body), Some(5), "{body}");
        }
    }
}

#[test]
fn a_link_needs_a_code_and_all_of_its_source() {
    let mut state = state();
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .static_code(khqr_core::Currency::Usd)
        .unwrap()
        .to_text();
    let mut code_of = |qr: &str, rest: &str| {
        let body = format!(r#"{{"qr":"{qr}"{rest}}}"#);
        code_of(&mut state, ApiEndpoint::GenerateDeeplinkByQr, body)
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
fn accounts_are_those_registered_and_those_with_money() {
    let mut state = state();
    let code_of = |state: &mut State, account: &str| {
        let body = format!(r#"{{"accountId":{account}}}"#);
        code_of(state, ApiEndpoint::CheckBakongAccount, body)
    };
    assert_eq!(code_of(&mut state, r#""sokha@devb""#), Some(11));
    paid(&mut state, &TransferOptions::new().failing());
    assert_eq!(code_of(&mut state, r#""sokha@devb""#), Some(11));
    paid(&mut state, &TransferOptions::new());
    assert_eq!(code_of(&mut state, r#""sokha@devb""#), None);
    assert_eq!(code_of(&mut state, r#""Sokha@devb""#), Some(11));
    state.ledger.open_account("vanna@devb".parse().unwrap());
    assert_eq!(code_of(&mut state, r#""vanna@devb""#), None);
    for text in ["sokha", "@devb", "a@b@c", "a b@devb", &"a".repeat(33)] {
        assert_eq!(
            code_of(&mut state, &format!("{text:?}")),
            Some(12),
            "{text}"
        );
    }
    for other in ["\"\"", "null", "1", "{}"] {
        assert_eq!(code_of(&mut state, other), Some(5), "{other}");
    }
}

#[test]
fn each_endpoint_looks_at_tokens_as_it_says() {
    let mut state = state();
    for endpoint in ApiEndpoint::ALL {
        let mut status = |token: Option<&str>| {
            let mut request = request(*endpoint, token.unwrap_or_default(), "{}");
            if token.is_none() {
                request.headers_mut().remove(AUTHORIZATION);
            }
            answer(&mut state, &request).status().as_u16()
        };
        let expected = match endpoint.token_use() {
            TokenUse::Needed => (401, 401),
            TokenUse::Checked => (200, 401),
            TokenUse::Ignored => (200, 200),
        };
        assert_eq!((status(None), status(Some("x"))), expected, "{endpoint:?}");
    }
}
