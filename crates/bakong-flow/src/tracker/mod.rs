//! Watches many payments under the quota of one token.
//!
//! [`Tracker`] combines state machines, each in a file of its own:
//!
//! | machine | decides |
//! | --- | --- |
//! | `PaymentState` | when a payment is checked next |
//! | `LookupSet` | which lookup is used: MD5, hash or short hash |
//! | [`QuotaUsage`] | how many requests are left in the quota window |
//! | `Reservations` | how many of these requests final checks need |
//! | `Pacer` | how fast the spare requests are spent |
//! | `ListEndpoint` | whether payments can be checked in lists |
//! | `TokenGate` | whether the token can be used |
//! | `BackoffState` | how long to pause after failures |
//!
//! [`Tracker::open`] adds a payment, [`Tracker::poll`] returns the next request, and [`Tracker::answer`] passes the reply
//! to the machines.

mod backoff;
mod budget;
mod config;
mod conflicts;
#[cfg(test)]
mod consistency;
mod first_list;
mod hashes;
mod in_flight;
mod list_endpoint;
mod lookup_set;
mod on_check;
mod open;
mod pacer;
mod payment_state;
mod payments;
mod poll;
mod replies;
mod reservations;
mod restore;
mod schedule;
mod token_gate;

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::change::Change;
use crate::policy::exponential;
use crate::quota::{QuotaUsage, WindowUsage};
use crate::store::FinishedPayments;

use self::backoff::BackoffState;
use self::budget::max_burst;
use self::in_flight::InFlight;
use self::list_endpoint::ListEndpoint;
use self::pacer::Pacer;
use self::payments::Payments;
use self::reservations::Reservations;
use self::token_gate::TokenGate;

pub use self::config::Config;
pub use crate::change::ListStatus;

/// Watches payments: decides when to send which request, so that the quota suffices, and what the answers mean.
///
/// The crate page shows the loop that drives a tracker. A tracker reads no clock: the caller passes `now`, which should
/// be Bakong's time, because it decides when codes expire. [`ServerTime`](crate::server_time::ServerTime) estimates it.
#[derive(Clone, Debug)]
pub struct Tracker {
    config: Config,
    /// The open payments, each with its state, and the queue of their checks.
    payments: Payments,
    /// The final payments, remembered so that their codes and transactions are not accepted again.
    finished: FinishedPayments,
    in_flight: InFlight,
    usage: QuotaUsage,
    /// The last request before the window was closed. Only an answer to a later one reopens the window.
    closed_after: u64,
    reservations: Reservations,
    pacer: Pacer,
    lists: ListEndpoint,
    token: TokenGate,
    backoff: BackoffState,
    /// The changes since the last call of [`take_changes`](Self::take_changes).
    changes: Vec<Change>,
    now: Timestamp,
}

