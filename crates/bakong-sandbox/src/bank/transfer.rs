//! Payments as the bank sees them: ordered, and then transferred, failed or refused.

use std::error::Error;
use std::fmt;

use khqr_core::{AccountId, AccountIdBuf, Amount, Md5Handle, Timestamp};

/// A payment that a customer ordered, as it stood when asked for.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub(crate) hash: String,
    pub(crate) external_ref: String,
    pub(crate) md5: Md5Handle,
    pub(crate) payer: AccountIdBuf,
    pub(crate) payee: AccountIdBuf,
    pub(crate) amount: Amount,
    pub(crate) description: Option<String>,
    pub(crate) instruction_ref: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) status: TransferStatus,
}

/// What became of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferStatus {
    /// The sandbox's clock has not come to its moment.
    Scheduled,
    /// The money is with the payee.
    Transferred,
    /// The transfer failed, as [`TransferOptions::failing`](crate::TransferOptions::failing) asked.
    Failed,
    /// When its moment came, the bank did not take it. Nobody can see it but here.
    Refused(TransferError),
}

/// Why a bank's app does not take a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// The code cannot be read, or may not be paid at that moment.
    Code(khqr_core::Error),
    /// The code is static and the customer named no amount.
    AmountRequired,
    /// The customer named an amount of nothing.
    AmountZero,
    /// The code is dynamic and was paid before.
    AlreadyPaid,
}

impl Transfer {
    /// The transaction's hash: 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The payer bank's reference: `100FT` and eleven digits.
    #[must_use]
    pub fn external_ref(&self) -> &str {
        &self.external_ref
    }

    /// The instruction's reference, if the payer's bank assigned one: see
    /// [`TransferOptions::instruction_ref`](crate::TransferOptions::instruction_ref).
    #[must_use]
    pub fn instruction_ref(&self) -> Option<&str> {
        self.instruction_ref.as_deref()
    }

    /// The handle of the code that was paid.
    #[must_use]
    pub const fn md5(&self) -> Md5Handle {
        self.md5
    }

    /// The account that pays.
    #[must_use]
    pub fn payer(&self) -> AccountId<'_> {
        self.payer.as_id()
    }

    /// The account that is paid.
    #[must_use]
    pub fn payee(&self) -> AccountId<'_> {
        self.payee.as_id()
    }

    /// How much is paid.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// What the payer wrote to it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The moment of the payment on the sandbox's clock; it may lie ahead.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the payee's bank acknowledges it: at the same moment. In published answers it is a second later;
    /// here that would lie ahead of the clock for whoever asks at once.
    #[must_use]
    pub const fn acknowledged_at(&self) -> Timestamp {
        self.created_at
    }

    /// What became of it.
    #[must_use]
    pub const fn status(&self) -> TransferStatus {
        self.status
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(error) => write!(f, "the code may not be paid: {error}"),
            Self::AmountRequired => f.write_str("the code says no amount; name one"),
            Self::AmountZero => f.write_str("the amount is zero"),
            Self::AlreadyPaid => f.write_str("the code was paid before"),
        }
    }
}

impl Error for TransferError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Code(error) => Some(error),
            _ => None,
        }
    }
}

impl From<khqr_core::Error> for TransferError {
    fn from(error: khqr_core::Error) -> Self {
        Self::Code(error)
    }
}
