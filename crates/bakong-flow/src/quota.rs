//! The quota of a token: the length of a window, the requests in it, and how many are left.
//!
//! Bakong allows a token about 100 requests a day. Rejected requests count, and all programs that use the token share
//! the quota. The count here is therefore a lower bound of the real usage, and error code 17 closes the window
//! even if the count is lower.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The quota of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Quota {
    /// Requests per window, of all kinds, rejected ones included.
    pub limit: u32,
    /// The length and the boundaries of a window.
    pub window: QuotaWindow,
    /// How many requests of a window are reserved for renewals of the token.
    pub renewals: u32,
    /// How long to wait after error code 17 before a probe is sent in the same window. A probe may succeed, because
    /// the end of the window is an assumption, and a token may have a higher limit.
    pub probe_after: Duration,
}

impl Quota {
    /// 100 requests per day in Phnom Penh time, two of them for renewals, and a probe every two hours.
    pub const DEFAULT: Self = Self {
        limit: 100,
        window: QuotaWindow::PHNOM_PENH_DAY,
        renewals: 2,
        probe_after: Duration::from_secs(2 * 60 * 60),
    };
}

impl Default for Quota {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The period after which Bakong resets a token's quota.
///
/// NBC documents a daily quota, but not the time of the reset. Users have reported midnight in Phnom Penh, midnight
/// UTC and the server's own clock. A window begins at every multiple of `length` since 1970, plus `offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaWindow {
    /// Milliseconds, at least 1.
    length: u64,
    /// Milliseconds, less than `length`.
    offset: u64,
}

impl QuotaWindow {
    /// A day that begins at midnight in Phnom Penh, which is 17:00 UTC all year.
    pub const PHNOM_PENH_DAY: Self = Self::new(DAY, Duration::from_secs(17 * 60 * 60));
    /// A day that begins at midnight UTC.
    pub const UTC_DAY: Self = Self::new(DAY, Duration::ZERO);

    /// Creates windows of `length` that begin `offset` after the multiples of `length` since 1970.
    ///
    /// Both have a resolution of a millisecond. A `length` below one millisecond counts as one millisecond, and
    /// `offset` is reduced modulo `length`.
    #[must_use]
    pub const fn new(length: Duration, offset: Duration) -> Self {
        let length = millis(length);
        let length = if length == 0 { 1 } else { length };
        Self {
            length,
            offset: millis(offset) % length,
        }
    }

    /// Returns the length of a window.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_millis(self.length)
    }

    /// Returns the window that contains `moment`.
    #[must_use]
    pub const fn index_of(self, moment: Timestamp) -> WindowIndex {
        // Adding one window keeps the index of every moment at or above zero.
        let since = moment.as_millis().saturating_add(self.length - self.offset);
        WindowIndex(since / self.length)
    }

    /// Returns the end of `window`, which is the start of the next one.
    #[must_use]
    pub const fn end_of(self, window: WindowIndex) -> Timestamp {
        let end = window.0.saturating_mul(self.length);
        Timestamp::from_millis(end.saturating_add(self.offset))
    }
}

/// The number of a quota window. Consecutive windows have consecutive numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WindowIndex(pub(crate) u64);

impl WindowIndex {
    /// Creates the index of the window with this number, counted from the first window after the offset in 1970.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number of the window.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The usage of one window, and the demand for payments. A store persists this value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WindowUsage {
    /// The window.
    pub window: WindowIndex,
    /// Requests that were sent in the window.
    pub requests: u32,
    /// How many of the requests were token renewals or repetitions of another request.
    pub renewals: u32,
    /// When Bakong closed the window (error code 17); `None` if the window was not closed.
    pub closed_at: Option<Timestamp>,
    /// Payments that the shop tried to open in the window, refused ones included.
    pub demand: u32,
    /// When the shop first tried to open one of these payments.
    pub first_demand_at: Option<Timestamp>,
    /// The demand of a busy window: the maximum of the previous windows, with decreasing weight; 0 in the first window.
    pub usual_demand: u32,
    /// The window from which the clock was set back by more than a window. If an answer corrects the clock, the requests
    /// and the closure belong to that window.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub set_back_from: Option<WindowIndex>,
}

