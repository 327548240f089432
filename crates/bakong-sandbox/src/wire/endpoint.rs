//! The endpoints by name, for whoever counts requests or breaks one of them.

/// An endpoint of the Open API that the sandbox answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ApiEndpoint {
    /// `POST /v1/request_token`: registers an e-mail address, to which a code is sent.
    RequestToken,
    /// `POST /v1/verify`: trades that code for a token.
    Verify,
    /// `POST /v1/renew_token`: a new token for a registered address.
    RenewToken,
    /// `POST /v1/generate_deeplink_by_qr`: a link that opens a code in the payer's app.
    GenerateDeeplinkByQr,
    /// `POST /v1/check_transaction_by_md5`: what became of a dynamic code.
    CheckTransactionByMd5,
    /// `POST /v1/check_transaction_by_hash`: a transaction by its whole hash.
    CheckTransactionByHash,
    /// `POST /v1/check_transaction_by_short_hash`: a transaction by the first eight digits of its hash, its
    /// amount and its currency.
    CheckTransactionByShortHash,
    /// `POST /v1/check_transaction_by_instruction_ref`: a transaction by the instruction's reference, which
    /// the payer's bank assigned.
    CheckTransactionByInstructionRef,
    /// `POST /v1/check_transaction_by_external_ref`: a transaction by the payer bank's reference.
    CheckTransactionByExternalRef,
    /// `POST /v1/check_transaction_by_md5_list`: what became of up to 50 dynamic codes.
    CheckTransactionByMd5List,
    /// `POST /v1/check_transaction_by_hash_list`: up to 50 transactions by their whole hashes.
    CheckTransactionByHashList,
    /// `POST /v1/check_bakong_account`: whether there is such an account.
    CheckBakongAccount,
}

/// What an endpoint does about a request's token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenUse {
    /// There has to be one, and a good one.
    Needed,
    /// There need be none, but one that is sent has to be good.
    Checked,
    /// It is not looked at.
    Ignored,
}

impl ApiEndpoint {
    /// Every endpoint.
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

    /// The path's last part, such as `check_transaction_by_md5`: how rules name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.path().trim_start_matches("/v1/")
    }

    pub(crate) const fn token_use(self) -> TokenUse {
        match self {
            Self::RequestToken | Self::Verify | Self::RenewToken | Self::GenerateDeeplinkByQr => {
                TokenUse::Ignored
            }
            // The reference lists the header; the live service answers without it too.
            Self::CheckBakongAccount => TokenUse::Checked,
            Self::CheckTransactionByMd5
            | Self::CheckTransactionByHash
            | Self::CheckTransactionByShortHash
            | Self::CheckTransactionByInstructionRef
            | Self::CheckTransactionByExternalRef
            | Self::CheckTransactionByMd5List
            | Self::CheckTransactionByHashList => TokenUse::Needed,
        }
    }

    pub(crate) fn at(path: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|endpoint| endpoint.path() == path)
    }
}
