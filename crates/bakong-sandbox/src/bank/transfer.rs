//! A transfer from a customer to a shop, and its status.

use std::error::Error;
use std::fmt;

use khqr_core::{AccountId, Amount, Md5Handle, Timestamp};

use super::order::TransferOrder;

/// A transfer that a customer ordered. This value is a copy: later changes of the status do not affect it.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub(crate) order: TransferOrder,
    pub(crate) status: TransferStatus,
}

/// The status of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferStatus {
    /// The transfer is due later on the sandbox's clock.
    Scheduled,
    /// The payee has the money.
    Transferred,
    /// The transfer failed, as [`TransferOptions::failing`](crate::TransferOptions::failing) requested.
    Failed,
    /// The bank refused the transfer when it became due. The API never shows a refused transfer.
    Refused(TransferError),
}

/// Why a bank's app refuses to pay a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// The code is invalid, or cannot be paid at that time.
    Code(khqr_core::Error),
    /// The code is static and the customer entered no amount.
    AmountRequired,
    /// The amount is zero.
    AmountZero,
    /// The code is dynamic and already paid.
    AlreadyPaid,
}

impl Transfer {
    /// The hash of the transaction: 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.order.hash
    }

    /// The reference of the payer's bank: `100FT` and eleven digits.
    #[must_use]
    pub fn external_ref(&self) -> &str {
        &self.order.external_ref
    }

    /// The instruction reference, if
    /// [`TransferOptions::instruction_ref`](crate::TransferOptions::instruction_ref) set one.
    #[must_use]
    pub fn instruction_ref(&self) -> Option<&str> {
        self.order.instruction_ref.as_deref()
    }

    /// The bill number in the paid code (tag 62, sub-tag 01). The API does not return it.
    #[must_use]
    pub fn bill_number(&self) -> Option<&str> {
        self.order.bill_number.as_deref()
    }

    /// The MD5 of the paid code.
    #[must_use]
    pub const fn md5(&self) -> Md5Handle {
        self.order.md5
    }

    /// The account that pays.
    #[must_use]
    pub fn payer(&self) -> AccountId<'_> {
        self.order.payer.as_id()
    }

    /// The account that receives the money.
    #[must_use]
    pub fn payee(&self) -> AccountId<'_> {
        self.order.payee.as_id()
    }

    /// The transferred amount.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        self.order.amount
    }

    /// The payer's message.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.order.description.as_deref()
    }

    /// The time of the transfer on the sandbox's clock. A scheduled transfer has a time in the future.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.order.due
    }

    /// The time at which the payee's bank acknowledges the transfer, which equals [`Transfer::created_at`].
    ///
    /// Published responses show a time one second later. In the sandbox that time would be in the future
    /// for a client that checks immediately.
    #[must_use]
    pub const fn acknowledged_at(&self) -> Timestamp {
        self.order.due
    }

    /// The status of the transfer.
    #[must_use]
    pub const fn status(&self) -> TransferStatus {
        self.status
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(error) => write!(f, "the code cannot be paid: {error}"),
            Self::AmountRequired => f.write_str("the code contains no amount; enter one"),
            Self::AmountZero => f.write_str("the amount is zero"),
            Self::AlreadyPaid => f.write_str("the code is already paid"),
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