impl WindowUsage {
    /// Creates the usage of a window without requests.
    #[must_use]
    pub const fn unused(window: WindowIndex) -> Self {
        Self {
            window,
            requests: 0,
            renewals: 0,
            closed_at: None,
            demand: 0,
            first_demand_at: None,
            usual_demand: 0,
            set_back_from: None,
        }
    }

    /// Merges the stored usage (`self`) with the usage `later`, which this worker or another one reports.
    ///
    /// For the same window, each count becomes the maximum, so that no worker's requests are forgotten; `later` decides
    /// whether the window is closed. Otherwise the later window wins, with one exception: if the window of `later` is
    /// two or more windows earlier, the stored window came from a clock that was ahead, and `later` wins.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        if self.window != later.window {
            let is_previous = self.window.0 == later.window.0.saturating_add(1);
            return if is_previous { self } else { later };
        }
        let first = self
            .first_demand_at
            .into_iter()
            .chain(later.first_demand_at);
        Self {
            window: self.window,
            requests: self.requests.max(later.requests),
            renewals: self.renewals.max(later.renewals),
            closed_at: later.closed_at,
            demand: self.demand.max(later.demand),
            first_demand_at: first.min(),
            usual_demand: self.usual_demand.max(later.usual_demand),
            set_back_from: later.set_back_from,
        }
    }
}

/// Counts the requests of the current window.
///
/// [`advance`](Self::advance) moves to the window of the given time. A clock that is set back by less than a window does
/// not make new requests available, nor does a clock that is set back by days and then corrected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaUsage {
    quota: Quota,
    usage: WindowUsage,
    /// When the wait for a probe began: `closed_at`, or the time to which the clock was set back after that.
    waits_since: Option<Timestamp>,
    /// The last payment that was counted as demand: trying to open the same payment again does not count.
    last_demand: Option<Md5Handle>,
}

impl QuotaUsage {
    /// Creates an unused quota.
    #[must_use]
    pub const fn new(quota: Quota, now: Timestamp) -> Self {
        Self {
            quota,
            usage: WindowUsage::unused(quota.window.index_of(now)),
            waits_since: None,
            last_demand: None,
        }
    }

    /// Continues with the usage from a store.
    #[must_use]
    pub fn restore(quota: Quota, usage: WindowUsage, now: Timestamp) -> Self {
        let mut restored = Self {
            usage,
            ..Self::new(quota, now)
        };
        restored.advance(now);
        restored
    }

    /// Returns the usage of the current window.
    #[must_use]
    pub const fn usage(&self) -> WindowUsage {
        self.usage
    }

