//! The requests that are reserved for final checks.
//!
//! Every open payment has a final check after its deadline. Its request is reserved in the quota window of the deadline.
//! Where lists work, payments share requests: those of a [`Batch`] can be checked together.

use std::collections::BTreeMap;
use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use crate::quota::{QuotaWindow, WindowIndex};

/// The maximum number of payments in a list (`check_transaction_by_md5_list`).
pub(super) const MAX_LIST: u32 = 50;

/// The reserved requests of each quota window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reservations {
    quota_window: QuotaWindow,
    current: WindowIndex,
    /// Final checks of earlier windows, which are due now.
    overdue: u32,
    /// Single checks of earlier windows, which are due now.
    overdue_singles: u32,
    windows: BTreeMap<WindowIndex, Reserved>,
}

/// The reservations in one window.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Reserved {
    payments: u32,
    /// The number of payments in each batch.
    batches: BTreeMap<Batch, u32>,
    /// The number of lists that all batches need.
    lists: u32,
    /// Requests that cannot be shared: final checks by hash.
    singles: u32,
}

/// Final checks that can share lists.
///
/// Time is divided into stretches as long as the final check may wait ([`Grace::final_check_window`]). Final checks with
/// deadlines in the same stretch can all be sent at its end.
///
/// [`Grace::final_check_window`]: crate::policy::Grace::final_check_window
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Batch {
    length: u64,
    number: u64,
}

impl Batch {
    fn of(deadline: Timestamp, within: Duration) -> Self {
        let length = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            length,
            number: deadline.as_millis() / length,
        }
    }
}

impl Reserved {
    fn add(&mut self, batch: Batch) {
        self.payments += 1;
        let payments = self.batches.entry(batch).or_default();
        if payments.is_multiple_of(MAX_LIST) {
            self.lists += 1;
        }
        *payments += 1;
    }

    fn remove(&mut self, batch: Batch) {
        let Some(payments) = self.batches.get_mut(&batch) else {
            return;
        };
        self.payments -= 1;
        *payments -= 1;
        if payments.is_multiple_of(MAX_LIST) {
            self.lists -= 1;
        }
        if *payments == 0 {
            self.batches.remove(&batch);
        }
    }
}

impl Reservations {
    pub(super) const fn new(quota_window: QuotaWindow, current: WindowIndex) -> Self {
        Self {
            quota_window,
            current,
            overdue: 0,
            overdue_singles: 0,
            windows: BTreeMap::new(),
        }
    }

    /// Moves to a later window. Reservations of earlier windows become overdue.
    pub(super) fn advance(&mut self, current: WindowIndex) {
        self.current = current;
        while let Some(first) = self
            .windows
            .first_entry()
            .filter(|first| *first.key() < current)
        {
            let reserved = first.remove();
            self.overdue += reserved.payments;
            self.overdue_singles += reserved.singles;
        }
    }

    /// Reserves the final check of a payment with this deadline, which can wait for `within`.
    pub(super) fn reserve(&mut self, deadline: Timestamp, within: Duration) {
        let window = self.quota_window.index_of(deadline);
        if window < self.current {
            self.overdue += 1;
        } else {
            let reserved = self.windows.entry(window).or_default();
            reserved.add(Batch::of(deadline, within));
        }
    }

    /// Releases the final check of a payment with this deadline.
    pub(super) fn release(&mut self, deadline: Timestamp, within: Duration) {
        let window = self.quota_window.index_of(deadline);
        if window < self.current {
            self.overdue = self.overdue.saturating_sub(1);
        } else if let Some(reserved) = self.windows.get_mut(&window) {
            reserved.remove(Batch::of(deadline, within));
            self.remove_if_empty(window);
        }
    }

    /// Reserves `requests` unshared requests in `window`.
    pub(super) fn reserve_singles(&mut self, window: WindowIndex, requests: u32) {
        if window < self.current {
            self.overdue_singles += requests;
        } else {
            self.windows.entry(window).or_default().singles += requests;
            self.remove_if_empty(window);
        }
    }

    /// Releases `requests` unshared requests in `window`.
    pub(super) fn release_singles(&mut self, window: WindowIndex, requests: u32) {
        if window < self.current {
            self.overdue_singles = self.overdue_singles.saturating_sub(requests);
        } else if let Some(reserved) = self.windows.get_mut(&window) {
            reserved.singles = reserved.singles.saturating_sub(requests);
            self.remove_if_empty(window);
        }
    }

    fn remove_if_empty(&mut self, window: WindowIndex) {
        let is_empty = |reserved: &Reserved| reserved.payments == 0 && reserved.singles == 0;
        if self.windows.get(&window).is_some_and(is_empty) {
            self.windows.remove(&window);
        }
    }