impl Tracker {
    /// Creates a tracker without payments, with an unused quota and a valid token.
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self::with_usage(config, QuotaUsage::new(config.quota, now), now)
    }

    fn with_usage(config: Config, usage: QuotaUsage, now: Timestamp) -> Self {
        let lists = if config.lists {
            ListStatus::Untried
        } else {
            ListStatus::Off
        };
        Self {
            config,
            payments: Payments::default(),
            finished: FinishedPayments::default(),
            in_flight: InFlight::default(),
            reservations: Reservations::new(config.quota.window, usage.usage().window),
            pacer: Pacer::new(max_burst(config.quota), now),
            usage,
            closed_after: 0,
            lists: ListEndpoint::new(lists),
            token: TokenGate::new(config.renewable),
            backoff: BackoffState::Clear,
            changes: Vec::new(),
            now,
        }
    }

    /// Returns the number of open payments.
    #[must_use]
    pub fn open_payments(&self) -> usize {
        self.payments.len()
    }

    /// Whether the payment is open.
    #[must_use]
    pub fn is_open(&self, md5: &Md5Handle) -> bool {
        self.payments.find(md5).is_some()
    }

    /// Returns the number of requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Returns the usage of the current quota window.
    #[must_use]
    pub const fn usage(&self) -> WindowUsage {
        self.usage.usage()
    }

    /// Returns the status of the list endpoint.
    #[must_use]
    pub const fn lists(&self) -> ListStatus {
        self.lists.status()
    }

    /// Returns the changes since the last call.
    ///
    /// Persist them before acting on them: before sending what [`poll`](Self::poll) returned, showing the code of a
    /// payment that was opened, or handing over goods.
    pub fn take_changes(&mut self) -> impl Iterator<Item = Change> {
        self.changes.drain(..)
    }

    /// Requests an early check, for example when the customer claims to have paid.
    ///
    /// The first call makes a check due now, the next calls 10, 20, 40 … seconds after the previous check. The quota
    /// can delay a check. Does nothing if the payment is not open.
    pub fn nudge(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let Some(key) = self.payments.find(md5) else {
            return;
        };
        // Do not take a token ahead of time if other payments need every request.
        let spare = if self.burst() > 1 { self.spare() } else { 0 };
        let slot = &mut self.payments[key];
        if slot.state().request().is_some() || slot.is_cancelled {
            return;
        }
        slot.nudges = slot.nudges.saturating_add(1);
        let at = match (slot.asked_at, u32::from(slot.nudges).checked_sub(2)) {
            (Some(asked_at), Some(doublings)) => {
                let wait = exponential(NUDGE_WAIT, doublings, MAX_NUDGE_WAIT);
                now.max(asked_at.saturating_add(wait))
            }
            _ => now,
        };
        if at == now {
            self.pacer.advance(spare);
        }
        let state = slot.state().nudged(at);
        self.payments.reschedule(key, state);
    }

    /// Cancels the order of a payment.
    ///
    /// Its code can be paid until it expires, so the final check remains. A transaction that is found needs a
    /// review. Does nothing if the payment is not open.
    pub fn cancel(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let Some(key) = self.payments.find(md5) else {
            return;
        };
        let slot = &mut self.payments[key];
        if std::mem::replace(&mut slot.is_cancelled, true) {
            return;
        }
        let state = slot.state().cancelled();
        self.payments.reschedule(key, state);
        self.changes.push(Change::Cancelled { md5: *md5 });
    }

    /// Uses a new token. `expires_at` is the expiry that the token states; a renewal becomes due before then.
    pub fn set_token(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.tick(now);
        self.token.set(expires_at, self.in_flight.last_number());
    }

    /// Records that the sender of the requests renewed the token, and the expiry of the new token.
    pub fn token_renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.tick(now);
        let last_number = self.in_flight.last_number();
        self.token.renewed(expires_at, last_number, now);
        self.changes.push(Change::Token(Ok(expires_at)));
    }

    /// Counts `requests` that were sent with the same token, but not by this tracker.
    pub fn add_external_usage(&mut self, requests: u32, now: Timestamp) {
        self.tick(now);
        if requests > 0 {
            self.usage.spend(requests);
            self.emit_usage();
        }
    }

    fn emit_usage(&mut self) {
        self.changes.push(Change::Quota(self.usage.usage()));
    }

    /// Advances the time of all machines to `now`.
    fn tick(&mut self, now: Timestamp) {
        if now < self.now {
            self.set_clock_back(now);
        }
        self.now = now;
        let before = self.usage.usage().window;
        if self.usage.advance(now) {
            let window = self.usage.usage().window;
            if window < before {
                self.reserve_all();
            } else {
                self.reservations.advance(window);
            }
            self.pacer = Pacer::new(max_burst(self.config.quota), now);
            self.emit_usage();
        }
        while self.finished.remove_expired(now).is_some() {}
        self.mark_final_due();
        let (spare, burst) = (self.spare(), self.burst());
        self.pacer.refill(spare, burst, self.usage.ends_at(), now);
    }
}

/// The wait between a check and the second nudge after it.
const NUDGE_WAIT: Duration = Duration::from_secs(10);
/// The maximum wait between a check and the next nudge: about four days.
const MAX_NUDGE_WAIT: Duration = Duration::from_secs(10 << 15);
