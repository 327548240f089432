//! How a project gets its token: ask for a code by e-mail, hand the code in, renew what came.

use std::fmt;

use bytes::Bytes;
use http::Response;
use zeroize::Zeroizing;

use super::body::JsonObject;
use super::field::{InvalidField, email as checked_email, text_of};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::json::{Object, string};
use crate::token::AccessToken;

/// `POST /v1/request_token`: registers a project; Bakong sends a code to the address.
#[derive(Clone, Debug)]
pub struct RequestToken {
    email: String,
    organization: String,
    project: String,
}

impl RequestToken {
    /// A registration under this address.
    ///
    /// # Errors
    /// [`InvalidField`] unless `email` has 1 to 30 characters and an `@`, `organization` and `project` 1
    /// to 100.
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

    const INFO: EndpointInfo = EndpointInfo {
        name: "request_token",
        path: "/v1/request_token",
        token: TokenUse::None,
        repeatable: false,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<(), ApiError> {
        Envelope::open(response, &mut String::new())?
            .into_data()
            .map(|_| ())
    }
}

/// `POST /v1/verify`: hands in the code from the e-mail; the answer is the token.
#[derive(Clone)]
pub struct Verify {
    code: Zeroizing<String>,
}

impl Verify {
    /// The code, without white space around it.
    ///
    /// # Errors
    /// [`InvalidField`] unless it has exactly 20 characters.
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

    const INFO: EndpointInfo = EndpointInfo {
        name: "verify",
        path: "/v1/verify",
        token: TokenUse::None,
        repeatable: false,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<AccessToken, ApiError> {
        Envelope::open(response, &mut String::new())
            .and_then(token_in)
            .map_err(|error| error.hiding(&self.code))
    }
}

/// `POST /v1/renew_token`: a new token for an address that was registered and verified.
#[derive(Clone, Debug)]
pub struct RenewToken {
    email: String,
}

impl RenewToken {
    /// A renewal for this address.
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

    const INFO: EndpointInfo = EndpointInfo {
        name: "renew_token",
        path: "/v1/renew_token",
        token: TokenUse::None,
        repeatable: false,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<AccessToken, ApiError> {
        token_in(Envelope::open(response, &mut String::new())?)
    }
}

/// The token in an answer's data.
fn token_in(envelope: Envelope<'_>) -> Result<AccessToken, ApiError> {
    let no_token = envelope.malformed("it holds no readable token");
    envelope
        .into_data()?
        .and_then(Object::read)
        .and_then(|data| data.get("token"))
        .and_then(string)
        .map(Zeroizing::new)
        .and_then(|text| AccessToken::new(&text).ok())
        .ok_or(no_token)
}
