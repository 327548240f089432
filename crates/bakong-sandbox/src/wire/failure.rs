//! Error codes and messages of the API.

/// Why the API refuses a valid request.
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
            // The message of the live service, as client libraries report it.
            Self::Unauthorized => "Unauthorized, not yet requested for token or code invalid",
            Self::EmailRegistered => "Email is already registered",
            Self::NotRegistered => "Not registered yet",
            Self::AccountNotFound => "Account ID not found",
            Self::AccountInvalid => "Account ID is invalid",
        }
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

/// The documented message of an error code, including the codes that the sandbox returns only through a
/// fault. Empty for an unknown code.
pub(crate) fn documented_message(error_code: u8) -> String {
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

/// The message of the live service, whose limit is 100.
pub(crate) fn quota_message(limit: u32) -> String {
    format!("Daily request limit of {limit} exceeded. Please try again tomorrow.")
}
