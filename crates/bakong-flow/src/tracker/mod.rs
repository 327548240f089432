//! Many payments under one day's quota.

mod answers;
mod asking;
mod budget;
#[cfg(test)]
mod consistency;
mod elsewhere;
mod finished;
mod hashes;
mod in_flight;
mod interned;
mod opening;
mod restore;
mod ripe;
mod slots;
mod timers;
mod timing;
mod told;

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::token::TokenLife;

use crate::change::Change;
pub use crate::change::ListStatus;
use crate::pace::Pace;
use crate::policy::Backoff;
use crate::promises::Promises;
use crate::quota::{Quota, QuotaUsage, WindowUsage};

use self::budget::most_at_once;
use self::finished::Finished;
use self::in_flight::InFlight;
use self::ripe::Ripe;
use self::slots::{Due, Slots};
use self::timers::Timers;

pub use self::opening::OpenError;
pub use self::restore::{FinishedPayment, OpenPayment, Snapshot};

/// What a tracker goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the token may spend.
    pub quota: Quota,
    /// When to ask again after no answer came.
    pub retry: Backoff,
    /// How many requests may be out at a time, at least one; one, while they fail.
    pub at_once: u32,
    /// Whether the token can be renewed, so that the tracker may ask for it.
    pub renewable: bool,
    /// Whether the list endpoint may be tried.
    pub lists: bool,
    /// How long a final payment is remembered, so that its code is not opened again and its transaction
    /// settles no other order. The store, which knows for longer, has the last word.
    pub remember: Duration,
}

impl Config {
    /// A hundred requests a day, four at a time, lists tried, no renewals, finished payments remembered for
    /// two days.
    pub const DEFAULT: Self = Self {
        quota: Quota::DEFAULT,
        retry: Backoff::DEFAULT,
        at_once: 4,
        renewable: false,
        lists: true,
        remember: Duration::from_secs(2 * 24 * 60 * 60),
    };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

// Of one payment; the deadline is the expiry and the grace.
//
//             ┌── not found ◀──┐                    ┌── no answer: again after a pause ◀──┐
//             ├── no answer ◀──┤                    ├── not found, and a hash is known ◀──┤
//             ▼                │                    ▼                                     │
//  open ─▶ waiting ──due──▶ asked about ──────▶   ripe ──alone, shared, or free──▶ asked about
//             │                │                    ▲                                     │
//             └───── the deadline has come ─────────┘                                     │
//                              │                                                          │
//                              └───────────▶ final ◀──────────────────────────────────────┘
//                     paid, needs review, failed, static,                and not found, asked after
//                                                                        the deadline: expired, cancelled

/// Watches any number of payments: decides what is worth asking and when, so that the day's requests
/// suffice, and what the answers mean.
///
/// See the crate's page for the loop that runs it. It reads no clock: `now` is the caller's, and should
/// be right, since codes expire by it.
#[derive(Clone, Debug)]
pub struct Tracker {
    config: Config,
    slots: Slots,
    /// When each payment is due before its last check, and from when on for that.
    early: Timers,
    last: Timers,
    ripe: Ripe,
    ledger: QuotaUsage,
    promises: Promises,
    pace: Pace,
    lists: ListStatus,
    /// How many lists in a row could not be read.
    garbled_lists: u8,
    /// What `lists` was before the endpoint was refused, until it is known that others are not.
    lists_before: Option<ListStatus>,
    token: TokenLife,
    /// When the token came, or was last refused.
    token_at: Timestamp,
    /// Nothing is asked before this: the last requests failed.
    hold: Option<Timestamp>,
    /// Failures in a row, and when the last of them came.
    failures: u32,
    failed_at: Timestamp,
    in_flight: InFlight,
    /// Whichever was to be opened last.
    refused: Option<Md5Handle>,
    finished: Finished,
    changes: Vec<Change>,
    now: Timestamp,
}

impl Tracker {
    /// A tracker without payments, on a day of which nothing is spent, with a token that is good.
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self::with_ledger(config, QuotaUsage::new(config.quota, now), now)
    }

