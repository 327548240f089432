//! The day's requests: how many there are, when the day turns, how many are left.
//!
//! One token gets about 100 requests a day, refused ones included, and whoever shares the token draws on
//! them too. What the ledger says is therefore an upper bound of what is left; error code 17 ends the day
//! whatever it says.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// What a token may spend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Quota {
    /// Requests a day, of every kind, refused ones included.
    pub limit: u32,
    /// When the day turns.
    pub turn: QuotaWindow,
    /// How many of a day's requests are kept for renewals of the token.
    pub renewals: u32,
    /// How long after a code 17 to ask again before the day has turned: the turn is a guess, and others may
    /// have been given more.
    pub probe_after: Duration,
}

impl Quota {
    /// A hundred a day from midnight in Phnom Penh on, two of them for renewals, a probe every two hours.
    pub const DEFAULT: Self = Self {
        limit: 100,
        turn: QuotaWindow::PHNOM_PENH,
        renewals: 2,
        probe_after: Duration::from_secs(2 * 60 * 60),
    };
}

impl Default for Quota {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When the day of the quota turns. NBC does not say; midnight in Phnom Penh, in UTC, or by a server's own
/// clock have all been seen to be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaWindow {
    /// Milliseconds after midnight UTC, less than a day.
    after_midnight_utc: u64,
}

impl QuotaWindow {
    /// Midnight in Phnom Penh, which is 17:00 UTC all year.
    pub const PHNOM_PENH: Self = Self::after_midnight_utc(Duration::from_secs(17 * 60 * 60));
    /// Midnight UTC.
    pub const UTC: Self = Self::after_midnight_utc(Duration::ZERO);

    /// This long after midnight UTC. Whole days are dropped.
    #[must_use]
    pub const fn after_midnight_utc(time: Duration) -> Self {
        let millis = time.as_secs() % (24 * 60 * 60) * 1_000 + time.subsec_millis() as u64;
        Self {
            after_midnight_utc: millis,
        }
    }

    /// The day that this moment is in.
    #[must_use]
    pub const fn day_of(self, moment: Timestamp) -> Day {
        // One day is added, so that no moment is before the first.
        Day((moment
            .as_millis()
            .saturating_add(DAY - self.after_midnight_utc))
            / DAY)
    }

    /// The moment at which this day ends and the next one begins.
    #[must_use]
    pub const fn end_of(self, day: Day) -> Timestamp {
        let millis = day.0.saturating_mul(DAY);
        Timestamp::from_millis(millis.saturating_add(self.after_midnight_utc))
    }
}

/// A day of the quota, counted from an arbitrary one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub u64);

/// What was spent of a day, and what days bring. This is what a store keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct WindowUsage {
    /// The day.
    pub day: Day,
    /// How many requests were sent in it.
    pub requests: u32,
    /// How many of them were renewals of the token, or went beside a question.
    pub renewals: u32,
    /// When Bakong said that there are no more (code 17), if it did.
    pub closed_at: Option<Timestamp>,
    /// How many payments were to be opened in it, refused ones included.
    pub wanted: u32,
    /// When the first of them was.
    pub first_wanted_at: Option<Timestamp>,
    /// How many are wanted on a busy day: the most of the last days, older ones counting less; 0 on the
    /// first.
    pub usual: u32,
}

impl WindowUsage {
    /// A day of which nothing is spent.
    #[must_use]
    pub const fn nothing(day: Day) -> Self {
        Self {
            day,
            requests: 0,
            renewals: 0,
            closed_at: None,
            wanted: 0,
            first_wanted_at: None,
            usual: 0,
        }
    }

    /// What is to be kept when this was kept before and another worker, or this one, says `later`: of one day
    /// the most that was ever said, since each counts for itself and none may forget what it sent; the later
    /// day; and the last word on whether it is closed.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        if self.day != later.day {
            // Not much later, an earlier day is another worker's; otherwise a clock was wrong and is no more.
            let is_other = self.day > later.day && self.day.0 - later.day.0 <= 1;
            return if is_other { self } else { later };
        }
        let first = self
            .first_wanted_at
            .into_iter()
            .chain(later.first_wanted_at);
        Self {
            day: self.day,
            requests: self.requests.max(later.requests),
            renewals: self.renewals.max(later.renewals),
            closed_at: later.closed_at,
            wanted: self.wanted.max(later.wanted),
            first_wanted_at: first.min(),
            usual: self.usual.max(later.usual),
        }
    }
}

/// Counts a day's requests. Told the time, it goes on to the next day by itself. A clock that is set back
/// by less than a day gives none anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaUsage {
    quota: Quota,
    spent: WindowUsage,
}

