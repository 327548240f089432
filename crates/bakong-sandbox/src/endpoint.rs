//! The endpoints by name, for whoever counts requests or breaks one of them.

/// An endpoint of the Open API that the sandbox answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// `POST /v1/request_token`: registers an e-mail address, to which a code is sent.
    RequestToken,
    /// `POST /v1/verify`: trades that code for a token.
    Verify,
    /// `POST /v1/renew_token`: a new token for a registered address.
    RenewToken,
    /// `POST /v1/check_transaction_by_md5`: what became of a dynamic code.
    CheckTransactionByMd5,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: &[Self] = &[
        Self::RequestToken,
        Self::Verify,
        Self::RenewToken,
        Self::CheckTransactionByMd5,
    ];

    /// The path after the base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::RequestToken => "/v1/request_token",
            Self::Verify => "/v1/verify",
            Self::RenewToken => "/v1/renew_token",
            Self::CheckTransactionByMd5 => "/v1/check_transaction_by_md5",
        }
    }

    /// Whether a request must carry a token.
    pub(crate) const fn needs_token(self) -> bool {
        match self {
            Self::RequestToken | Self::Verify | Self::RenewToken => false,
            Self::CheckTransactionByMd5 => true,
        }
    }

    pub(crate) fn at(path: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|endpoint| endpoint.path() == path)
    }
}
