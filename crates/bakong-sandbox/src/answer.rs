//! What each endpoint answers, in the order in which a real request would fail: the proxy in front first,
//! then HTTP, then the token, then the fields.

use std::ops::RangeInclusive;

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use khqr_core::{Md5Handle, Timestamp};
use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::ledger::LookUp;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

/// The most bytes that a body may have.
pub(crate) const MAX_BODY: usize = 64 * 1024;

impl State {
    /// The answer to a request for `endpoint` at the moment `now`.
    pub(crate) fn answer(
        &mut self,
        endpoint: Option<Endpoint>,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        let path = request.uri().path();
        // The live service's proxy turns away whoever does not say what they are.
        if (path == "/v1" || path.starts_with("/v1/")) && !names_user_agent(request.headers()) {
            return wire::forbidden_page();
        }
        let Some(endpoint) = endpoint else {
            return wire::rejected(StatusCode::NOT_FOUND);
        };
        if request.method() != Method::POST {
            return wire::method_not_allowed();
        }
        if request.body().len() > MAX_BODY {
            return wire::rejected(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if endpoint.needs_token() && !self.is_authorized(request.headers(), now) {
            return Failure::Unauthorized.answer();
        }
        let Ok(body) = serde_json::from_slice(request.body()) else {
            return wire::rejected(StatusCode::BAD_REQUEST);
        };
        let body = Body(&body);
        let answer = match endpoint {
            Endpoint::RequestToken => self.request_token(body, now),
            Endpoint::Verify => self.verify(body, now),
            Endpoint::RenewToken => self.renew_token(body, now),
            Endpoint::CheckTransactionByMd5 => self.check_transaction_by_md5(body, now),
        };
        answer.unwrap_or_else(Failure::answer)
    }

    fn is_authorized(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        bearer_token(headers).is_some_and(|token| self.token_key.accepts(token, now))
    }

    fn request_token(&mut self, body: Body<'_>, now: Timestamp) -> Result<Answer, Failure> {
        let email = body.text("email", EMAIL)?;
        body.text("organization", 1..=100)?;
        body.text("project", 1..=100)?;
        if self.registry.request(email, now, &mut self.entropy) {
            Ok(wire::email_sent())
        } else {
            Err(Failure::EmailRegistered)
        }
    }

    fn verify(&mut self, body: Body<'_>, now: Timestamp) -> Result<Answer, Failure> {
        let code = body.text("code", 20..=20)?;
        // What the live service says to a wrong code is not known; of the documented failures this fits.
        let id = self.registry.verify(code, &mut self.entropy);
        let id = id.ok_or(Failure::NotRegistered)?;
        Ok(wire::token_issued(&self.token_key.issue(id, now)))
    }

    fn renew_token(&mut self, body: Body<'_>, now: Timestamp) -> Result<Answer, Failure> {
        let email = body.text("email", EMAIL)?;
        let id = self.registry.id(email).ok_or(Failure::NotRegistered)?;
        // Whether the old token dies is not known; here it lives on to its own expiry.
        Ok(wire::token_issued(&self.token_key.issue(id, now)))
    }

    fn check_transaction_by_md5(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let text = body.text("md5", 1..=255)?;
        // A handle is the text of 32 lower-case digits, not the number behind it.
        let md5 = text
            .parse()
            .ok()
            .filter(|md5: &Md5Handle| md5.to_string() == text)
            .ok_or(Failure::TransactionNotFound)?;
        match self.ledger.look_up(md5, now) {
            LookUp::Transferred(payment) => Ok(wire::transaction(payment)),
            LookUp::Nothing => Err(Failure::TransactionNotFound),
            LookUp::StaticCode => Err(Failure::StaticQr),
            LookUp::Failed => Err(Failure::TransactionFailed),
        }
    }
}

/// How many characters an e-mail address may have.
const EMAIL: RangeInclusive<usize> = 1..=30;

/// A request's body, which may be any JSON.
#[derive(Clone, Copy)]
struct Body<'a>(&'a Value);

impl<'a> Body<'a> {
    /// The text of this name with so many characters. Anything else counts as missing.
    fn text(self, name: &str, len: RangeInclusive<usize>) -> Result<&'a str, Failure> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.filter(|text| len.contains(&text.chars().count()))
            .ok_or(Failure::MissingFields)
    }
}

fn names_user_agent(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|name| !name.as_bytes().trim_ascii().is_empty())
}

