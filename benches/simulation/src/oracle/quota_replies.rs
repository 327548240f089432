//! Checks that every error code 17 closes the quota window, even when the shop's clock is wrong.
//!
//! The check does not rely on the closed windows that a shop persists: a shop that ignores a reply persists none.

use std::collections::HashMap;

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::quota::{QuotaWindow, WindowIndex};

use crate::{DAY, START};

/// The replies about the quota, with times from a clock that is always correct.
#[derive(Clone, Default, Debug)]
pub(super) struct QuotaReplies {
    /// Whether the shop learns Bakong's time from the answers. Then Bakong's day counts, although a wrong clock may have
    /// persisted a later day before.
    knows_time: bool,
    /// The latest day whose usage the shop persisted. A clock that is set back brings no new quota.
    day: u64,
    /// The requests in flight, with their numbers.
    in_flight: HashMap<u64, Sent>,
    /// The rejected request that closed the latest day.
    closed: Option<(u64, Sent)>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    /// When the request was sent.
    at: u64,
    /// The day whose usage counts the request.
    day: u64,
}

impl QuotaReplies {
    /// Creates a record without requests.
    pub(super) fn new(knows_time: bool) -> Self {
        Self {
            knows_time,
            ..Self::default()
        }
    }

    /// Returns the day whose usage counts a request at `shop_time`.
    fn day_of(&self, shop_time: u64) -> u64 {
        let day = shop_time.saturating_sub(START) / DAY;
        if self.knows_time {
            day
        } else {
            self.day.max(day)
        }
    }

    /// The shop is about to send a request.
    pub(super) fn polled(&mut self, shop_time: u64, now: u64, probe_after: u64) {
        let day = self.day_of(shop_time);
        if let Some((number, sent)) = self.closed
            && sent.day == day
        {
            assert!(
                now >= sent.at + probe_after,
                "4: a request at {now} after request {number} of {} was rejected with error code 17",
                sent.at
            );
        }
    }

    /// The shop persisted the usage of `window`.
    pub(super) fn persisted(&mut self, window: WindowIndex) {
        let first = QuotaWindow::PHNOM_PENH_DAY.index_of(Timestamp::from_millis(START));
        self.day = self.day.max(window.number().saturating_sub(first.number()));
    }

    /// Request `number` is sent.
    pub(super) fn asked(&mut self, number: u64, shop_time: u64, now: u64) {
        let day = self.day_of(shop_time);
        self.in_flight.insert(number, Sent { at: now, day });
    }

    /// The shop processed the reply to request `number`.
    pub(super) fn learned(&mut self, number: u64, class: Option<ErrorClass>, now: u64) {
        let Some(sent) = self.in_flight.remove(&number) else {
            return;
        };
        let today = if self.knows_time {
            self.day_of(now)
        } else {
            self.day
        };
        match class {
            Some(ErrorClass::QuotaExhausted) if sent.day == today => {
                self.closed = Some((number, sent));
            }
            // An answer to a later request shows that the quota has requests again.
            None if self.closed.is_some_and(|(last, _)| last < number) => self.closed = None,
            _ => {}
        }
    }

    /// The shop's clock was set ahead, so the waits are shorter.
    pub(super) const fn clock_set_ahead(&mut self, by: u64) {
        if let Some((_, sent)) = &mut self.closed {
            sent.at = sent.at.saturating_sub(by);
        }
    }
}
