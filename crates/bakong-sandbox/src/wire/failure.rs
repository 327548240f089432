//! What the API says to a request that it understands and yet refuses: codes and messages.

use http::StatusCode;

use crate::wire::{self, Answer};

/// Why a request was understood and yet refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    TransactionNotFound,
    StaticQr,
    TransactionFailed,
    MissingFields,
    Unauthorized,
    EmailRegistered,
    NotRegistered,
    AccountNotFound,
    AccountInvalid,
}

impl Failure {
    pub(crate) const fn error_code(self) -> u8 {
        match self {
            Self::TransactionNotFound => 1,
            Self::StaticQr => 2,
            Self::TransactionFailed => 3,
            Self::MissingFields => 5,
            Self::Unauthorized => 6,
            Self::EmailRegistered => 8,
            Self::NotRegistered => 10,
            Self::AccountNotFound => 11,
            Self::AccountInvalid => 12,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::TransactionNotFound => {
                "Transaction could not be found. Please check and try again."
            }
            Self::StaticQr => "Static QR is not supported for this check flow",
            Self::TransactionFailed => "Transaction failed.",
            Self::MissingFields => "Missing required fields",
            // The live service's own words, as client libraries report them.
            Self::Unauthorized => "Unauthorized, not yet requested for token or code invalid",
            Self::EmailRegistered => "Email is already registered",
            Self::NotRegistered => "Not registered yet",
            Self::AccountNotFound => "Account ID not found",
            Self::AccountInvalid => "Account ID is invalid",
        }
    }

    pub(crate) fn answer(self) -> Answer {
        let status = match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            _ => StatusCode::OK,
        };
        wire::failure(status, self.error_code(), self.message())
    }

    const ALL: [Self; 9] = [
        Self::TransactionNotFound,
        Self::StaticQr,
        Self::TransactionFailed,
        Self::MissingFields,
        Self::Unauthorized,
        Self::EmailRegistered,
        Self::NotRegistered,
        Self::AccountNotFound,
        Self::AccountInvalid,
    ];
}

/// What the documents say to an error code, also to those with which the sandbox answers by a fault only;
/// nothing to one that they do not know.
pub(crate) fn usual_message(error_code: u8) -> String {
    match error_code {
        4 => "Error requesting deeplink from provider".to_owned(),
        7 => "Email server is down".to_owned(),
        9 => "Cannot connect to server".to_owned(),
        17 => quota_message(100),
        code => {
            let mut all = Failure::ALL.iter();
            let known = all.find(|failure| failure.error_code() == code);
            known.map_or_else(String::new, |failure| failure.message().to_owned())
        }
    }
}

/// The live service's words, with its 100 for the limit.
pub(crate) fn quota_message(limit: u32) -> String {
    format!("Daily request limit of {limit} exceeded. Please try again tomorrow.")
}