impl QuotaUsage {
    /// A ledger in which nothing is spent.
    #[must_use]
    pub const fn new(quota: Quota, now: Timestamp) -> Self {
        Self {
            quota,
            spent: WindowUsage::nothing(quota.turn.day_of(now)),
        }
    }

    /// A ledger that goes on with what was kept.
    #[must_use]
    pub fn restore(quota: Quota, spent: WindowUsage, now: Timestamp) -> Self {
        let mut ledger = Self { quota, spent };
        ledger.turn(now);
        ledger
    }

    /// What the token may spend.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// What is spent of the present day.
    #[must_use]
    pub const fn usage(&self) -> WindowUsage {
        self.spent
    }

    /// Goes on to the day of `now`. Says whether that is another than before.
    pub fn turn(&mut self, now: Timestamp) -> bool {
        let day = self.quota.turn.day_of(now);
        // A clock that was set back gives no second day. By more than one, it was wrong before: what was sent
        // meanwhile may have been sent today.
        if day.0 + 1 < self.spent.day.0 {
            self.spent.day = day;
            return true;
        }
        if day <= self.spent.day {
            return false;
        }
        let WindowUsage { wanted, usual, .. } = self.spent;
        self.spent = WindowUsage {
            usual: wanted.max(usual - usual / 4),
            ..WindowUsage::nothing(day)
        };
        true
    }

    /// How many requests the present day has left by this ledger, closed or not.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.quota.limit.saturating_sub(self.spent.requests)
    }

    /// Whether Bakong said that the present day has no more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.spent.closed_at.is_some()
    }

    /// When the present day ends.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.quota.turn.end_of(self.spent.day)
    }

    /// When a closed day may be probed; `None` if the day is open, or has nothing left to probe with.
    #[must_use]
    pub fn probe_at(&self) -> Option<Timestamp> {
        let closed_at = self.spent.closed_at?;
        let probe_at = closed_at.saturating_add(self.quota.probe_after);
        (self.left() > 0 && probe_at < self.ends_at()).then_some(probe_at)
    }

    /// A payment is to be opened.
    pub const fn wanted(&mut self, now: Timestamp) {
        self.spent.wanted = self.spent.wanted.saturating_add(1);
        if self.spent.first_wanted_at.is_none() {
            self.spent.first_wanted_at = Some(now);
        }
    }

    /// How many more payments this day is likely to bring: as many as a busy day of late had in all, no more
    /// than twice what so much of a day brings. The first day is taken for one that needs more than half of
    /// the requests, or for one that goes on as it began.
    #[must_use]
    pub fn to_come(&self, now: Timestamp) -> u32 {
        let WindowUsage {
            wanted,
            first_wanted_at,
            usual,
            ..
        } = self.spent;
        let left = millis(self.ends_at().saturating_since(now)).min(DAY);
        let part = |whole: u32, of: u64| {
            let part = u128::from(whole) * u128::from(left) / u128::from(of);
            u32::try_from(part).unwrap_or(u32::MAX)
        };
        let of_a_day_with = |usual: u32| usual.saturating_sub(wanted).min(part(usual, DAY / 2));
        if usual > 0 {
            return of_a_day_with(usual);
        }
        let since = first_wanted_at.map_or(0, |first| millis(now.saturating_since(first)));
        // An early bird makes no crowd.
        let as_it_began = part(wanted, since.max(DAY / 12));
        as_it_began.max(of_a_day_with(self.quota.limit.saturating_mul(3) / 5))
    }

    /// So many requests are sent.
    pub const fn spend(&mut self, requests: u32) {
        self.spent.requests = self.spent.requests.saturating_add(requests);
    }

    /// So many requests are sent that are renewals, or go beside a question.
    pub const fn spend_beside(&mut self, requests: u32) {
        self.spend(requests);
        self.spent.renewals = self.spent.renewals.saturating_add(requests);
    }

    /// How many requests the present day has left for checks: what is kept for renewals, and was not used for
    /// them, is not.
    #[must_use]
    pub const fn left_for_checks(&self) -> u32 {
        let kept = self.quota.renewals.saturating_sub(self.spent.renewals);
        self.left().saturating_sub(kept)
    }

    /// A request that was counted never left this machine.
    pub const fn take_back(&mut self) {
        self.spent.requests = self.spent.requests.saturating_sub(1);
    }

    /// The same of a renewal.
    pub const fn take_back_beside(&mut self) {
        self.take_back();
        self.spent.renewals = self.spent.renewals.saturating_sub(1);
    }

    /// Bakong answered with code 17.
    pub const fn close(&mut self, now: Timestamp) {
        self.spent.closed_at = Some(now);
    }

    /// Bakong answered a probe.
    pub const fn reopen(&mut self) {
        self.spent.closed_at = None;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