    fn with_ledger(config: Config, ledger: QuotaUsage, now: Timestamp) -> Self {
        let mut token = TokenLife::new(config.renewable);
        token.set(None);
        Self {
            config,
            slots: Slots::default(),
            early: Timers::default(),
            last: Timers::default(),
            ripe: Ripe::default(),
            promises: Promises::new(config.quota.turn, ledger.usage().day),
            pace: Pace::new(most_at_once(config.quota), now),
            ledger,
            lists: if config.lists {
                ListStatus::Untried
            } else {
                ListStatus::Off
            },
            garbled_lists: 0,
            lists_before: None,
            token,
            token_at: now,
            hold: None,
            failures: 0,
            failed_at: Timestamp::from_millis(0),
            in_flight: InFlight::default(),
            refused: None,
            finished: Finished::default(),
            changes: Vec::new(),
            now,
        }
    }

    /// How many payments are open.
    #[must_use]
    pub fn open_payments(&self) -> usize {
        self.slots.len()
    }

    /// Whether this payment is open.
    #[must_use]
    pub fn is_open(&self, md5: &Md5Handle) -> bool {
        self.slots.find(md5).is_some()
    }

    /// How many requests are out.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What is spent of the day.
    #[must_use]
    pub const fn usage(&self) -> WindowUsage {
        self.ledger.usage()
    }

    /// Whether the list endpoint works, as far as is known.
    #[must_use]
    pub const fn lists(&self) -> ListStatus {
        self.lists
    }

    /// What changed since this was last called. Persist it before acting on it: before sending what
    /// [`poll`](Self::poll) gave, showing the code of a payment that was opened, or handing over goods.
    pub fn take_changes(&mut self) -> impl Iterator<Item = Change> {
        self.changes.drain(..)
    }

    /// The customer says that they have paid: the payment is asked about soon, if the quota allows it. Asking
    /// again and again helps less and less. Does nothing to a payment that is not open.
    pub fn nudge(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let Some(place) = self.slots.find(md5) else {
            return;
        };
        // Where every request is wanted by many, it waits for its turn.
        let free = if self.burst() > 1 { self.free() } else { 0 };
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if slot.is_out() || slot.is_cancelled {
            return;
        }
        slot.nudges = slot.nudges.saturating_add(1);
        // The first is taken at once, the next after ten seconds, twenty, forty …
        let rest = NUDGE_REST.saturating_mul(1 << (slot.nudges - 1).min(16)) / 2;
        let rested = Timestamp::from_millis(slot.asked_at).saturating_add(rest);
        let at = if slot.nudges == 1 {
            now
        } else {
            now.max(rested)
        };
        if at == now {
            self.pace.lend(free);
        }
        let at = at.as_millis();
        if !slot.is_ripe() && at < slot.next() {
            slot.due = Due::Early(at);
            self.early.push(at, place);
        }
    }

    /// The order is cancelled. Its code can still be paid until it expires, so the last check stays
    /// promised; money that comes is for a person to look at. Does nothing to a payment that is not open.
    pub fn cancel(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let place = self.slots.find(md5);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return;
        };
        if slot.is_cancelled {
            return;
        }
        slot.is_cancelled = true;
        if !slot.is_ripe() {
            slot.due = Due::AtLast;
        }
        self.changes.push(Change::Cancelled { md5: *md5 });
    }

    /// When the token ends, if it says so: it is asked to be renewed in time.
    pub fn set_token(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.tick(now);
        self.token_at = now;
        self.token.set(expires_at);
    }

    /// So many requests were sent with the same token by others, as far as is known: they count, too.
    pub fn add_external_usage(&mut self, requests: u32, now: Timestamp) {
        self.tick(now);
        if requests > 0 {
            self.ledger.spend(requests);
            self.changes.push(Change::Quota(self.ledger.usage()));
        }
    }

    /// Goes on to this moment.
    fn tick(&mut self, now: Timestamp) {
        if now < self.now {
            self.set_back(now);
        }
        self.now = now;
        let before = self.ledger.usage().day;
        if self.ledger.turn(now) {
            let spent = self.ledger.usage();
            if spent.day < before {
                self.promise_anew();
            } else {
                self.promises.turn(spent.day);
            }
            self.pace = Pace::new(most_at_once(self.config.quota), now);
            self.changes.push(Change::Quota(spent));
        }
        self.finished.forget(now);
        self.ripen();
        let (free, burst) = (self.free(), self.burst());
        self.pace.fill(free, burst, self.ledger.ends_at(), now);
    }
}

/// How long a second nudge has to wait after the last check.
const NUDGE_REST: Duration = Duration::from_secs(10);
