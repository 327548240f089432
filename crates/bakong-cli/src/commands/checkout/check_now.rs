//! A check that the person at the counter requests.

use std::time::Duration;

use bakong_flow::Watched;
use bakong_flow::watcher::Progress;
use tokio::time::Instant;

/// How long a request counts as pending. The tracker sends a second requested check ten seconds after the previous check.
const REQUEST_PAUSE: Duration = Duration::from_secs(10);

/// A check that was requested.
pub(super) struct RequestedCheck {
    /// The number of checks before.
    checks: u32,
    at: Instant,
}

impl RequestedCheck {
    /// Requests a check. The tracker decides when the check is sent: the quota must last for the final check, too.
    pub(super) fn send(watched: &Watched, progress: &Progress) -> Self {
        let watched = watched.clone();
        // The store may be slow, and the countdown goes on. If the request fails, the planned checks remain.
        tokio::spawn(async move { watched.nudge().await });
        Self {
            checks: progress.checks,
            at: Instant::now(),
        }
    }
}

/// The state of the latest requested check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CheckState {
    /// No check was requested, or nothing is known about the requested one.
    None,
    /// The check is not sent yet, or its answer has not arrived. Another request would only make the wait longer.
    Requested,
    /// The check found no payment.
    NotPaid,
}

impl CheckState {
    /// A command that does not lead never learns of the check, so a request is pending for a limited time.
    pub(super) fn of(requested: Option<&RequestedCheck>, progress: &Progress) -> Self {
        match requested {
            Some(requested) if requested.checks < progress.checks => {
                if progress.is_asking {
                    Self::Requested
                } else if progress.last_error.is_none() {
                    Self::NotPaid
                } else {
                    Self::None
                }
            }
            Some(requested) if requested.at.elapsed() < REQUEST_PAUSE => Self::Requested,
            _ => Self::None,
        }
    }
}
