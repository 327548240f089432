//! A refusal of the API: the failure that the client sees, and the reason that only the log of requests shows.

use std::borrow::Cow;

use crate::wire::Failure;

/// Why an endpoint refuses a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// The reason for developers. `None` for a result that a correct request can get.
    pub(super) why: Option<Cow<'static, str>>,
}

impl Refused {
    pub(super) fn new(failure: Failure, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            failure,
            why: Some(why.into()),
        }
    }

    /// Error code 5, with the field or list at fault.
    pub(super) fn missing_fields(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Failure::MissingFields, why)
    }
}

impl From<Failure> for Refused {
    /// A failure whose cause needs no further details.
    fn from(failure: Failure) -> Self {
        let why = match failure {
            // These are results, not mistakes: a check finds no transaction until a customer pays.
            Failure::TransactionNotFound | Failure::TransactionFailed => None,
            Failure::StaticQr => {
                Some("the code is static, and the API finds no transaction by its MD5")
            }
            Failure::MissingFields => Some("a field of the body is missing or not valid"),
            Failure::Unauthorized => Some("the token is missing or not valid"),
            Failure::EmailRegistered => Some(
                "the e-mail address is already registered; POST /v1/renew_token issues another token",
            ),
            Failure::NotRegistered => Some(
                "no token was issued for the e-mail address; POST /v1/request_token and /v1/verify register it",
            ),
            Failure::AccountNotFound => Some(
                "the account does not exist; POST /sandbox/accounts opens it, and so does a payment to it",
            ),
            Failure::AccountInvalid => {
                Some("body.accountId is not an account of at most 32 characters such as name@bank")
            }
        };
        Self {
            failure,
            why: why.map(Cow::Borrowed),
        }
    }
}
