//! Other ways to ask about a payment than its MD5, and the requests that are set aside for them.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ShortHash, TransactionHash};

use crate::change::Change;
use crate::promises::Promises;
use crate::quota::Day;

use super::Tracker;
use super::slots::{Hashes, Slot, Way};

/// For so many days it is looked for one that has room for last checks by hash.
const DAYS: u64 = 7;

impl Tracker {
    /// A hash of the transaction became known, such as from the customer's receipt: where the MD5 finds nothing,
    /// it is asked by that, too: soon, if the quota allows it, and once more after the expiry. Does nothing to a
    /// payment that is not open.
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
        let known = slot.hashes.as_deref();
        let new_hash =
            hash.filter(|hash| known.and_then(|known| known.hash.as_ref()) != Some(hash));
        let new_short_hash = short_hash
            .filter(|hash| known.and_then(|known| known.short_hash.as_ref()) != Some(hash));
        if new_hash.is_none() && new_short_hash.is_none() {
            return;
        }
        if new_hash.is_some() {
            slot.forget(Way::Hash);
        }
        if new_short_hash.is_some() {
            slot.forget(Way::ShortHash);
        }
        let none = || Box::new(Hashes::new(None, None));
        let known = slot.hashes.get_or_insert_with(none);
        known.hash = new_hash.or(known.hash.take());
        known.short_hash = new_short_hash.or(known.short_hash.take());
        self.changes.push(Change::Learned {
            md5: *md5,
            hash: known.hash.clone(),
            short_hash: known.short_hash.clone(),
        });
        self.set_aside(place);
        self.nudge(md5, now);
    }

    /// Sets aside the requests that the last check may take beside the one for the MD5: on the day of the
    /// deadline if that has room, else on the first that has.
    pub(super) fn set_aside(&mut self, place: u32) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let Some(hashes) = &slot.hashes else {
            return;
        };
        let (day, requests) = hashes.set_aside;
        let needed = slot.hashes_left();
        let deadline = self.slots.deadline(slot);
        self.promises.remove_singles(day, requests);
        // What was set aside for more stays where it is.
        let stays = needed <= requests && day >= self.ledger.usage().day;
        let day = if stays {
            day
        } else {
            let first = self.config.quota.turn.day_of(deadline);
            self.day_with_room(first, needed)
        };
        self.promises.add_singles(day, needed);
        if let Some(slot) = self.slots.get_mut(place)
            && let Some(hashes) = &mut slot.hashes
        {
            hashes.set_aside = (day, needed);
        }
    }

    /// Promises all last checks anew: the day is earlier than was thought.
    pub(super) fn promise_anew(&mut self) {
        self.promises = Promises::new(self.config.quota.turn, self.ledger.usage().day);
        let mut places = Vec::new();
        for (place, slot) in self.slots.iter() {
            if !slot.tried.has(Way::Md5) {
                let within = self.slots.policy(slot).grace.last_check_within;
                self.promises.add(self.slots.deadline(slot), within);
            }
            places.extend(slot.hashes.is_some().then_some(place));
        }
        for place in places {
            if let Some(slot) = self.slots.get_mut(place)
                && let Some(hashes) = &mut slot.hashes
            {
                hashes.set_aside.1 = 0;
            }
            self.set_aside(place);
        }
    }

    /// The first day that has room for so many requests more; after a week without one, any will do.
    fn day_with_room(&self, first: Day, needed: u32) -> Day {
        let first = first.max(self.ledger.usage().day);
        let last = Day(first.0.saturating_add(DAYS));
        let lists = self.lists.work();
        let days = (first.0..last.0).map(Day);
        let mut with_room = days
            .filter(|day| self.promised(*day, lists).saturating_add(needed) <= self.room_on(*day));
        with_room.next().unwrap_or(last)
    }

    /// From when on a request is set aside for what is asked next, if that is by a hash for which there was no
    /// room, and nothing is free.
    pub(super) fn set_aside_from(&self, slot: &Slot) -> Option<Timestamp> {
        // The MD5's own check is promised for the day of the deadline.
        let is_by_hash = slot.way != Way::Md5 && slot.tried.has(Way::Md5);
        let hashes = slot.hashes.as_deref().filter(|_| is_by_hash);
        let (day, _) = hashes?.set_aside;
        let waits = day > self.ledger.usage().day && self.free() == 0;
        let turn = self.config.quota.turn;
        waits.then(|| turn.end_of(Day(day.0.saturating_sub(1))))
    }
}
