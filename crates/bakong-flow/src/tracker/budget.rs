//! Computes how many requests of the quota window may be spent, and for which purpose.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use crate::quota::{Quota, WindowIndex};

use super::Tracker;
use super::reservations::MAX_LIST;

/// The assumed time between two lists for payments that are not open yet.
const LIST_INTERVAL: Duration = Duration::from_secs(15 * 60);

impl Tracker {
    /// Counts a request that the caller is about to send with the same token, if the quota window has one that is not
    /// reserved.
    ///
    /// # Errors
    /// The end of the quota window, if every request that is left is reserved for the final check of a payment, for a renewal
    /// of the token, or for the first list. Nothing is counted.
    pub fn add_spare_usage(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.tick(now);
        let window = self.usage.usage().window;
        if self.spendable() <= self.reserved_with_first_list(window) {
            return Err(self.usage.ends_at());
        }
        self.usage.spend(1);
        self.emit_usage();
        Ok(())
    }

    /// Returns how many requests are spare: neither spent, nor reserved for final checks and renewals, nor needed for
    /// the payments that are expected in the rest of the window.
    pub(super) fn spare(&self) -> u32 {
        let lists = self.lists.works();
        let reserved = self.reserved(self.usage.usage().window, lists);
        let left = self.spendable().saturating_sub(reserved);
        let expected = self.usage.expected_demand(self.now);
        if !lists {
            return left.saturating_sub(expected);
        }
        // Spare lists, spread over the rest of the window, also check the expected payments. So nothing is
        // subtracted for these payments, as long as enough lists are spare.
        let rest = self.usage.ends_at().saturating_since(self.now);
        let intervals = u32::try_from(rest.as_secs() / LIST_INTERVAL.as_secs()).unwrap_or(u32::MAX);
        let needed = expected.min(intervals.max(expected.div_ceil(MAX_LIST)));
        if left > needed { left } else { 0 }
    }

    /// Returns how many requests are reserved in `window` and not in flight yet.
    pub(super) fn reserved(&self, window: WindowIndex, lists: bool) -> u32 {
        let reserved = self.reservations.requests(window, lists);
        if window != self.usage.usage().window {
            return reserved;
        }
        reserved.saturating_sub(self.in_flight.reserved(lists))
    }

    /// Returns how many requests are reserved in `window`, with the one for the first list, and not in flight yet.
    pub(super) fn reserved_with_first_list(&self, window: WindowIndex) -> u32 {
        let is_current = window == self.usage.usage().window;
        let for_first_list = u32::from(is_current && self.first_list().is_some());
        self.reserved(window, self.lists.works())
            .saturating_add(for_first_list)
    }

    /// Returns how many spare requests may be sent at once. If fewer requests are spare, the burst is smaller.
    pub(super) fn burst(&self) -> u32 {
        let expected = self.usage.expected_demand(self.now);
        let spare = self.spendable().saturating_sub(expected);
        spare.clamp(1, max_burst(self.config.quota))
    }

    /// Returns how many requests the current window has left for checks.
    pub(super) fn spendable(&self) -> u32 {
        if self.usage.is_closed() {
            return 0;
        }
        self.usage.left_for_checks()
    }

    /// Returns how many requests `window`, the current or a later one, has for checks.
    pub(super) fn capacity_of(&self, window: WindowIndex) -> u32 {
        if window <= self.usage.usage().window {
            return self.spendable();
        }
        let quota = self.config.quota;
        quota.limit.saturating_sub(quota.renewals)
    }
}

/// The maximum number of spare requests that are sent at once: a tenth of the window's limit, at least three.
pub(super) const fn max_burst(quota: Quota) -> u32 {
    let tenth = quota.limit / 10;
    if tenth < 3 { 3 } else { tenth }
}