    /// Moves to the window of `now`. Returns `true` if the window changed.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        let window = self.quota.window.index_of(now);
        let WindowUsage {
            window: current,
            demand,
            usual_demand,
            ..
        } = self.usage;
        // If the clock was set back, the wait for a probe starts again now, so that it is not longer than usual. The
        // persisted time stays: if the clock is wrong now, the next process may have a right one.
        let since = self.waits_since.or(self.usage.closed_at);
        self.waits_since = since.map(|since| since.min(now));
        // A clock that was set back by more than one window was wrong before, or is wrong now. Requests that were counted
        // before may belong to this window, so they stay counted.
        if window.0.saturating_add(1) < current.0 {
            self.usage.set_back_from.get_or_insert(current);
            self.usage.window = window;
            return true;
        }
        if window <= current {
            return false;
        }
        // The clock was wrong in the earlier window, and an answer corrected it.
        if self.usage.set_back_from.take() == Some(window) {
            self.usage.window = window;
            self.waits_since = self.usage.closed_at;
            return true;
        }
        self.usage = WindowUsage {
            usual_demand: demand.max(usual_demand - usual_demand / 4),
            ..WindowUsage::unused(window)
        };
        self.waits_since = None;
        true
    }

    /// Returns how many requests are left in the current window, closed or not.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.quota.limit.saturating_sub(self.usage.requests)
    }

    /// Returns how many requests are left for checks, not counting those that are still reserved for renewals.
    #[must_use]
    pub const fn left_for_checks(&self) -> u32 {
        let reserved = self.quota.renewals.saturating_sub(self.usage.renewals);
        self.left().saturating_sub(reserved)
    }

    /// Whether Bakong closed the current window.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.usage.closed_at.is_some()
    }

    /// Returns the end of the current window.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.quota.window.end_of(self.usage.window)
    }

    /// Returns when a closed window may be probed. Returns `None` if the window is open, if no request is left, or if
    /// the window ends first.
    #[must_use]
    pub fn probe_at(&self) -> Option<Timestamp> {
        let probe_at = self.waits_since?.saturating_add(self.quota.probe_after);
        (self.left() > 0 && probe_at < self.ends_at()).then_some(probe_at)
    }

    /// Counts an attempt to open the payment `md5`. Repeated attempts in a row count once.
    pub fn record_demand(&mut self, md5: Md5Handle, now: Timestamp) {
        if self.last_demand.replace(md5) == Some(md5) {
            return;
        }
        self.usage.demand = self.usage.demand.saturating_add(1);
        self.usage.first_demand_at.get_or_insert(now);
    }

    /// Estimates how many more payments the shop will open in this window.
    ///
    /// The estimate is the demand of a busy window minus the demand of this window so far, but at most twice the
    /// demand that a busy window has in the remaining time on average. In the first window, it is the larger of two
    /// numbers: this estimate for a demand of 60 % of the limit, and the demand so far, extrapolated.
    #[must_use]
    pub fn expected_demand(&self, now: Timestamp) -> u32 {
        let WindowUsage {
            demand,
            first_demand_at,
            usual_demand,
            ..
        } = self.usage;
        let length = self.quota.window.length;
        let left = millis(self.ends_at().saturating_since(now)).min(length);
        let share = |whole: u32, of: u64| {
            let share = u128::from(whole) * u128::from(left) / u128::from(of.max(1));
            u32::try_from(share).unwrap_or(u32::MAX)
        };
        let rest_of = |usual: u32| usual.saturating_sub(demand).min(share(usual, length / 2));
        if usual_demand > 0 {
            return rest_of(usual_demand);
        }
        let since = first_demand_at.map_or(0, |first| millis(now.saturating_since(first)));
        // Do not extrapolate from less than a twelfth of a window (two hours of a day).
        let extrapolated = share(demand, since.max(length / 12));
        extrapolated.max(rest_of(self.quota.limit.saturating_mul(3) / 5))
    }

    /// Counts `requests` that are sent.
    pub const fn spend(&mut self, requests: u32) {
        self.usage.requests = self.usage.requests.saturating_add(requests);
    }

    /// Counts `requests` that are token renewals or repetitions of another request.
    pub const fn spend_renewals(&mut self, requests: u32) {
        self.spend(requests);
        self.usage.renewals = self.usage.renewals.saturating_add(requests);
    }

    /// Removes a request that was counted but not sent.
    pub const fn refund(&mut self) {
        self.usage.requests = self.usage.requests.saturating_sub(1);
    }

    /// Removes a renewal that was counted but not sent.
    pub const fn refund_renewal(&mut self) {
        self.refund();
        self.usage.renewals = self.usage.renewals.saturating_sub(1);
    }

    /// Closes the window: Bakong answered with error code 17, or a probe is sent.
    pub const fn close(&mut self, now: Timestamp) {
        self.usage.closed_at = Some(now);
        self.waits_since = Some(now);
    }

    /// Reopens the window: Bakong answered a probe.
    pub const fn reopen(&mut self) {
        self.usage.closed_at = None;
        self.waits_since = None;
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the value was compared")]
const fn millis(duration: Duration) -> u64 {
    let millis = duration.as_millis();
    if millis > u64::MAX as u128 {
        u64::MAX
    } else {
        millis as u64
    }
}
