//! The errors of a watcher.

use std::fmt;

use bakong_api::khqr_core::Timestamp;

use crate::open_error::OpenError;

/// Why a payment is not watched. Do not show its code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The tracker does not accept the payment.
    Refused(OpenError),
    /// The watcher has stopped.
    Stopped,
}

impl WatchError {
    /// Returns when to try again, if waiting helps.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Refused(OpenError::NoQuota { until }) => Some(*until),
            _ => None,
        }
    }
}

impl From<OpenError> for WatchError {
    fn from(error: OpenError) -> Self {
        Self::Refused(error)
    }
}

impl From<Stopped> for WatchError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

impl std::error::Error for WatchError {}

/// The watcher has stopped. Open payments stay open in its store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the watcher has stopped; open payments stay open in its store")
    }
}

impl std::error::Error for Stopped {}
