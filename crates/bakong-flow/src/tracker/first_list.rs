//! The list that shows whether payments can be checked in lists.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use super::Tracker;
use super::payments::Key;
use super::poll::JOIN_WITHIN;

/// The assumed time until a list is answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Tracker {
    /// Returns the early check that becomes the first list, and when it is due. Returns `None` if lists were tried, if
    /// fewer than two payments can be in the list, or if no request is left for it.
    ///
    /// The list uses a request that is not reserved, even if that request is expected to be needed for later payments: if
    /// lists work, up to 50 payments share a reserved request.
    pub(super) fn first_list(&self) -> Option<(Timestamp, Key)> {
        if !self.lists.is_untried(self.now) || self.in_flight.has_list() {
            return None;
        }
        let reserved = self.reserved(self.usage.usage().window, false);
        if self.spendable() <= reserved {
            return None;
        }
        let mut checks = self
            .payments
            .early_checks()
            .filter(|(_, key)| !self.payments[*key].is_single());
        let (at, key) = checks.next()?;
        let (next_at, _) = checks.next()?;
        (next_at <= at.saturating_add(JOIN_WITHIN)).then_some((at, key))
    }

    /// Returns when it is known whether lists work, if a list is about to show it.
    pub(super) fn lists_known_at(&self) -> Option<Timestamp> {
        let sent_at = if self.lists.works() {
            return None;
        } else if self.in_flight.has_list() {
            self.now
        } else {
            let may_send_at = self.backoff.until().unwrap_or(self.now);
            self.first_list()?.0.max(self.now).max(may_send_at)
        };
        Some(sent_at.saturating_add(ANSWER_WITHIN))
    }
}
