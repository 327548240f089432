//! The states of an open payment.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

/// The state of an open payment, which decides when the payment is checked next.
///
/// The deadline is the code's expiry plus the grace period. Only a check that is sent after the deadline can end in
/// "expired" or "cancelled".
///
/// ```text
///            open
///             │          before the deadline:
///             ▼          not found or no answer
///        ┌─────────┐ ◀──────────────────────────────── ┌──────────┐ ── paid ───────────▶ Paid, NeedsReview
///        │ Waiting │ ── early check: next check due ─▶ │ InFlight │ ── failed ─────────▶ Failed
///        └─────────┘                                   └──────────┘ ── static code ────▶ StaticQr
///             │   ▲                                       ▲    │    ── no lookup left ─▶ Expired, Cancelled
///   final_at  │   │ clock set back, or the request        │    │
///   passed    │   │ is reserved in a later window         │    │ after the deadline:
///             ▼   │                                       │    │ no answer, or a lookup is left
///        ┌──────────┐ ── final check: alone, in a list, ──┘    │
///        │ FinalDue │    or with a spare request               │
///        └──────────┘ ◀────────────────────────────────────────┘  (through Waiting, if final_at is in the future)
///
///        any state ── finished by another worker ──▶ removed
/// ```
///
/// - A final payment leaves the tracker's slab, so it has no state. Each final answer becomes an `Outcome`:
///   - A transaction that matches the order and that the MD5 found becomes `Paid`. Any other transaction, and any
///     transaction for a cancelled order, becomes `NeedsReview`.
///   - "Failed" becomes `Failed`, and "static code" becomes `StaticQr`, if the lookup was by MD5. If the lookup was by
///     hash, both count as not found, because the hash may belong to another code.
///   - If no lookup finds a transaction after the deadline, the payment becomes `Expired`, or `Cancelled` if the order
///     was cancelled.
/// - After a restart, every open payment starts in `Waiting` again.
/// - If `final_at` passes while a request is in flight, the payment stays `InFlight`, and `is_final_due` becomes true.
/// - A check that is not due yet can join a list, or probe whether a closed quota window is open again.
/// - A cancelled order has no early checks.
///
/// `Payments::reschedule` replaces a state and keeps the queue consistent with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PaymentState {
    /// No request is in flight, and the final check is not due.
    Waiting {
        /// When the next early check is due; `None` if none is planned.
        check_at: Option<Timestamp>,
        /// When the final check becomes due: at the deadline, or later if a check failed.
        final_at: Timestamp,
    },
    /// A request asks about the payment.
    InFlight {
        /// The number of the request.
        request: u64,
        /// When the final check becomes, or became, due.
        final_at: Timestamp,
        /// Whether `final_at` has passed.
        is_final_due: bool,
    },
    /// The final check is due.
    FinalDue {
        /// When the check became due.
        final_at: Timestamp,
        /// The latest time to send the check. Until then the check can wait to share a list with others.
        latest: Timestamp,
    },
}

impl PaymentState {
    /// The payment is opened: no early check is planned.
    pub(super) const fn opened(deadline: Timestamp) -> Self {
        Self::waiting(None, deadline)
    }

    /// The next check is planned again: an early check at `check_at`, if any, and the final check from `final_at` on.
    pub(super) const fn waiting(check_at: Option<Timestamp>, final_at: Timestamp) -> Self {
        Self::Waiting { check_at, final_at }
    }

    /// A request is sent.
    #[must_use]
    pub(super) const fn sent(self, request: u64) -> Self {
        Self::InFlight {
            request,
            final_at: self.final_at(),
            is_final_due: self.is_final_due(),
        }
    }

    /// The customer asks for a check at `at`. Ignored unless `at` is earlier than the next planned check.
    #[must_use]
    pub(super) fn nudged(self, at: Timestamp) -> Self {
        match self {
            Self::Waiting { final_at, .. } if self.next().is_some_and(|next| at < next) => {
                Self::waiting(Some(at), final_at)
            }
            _ => self,
        }
    }

    /// The order is cancelled: no early check is left.
    #[must_use]
    pub(super) const fn cancelled(self) -> Self {
        match self {
            Self::Waiting { final_at, .. } => Self::waiting(None, final_at),
            _ => self,
        }
    }

    /// `final_at` has passed. The final check can wait until `latest`.
    #[must_use]
    pub(super) const fn final_due(self, latest: Timestamp) -> Self {
        let final_at = self.final_at();
        match self {
            Self::InFlight { request, .. } => Self::InFlight {
                request,
                final_at,
                is_final_due: true,
            },
            _ => Self::FinalDue { final_at, latest },
        }
    }

    /// The clock was set back by `by`. The remaining waits keep their length, but no final check comes before
    /// `deadline`. Call [`final_due`](Self::final_due) again for final checks that are due by the new clock.
    #[must_use]
    pub(super) fn clock_set_back(self, by: Duration, deadline: Timestamp) -> Self {
        let final_at = earlier(self.final_at(), by).max(deadline);
        match self {
            Self::Waiting { check_at, .. } => {
                Self::waiting(check_at.map(|at| earlier(at, by)), final_at)
            }
            Self::InFlight { request, .. } => Self::InFlight {
                request,
                final_at,
                is_final_due: false,
            },
            Self::FinalDue { .. } => Self::waiting(None, final_at),
        }
    }

    /// Returns the number of the request in flight.
    pub(super) const fn request(self) -> Option<u64> {
        match self {
            Self::InFlight { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Returns when the final check becomes, or became, due.
    pub(super) const fn final_at(self) -> Timestamp {
        match self {
            Self::Waiting { final_at, .. }
            | Self::InFlight { final_at, .. }
            | Self::FinalDue { final_at, .. } => final_at,
        }
    }

    /// Whether the final check is due, or will be as soon as the request in flight ends.
    pub(super) const fn is_final_due(self) -> bool {
        match self {
            Self::Waiting { .. } => false,
            Self::InFlight { is_final_due, .. } => is_final_due,
            Self::FinalDue { .. } => true,
        }
    }

    /// Returns the latest time of the next check; `None` while a request is in flight.
    pub(super) fn next(self) -> Option<Timestamp> {
        match self {
            Self::Waiting { check_at, final_at } => {
                Some(check_at.map_or(final_at, |at| at.min(final_at)))
            }
            Self::InFlight { .. } => None,
            Self::FinalDue { latest, .. } => Some(latest),
        }
    }

    /// Returns the entries of the payment in the queue: its early check, the start of its final check, and the latest
    /// time of a final check that is due.
    pub(super) const fn timers(self) -> [Option<Timestamp>; 3] {
        match self {
            Self::Waiting { check_at, final_at } => [check_at, Some(final_at), None],
            Self::InFlight {
                final_at,
                is_final_due: false,
                ..
            } => [None, Some(final_at), None],
            Self::InFlight { .. } => [None; 3],
            Self::FinalDue { latest, .. } => [None, None, Some(latest)],
        }
    }
}

/// Returns the time `by` before `moment`, but not before 1970.
pub(super) fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(moment.as_millis().saturating_sub(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_check_stays_due_during_the_request_in_flight() {
        let [deadline, latest] = [1_000, 2_000].map(Timestamp::from_millis);
        let opened = PaymentState::opened(deadline);
        assert!(!opened.is_final_due() && !opened.sent(1).is_final_due());
        let due = opened.final_due(latest);
        assert!(due.is_final_due() && due.sent(1).is_final_due());
        assert!(opened.sent(1).final_due(latest).is_final_due());
        assert_eq!((due.next(), due.sent(1).next()), (Some(latest), None));
    }
}
