//! The errors of a watcher.

use std::fmt;
use std::sync::Arc;

use bakong_api::khqr_core::Timestamp;

use crate::open_error::OpenError;
use crate::store::StoreError;

/// Why a payment is not watched. Do not show its code.
///
/// | error | what a web handler answers |
/// | --- | --- |
/// | `Refused(OpenError::NoQuota)` | 503 with `Retry-After` from [`until`](Self::until), or another way to pay |
/// | `Refused(OpenError::TokenRejected)` | 503, and alert a person: no payment can be seen |
/// | `Refused(OpenError::OrderSettled)` | the receipt: the order is paid |
/// | `Refused(OpenError::Known)` | the page of this code, if the order is the same; otherwise 500: two orders have one code |
/// | `NoLeader` | 503 with `Retry-After` from [`until`](Self::until) |
/// | `StoreUnavailable` | 503, and log [`Watcher::commit_error`](super::Watcher::commit_error) |
/// | `Stopped` | 503: the process ends |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The tracker does not accept the payment.
    Refused(OpenError),
    /// The store did not commit the payment in time. The payment is withdrawn, so you can try again with the same code.
    StoreUnavailable,
    /// Another worker has the lease and did not open the payment in time. It is slow, or it was killed: then this worker
    /// or another one leads when the lease has expired. The payment is withdrawn, so you can try again with the same code.
    NoLeader {
        /// When the lease expires, unless its worker lives and renews it.
        until: Timestamp,
    },
    /// The watcher has stopped.
    Stopped,
}

impl WatchError {
    /// Returns when to try again, if waiting helps.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Refused(OpenError::NoQuota { until }) | Self::NoLeader { until } => Some(*until),
            _ => None,
        }
    }
}

impl From<OpenError> for WatchError {
    fn from(error: OpenError) -> Self {
        Self::Refused(error)
    }
}

impl From<CommandError> for WatchError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::StoreUnavailable => Self::StoreUnavailable,
            CommandError::NoQuota { until } => Self::Refused(OpenError::NoQuota { until }),
            CommandError::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::StoreUnavailable => f.write_str(
                "the payment store did not confirm the payment in time; do not show the code, and try again",
            ),
            Self::NoLeader { until } => write!(
                f,
                "another worker holds the lease and did not open the payment in time; if that worker was killed, its \
                 lease expires at {}; do not show the code, and try again then",
                until.rfc3339()
            ),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

impl std::error::Error for WatchError {}

/// Why a command or a query has no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The store did not answer in time, or no leader carried the command out in time. A command may take effect later.
    StoreUnavailable,
    /// Every request that is left in the quota window is reserved: see [`Watcher::send_spare`](super::Watcher::send_spare).
    NoQuota {
        /// The end of the quota window. A request can become free earlier.
        until: Timestamp,
    },
    /// The watcher has stopped.
    Stopped,
}

impl From<Stopped> for CommandError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreUnavailable => {
                f.write_str(
                    "the payment store, or the worker that holds its lease, did not answer in time; try again",
                )
            }
            Self::NoQuota { until } => write!(
                f,
                "every request that the quota has left is reserved for the checks of payments; the quota window ends at {}",
                until.rfc3339()
            ),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

/// The watcher has stopped. Open payments stay open in its store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the watcher has stopped; open payments stay open in its store")
    }
}

impl std::error::Error for Stopped {}

/// Why a watcher ended. Open payments stay open in its store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// [`Watcher::shutdown`](super::Watcher::shutdown) was called, or the watcher was dropped.
    Shutdown,
    /// The store failed with an error of the kind [`Fatal`](crate::store::StoreErrorKind::Fatal).
    StoreFailed(Arc<StoreError>),
    /// The watcher's task panicked. This is a bug.
    Panicked,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown => f.write_str("the watcher was shut down"),
            Self::StoreFailed(error) => write!(f, "the watcher ended: {error}"),
            Self::Panicked => f.write_str("the watcher ended because its task panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_to_do() {
        let stopped = Stopped.to_string();
        assert!(stopped.contains("stay open in its store"));
        assert_eq!(WatchError::Stopped.to_string(), stopped);
        assert_eq!(CommandError::from(Stopped).to_string(), stopped);
        let refused = WatchError::from(OpenError::Known);
        assert_eq!(refused.to_string(), OpenError::Known.to_string());
        for message in [
            WatchError::from(CommandError::StoreUnavailable).to_string(),
            CommandError::StoreUnavailable.to_string(),
        ] {
            assert!(message.contains("in time") && message.ends_with("try again"));
        }
        let until = Timestamp::from_millis(1_795_000_000_000);
        let no_quota = CommandError::NoQuota { until };
        assert!(no_quota.to_string().ends_with("2026-11-18T11:06:40.000Z"));
        let refused = WatchError::Refused(OpenError::NoQuota { until });
        assert_eq!(WatchError::from(no_quota), refused);
        let no_leader = WatchError::NoLeader { until };
        assert!(
            no_leader
                .to_string()
                .contains("expires at 2026-11-18T11:06:40.000Z")
        );
        assert_eq!(no_leader.until(), Some(until));
        let error = Arc::new(StoreError::fatal("the disk is gone"));
        for (reason, words) in [
            (EndReason::Shutdown, "was shut down"),
            (EndReason::StoreFailed(error), "the disk is gone"),
            (EndReason::Panicked, "panicked"),
        ] {
            assert!(reason.to_string().contains(words), "{reason}");
        }
    }
}
