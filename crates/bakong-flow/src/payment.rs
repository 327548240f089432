//! What is waited for: a code that was shown for an order, and what it should bring.

use std::fmt;
use std::sync::Arc;

use bakong_api::khqr_core::{self, Khqr, Md5Handle, Timestamp};
use bakong_api::{ShortHash, TransactionHash};

use crate::settlement::Expected;

/// An order's id in the shop's own books: what is settled once. Cheap to clone. An order whose code expired
/// may get another code under the same id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(Arc<str>);

impl OrderId {
    /// The most bytes that an id has.
    pub const MAX_LEN: usize = 128;

    /// Takes an id as it is.
    ///
    /// # Errors
    /// [`InvalidOrderId`] if it is empty, has more than [`MAX_LEN`](Self::MAX_LEN) bytes or a control
    /// character.
    pub fn new(text: &str) -> Result<Self, InvalidOrderId> {
        if text.is_empty() || text.len() > Self::MAX_LEN || text.contains(char::is_control) {
            return Err(InvalidOrderId);
        }
        Ok(Self(text.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(text: &str) -> Result<Self, InvalidOrderId> {
        Self::new(text)
    }
}

/// A text that cannot be an [`OrderId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidOrderId;

impl fmt::Display for InvalidOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = OrderId::MAX_LEN;
        write!(
            f,
            "an order's id must have 1 to {most} bytes and no control character"
        )
    }
}

impl std::error::Error for InvalidOrderId {}

/// A payment to be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Payment {
    /// The order that it pays.
    pub order: OrderId,
    /// The handle under which Bakong knows the code.
    pub md5: Md5Handle,
    /// What it should bring.
    pub expected: Expected,
    /// When the code ceases to be payable.
    pub expires_at: Timestamp,
    /// The transaction's full hash, where it is known beforehand: one more way to ask after the expiry, if the MD5
    /// finds nothing, for which one more request is set aside.
    pub hash: Option<TransactionHash>,
    /// Its first eight digits, where they are: a third, and so is another request.
    pub short_hash: Option<ShortHash>,
}

impl Payment {
    /// The payment of an order by the code with this handle.
    #[must_use]
    pub const fn new(
        order: OrderId,
        md5: Md5Handle,
        expected: Expected,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            order,
            md5,
            expected,
            expires_at,
            hash: None,
            short_hash: None,
        }
    }

    /// The payment that a dynamic code asks for.
    ///
    /// # Errors
    /// [`Untrackable`] if the code says no amount or no expiry, or says them unreadably.
    pub fn of_khqr(order: OrderId, khqr: &Khqr<'_>) -> Result<Self, Untrackable> {
        let amount = khqr.amount()?.ok_or(Untrackable::NoAmount)?;
        let expected = Expected::new(amount, khqr.account().into());
        let expires_at = khqr.expires_at()?.ok_or(Untrackable::NoExpiry)?;
        Ok(Self::new(order, khqr.md5(), expected, expires_at))
    }
}

/// A code whose payment cannot be watched, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Untrackable {
    /// It says no amount: it is static, is paid many times, and has no handle.
    NoAmount,
    /// It says no expiry, so that there is no moment at which to stop asking.
    NoExpiry,
    /// A field that is needed cannot be read.
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
                "the code says no amount; a static code's payments cannot be looked up by MD5",
            ),
            Self::NoExpiry => f.write_str("the code says no expiry; make one that does"),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Untrackable {}
