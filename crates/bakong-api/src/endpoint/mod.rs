//! Each endpoint is a struct: it becomes a request, and reads the answer to it.

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

/// What is fixed about an endpoint. Every request carries it in its extensions, for the transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// The name in logs and counts, such as `check_transaction_by_md5`.
    pub name: &'static str,
    /// The path below the base URL.
    pub path: &'static str,
    /// Whether a token goes with it.
    pub token: TokenUse,
    /// Whether sending it twice is as harmless as once, so that it may be retried after it may have
    /// arrived.
    pub repeatable: bool,
}

/// Whether an endpoint's request carries the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenUse {
    /// It is sent without.
    None,
    /// It is sent with the token if there is one. The reference wants one, and the live service answers
    /// without.
    Optional,
    /// It is never sent without.
    Required,
}

/// An endpoint of the Open API with what is to be asked of it.
///
/// Needs no transport: [`to_request`](Endpoint::to_request) and [`read`](Endpoint::read) are all that
/// another HTTP client needs.
pub trait Endpoint: sealed::Body + Send + Sync {
    /// What Bakong answers.
    type Answer: Send;

    /// What is fixed about the endpoint.
    const INFO: EndpointInfo;

    /// The request, with `token` where the endpoint needs one.
    ///
    /// # Errors
    /// [`ErrorClass::Unauthorized`] where it needs a token and `token` is `None`.
    fn to_request(
        &self,
        base: &BaseUrl,
        token: Option<&AccessToken>,
    ) -> Result<Request<Bytes>, ApiError> {
        let token = match (Self::INFO.token, token) {
            (TokenUse::None, _) | (TokenUse::Optional, None) => None,
            (TokenUse::Required, None) => {
                let why = "there is no token to send";
                return Err(ApiError::new(ErrorClass::Unauthorized, why));
            }
            (TokenUse::Required | TokenUse::Optional, token) => token,
        };
        let mut request = Request::new(self.body());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = base.join(const { PathAndQuery::from_static(Self::INFO.path) })?;
        request.extensions_mut().insert(Self::INFO);
        let headers = request.headers_mut();
        // The three below, and those that a transport adds: `User-Agent`, `Host`, `Content-Length`.
        headers.reserve(6);
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token.authorization());
        }
        Ok(request)
    }

    /// Reads the answer to such a request.
    ///
    /// # Errors
    /// [`ApiError`] for whatever is no answer to the question.
    fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError>;
}

mod sealed {
    use super::Bytes;

    /// Keeps the set of endpoints closed, and their bodies out of the public interface.
    pub trait Body {
        fn body(&self) -> Bytes;
    }
}
