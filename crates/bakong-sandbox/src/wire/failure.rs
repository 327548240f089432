//! Error codes and messages of the API.

/// Why the API refuses a valid request, with its error code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Failure {
    TransactionNotFound = 1,
    StaticQr = 2,
    TransactionFailed = 3,
    MissingFields = 5,
    Unauthorized = 6,
    EmailRegistered = 8,
    NotRegistered = 10,
    AccountNotFound = 11,
    AccountInvalid = 12,
}

impl Failure {
    pub(crate) const fn error_code(self) -> u8 {
        self as u8
    }

    pub(crate) const fn message(self) -> &'static str {
        documented_message(self.error_code())
    }
}

/// The documented message of an error code, including the codes that the sandbox returns only through a
/// fault. Empty for an unknown code.
pub(crate) const fn documented_message(error_code: u8) -> &'static str {
    match error_code {
        1 => "Transaction could not be found. Please check and try again.",
        2 => "Static QR is not supported for this check flow",
        3 => "Transaction failed.",
        4 => "Error requesting deeplink from provider",
        5 => "Missing required fields",
        // The message of the live service, as client libraries report it.
        6 => "Unauthorized, not yet requested for token or code invalid",
        7 => "Email server is down",
        8 => "Email is already registered",
        9 => "Cannot connect to server",
        10 => "Not registered yet",
        11 => "Account ID not found",
        12 => "Account ID is invalid",
        17 => "Daily request limit of 100 exceeded. Please try again tomorrow.",
        _ => "",
    }
}

/// The message of error code 17 with a limit other than the live service's 100.
pub(crate) fn quota_message(limit: u32) -> String {
    format!("Daily request limit of {limit} exceeded. Please try again tomorrow.")
}
