//! When each payment is due.

use bakong_api::khqr_core::Timestamp;

use crate::promises::LIST;

use super::Tracker;
use super::slots::{Due, Slot, Way, Ways};

/// How long before the day's turn, in milliseconds, what was promised for the day is asked at the latest.
const BEFORE_THE_TURN: u64 = 30_000;

impl Tracker {
    /// Says when a payment is due next, after it was opened or an answer came.
    pub(super) fn schedule(&mut self, place: u32, now: Timestamp) {
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
            .filter(|moment| *moment < expires_at);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if slot.is_ripe() {
            return;
        }
        slot.due = Due::AtLast;
        if let Some(due) = due.filter(|_| !slot.is_cancelled) {
            slot.due = Due::Early(due.as_millis());
            self.early.push(due.as_millis(), place);
        }
        self.tidy();
    }

    pub(super) fn tidy(&mut self) {
        let slots = &self.slots;
        self.early
            .tidy(slots.len(), |at, place| slots.is_due(at, place));
        self.last
            .tidy(slots.len(), |at, place| slots.ripens(at, place));
    }

    /// The payment is not asked about any more, and due at this moment.
    pub(super) fn again_at(&mut self, place: u32, at: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let mut last_due = deadline.max(at);
        if at >= deadline
            && let Some(from) = self.set_aside_from(slot)
        {
            last_due = last_due.max(from);
        }
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.out = 0;
        slot.last_due = last_due.as_millis();
        slot.due = Due::AtLast;
        if at < deadline && !slot.is_cancelled {
            slot.due = Due::Early(at.as_millis());
            self.early.push(at.as_millis(), place);
        }
        self.last.push(slot.last_due, place);
        self.ripen();
    }

    /// The last checks whose time has come are due from now on.
    pub(super) fn ripen(&mut self) {
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
            slot.due = Due::Ripe(latest);
        }
        if !is_out {
            self.ripe.insert(latest, place);
        }
    }

    /// Until when the last check of a payment can wait to be shared. It was promised for the day of the
    /// deadline.
    fn latest(&self, slot: &Slot) -> u64 {
        let deadline = self.slots.deadline(slot);
        let within = self.slots.policy(slot).grace.last_check_within;
        let turn = self.config.quota.turn;
        let end = turn.end_of(turn.day_of(deadline)).as_millis();
        let latest = deadline.saturating_add(within).as_millis();
        let latest = latest.min(end.saturating_sub(BEFORE_THE_TURN));
        let pause = self.lists_pause().map(Timestamp::as_millis);
        let is_shared = self.lists.work() || pause.is_some_and(|end| end < latest);
        if slot.stands_alone() || !is_shared {
            return slot.last_due;
        }
        latest.max(slot.last_due)
    }

    /// The clock was set back: what was due in so long is due in so long still.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        let back = self.now.as_millis() - now.as_millis();
        let places: Vec<u32> = self.slots.iter().map(|(place, _)| place).collect();
        for place in places {
            let Some(slot) = self.slots.get(place) else {
                continue;
            };
            let deadline = self.slots.deadline(slot);
            if slot.tried.has(Way::Md5) {
                let within = self.slots.policy(slot).grace.last_check_within;
                self.promises.add(deadline, within);
            }
            let Some(slot) = self.slots.get_mut(place) else {
                continue;
            };
            slot.asked_at = slot.asked_at.min(now.as_millis());
            slot.opened_at = slot.opened_at.min(now.as_millis());
            slot.tried = Ways::default();
            match slot.due {
                Due::Ripe(latest) => {
                    if !slot.is_out() {
                        self.ripe.remove(latest, place);
                    }
                    slot.due = Due::AtLast;
                }
                Due::Early(at) => {
                    let at = at.saturating_sub(back);
                    slot.due = Due::Early(at);
                    self.early.push(at, place);
                }
                Due::AtLast => {}
            }
            // By the clock as it is now, the code may not have expired yet.
            slot.last_due = slot.last_due.saturating_sub(back).max(deadline.as_millis());
            self.last.push(slot.last_due, place);
            self.set_aside(place);
        }
        let shifted =
            |moment: Timestamp| Timestamp::from_millis(moment.as_millis().saturating_sub(back));
        self.hold = self.hold.map(shifted);
        self.failed_at = shifted(self.failed_at);
        self.token_at = self.token_at.min(now);
        self.in_flight.set_back(now);
    }
}
