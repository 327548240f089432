//! The endpoints of the Open API. Each is a struct that builds its request and reads its answer.

mod account;
mod body;
mod check_list;
mod check_transaction;
mod deeplink;
mod field;
mod reference;
mod token;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, header};

use crate::base_url::BaseUrl;
use crate::error::{ApiError, ErrorClass};
use crate::token::AccessToken;

pub use account::{AccountAnswer, CheckBakongAccount};
pub use check_list::{CheckTransactionByHashList, CheckTransactionByMd5List, ListAnswer};
pub use check_transaction::{
    CheckAnswer, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByInstructionRef, CheckTransactionByMd5, CheckTransactionByShortHash,
};
pub use deeplink::{Deeplink, GenerateDeeplinkByQr, SourceInfo};
pub use field::InvalidField;
pub use reference::{ExternalRef, InstructionRef, ShortHash, TransactionHash};
pub use token::{RenewToken, RequestToken, Verify};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The constant properties of an endpoint. Every request carries them in its extensions, for the transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// The name in logs and counters, such as `check_transaction_by_md5`.
    pub name: &'static str,
    /// The path below the base URL.
    pub path: &'static str,
    /// Whether the request carries the token.
    pub token: TokenUse,
    /// Whether sending the request twice has the same effect as once, so that a transport may repeat a request
    /// that may have arrived.
    pub repeatable: bool,
}

/// Whether an endpoint's request carries the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenUse {
    /// The request never carries a token.
    None,
    /// The request carries the token if there is one. NBC's reference requires the token, but the live service
    /// also answers without one.
    Optional,
    /// The request always carries the token.
    Required,
}

/// A request to one endpoint of the Open API.
///
/// [`to_request`](Endpoint::to_request) and [`read`](Endpoint::read) are all that another HTTP client needs; a
/// [`Transport`](crate::Transport) is optional. The trait is sealed: new endpoints are not a breaking change.
pub trait Endpoint: sealed::Body + Send + Sync {
    /// The answer of the endpoint.
    type Answer: Send;

    /// The constant properties of the endpoint.
    const INFO: EndpointInfo;

    /// Builds the request, with `token` if the endpoint uses one.
    ///
    /// # Errors
    /// [`ErrorClass::Unauthorized`] if the endpoint requires a token and `token` is `None`, or if the host is NBC's and
    /// the token is not a JWT.
    fn to_request(
        &self,
        base: &BaseUrl,
        token: Option<&AccessToken>,
    ) -> Result<Request<Bytes>, ApiError> {
        let token = match (Self::INFO.token, token) {
            (TokenUse::None, _) => None,
            (TokenUse::Required, None) => return Err(no_token()),
            (TokenUse::Required | TokenUse::Optional, token) => token,
        };
        if let Some(Err(error)) = token.map(|token| token.check_for(base)) {
            return Err(ApiError::new(ErrorClass::Unauthorized, error.to_string()));
        }
        let mut request = Request::new(self.body());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = base.join(const { PathAndQuery::from_static(Self::INFO.path) })?;
        request.extensions_mut().insert(Self::INFO);
        let headers = request.headers_mut();
        // The three headers below, and the transport's `User-Agent`, `Host` and `Content-Length`.
        headers.reserve(6);
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token.authorization());
        }
        Ok(request)
    }

    /// Reads the answer to this request.
    ///
    /// # Errors
    /// [`ApiError`] for anything that does not answer the question.
    fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError>;
}

/// Returns the error for a request that needs a token when there is none.
pub(crate) fn no_token() -> ApiError {
    ApiError::new(ErrorClass::Unauthorized, "there is no token to send")
}

mod sealed {
    use super::Bytes;

    /// Keeps the set of endpoints closed, and request bodies out of the public interface.
    pub trait Body {
        fn body(&self) -> Bytes;
    }
}
