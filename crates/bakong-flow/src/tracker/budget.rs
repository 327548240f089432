//! How much of the day may be spent, and on what.

use std::time::Duration;

use crate::promises::LIST;
use crate::quota::{Day, Quota};

use super::Tracker;

/// As often as this, payments to come are likely to need a list.
const SHARED: Duration = Duration::from_secs(15 * 60);

impl Tracker {
    /// How many requests are neither spent, nor promised, nor kept for renewals and for payments to come.
    pub(super) fn free(&self) -> u32 {
        let lists = self.lists.work();
        let promised = self.promised(self.ledger.usage().day, lists);
        let left = self.spendable().saturating_sub(promised);
        let to_come = self.ledger.to_come(self.now);
        if !lists {
            return left.saturating_sub(to_come);
        }
        // Spread over the day, free lists are those that payments to come need, if there are enough of them.
        let rest = self.ledger.ends_at().saturating_since(self.now);
        let often = u32::try_from(rest.as_secs() / SHARED.as_secs()).unwrap_or(u32::MAX);
        let needed = to_come.min(often.max(to_come.div_ceil(LIST)));
        if left > needed { left } else { 0 }
    }

    /// How many requests of a day are promised, and not out already.
    pub(super) fn promised(&self, day: Day, lists: bool) -> u32 {
        let promised = self.promises.requests(day, lists);
        if day != self.ledger.usage().day {
            return promised;
        }
        promised.saturating_sub(self.in_flight.promised())
    }

    /// How many free requests may be spent at once: the fewer, the more of the day's are wanted later.
    pub(super) fn burst(&self) -> u32 {
        let spare = self
            .spendable()
            .saturating_sub(self.ledger.to_come(self.now));
        spare.clamp(1, most_at_once(self.config.quota))
    }

    /// How many requests the day has left for checks.
    pub(super) fn spendable(&self) -> u32 {
        if self.ledger.is_closed() {
            return 0;
        }
        self.ledger.left_for_checks()
    }

    /// How many requests this day, or one to come, has for checks.
    pub(super) fn room_on(&self, day: Day) -> u32 {
        if day <= self.ledger.usage().day {
            return self.spendable();
        }
        let quota = self.config.quota;
        quota.limit.saturating_sub(quota.renewals)
    }
}

/// The most free requests that are spent at once: a tenth of a day.
pub(super) const fn most_at_once(quota: Quota) -> u32 {
    let tenth = quota.limit / 10;
    if tenth < 3 { 3 } else { tenth }
}