    /// Returns how many requests are reserved in `window`. `lists` says whether final checks share lists.
    pub(super) fn requests(&self, window: WindowIndex, lists: bool) -> u32 {
        let (overdue, overdue_singles) = if window == self.current {
            (self.overdue, self.overdue_singles)
        } else {
            (0, 0)
        };
        let (payments, in_lists, singles) =
            self.windows.get(&window).map_or((0, 0, 0), |reserved| {
                (reserved.payments, reserved.lists, reserved.singles)
            });
        let shared = if lists {
            overdue.div_ceil(MAX_LIST).saturating_add(in_lists)
        } else {
            overdue.saturating_add(payments)
        };
        shared
            .saturating_add(singles)
            .saturating_add(overdue_singles)
    }

    /// Returns how many more requests one more payment with this deadline needs.
    pub(super) fn cost_of_one_more(
        &self,
        deadline: Timestamp,
        within: Duration,
        lists: bool,
    ) -> u32 {
        let window = self.quota_window.index_of(deadline);
        if !lists {
            return 1;
        }
        if window < self.current {
            return u32::from(self.overdue.is_multiple_of(MAX_LIST));
        }
        let batches = self.windows.get(&window).map(|reserved| &reserved.batches);
        let payments = batches.and_then(|batches| batches.get(&Batch::of(deadline, within)));
        u32::from(payments.is_none_or(|payments| payments.is_multiple_of(MAX_LIST)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;
    const TEN: Duration = Duration::from_secs(600);
    /// The minutes of a day.
    const DAY: u64 = 24 * 60;
    /// Midnight UTC.
    const START: u64 = 20_779 * DAY * MINUTE;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(START + minutes * MINUTE)
    }

    fn day(days: u64) -> WindowIndex {
        QuotaWindow::UTC_DAY.index_of(at(days * DAY))
    }

    fn reservations() -> Reservations {
        Reservations::new(QuotaWindow::UTC_DAY, day(0))
    }

    /// The requests with lists, if one more final check is reserved.
    fn with_one_more(reservations: &Reservations, deadline: Timestamp, within: Duration) -> u32 {
        reservations.requests(day(0), true) + reservations.cost_of_one_more(deadline, within, true)
    }

    #[test]
    fn final_checks_of_a_batch_share_lists() {
        let mut reservations = reservations();
        let requests = |of: &Reservations| (of.requests(day(0), false), of.requests(day(0), true));
        (0..50).for_each(|_| reservations.reserve(at(5), TEN));
        assert_eq!(requests(&reservations), (50, 1));
        assert_eq!(with_one_more(&reservations, at(5), TEN), 2);
        assert_eq!(with_one_more(&reservations, at(15), TEN), 2);
        reservations.reserve(at(5), TEN);
        assert_eq!(with_one_more(&reservations, at(6), TEN), 2);
        reservations.reserve(at(15), TEN);
        assert_eq!(requests(&reservations), (52, 3));
    }

    #[test]
    fn final_checks_with_different_waits_share_nothing() {
        let mut reservations = reservations();
        for within in [TEN, TEN / 2, Duration::ZERO] {
            reservations.reserve(at(5), within);
        }
        assert_eq!(reservations.requests(day(0), true), 3);
        assert_eq!(with_one_more(&reservations, at(5), Duration::ZERO), 3);
        assert_eq!(with_one_more(&reservations, at(6), Duration::ZERO), 4);
    }

    #[test]
    fn an_overdue_final_check_is_reserved_in_the_current_window() {
        let mut reservations = reservations();
        reservations.reserve(at(5), TEN);
        assert_eq!(reservations.requests(day(1), false), 0);
        reservations.advance(day(1));
        assert_eq!(reservations.requests(day(1), false), 1);
        reservations.release(at(5), TEN);
        assert_eq!(reservations.requests(day(1), false), 0);
    }

    proptest! {
        #[test]
        fn releasing_everything_leaves_nothing(
            minutes in prop::collection::vec(0u64..3 * DAY, 0..300),
            current in 0u64..4,
        ) {
            let mut reservations = reservations();
            minutes.iter().for_each(|minute| reservations.reserve(at(*minute), TEN));
            reservations.advance(day(current));
            let all: u32 = (0..4).map(|d| reservations.requests(day(d), false)).sum();
            prop_assert_eq!(all as usize, minutes.len());
            minutes.iter().for_each(|minute| reservations.release(at(*minute), TEN));
            for d in 0..4 {
                let left = (reservations.requests(day(d), false), reservations.requests(day(d), true));
                prop_assert_eq!(left, (0, 0));
            }
        }
    }
}
