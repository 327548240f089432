//! Checks whether an account exists, for example before its code is printed.

use bytes::Bytes;
use http::Response;
use khqr_core::AccountId;

use super::body::JsonObject;
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, ResponseCode};
use crate::error::{ApiError, ErrorClass, ErrorCode};

/// `POST /v1/check_bakong_account`: checks whether this account exists.
///
/// A session sends its token if it has one. The live service also answers without a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckBakongAccount {
    account_id: String,
}

impl CheckBakongAccount {
    /// Creates a check of this account.
    #[must_use]
    pub fn new(account: AccountId<'_>) -> Self {
        Self {
            account_id: account.as_str().to_owned(),
        }
    }
}

impl sealed::Body for CheckBakongAccount {
    fn body(&self) -> Bytes {
        JsonObject::default()
            .text("accountId", &self.account_id)
            .finish()
    }
}

impl Endpoint for CheckBakongAccount {
    type Answer = AccountAnswer;

    const INFO: EndpointInfo = EndpointInfo {
        name: "check_bakong_account",
        path: "/v1/check_bakong_account",
        token: TokenUse::Optional,
        repeatable: true,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<AccountAnswer, ApiError> {
        let mut repaired = String::new();
        let envelope = Envelope::open(response, &mut repaired)?;
        match (envelope.response_code, envelope.code()) {
            (ResponseCode::Success, _) => Ok(AccountAnswer::Exists),
            (_, Some(ErrorCode::AccountNotFound)) => Ok(AccountAnswer::NotFound),
            (_, Some(ErrorCode::AccountInvalid)) => Ok(AccountAnswer::Invalid),
            _ => Err(envelope.into_error(ErrorClass::Refused)),
        }
    }
}

/// What Bakong knows about an account id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AccountAnswer {
    /// The account exists.
    Exists,
    /// The account does not exist: code 11.
    NotFound,
    /// The text is not a valid account id: code 12.
    Invalid,
}
