//! Many payments under one day's quota.

mod answers;
mod asking;
#[cfg(test)]
mod consistency;
mod finished;
mod in_flight;
mod opening;
mod restore;
mod ripe;
mod slots;
mod timers;

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ShortHash, TokenLife, TokenStep, TransactionHash};

use crate::change::{Change, Lists};
use crate::pace::Pace;
use crate::policy::Retry;
use crate::promises::{LIST, Promises};
use crate::quota::{Ledger, Quota, Spent};

use self::finished::Finished;
use self::in_flight::InFlight;
use self::ripe::Ripe;
use self::slots::{Hashes, NEVER, Slot, Slots, Tried, Way};
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
    pub retry: Retry,
    /// How many requests may be out at a time; one, while they fail.
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
        retry: Retry::DEFAULT,
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
    ledger: Ledger,
    promises: Promises,
    pace: Pace,
    lists: Lists,
    /// How many lists in a row could not be read.
    garbled_lists: u8,
    /// What `lists` was before the endpoint was refused, until it is known that others are not.
    lists_before: Option<Lists>,
    token: TokenLife,
    /// When the token came, or was last refused.
    token_at: Timestamp,
    /// Nothing is asked before this: the last requests failed.
    hold: Option<Timestamp>,
    /// Failures in a row, and when the last of them came.
    failures: u32,
    failed_at: Timestamp,
    in_flight: InFlight,
    finished: Finished,
    changes: Vec<Change>,
    now: Timestamp,
}

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
            ripe: Ripe::default(),
            promises: Promises::new(config.quota.turn, ledger.spent().day),
            pace: Pace::new(most_at_once(config.quota), now),
            ledger,
            lists: if config.lists {
                Lists::Untried
            } else {
                Lists::Off
            },
            garbled_lists: 0,
            lists_before: None,
            token,
            token_at: now,
            hold: None,
            failures: 0,
            failed_at: Timestamp::from_millis(0),
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

    /// How many requests are out.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight.len()
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
        if !slot.is_ripe && at.as_millis() < slot.due.min(slot.last_due) {
            slot.due = at.as_millis();
            self.early.push(slot.due, place);
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
        if known.hash != before.hash {
            slot.tried.forget(Way::Hash);
        }
        if known.short_hash != before.short_hash {
            slot.tried.forget(Way::ShortHash);
        }
        let Hashes { hash, short_hash } = (**known).clone();
        if !slot.is_out() && !slot.is_ripe {
            slot.way = if hash.is_some() {
                Way::Hash
            } else {
                Way::ShortHash
            };
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
        if slot.is_cancelled {
            return;
        }
        slot.is_cancelled = true;
        if !slot.is_ripe {
            slot.due = NEVER;
        }
        self.changes.push(Change::Cancelled { md5: *md5 });
    }

    /// When the token ends, if it says so: it is asked to be renewed in time.
    pub fn set_token(&mut self, expires_at: Option<Timestamp>) {
        self.token_at = self.now;
        self.token.set(expires_at);
    }

    /// So many requests were sent with the same token by others, as far as is known: they count, too.
    pub fn spent_elsewhere(&mut self, requests: u32, now: Timestamp) {
        self.tick(now);
        if requests > 0 {
            self.ledger.spend(requests);
            self.changes.push(Change::Quota(self.ledger.spent()));
        }
    }

    /// Whether what could be asked about is not asked because the last requests failed, the token is refused or
    /// the day's requests are spent.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.hold.is_some_and(|until| now < until)
            || self.ledger.is_closed()
            || self.ledger.left() == 0
            || !matches!(self.token.step(now), TokenStep::Use | TokenStep::RenewOrUse)
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
            self.pace = Pace::new(most_at_once(self.config.quota), now);
            self.changes.push(Change::Quota(spent));
        }
        self.finished.forget(now);
        self.ripen();
        let (free, burst) = (self.free(), self.burst());
        self.pace.fill(free, burst, self.ledger.ends_at(), now);
    }

    /// The last checks whose time has come are due from now on.
    fn ripen(&mut self) {
        loop {
            let slots = &self.slots;
            let Some((at, place)) = self.last.peek(|at, place| slots.ripens(at, place)) else {
                return;
            };
            if at > self.now.as_millis() {
                return;
            }
            self.last.pop();
            self.make_ripe(place);
        }
    }

    fn make_ripe(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.is_ripe = true;
        let is_out = slot.is_out();
        if !is_out {
            // A hash that had no turn before does not take that of the MD5.
            slot.way = slot.next_way().unwrap_or(Way::Md5);
        }
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let latest = self.latest(slot);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.due = latest;
        }
        if !is_out {
            self.ripe.insert(latest, place);
        }
    }

    /// Until when the last check of a payment can wait to be shared. It was promised for the day of the
    /// deadline.
    fn latest(&self, slot: &Slot) -> u64 {
        if !self.lists.work() || slot.stands_alone() {
            return slot.last_due;
        }
        let deadline = self.slots.deadline(slot);
        let within = self.slots.policy(slot).grace.last_check_within;
        let turn = self.config.quota.turn;
        let end = turn.end_of(turn.day_of(deadline)).as_millis();
        let latest = deadline.saturating_add(within).as_millis();
        latest
            .min(end.saturating_sub(BEFORE_THE_TURN))
            .max(slot.last_due)
    }

    /// The clock was set back: what was due in so long is due in so long still.
    fn set_back(&mut self, now: Timestamp) {
        let back = self.now.as_millis() - now.as_millis();
        let places: Vec<u32> = self.slots.iter().map(|(place, _)| place).collect();
        for place in places {
            let Some(slot) = self.slots.get(place) else {
                continue;
            };
            let deadline = self.slots.deadline(slot).as_millis();
            let Some(slot) = self.slots.get_mut(place) else {
                continue;
            };
            slot.asked_at = slot.asked_at.min(now.as_millis());
            slot.opened_at = slot.opened_at.min(now.as_millis());
            slot.tried = Tried::default();
            if slot.is_ripe {
                if !slot.is_out() {
                    self.ripe.remove(slot.due, place);
                }
                slot.is_ripe = false;
                slot.due = NEVER;
            } else if slot.due != NEVER {
                slot.due = slot.due.saturating_sub(back);
                self.early.push(slot.due, place);
            }
            // By the clock as it is now, the code may not have expired yet.
            slot.last_due = slot.last_due.saturating_sub(back).max(deadline);
            self.last.push(slot.last_due, place);
        }
        let shifted =
            |moment: Timestamp| Timestamp::from_millis(moment.as_millis().saturating_sub(back));
        self.hold = self.hold.map(shifted);
        self.failed_at = shifted(self.failed_at);
        self.token_at = self.token_at.min(now);
        self.in_flight.set_back(now);
    }

    /// How many requests are neither spent, nor promised, nor kept for renewals and for payments to come.
    fn free(&self) -> u32 {
        let lists = self.lists.work();
        let promised = self.promises.requests(self.ledger.spent().day, lists);
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

    /// How many free requests may be spent at once: the fewer, the more of the day's are wanted later.
    fn burst(&self) -> u32 {
        let spare = self
            .spendable()
            .saturating_sub(self.ledger.to_come(self.now));
        spare.clamp(1, most_at_once(self.config.quota))
    }

    /// How many requests the day has left for checks.
    fn spendable(&self) -> u32 {
        if self.ledger.is_closed() {
            return 0;
        }
        self.ledger.left_for_checks()
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
        let share = self
            .pace
            .share(free, self.ledger.ends_at(), time, open, together);
        let age = now.saturating_since(opened_at);
        let life = expires_at.saturating_since(opened_at);
        // Each gets one early check into the queue: whether there is a request for it is seen when it is due.
        let next = policy.schedule.spread(age, life, share.max(1_000));
        let next = next.map(|age| opened_at.saturating_add(age));
        // A list that is sent anyway has room for it.
        let interval = self.pace.interval(free, self.ledger.ends_at());
        let shared = interval
            .filter(|_| together > 1 && !age.is_zero())
            .map(|interval| now.saturating_add(interval.max(policy.schedule.gap(age))));
        let due = [next, shared]
            .into_iter()
            .flatten()
            .min()
            .filter(|moment| *moment < expires_at)
            .map_or(NEVER, Timestamp::as_millis);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if slot.is_ripe {
            return;
        }
        slot.due = if slot.is_cancelled { NEVER } else { due };
        if slot.due != NEVER {
            self.early.push(slot.due, place);
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        let slots = &self.slots;
        self.early
            .tidy(slots.len(), |at, place| slots.is_due(at, place));
        self.last
            .tidy(slots.len(), |at, place| slots.ripens(at, place));
    }
}

/// The most free requests that are spent at once: a tenth of a day.
const fn most_at_once(quota: Quota) -> u32 {
    let tenth = quota.per_day / 10;
    if tenth < 3 { 3 } else { tenth }
}

/// How long a second nudge has to wait after the last check.
const NUDGE_REST: Duration = Duration::from_secs(10);

/// How long before the day's turn, in milliseconds, what was promised for the day is asked at the latest.
const BEFORE_THE_TURN: u64 = 30_000;

/// As often as this, payments to come are likely to need a list.
const SHARED: Duration = Duration::from_secs(15 * 60);
