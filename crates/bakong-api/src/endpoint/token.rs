//! Registration and tokens: request a code by e-mail, exchange it for a token, renew the token.

use std::fmt;

use bytes::Bytes;
use http::Response;
use zeroize::Zeroizing;

use super::body::JsonObject;
use super::field::{InvalidField, email as checked_email, text_of};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::token::AccessToken;

/// `POST /v1/request_token`: registers a project. Bakong sends a code to the e-mail address.
#[derive(Clone, Debug)]
pub struct RequestToken {
    email: String,
    organization: String,
    project: String,
}

impl RequestToken {
    /// Creates a registration.
    ///
    /// # Errors
    /// [`InvalidField`] unless `email` has 1 to 30 characters and an `@`, and `organization` and `project` have
    /// 1 to 100 characters each.
    pub fn new(email: &str, organization: &str, project: &str) -> Result<Self, InvalidField> {
        Ok(Self {
            email: checked_email(email)?,
            organization: text_of("organization", organization, 1..=100)?,
            project: text_of("project", project, 1..=100)?,
        })
    }
}

impl sealed::Body for RequestToken {
    fn body(&self) -> Bytes {
        JsonObject::default()
            .text("email", &self.email)
            .text("organization", &self.organization)
            .text("project", &self.project)
            .finish()
    }
}

impl Endpoint for RequestToken {
    type Answer = ();

    const INFO: EndpointInfo = token_endpoint("request_token", "/v1/request_token");

    fn read(&self, response: &Response<Bytes>) -> Result<(), ApiError> {
        let mut repaired = String::new();
        Envelope::open(response, &mut repaired)?.into_data()?;
        Ok(())
    }
}

/// `POST /v1/verify`: exchanges the code from the e-mail for a token.
#[derive(Clone)]
pub struct Verify {
    code: Zeroizing<String>,
}

impl Verify {
    /// Creates a request with this code, without the surrounding white space.
    ///
    /// # Errors
    /// [`InvalidField`] unless the code has exactly 20 characters.
    pub fn new(code: &str) -> Result<Self, InvalidField> {
        text_of("code", code.trim(), 20..=20).map(|code| Self {
            code: Zeroizing::new(code),
        })
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("code", &"[redacted]")
            .finish()
    }
}

impl sealed::Body for Verify {
    fn body(&self) -> Bytes {
        JsonObject::default().text("code", &self.code).finish()
    }
}

impl Endpoint for Verify {
    type Answer = AccessToken;

    const INFO: EndpointInfo = token_endpoint("verify", "/v1/verify");

    fn read(&self, response: &Response<Bytes>) -> Result<AccessToken, ApiError> {
        read_token(response).map_err(|error| error.hiding(&self.code))
    }
}

/// `POST /v1/renew_token`: gets a new token for a registered and verified e-mail address.
#[derive(Clone, Debug)]
pub struct RenewToken {
    email: String,
}

impl RenewToken {
    /// Creates a renewal for this address.
    ///
    /// # Errors
    /// [`InvalidField`] unless `email` has 1 to 30 characters and an `@`.
    pub fn new(email: &str) -> Result<Self, InvalidField> {
        checked_email(email).map(|email| Self { email })
    }
}

impl sealed::Body for RenewToken {
    fn body(&self) -> Bytes {
        JsonObject::default().text("email", &self.email).finish()
    }
}

impl Endpoint for RenewToken {
    type Answer = AccessToken;

    const INFO: EndpointInfo = token_endpoint("renew_token", "/v1/renew_token");

    fn read(&self, response: &Response<Bytes>) -> Result<AccessToken, ApiError> {
        read_token(response)
    }
}

/// Describes an endpoint whose request carries no token and must not be repeated.
const fn token_endpoint(name: &'static str, path: &'static str) -> EndpointInfo {
    EndpointInfo {
        name,
        path,
        token: TokenUse::None,
        repeatable: false,
    }
}

/// Reads the token in an answer's data.
fn read_token(response: &Response<Bytes>) -> Result<AccessToken, ApiError> {
    let mut repaired = String::new();
    let envelope = Envelope::open(response, &mut repaired)?;
    let no_token = envelope.malformed("the answer contains no readable token");
    envelope
        .into_text("token")?
        .map(|text| Zeroizing::new(text.into_owned()))
        .and_then(|text| AccessToken::new(&text).ok())
        .filter(AccessToken::is_jwt)
        .ok_or(no_token)
}
