//! Handles a request. Checks run in the order of the live service: first those of its proxy, then HTTP, the
//! token, the quota, and the fields.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use khqr_core::Timestamp;

use super::admission::{authorize, bearer_token, check_content_type, has_user_agent};
use super::body::Body;
use super::call::Call;
use super::refused::Refused;
use super::{account, checks, deeplink, tokens};
use crate::backend::Backend;
use crate::fault::{Delivery, Effect};
use crate::wire::{self, Answer, ApiEndpoint, Failure};

/// The maximum number of bytes of a body.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Computes the response to a request, applies a fault, and records the request.
pub(crate) fn handle(backend: &mut Backend, request: &Request<Bytes>) -> Effect {
    let now = backend.state().clock.now();
    let path = request.uri().path();
    let endpoint = ApiEndpoint::at(path);
    let exceeded = count(backend, endpoint, request, now);
    // On their own, browsers request other paths, such as that of an icon. Faults apply to
    // requests from programs only.
    let fault = if endpoint.is_some() || is_api_path(path) {
        backend.match_fault(endpoint)
    } else {
        None
    };
    let mut why = None;
    let own = |backend: &mut Backend, why: &mut Option<String>| {
        let (answer, reason) = respond(backend, endpoint, request, exceeded, now);
        *why = reason;
        answer
    };
    let (number, effect) = match fault {
        Some((number, fault)) => {
            if fault.expires_tokens() {
                backend.revoke_tokens();
            }
            let effect = fault.apply(|| own(backend, &mut why));
            if !fault.has_own_answer() {
                let reason = format!(
                    "fault {number} replaced the response; GET /sandbox/faults lists the rules"
                );
                why = Some(reason);
            }
            (Some(number), effect)
        }
        None => {
            let answer = own(backend, &mut why);
            (None, Effect::Answer(answer, Delivery::default()))
        }
    };
    backend.record(request, &effect, number, why, now);
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

/// The registration ID that a request belongs to, found by its token or by the e-mail of a renewal.
fn registration_id(
    backend: &Backend,
    endpoint: ApiEndpoint,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<String> {
    let state = backend.state();
    let token = bearer_token(request.headers()).ok();
    let by_token = token.and_then(|token| state.token_key.verify(token, now).ok());
    let by_email = || {
        let body = Body::new(request.body()).ok();
        let body = body.filter(|_| endpoint == ApiEndpoint::RenewToken)?;
        let id = state.registry.id(&tokens::email(body).ok()?)?;
        Some(id.to_owned())
    };
    by_token.or_else(by_email)
}

/// The sandbox's own response, and the reason if it refuses the request. `exceeded` is the quota limit that
/// the request exceeds.
fn respond(
    backend: &mut Backend,
    endpoint: Option<ApiEndpoint>,
    request: &Request<Bytes>,
    exceeded: Option<u32>,
    now: Timestamp,
) -> (Answer, Option<String>) {
    let (endpoint, body) = match admit(backend, endpoint, request, exceeded, now) {
        Ok(admitted) => admitted,
        Err(refused) => {
            let (answer, why) = *refused;
            return (answer, Some(why));
        }
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
    match respond(&mut call) {
        Ok(answer) => (answer, None),
        Err(Refused { failure, why }) => (wire::refusal(failure), why.map(Into::into)),
    }
}

/// Every check before the fields are read. An error is the response with its reason.
fn admit<'a>(
    backend: &Backend,
    endpoint: Option<ApiEndpoint>,
    request: &'a Request<Bytes>,
    exceeded: Option<u32>,
    now: Timestamp,
) -> Result<(ApiEndpoint, Body<'a>), Box<(Answer, String)>> {
    let refuse = |answer, why: String| Box::new((answer, why));
    let headers = request.headers();
    // The proxy of the live service rejects clients that send no user agent.
    if is_api_path(request.uri().path()) && !has_user_agent(headers) {
        let why = "the header User-Agent is missing or empty; send any value, such as `User-Agent: shop/1.0`";
        return Err(refuse(wire::forbidden_page(), why.to_owned()));
    }
    let Some(endpoint) = endpoint else {
        let why = "no endpoint of the API has this path; GET /openapi.json lists the paths";
        return Err(refuse(
            wire::rejected(StatusCode::NOT_FOUND),
            why.to_owned(),
        ));
    };
    if request.method() != Method::POST {
        let why = "the API accepts only the method POST";
        return Err(refuse(wire::method_not_allowed(), why.to_owned()));
    }
    if request.body().len() > MAX_BODY {
        let why = format!("the body has more than {MAX_BODY} bytes");
        return Err(refuse(wire::rejected(StatusCode::PAYLOAD_TOO_LARGE), why));
    }
    let key = &backend.state().token_key;
    authorize(key, endpoint.token_use(), headers, now)
        .map_err(|why| refuse(wire::refusal(Failure::Unauthorized), why))?;
    if let Some(limit) = exceeded {
        let why = format!(
            "the daily quota of {limit} requests is used up; POST /sandbox/quota changes it"
        );
        return Err(refuse(wire::quota_exhausted(limit), why));
    }
    let bad_request = |why| refuse(wire::rejected(StatusCode::BAD_REQUEST), why);
    check_content_type(headers).map_err(bad_request)?;
    let body = Body::new(request.body()).map_err(bad_request)?;
    Ok((endpoint, body))
}
