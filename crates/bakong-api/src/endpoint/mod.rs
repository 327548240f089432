//! Each endpoint is a struct: it becomes a request, and reads the answer to it.

mod check_transaction;
mod token;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::envelope::Envelope;
use crate::error::{ApiError, ErrorClass};
use crate::json::{Object, string};
use crate::token::AccessToken;

pub use check_transaction::{CheckAnswer, CheckTransactionByMd5};
pub use token::{InvalidField, RenewToken, RequestToken, Verify};

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
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(base.join(Self::INFO.path)?)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .extension(Self::INFO);
        if Self::INFO.token == TokenUse::Required {
            let token = token.ok_or_else(|| {
                ApiError::new(ErrorClass::Unauthorized, "there is no token to send")
            })?;
            request = request.header(header::AUTHORIZATION, token.authorization()?);
        }
        Ok(request.body(self.body()?)?)
    }

    /// Reads the answer to such a request.
    ///
    /// # Errors
    /// [`ApiError`] for whatever is no answer to the question.
    fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError>;
}

mod sealed {
    use super::{ApiError, Bytes};

    /// Keeps the set of endpoints closed, and their bodies out of the public interface.
    pub trait Body {
        fn body(&self) -> Result<Bytes, ApiError>;
    }
}

fn json(body: &impl Serialize) -> Result<Bytes, ApiError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|_| {
        ApiError::new(
            ErrorClass::Malformed,
            "the request could not be written as JSON",
        )
    })
}

/// The token in an answer's data.
fn token_in(envelope: Envelope) -> Result<AccessToken, ApiError> {
    let no_token = envelope.malformed("it holds no readable token");
    envelope
        .into_data()?
        .as_deref()
        .and_then(Object::read)
        .and_then(|data| data.get("token"))
        .and_then(string)
        .map(Zeroizing::new)
        .and_then(|text| AccessToken::new(&text).ok())
        .ok_or(no_token)
}
