//! What is waited for: a code that was shown, and what it should bring.

use std::fmt;

use bakong_api::khqr_core::{self, Khqr, Md5Handle, Timestamp};

use crate::settlement::Expected;

/// A payment to be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Payment {
    /// The handle under which Bakong knows the code.
    pub md5: Md5Handle,
    /// What it should bring.
    pub expected: Expected,
    /// When the code ceases to be payable.
    pub expires_at: Timestamp,
}

impl Payment {
    /// The payment of the code with this handle.
    #[must_use]
    pub const fn new(md5: Md5Handle, expected: Expected, expires_at: Timestamp) -> Self {
        Self {
            md5,
            expected,
            expires_at,
        }
    }

    /// The payment that a dynamic code asks for.
    ///
    /// # Errors
    /// [`Untrackable`] if the code says no amount or no expiry, or says them unreadably.
    pub fn of_khqr(khqr: &Khqr<'_>) -> Result<Self, Untrackable> {
        Ok(Self {
            md5: khqr.md5(),
            expected: Expected::new(
                khqr.amount()?.ok_or(Untrackable::NoAmount)?,
                khqr.account().into(),
            ),
            expires_at: khqr.expires_at()?.ok_or(Untrackable::NoExpiry)?,
        })
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
