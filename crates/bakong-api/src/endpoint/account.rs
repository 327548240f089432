//! Does an account exist? Asked before a code is printed on a thousand stickers.

use bytes::Bytes;
use http::Response;
use khqr_core::AccountId;

use super::body::JsonObject;
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, Outcome};
use crate::error::{ApiError, ErrorClass, ErrorCode};

/// `POST /v1/check_bakong_account`: does this account exist?
///
/// The token goes along if there is one; the live service answers without, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckBakongAccount {
    account_id: String,
}

impl CheckBakongAccount {
    /// A question about this account.
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
        let mut mended = String::new();
        let envelope = Envelope::open(response, &mut mended)?;
        match (envelope.outcome, envelope.code()) {
            (Outcome::Success, _) => Ok(AccountAnswer::Exists),
            (Outcome::Failure, Some(ErrorCode::AccountNotFound)) => Ok(AccountAnswer::NotFound),
            (Outcome::Failure, Some(ErrorCode::AccountInvalid)) => Ok(AccountAnswer::Invalid),
            (Outcome::Failure, _) => Err(envelope.error(ErrorClass::Refused)),
        }
    }
}

/// What Bakong says of an account id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccountAnswer {
    /// It exists.
    Exists,
    /// Nobody has it: code 11.
    NotFound,
    /// Bakong takes it for no account id: code 12.
    Invalid,
}
