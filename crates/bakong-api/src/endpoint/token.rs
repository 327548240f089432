//! How a project gets its token: ask for a code by e-mail, hand the code in, renew what came.

use std::fmt;

use bytes::Bytes;
use http::Response;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Endpoint, EndpointInfo, TokenUse, json, sealed, token_in};
use crate::envelope::Envelope;
use crate::error::ApiError;
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
            organization: of_length("organization", organization, 1..=100)?,
            project: of_length("project", project, 1..=100)?,
        })
    }
}

impl sealed::Body for RequestToken {
    fn body(&self) -> Result<Bytes, ApiError> {
        #[derive(Serialize)]
        struct Body<'a> {
            email: &'a str,
            organization: &'a str,
            project: &'a str,
        }
        json(&Body {
            email: &self.email,
            organization: &self.organization,
            project: &self.project,
        })
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
        Envelope::open(response)?.into_data().map(|_| ())
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
        of_length("code", code.trim(), 20..=20).map(|code| Self {
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
    fn body(&self) -> Result<Bytes, ApiError> {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
        }
        json(&Body { code: &self.code })
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
        token_in(Envelope::open(response)?)
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
    fn body(&self) -> Result<Bytes, ApiError> {
        #[derive(Serialize)]
        struct Body<'a> {
            email: &'a str,
        }
        json(&Body { email: &self.email })
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
        token_in(Envelope::open(response)?)
    }
}

fn checked_email(email: &str) -> Result<String, InvalidField> {
    let email = of_length("email", email.trim(), 1..=30)?;
    if email.contains('@') {
        Ok(email)
    } else {
        Err(InvalidField {
            field: "email",
            rule: Rule::NeedsAt,
        })
    }
}

fn of_length(
    field: &'static str,
    text: &str,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<String, InvalidField> {
    if allowed.contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    Err(InvalidField {
        field,
        rule: Rule::Length {
            min: *allowed.start(),
            max: *allowed.end(),
        },
    })
}

/// A field of a request breaks a rule of the reference. Holds nothing of the field's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidField {
    field: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Length { min: usize, max: usize },
    NeedsAt,
}

impl InvalidField {
    /// The field's name in the reference.
    #[must_use]
    pub const fn field(self) -> &'static str {
        self.field
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.rule {
            Rule::Length { min, max } if min == max => {
                write!(f, "{field} must have exactly {min} characters")
            }
            Rule::Length { min, max } => {
                write!(f, "{field} must have {min} to {max} characters")
            }
            Rule::NeedsAt => write!(f, "{field} must be an e-mail address"),
        }
    }
}

impl std::error::Error for InvalidField {}
