//! A payment to watch: the code that was shown for an order, and the amount and recipient to expect.

use std::fmt;

use bakong_api::khqr_core::{self, Amount, Khqr, Md5Handle, Timestamp};
use bakong_api::{ShortHash, TransactionHash};

use crate::settlement::Expected;

pub use crate::order::{InvalidOrderId, OrderId};

/// A payment to watch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Payment {
    /// The order that the payment is for.
    pub order: OrderId,
    /// The MD5 of the code's text. Bakong looks up the payment by this value.
    pub md5: Md5Handle,
    /// The expected amount and recipient. `None` if only the MD5 of the code is known: then every transaction of the code
    /// settles the order, and the caller must compare the amount and the recipient.
    pub expected: Option<Expected>,
    /// When the code expires.
    pub expires_at: Timestamp,
    /// The full hash of the transaction, if known. It adds one lookup to the final check, in case the MD5 finds
    /// nothing, and reserves one more request.
    pub hash: Option<TransactionHash>,
    /// The first eight digits of the hash, if known. They add another lookup and reserve another request, unless the
    /// amount is unknown: Bakong needs it for this lookup.
    pub short_hash: Option<ShortHash>,
    /// What the store keeps for people and other programs. The tracker passes the details to the store and does not use
    /// them.
    pub details: Option<Box<PaymentDetails>>,
}

/// What a store keeps about a payment for people and other programs. Start from [`PaymentDetails::new`] and set the fields.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PaymentDetails {
    /// The exact text of the code.
    pub code: Option<Box<str>>,
    /// Data of the caller, in any format. Must not contain secrets.
    pub metadata: Option<Box<str>>,
}

impl PaymentDetails {
    /// Creates details without any content.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            code: None,
            metadata: None,
        }
    }
}

impl Payment {
    /// Creates the payment of `order` by the code with handle `md5`.
    #[must_use]
    pub fn new(order: OrderId, md5: Md5Handle, expected: Expected, expires_at: Timestamp) -> Self {
        let mut payment = Self::of_md5(order, md5, expires_at);
        payment.expected = Some(expected);
        payment
    }

    /// Creates the payment of a code that another program created, of which only the MD5 is known. `expires_at` is when to
    /// stop looking for the payment.
    ///
    /// Every transaction of the code settles the order. The caller must compare its amount and its recipient.
    #[must_use]
    pub const fn of_md5(order: OrderId, md5: Md5Handle, expires_at: Timestamp) -> Self {
        Self {
            order,
            md5,
            expected: None,
            expires_at,
            hash: None,
            short_hash: None,
            details: None,
        }
    }

    /// Returns what the lookup by short hash needs, if all of it is known.
    pub(crate) fn short_lookup(&self) -> Option<(&ShortHash, Amount)> {
        let expected = self.expected.as_ref()?;
        Some((self.short_hash.as_ref()?, expected.amount))
    }

    /// Creates the payment that the dynamic code `khqr` asks for. The details contain the text of the code.
    ///
    /// # Errors
    /// [`Untrackable`] if the code has no amount or no expiry, or if one of them cannot be read.
    pub fn of_khqr(order: OrderId, khqr: &Khqr<'_>) -> Result<Self, Untrackable> {
        let amount = khqr.amount()?.ok_or(Untrackable::NoAmount)?;
        let expected = Expected::new(amount, khqr.account().into());
        let expires_at = khqr.expires_at()?.ok_or(Untrackable::NoExpiry)?;
        let mut payment = Self::new(order, khqr.md5(), expected, expires_at);
        payment.details = Some(Box::new(PaymentDetails {
            code: Some(khqr.text().into()),
            metadata: None,
        }));
        Ok(payment)
    }
}

/// Why the payment of a code cannot be watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Untrackable {
    /// The code has no amount. It is a static code, which can be paid many times, so its MD5 identifies no payment.
    NoAmount,
    /// The code has no expiry, so no time can be set for the final check.
    NoExpiry,
    /// The amount or the expiry cannot be read.
    Unreadable(khqr_core::Error),
}

impl From<khqr_core::Error> for Untrackable {
    fn from(error: khqr_core::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for Untrackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAmount => f.write_str(
                "the code has no amount; payments of a static code cannot be looked up by MD5",
            ),
            Self::NoExpiry => f.write_str("the code has no expiry; create a code with an expiry"),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Untrackable {}