/// The token of an `Authorization: Bearer …`, the scheme in either case (RFC 9110 §11.1). Two such
/// headers are none: it would be open which of them counts.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use khqr_core::{AccountId, Amount, Currency, KhqrBuilder};
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;
    use crate::entropy::Entropy;
    use crate::fault::Effect;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn state() -> State {
        State::new(Clock::frozen_at(NOW), Entropy::from_seed([3; 32]))
    }

    /// A request that lacks nothing but what a test takes away.
    fn request(endpoint: Endpoint, token: &str, body: impl Into<Bytes>) -> Request<Bytes> {
        Request::post(endpoint.path())
            .header(USER_AGENT, "test")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(body.into())
            .unwrap()
    }

    fn answer(state: &mut State, request: &Request<Bytes>) -> Answer {
        match state.handle(request) {
            Effect::Answer(answer) => answer,
            other => panic!("no answer: {other:?}"),
        }
    }

    fn json(answer: &Answer) -> Value {
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// Whether an answer has a form that the documents, or this crate's page, promise.
    fn is_documented(answer: &Answer) -> bool {
        if answer.status() == StatusCode::FORBIDDEN {
            return answer.body() == wire::forbidden_page().body()
                && answer.headers()[CONTENT_TYPE] == "text/html";
        }
        let body = json(answer);
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        let code = |name: &str| body[name].as_u64();
        keys == ["data", "errorCode", "responseCode", "responseMessage"]
            && body["responseMessage"].is_string()
            && match (answer.status().as_u16(), code("responseCode")) {
                (200, Some(0)) => body["errorCode"].is_null(),
                (200, Some(1)) => {
                    body["data"].is_null()
                        && matches!(code("errorCode"), Some(1 | 2 | 3 | 5 | 8 | 10))
                }
                (401, Some(1)) => body["data"].is_null() && code("errorCode") == Some(6),
                (400 | 404 | 405 | 413, Some(1)) => {
                    body["data"].is_null() && body["errorCode"].is_null()
                }
                _ => false,
            }
    }

    #[test]
    fn fields_have_their_lengths_in_characters() {
        let mut state = state();
        let token = state.issue_token("known@devb.kh");
        let mut code_of = |endpoint, body: String| {
            json(&answer(&mut state, &request(endpoint, &token, body)))["errorCode"].as_u64()
        };
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
                code_of(Endpoint::RequestToken, body.clone()),
                expected,
                "{body}"
            );
        }
        for (len, expected) in [(0, 5), (19, 5), (20, 10), (21, 5)] {
            let body = format!(r#"{{"code":"{}"}}"#, khmer(len));
            assert_eq!(code_of(Endpoint::Verify, body), Some(expected), "{len}");
        }
        for (len, expected) in [(0, 5), (1, 10), (30, 10), (31, 5)] {
            let body = format!(r#"{{"email":"{}"}}"#, khmer(len));
            assert_eq!(code_of(Endpoint::RenewToken, body), Some(expected), "{len}");
        }
        for (len, expected) in [(0, 5), (1, 1), (32, 1), (255, 1), (256, 5)] {
            let body = format!(r#"{{"md5":"{}"}}"#, khmer(len));
            let code = code_of(Endpoint::CheckTransactionByMd5, body);
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
            let request = request(Endpoint::CheckTransactionByMd5, &token, body);
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
            let request = request(Endpoint::CheckTransactionByMd5, token, body);
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
            let mut request = request(Endpoint::CheckTransactionByMd5, "", r#"{"md5":"a"}"#);
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
        let token = state.issue_token("known@devb.kh");
        let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
            .dynamic_code(
                Amount::from_minor_units(100, Currency::Usd),
                NOW,
                NOW.saturating_add(std::time::Duration::from_secs(600)),
            )
            .unwrap()
            .to_text();
        let order = crate::PaymentOptions::new()
            .order(&code, "dara@devb".parse().unwrap(), NOW)
            .unwrap();
        let payment = state.ledger.place(order, NOW, &mut state.entropy).unwrap();
        let mut code_of = |md5: String| {
            let body = format!(r#"{{"md5":"{md5}"}}"#);
            let request = request(Endpoint::CheckTransactionByMd5, &token, body);
            json(&answer(&mut state, &request))["errorCode"].as_u64()
        };
        let md5 = payment.md5().to_string();
        assert_eq!(code_of(md5.clone()), None);
        assert_eq!(code_of(md5.to_uppercase()), Some(1));
        assert_eq!(code_of(format!(" {md5}")), Some(1));
    }

    fn methods() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => Just("POST".to_owned()),
            1 => "[A-Z]{1,12}",
        ]
    }

    fn paths() -> impl Strategy<Value = String> {
        let known = Endpoint::ALL
            .iter()
            .map(|endpoint| endpoint.path().to_owned());
        prop_oneof![
            6 => proptest::sample::select(known.collect::<Vec<_>>()),
            1 => "/(v1/?)?[a-z0-9_%/.]{0,40}",
        ]
    }

    fn bodies() -> impl Strategy<Value = Vec<u8>> {
        let field =
            proptest::sample::select(vec!["email", "organization", "project", "code", "md5", "x"]);
        let value = prop_oneof![
            any::<String>().prop_map(Value::from),
            "[a-f0-9]{32}".prop_map(Value::from),
            "[A-Z2-9]{20}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(Value::Null),
        ];
        let object = proptest::collection::btree_map(field, value, 0..6)
            .prop_map(|fields| serde_json::to_vec(&fields).unwrap());
        prop_oneof![
            4 => object,
            1 => proptest::collection::vec(any::<u8>(), 0..200),
            1 => (MAX_BODY - 2..MAX_BODY + 2).prop_map(|len| vec![b' '; len]),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_asked_has_a_documented_answer(
            method in methods(),
            path in paths(),
            body in bodies(),
            user_agent in proptest::option::of( "[ -~]{0,20}"),
            authorized: bool,
            authorization in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut state = state();
            let token = state.issue_token("known@devb.kh");
            let mut asked = request(Endpoint::Verify, &token, body);
            *asked.method_mut() = method.parse().unwrap();
            *asked.uri_mut() = path.parse().unwrap_or_default();
            if !authorized && let Ok(value) = authorization.try_into() {
                asked.headers_mut().insert(AUTHORIZATION, value);
            }
            asked.headers_mut().remove(USER_AGENT);
            if let Some(value) = user_agent {
                asked.headers_mut().insert(USER_AGENT, value.parse().unwrap());
            }
            let answered = answer(&mut state, &asked);
            prop_assert!(is_documented(&answered), "{answered:?}");
            prop_assert_eq!(state.exchanges.to_vec().len(), 1);
        }
    }
}
