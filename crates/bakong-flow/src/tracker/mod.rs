//! Many payments under one day's quota.

mod answers;
mod asking;
mod finished;
mod restore;
mod slots;
mod timers;

use std::fmt;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ShortHash, TokenLife, TransactionHash};

use crate::ask::Ticket;
use crate::change::{Change, Lists};
use crate::pace::Pace;
use crate::payment::Payment;
use crate::policy::{Policy, Retry};
use crate::promises::{LIST, Promises};
use crate::quota::{Ledger, Quota, Spent};

use self::asking::InFlight;
use self::finished::Finished;
use self::slots::{Hashes, NEVER, Slots, Way};
use self::timers::Timers;

pub use self::restore::{FinishedPayment, OpenPayment, Snapshot};

/// What a tracker goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the token may spend.
    pub quota: Quota,
    /// When to ask again after no answer came.
    pub retry: Retry,
    /// Whether the token can be renewed, so that the tracker may ask for it.
    pub renewable: bool,
    /// Whether the list endpoint may be tried.
    pub lists: bool,
    /// How long a final payment is remembered, so that its code is not opened again and its transaction
    /// settles no other order. A store remembers for longer.
    pub remember: Duration,
}

impl Config {
    /// A hundred requests a day, lists tried, no renewals, finished payments remembered for two days.
    pub const DEFAULT: Self = Self {
        quota: Quota::DEFAULT,
        retry: Retry::DEFAULT,
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

/// Watches any number of payments: decides what is worth asking and when, so that the day's requests
/// suffice, and what the answers mean.
///
/// See the crate's page for the loop that runs it. It reads no clock: `now` is the caller's, and should
/// be right, since codes expire by it.
#[derive(Clone, Debug)]
pub struct Tracker {
    config: Config,
    slots: Slots,
    /// When each payment is due before its last check, and when for that.
    early: Timers,
    last: Timers,
    ledger: Ledger,
    promises: Promises,
    pace: Pace,
    lists: Lists,
    token: TokenLife,
    /// Nothing is asked before this: the last requests failed.
    hold: Option<Timestamp>,
    failures: u32,
    in_flight: InFlight,
    finished: Finished,
    changes: Vec<Change>,
    now: Timestamp,
}

/// Why a payment is not watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A payment with this MD5 is open, or was finished: two orders with the same code cannot be told
    /// apart. Give each order a bill number of its own.
    Known,
    /// The day's requests do not suffice for its last check, so nobody would know whether it was paid. Do not
    /// show its code.
    NoQuota {
        /// When such a payment can be promised its last check, as far as is known.
        until: Timestamp,
    },
    /// As many payments are open as can be counted.
    Full,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => f.write_str(
                "a payment of this very code is known already; give each order its own bill number",
            ),
            Self::NoQuota { until } => write!(
                f,
                "the day's requests do not suffice to see whether this code is paid; it can be shown from \
                 {} ms since 1970 on",
                until.as_millis()
            ),
            Self::Full => f.write_str("too many payments are open"),
        }
    }
}

impl std::error::Error for OpenError {}

