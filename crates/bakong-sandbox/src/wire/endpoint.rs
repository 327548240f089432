//! The endpoints of the Open API.

use serde::{Deserialize, Serialize};

/// An endpoint of the Open API.
///
/// The serde form is the endpoint's [name](ApiEndpoint::name).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApiEndpoint {
    /// `POST /v1/request_token`: requests a verification code for an e-mail address.
    RequestToken,
    /// `POST /v1/verify`: exchanges the code for a token.
    Verify,
    /// `POST /v1/renew_token`: issues a new token for a registered address.
    RenewToken,
    /// `POST /v1/generate_deeplink_by_qr`: creates a link that opens a code in the payer's app.
    GenerateDeeplinkByQr,
    /// `POST /v1/check_transaction_by_md5`: finds the transaction of a dynamic code.
    CheckTransactionByMd5,
    /// `POST /v1/check_transaction_by_hash`: finds a transaction by its full hash.
    CheckTransactionByHash,
    /// `POST /v1/check_transaction_by_short_hash`: finds a transaction by the first eight digits of its
    /// hash, its amount and its currency.
    CheckTransactionByShortHash,
    /// `POST /v1/check_transaction_by_instruction_ref`: finds a transaction by the instruction reference that
    /// the payer's bank assigned.
    CheckTransactionByInstructionRef,
    /// `POST /v1/check_transaction_by_external_ref`: finds a transaction by the reference of the payer's
    /// bank.
    CheckTransactionByExternalRef,
    /// `POST /v1/check_transaction_by_md5_list`: finds the transactions of up to 50 dynamic codes.
    CheckTransactionByMd5List,
    /// `POST /v1/check_transaction_by_hash_list`: finds up to 50 transactions by their full hashes.
    CheckTransactionByHashList,
    /// `POST /v1/check_bakong_account`: checks whether an account exists.
    CheckBakongAccount,
}

/// How an endpoint treats the token of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenUse {
    /// A valid token is required.
    Required,
    /// No token is required, but a token that is sent must be valid.
    Optional,
    /// The token is ignored.
    Ignored,
}

impl ApiEndpoint {
    /// All endpoints.
    pub const ALL: &[Self] = &[
        Self::RequestToken,
        Self::Verify,
        Self::RenewToken,
        Self::GenerateDeeplinkByQr,
        Self::CheckTransactionByMd5,
        Self::CheckTransactionByHash,
        Self::CheckTransactionByShortHash,
        Self::CheckTransactionByInstructionRef,
        Self::CheckTransactionByExternalRef,
        Self::CheckTransactionByMd5List,
        Self::CheckTransactionByHashList,
        Self::CheckBakongAccount,
    ];

    /// The path after the base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::RequestToken => "/v1/request_token",
            Self::Verify => "/v1/verify",
            Self::RenewToken => "/v1/renew_token",
            Self::GenerateDeeplinkByQr => "/v1/generate_deeplink_by_qr",
            Self::CheckTransactionByMd5 => "/v1/check_transaction_by_md5",
            Self::CheckTransactionByHash => "/v1/check_transaction_by_hash",
            Self::CheckTransactionByShortHash => "/v1/check_transaction_by_short_hash",
            Self::CheckTransactionByInstructionRef => "/v1/check_transaction_by_instruction_ref",
            Self::CheckTransactionByExternalRef => "/v1/check_transaction_by_external_ref",
            Self::CheckTransactionByMd5List => "/v1/check_transaction_by_md5_list",
            Self::CheckTransactionByHashList => "/v1/check_transaction_by_hash_list",
            Self::CheckBakongAccount => "/v1/check_bakong_account",
        }
    }

    /// The last segment of the path, such as `check_transaction_by_md5`. Fault rules use this name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.path().trim_start_matches("/v1/")
    }

    pub(crate) const fn token_use(self) -> TokenUse {
        match self {
            Self::RequestToken | Self::Verify | Self::RenewToken | Self::GenerateDeeplinkByQr => {
                TokenUse::Ignored
            }
            // The reference lists the header, but the live service also answers without it.
            Self::CheckBakongAccount => TokenUse::Optional,
            _ => TokenUse::Required,
        }
    }

    pub(crate) fn at(path: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|endpoint| endpoint.path() == path)
    }
}
