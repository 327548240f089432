//! Handles a request. Checks run in the order of the live service: the proxy in front first, then HTTP, the
//! token, the quota, and the fields.

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use khqr_core::Timestamp;

use super::body::Body;
use super::call::Call;
use super::{account, checks, deeplink, tokens};
use crate::backend::Backend;
use crate::fault::{Delivery, Effect};
use crate::wire::{self, Answer, ApiEndpoint, Failure, TokenUse};

/// The maximum number of bytes of a body.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Computes the response to a request, applies a fault, and records the request.
pub(crate) fn handle(backend: &mut Backend, request: &Request<Bytes>) -> Effect {
    let now = backend.state().clock.now();
    let path = request.uri().path();
    let endpoint = ApiEndpoint::at(path);
    let exceeded = count(backend, endpoint, request, now);
    // Browsers request other paths on their own, such as an icon. Faults apply to
    // requests from programs only.
    let fault = if endpoint.is_some() || is_api_path(path) {
        backend.match_fault(endpoint)
    } else {
        None
    };
    let (number, effect) = match fault {
        Some((number, fault)) => {
            if fault.expires_tokens() {
                backend.revoke_tokens();
            }
            let effect = fault.apply(|| respond(backend, endpoint, request, exceeded, now));
            (Some(number), effect)
        }
        None => {
            let answer = respond(backend, endpoint, request, exceeded, now);
            (None, Effect::Answer(answer, Delivery::default()))
        }
    };
    backend.record(request, &effect, number, now);
    effect
}

fn is_api_path(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Counts a request if it can be attributed to an address. Returns the limit if the request exceeds it.
///
/// Requests that the proxy rejects do not count.
fn count(
    backend: &mut Backend,
    endpoint: Option<ApiEndpoint>,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<u32> {
    let endpoint = endpoint.filter(|endpoint| {
        backend.state().quota.limit.counts(*endpoint)
            && request.method() == Method::POST
            && has_user_agent(request.headers())
    })?;
    let id = registration_id(backend, endpoint, request, now)?;
    backend.count_request(&id, now)
}

/// The registration ID of a request: by its token, or by the e-mail of a renewal.
fn registration_id(
    backend: &Backend,
    endpoint: ApiEndpoint,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<String> {
    let state = backend.state();
    let by_token =
        bearer_token(request.headers()).and_then(|token| state.token_key.verify(token, now));
    let by_email = || {
        let body = Body::new(request.body()).filter(|_| endpoint == ApiEndpoint::RenewToken)?;
        let id = state.registry.id(&tokens::email(body).ok()?)?;
        Some(id.to_owned())
    };
    by_token.or_else(by_email)
}

/// The sandbox's own response. `exceeded` is the quota limit that the request exceeds.
fn respond(
    backend: &mut Backend,
    endpoint: Option<ApiEndpoint>,
    request: &Request<Bytes>,
    exceeded: Option<u32>,
    now: Timestamp,
) -> Answer {
    // The proxy of the live service rejects requests without a `User-Agent`.
    if is_api_path(request.uri().path()) && !has_user_agent(request.headers()) {
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
    if !is_authorized(backend, endpoint.token_use(), request.headers(), now) {
        return wire::refusal(Failure::Unauthorized);
    }
    if let Some(limit) = exceeded {
        return wire::quota_exhausted(limit);
    }
    let Some(body) = Body::new(request.body()) else {
        return wire::rejected(StatusCode::BAD_REQUEST);
    };
    let respond = match endpoint {
        ApiEndpoint::RequestToken => tokens::request_token,
        ApiEndpoint::Verify => tokens::verify,
        ApiEndpoint::RenewToken => tokens::renew_token,
        ApiEndpoint::GenerateDeeplinkByQr => deeplink::generate_deeplink_by_qr,
        ApiEndpoint::CheckTransactionByMd5 => checks::by_md5,
        ApiEndpoint::CheckTransactionByHash => checks::by_hash,
        ApiEndpoint::CheckTransactionByShortHash => checks::by_short_hash,
        ApiEndpoint::CheckTransactionByInstructionRef => checks::by_instruction_ref,
        ApiEndpoint::CheckTransactionByExternalRef => checks::by_external_ref,
        ApiEndpoint::CheckTransactionByMd5List => checks::by_md5_list,
        ApiEndpoint::CheckTransactionByHashList => checks::by_hash_list,
        ApiEndpoint::CheckBakongAccount => account::check_bakong_account,
    };
    let mut call = Call { backend, body, now };
    respond(&mut call).unwrap_or_else(wire::refusal)
}

fn is_authorized(backend: &Backend, token: TokenUse, headers: &HeaderMap, now: Timestamp) -> bool {
    let is_valid = || {
        let key = &backend.state().token_key;
        bearer_token(headers).is_some_and(|token| key.verify(token, now).is_some())
    };
    match token {
        TokenUse::Required => is_valid(),
        TokenUse::Optional => !headers.contains_key(AUTHORIZATION) || is_valid(),
        TokenUse::Ignored => true,
    }
}

fn has_user_agent(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|name| !name.as_bytes().trim_ascii().is_empty())
}

/// The token of an `Authorization: Bearer …` header. The scheme is case-insensitive (RFC 9110 §11.1). Two
/// such headers are ambiguous and count as none.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}