impl Tracker {
    /// A tracker without payments, on a day of which nothing is spent, with a token that is good.
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self::with_ledger(config, Ledger::new(config.quota, now), now)
    }

    fn with_ledger(config: Config, ledger: Ledger, now: Timestamp) -> Self {
        let mut token = TokenLife::new(config.renewable);
        token.set(None);
        Self {
            config,
            slots: Slots::default(),
            early: Timers::default(),
            last: Timers::default(),
            promises: Promises::new(config.quota.turn, ledger.spent().day),
            pace: Pace::new(config.quota.per_day, now),
            ledger,
            lists: if config.lists { Lists::Untried } else { Lists::Off },
            token,
            hold: None,
            failures: 0,
            in_flight: InFlight::default(),
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

    /// What is spent of the day.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        self.ledger.spent()
    }

    /// Whether the list endpoint works, as far as is known.
    #[must_use]
    pub const fn lists(&self) -> Lists {
        self.lists
    }

    /// What changed since this was last called. Persist it before acting on it: before sending what
    /// [`poll`](Self::poll) gave, showing the code of a payment that was opened, or handing over goods.
    pub fn take_changes(&mut self) -> impl Iterator<Item = Change> {
        self.changes.drain(..)
    }

    /// Watches a payment from now on, and promises it a check after its expiry.
    ///
    /// # Errors
    /// [`OpenError`], with which nothing has changed.
    pub fn open(
        &mut self,
        payment: Payment,
        policy: Policy,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        self.tick(now);
        if self.slots.find(&payment.md5).is_some() || self.finished.knows(&payment.md5) {
            return Err(OpenError::Known);
        }
        let deadline = payment.expires_at.saturating_add(policy.grace.after_expiry);
        if let Some(until) = self.refused_until(deadline) {
            return Err(OpenError::NoQuota { until });
        }
        let opened = Change::Opened {
            payment: Box::new(payment.clone()),
            policy,
            at: now,
        };
        let place = self.slots.insert(payment, policy, now).ok_or(OpenError::Full)?;
        self.changes.push(opened);
        self.promises.add(deadline);
        self.last.push(deadline.as_millis(), place);
        self.schedule(place, now);
        Ok(())
    }

    /// The customer says that they have paid: the payment is asked about soon, if the quota allows it. Asking
    /// again and again helps less and less. Does nothing to a payment that is not open.
    pub fn nudge(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let Some(place) = self.slots.find(md5) else {
            return;
        };
        let free = self.free();
        let Some(slot) = self.slots.get_mut(place).filter(|slot| !slot.is_out) else {
            return;
        };
        slot.nudges = slot.nudges.saturating_add(1);
        // The first is taken at once, the next after ten seconds, twenty, forty …
        let rest = NUDGE_REST.saturating_mul(1 << (slot.nudges - 1).min(16)) / 2;
        let rested = Timestamp::from_millis(slot.asked_at).saturating_add(rest);
        let at = if slot.nudges == 1 { now } else { now.max(rested) };
        if at.as_millis() < slot.due.min(slot.last_due) {
            slot.due = at.as_millis();
            self.early.push(slot.due, place);
            if at == now {
                self.pace.lend(free);
            }
        }
    }

    /// A hash of the transaction became known, such as from the customer's receipt: it is asked by that, too.
    /// Does nothing to a payment that is not open.
    pub fn learn(
        &mut self,
        md5: &Md5Handle,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
        now: Timestamp,
    ) {
        self.tick(now);
        let Some(place) = self.slots.find(md5) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let known = slot.hashes.get_or_insert_default();
        let before = (**known).clone();
        known.hash = hash.or(known.hash.take());
        known.short_hash = short_hash.or(known.short_hash.take());
        if **known == before {
            return;
        }
        let Hashes { hash, short_hash } = (**known).clone();
        if !slot.is_out {
            slot.way = if hash.is_some() { Way::Hash } else { Way::ShortHash };
        }
        let md5 = *md5;
        self.changes.push(Change::Learned {
            md5,
            hash,
            short_hash,
        });
        self.nudge(&md5, now);
    }

    /// The order is cancelled. Its code can still be paid until it expires, so the last check stays
    /// promised; money that comes is for a person to look at. Does nothing to a payment that is not open.
    pub fn cancel(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        let place = self.slots.find(md5);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return;
        };
        if !slot.is_cancelled {
            slot.is_cancelled = true;
            slot.due = NEVER;
            self.changes.push(Change::Cancelled { md5: *md5 });
        }
    }

    /// When the token ends, if it says so: it is asked to be renewed in time.
    pub fn set_token(&mut self, expires_at: Option<Timestamp>) {
        self.token.set(expires_at);
    }

    /// Whether what could be asked about is not asked because the last requests failed, the token is refused or
    /// the day's requests are spent.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.hold.is_some_and(|until| now < until)
            || self.ledger.is_closed()
            || self.ledger.left() == 0
            || !self.token.is_usable(now)
    }

    /// Goes on to this moment.
    fn tick(&mut self, now: Timestamp) {
        if now < self.now {
            self.set_back(now);
        }
        self.now = now;
        if self.ledger.turn(now) {
            let spent = self.ledger.spent();
            self.promises.turn(spent.day);
            self.pace = Pace::new(self.config.quota.per_day, now);
            self.changes.push(Change::Quota(spent));
        }
        self.finished.forget(now);
        let free = self.free();
        self.pace.fill(free, self.ledger.ends_at(), now);
    }

    /// The clock was set back: what was due in so long is due in so long still.
    fn set_back(&mut self, now: Timestamp) {
        let back = self.now.as_millis() - now.as_millis();
        let places: Vec<u32> = self.slots.iter().map(|(place, _)| place).collect();
        for place in places {
            let Some(slot) = self.slots.get_mut(place) else {
                continue;
            };
            if slot.due != NEVER {
                slot.due = slot.due.saturating_sub(back);
                self.early.push(slot.due, place);
            }
            slot.asked_at = slot.asked_at.min(now.as_millis());
            slot.opened_at = slot.opened_at.min(now.as_millis());
        }
        let shifted = |moment: Timestamp| {
            Timestamp::from_millis(moment.as_millis().saturating_sub(back))
        };
        self.hold = self.hold.map(shifted);
    }

    /// How many requests are neither spent, nor promised, nor kept for renewals.
    fn free(&self) -> u32 {
        let today = self.ledger.spent().day;
        let promised = self.promises.requests(today, self.lists.work());
        self.spendable().saturating_sub(promised)
    }

    /// How many requests the day has left for checks.
    fn spendable(&self) -> u32 {
        if self.ledger.is_closed() {
            return 0;
        }
        let left = self.ledger.left();
        left.saturating_sub(self.config.quota.renewals)
    }

    /// Until when a payment with this deadline cannot be promised its last check; `None` if it can.
    fn refused_until(&self, deadline: Timestamp) -> Option<Timestamp> {
        let quota = self.config.quota;
        let today = self.ledger.spent().day;
        let day = quota.turn.day_of(deadline).max(today);
        let whole_day = quota.per_day.saturating_sub(quota.renewals);
        let room = if day == today {
            self.spendable()
        } else {
            whole_day
        };
        if self.promises.requests_with(deadline, self.lists.work()) <= room {
            return None;
        }
        // One that is opened so much later has its deadline on the next day.
        let wait = quota.turn.end_of(day).saturating_since(deadline);
        Some(self.now.saturating_add(wait))
    }

    /// Says when a payment is due next, after it was opened or an answer came.
    fn schedule(&mut self, place: u32, now: Timestamp) {
        let free = self.free();
        let open = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let together = if self.lists.work() { open.min(LIST) } else { 1 };
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let policy = self.slots.policy(slot);
        let opened_at = Timestamp::from_millis(slot.opened_at);
        let expires_at = Timestamp::from_millis(slot.expires_at);
        let time = expires_at.saturating_since(now);
        let share = self.pace.share(free, self.ledger.ends_at(), time, open, together);
        let age = now.saturating_since(opened_at);
        let life = expires_at.saturating_since(opened_at);
        let next = policy.schedule.spread(age, life, share);
        let next = next.map(|age| opened_at.saturating_add(age));
        // Whoever paid did so before the expiry; seen soon after it, they need not wait for the last check.
        let after_expiry = (self.lists.work() && now <= expires_at)
            .then(|| expires_at.saturating_add(AFTER_EXPIRY));
        let due = next
            .filter(|moment| *moment < expires_at)
            .or(after_expiry)
            .map_or(NEVER, Timestamp::as_millis);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.due = if slot.is_cancelled || due >= slot.last_due {
            NEVER
        } else {
            due
        };
        if slot.due != NEVER {
            self.early.push(slot.due, place);
        }
        let slots = &self.slots;
        self.early.tidy(slots.len(), |at, place| slots.is_due(at, place));
        self.last.tidy(slots.len(), |at, place| slots.is_last_due(at, place));
    }
}

/// How long after its expiry a code is asked about where lists work: a transfer takes some seconds.
const AFTER_EXPIRY: Duration = Duration::from_secs(20);

/// How long a second nudge has to wait after the last check.
const NUDGE_REST: Duration = Duration::from_secs(10);

/// A ticket that is out is known by its place and number.
impl Ticket {
    const fn new(place: u32, number: u64) -> Self {
        Self { place, number }
    }
}
