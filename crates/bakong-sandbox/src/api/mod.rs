//! What each endpoint answers, in the order in which a real request would fail: the proxy in front first,
//! then HTTP, then the token, then the fields.

mod account;
mod body;
mod checks;
mod decimal;
mod deeplink;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tokens;

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use khqr_core::Timestamp;

use self::body::Body;
use crate::endpoint::{ApiEndpoint, TokenUse};
use crate::quota::Drawn;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

/// The most identifiers that a list may have.
pub(crate) const LISTED: usize = 50;

/// The most bytes that a body may have.
pub(crate) const MAX_BODY: usize = 64 * 1024;

impl State {
    /// Counts a request on the quota of whoever makes it, if it is one that counts. Gives the limit, if it
    /// is exceeded.
    ///
    /// A request does not get as far as that if the proxy in front turns it away, or nothing says whose it is.
    pub(crate) fn draw_on_quota(
        &mut self,
        endpoint: Option<ApiEndpoint>,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<u32> {
        let endpoint = endpoint.filter(|endpoint| {
            self.quota.quota.counts(*endpoint)
                && request.method() == Method::POST
                && names_user_agent(request.headers())
        })?;
        let id = self.whose(endpoint, request, now)?;
        let drawn = self.quota.draw(&id, now);
        if drawn == Drawn::Last {
            self.tell_of_quota();
        }
        match drawn {
            Drawn::TooMuch { limit } => Some(limit),
            Drawn::Some | Drawn::Last => None,
        }
    }

    /// The id of the address that a request is for: by its token, and a renewal without one by its e-mail.
    fn whose(
        &self,
        endpoint: ApiEndpoint,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<String> {
        let by_token =
            bearer_token(request.headers()).and_then(|token| self.token_key.holder(token, now));
        let by_email = || {
            let body = Body::new(request.body()).filter(|_| endpoint == ApiEndpoint::RenewToken)?;
            let id = self.registry.id(&tokens::email(body).ok()?)?;
            Some(id.to_owned())
        };
        by_token.or_else(by_email)
    }

    /// The answer to a request for `endpoint` at the moment `now`, by somebody who has exceeded a quota of
    /// so many requests.
    pub(crate) fn answer(
        &mut self,
        endpoint: Option<ApiEndpoint>,
        request: &Request<Bytes>,
        exceeded: Option<u32>,
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
        if !self.is_authorized(endpoint.token_use(), request.headers(), now) {
            return Failure::Unauthorized.answer();
        }
        if let Some(limit) = exceeded {
            return wire::quota_exhausted(limit);
        }
        let Some(body) = Body::new(request.body()) else {
            return wire::rejected(StatusCode::BAD_REQUEST);
        };
        let answer = match endpoint {
            ApiEndpoint::RequestToken => self.request_token(body, now),
            ApiEndpoint::Verify => self.verify(body, now),
            ApiEndpoint::RenewToken => self.renew_token(body, now),
            ApiEndpoint::GenerateDeeplinkByQr => self.generate_deeplink_by_qr(body, now),
            ApiEndpoint::CheckTransactionByMd5 => self.check_transaction_by_md5(body, now),
            ApiEndpoint::CheckTransactionByHash => self.check_transaction_by_hash(body, now),
            ApiEndpoint::CheckTransactionByShortHash => {
                self.check_transaction_by_short_hash(body, now)
            }
            ApiEndpoint::CheckTransactionByInstructionRef => {
                self.check_transaction_by_instruction_ref(body, now)
            }
            ApiEndpoint::CheckTransactionByExternalRef => {
                self.check_transaction_by_external_ref(body, now)
            }
            ApiEndpoint::CheckTransactionByMd5List => self.check_transaction_by_md5_list(body, now),
            ApiEndpoint::CheckTransactionByHashList => {
                self.check_transaction_by_hash_list(body, now)
            }
            ApiEndpoint::CheckBakongAccount => self.check_bakong_account(body, now),
        };
        answer.unwrap_or_else(Failure::answer)
    }

    fn is_authorized(&self, token: TokenUse, headers: &HeaderMap, now: Timestamp) -> bool {
        let is_good =
            || bearer_token(headers).is_some_and(|it| self.token_key.holder(it, now).is_some());
        match token {
            TokenUse::Needed => is_good(),
            TokenUse::Checked => !headers.contains_key(AUTHORIZATION) || is_good(),
            TokenUse::Ignored => true,
        }
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
