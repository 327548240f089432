//! What is worth asking now, and when something next will be.

use bakong_api::khqr_core::Timestamp;
use bakong_api::token::TokenStep;

use super::Tracker;
use super::in_flight::About;
use super::slots::{Slot, Way};
use crate::ask::{Ask, Question};
use crate::change::Change;
use crate::promises::LIST;

/// Why a check may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leave {
    /// It was promised.
    Promised,
    /// It is free, and something is due.
    Free,
}

impl Tracker {
    /// What to ask at this moment; call it until it gives nothing. Each is counted as spent already.
    pub fn poll(&mut self, now: Timestamp) -> Option<Ask> {
        self.tick(now);
        if self.is_busy() || self.hold.is_some_and(|until| now < until) || self.ledger.left() == 0 {
            return None;
        }
        if self.ledger.is_closed() {
            return self.probe(now);
        }
        match self.token.step(now) {
            TokenStep::Use => {}
            TokenStep::RenewOrUse | TokenStep::Renew => return Some(self.ask_for_token(now)),
            TokenStep::Await | TokenStep::Refuse(_) | TokenStep::Missing => return None,
        }
        let leave = self.leave(now)?;
        self.ask(leave, now)
    }

    /// When [`poll`](Self::poll) is next to be called though nothing else happens; `None` if only an answer,
    /// a payment or a nudge can bring something. Later than the last call of `poll` that gave nothing, so
    /// that a loop which sleeps until then does not spin.
    #[must_use]
    pub fn next_wakeup(&mut self) -> Option<Timestamp> {
        if self.is_busy() {
            return None;
        }
        let now = self.now;
        let renewal = self
            .token
            .next_change(now)
            .filter(|_| self.token.is_renewable());
        let check = self.next_check();
        let next = match (check, renewal) {
            (Some(check), Some(renewal)) => check.min(renewal),
            (check, renewal) => check.or(renewal)?,
        };
        // Whatever is wanted, it waits for these.
        let next = next.max(self.hold.unwrap_or(next));
        let next = if self.ledger.is_closed() || self.ledger.left() == 0 {
            let opens_at = self.ledger.ends_at();
            let probe_at = self.ledger.probe_at().unwrap_or(opens_at);
            if self.in_flight.len() == 0 {
                next.max(probe_at.min(opens_at))
            } else {
                next.max(opens_at)
            }
        } else {
            next
        };
        let next = match self.token.step(now) {
            TokenStep::Refuse(until) => next.max(until),
            TokenStep::Await | TokenStep::Missing => return None,
            TokenStep::Use | TokenStep::RenewOrUse | TokenStep::Renew => next,
        };
        Some(next.max(now))
    }

    /// Whether as many requests are out as may be. While they fail, that is one.
    const fn is_busy(&self) -> bool {
        let most = if self.failures > 0 {
            1
        } else {
            self.config.at_once
        };
        let most = if most == 0 { 1 } else { most as usize };
        self.in_flight.len() >= most
    }

    /// When a check is next wanted and, as far as this day's requests go, possible.
    fn next_check(&mut self) -> Option<Timestamp> {
        if self.ledger.is_closed() {
            return (self.slots.len() > 0).then_some(self.now);
        }
        let tomorrow = self.ledger.ends_at();
        let spendable = self.spendable();
        let free = self.free();
        let paced = self
            .pace
            .allows_at(free, tomorrow)
            .filter(|_| free > 0)
            // What is kept for payments to come is free again if they do not.
            .unwrap_or_else(|| tomorrow.min(self.now.saturating_add(LOOK_AGAIN)));
        let ripe = self.ripe_at().map(|at| {
            if spendable == 0 {
                tomorrow
            } else {
                at.min(paced)
            }
        });
        let slots = &self.slots;
        let last = self.last.peek(|at, place| slots.ripens(at, place));
        let last = last.map(|(at, _)| {
            let at = Timestamp::from_millis(at);
            if spendable == 0 { at.max(tomorrow) } else { at }
        });
        let early = self.early.peek(|at, place| slots.is_due(at, place));
        let early = early.map(|(at, _)| Timestamp::from_millis(at).max(paced));
        [ripe, last, early].into_iter().flatten().min()
    }

    /// Puts those off that are ripe to be asked about by a hash for which nothing is set aside today, nor free.
    fn put_off(&mut self) {
        while let Some((latest, place)) = self.ripe.first() {
            let slot = self.slots.get(place);
            if slot.and_then(|slot| self.set_aside_from(slot)).is_none() {
                return;
            }
            self.ripe.remove(latest, place);
            self.again_at(place, self.now);
        }
    }

    /// When one of the ripe is to be asked about, free requests or not.
    fn ripe_at(&self) -> Option<Timestamp> {
        let (latest, _) = self.ripe.first()?;
        let lists_at = if self.lists.usable(self.now) {
            Some(self.now)
        } else {
            self.lists_pause()
        };
        let Some(lists_at) = lists_at else {
            return Some(self.now);
        };
        let latest = Timestamp::from_millis(latest);
        let is_full = self.ripe.len() >= LIST as usize;
        Some(if is_full {
            latest.min(lists_at)
        } else {
            latest
        })
    }

    /// Whether a check may be sent now, and why.
    fn leave(&mut self, now: Timestamp) -> Option<Leave> {
        if self.spendable() == 0 {
            return None;
        }
        let free = (self.pace.allows() && self.free() > 0).then_some(Leave::Free);
        self.put_off();
        if let Some(at) = self.ripe_at() {
            return if at > now {
                free
            } else {
                Some(Leave::Promised)
            };
        }
        let slots = &self.slots;
        let (at, _) = self.early.peek(|at, place| slots.is_due(at, place))?;
        free.filter(|_| at <= now.as_millis())
    }

    /// Asks about what is most due: by itself, or with others where lists can be used.
    fn ask(&mut self, leave: Leave, now: Timestamp) -> Option<Ask> {
        let (place, is_ripe) = self.take_most_due(now)?;
        let alone = self.slots.get(place).is_none_or(Slot::stands_alone);
        let mut places = Vec::new();
        if !alone && self.may_ask_list(now) {
            self.gather(place, &mut places, now);
        }
        let paced = leave == Leave::Free;
        if paced {
            self.pace.take();
        }
        if places.is_empty() {
            return self.ask_one(place, paced, now);
        }
        debug_assert!(is_ripe || paced, "what is not promised is paced");
        places.insert(0, place);
        let number = self.in_flight.next_number();
        let mut md5s = Vec::with_capacity(places.len());
        for place in &places {
            md5s.extend(self.send_out(*place, number, now));
        }
        self.spend();
        Some(Ask {
            ticket: self.in_flight.add(now, About::Many(places), paced),
            question: Question::Md5List(md5s),
        })
    }

    /// Whether payments may be asked about together. A list that is refused costs a request that was
    /// promised to nobody, unless there are too few for all promises anyway.
    fn may_ask_list(&self, now: Timestamp) -> bool {
        let promised = self.promised(self.ledger.usage().day, false);
        self.lists.work() || (self.lists.usable(now) && self.spendable() != promised)
    }

    fn ask_one(&mut self, place: u32, paced: bool, now: Timestamp) -> Option<Ask> {
        let number = self.in_flight.next_number();
        let question = self.single(place)?;
        let md5 = self.send_out(place, number, now)?;
        self.spend();
        Some(Ask {
            ticket: self.in_flight.add(now, About::One(place, md5), paced),
            question,
        })
    }

    /// Takes the payment that is most due out of the queue that it is in, and whether it is ripe.
    fn take_most_due(&mut self, now: Timestamp) -> Option<(u32, bool)> {
        if let Some((latest, place)) = self.ripe.first() {
            self.ripe.remove(latest, place);
            return Some((place, true));
        }
        let slots = &self.slots;
        let (at, place) = self.early.peek(|at, place| slots.is_due(at, place))?;
        if at > now.as_millis() {
            return None;
        }
        self.early.pop();
        Some((place, false))
    }

    /// Adds what can come along with the first in the same list: the ripe, then those that will be due soon.
    fn gather(&mut self, first: u32, places: &mut Vec<u32>, now: Timestamp) {
        let room = LIST as usize - 1;
        let slots = &self.slots;
        let shares = |place: u32| slots.get(place).is_some_and(|slot| !slot.stands_alone());
        let ripe = self.ripe.iter().filter(|(_, place)| shares(*place));
        let ripe: Vec<_> = ripe.take(room).collect();
        for (latest, place) in ripe {
            self.ripe.remove(latest, place);
            places.push(place);
        }
        let horizon = now.saturating_add(COMES_ALONG).as_millis();
        let mut lonely = Vec::new();
        while places.len() < room {
            let slots = &self.slots;
            let next = self.early.peek(|at, place| slots.is_due(at, place));
            let Some((at, place)) = next.filter(|(at, _)| *at <= horizon) else {
                break;
            };
            self.early.pop();
            if slots.get(place).is_some_and(|slot| !slot.stands_alone()) {
                // An entry may be there twice.
                if place != first && !places.contains(&place) {
                    places.push(place);
                }
            } else {
                lonely.push((at, place));
            }
        }
        for (at, place) in lonely {
            self.early.push(at, place);
        }
    }

    /// Marks a payment as asked about by the request of this number, and gives its MD5.
    fn send_out(
        &mut self,
        place: u32,
        number: u64,
        now: Timestamp,
    ) -> Option<bakong_api::khqr_core::Md5Handle> {
        let slot = self.slots.get_mut(place)?;
        slot.out = number;
        slot.is_outdated = false;
        slot.asked_at = now.as_millis();
        let md5 = slot.md5;
        self.changes.push(Change::Asked { md5, at: now });
        Some(md5)
    }

    fn single(&self, place: u32) -> Option<Question> {
        let slot = self.slots.get(place)?;
        let hashes = slot.hashes.as_deref();
        let by_hash = || Some(Question::Hash(hashes?.hash.clone()?));
        let by_short_hash = || {
            Some(Question::ShortHash(
                hashes?.short_hash.clone()?,
                slot.amount,
            ))
        };
        let question = match slot.way {
            Way::Md5 => None,
            Way::Hash => by_hash(),
            Way::ShortHash => by_short_hash(),
        };
        Some(question.unwrap_or(Question::Md5(slot.md5)))
    }

    fn ask_for_token(&mut self, now: Timestamp) -> Ask {
        self.token.renewal_started();
        self.ledger.spend_beside(1);
        self.changes.push(Change::Quota(self.ledger.usage()));
        Ask {
            ticket: self.in_flight.add(now, About::Token, false),
            question: Question::Renewal,
        }
    }

    /// Finds out whether a closed day is open again, by one request: a check of what is most due.
    fn probe(&mut self, now: Timestamp) -> Option<Ask> {
        let may = self.ledger.probe_at().is_some_and(|at| at <= now);
        if !may || self.in_flight.len() > 0 {
            return None;
        }
        match self.token.step(now) {
            TokenStep::Use | TokenStep::RenewOrUse => {}
            TokenStep::Renew => {
                self.ledger.close(now);
                return Some(self.ask_for_token(now));
            }
            TokenStep::Await | TokenStep::Refuse(_) | TokenStep::Missing => return None,
        }
        let place = match self.take_most_due(now) {
            Some((place, _)) => place,
            // Nothing is due, but the day is open or closed for all.
            None => self.slots.iter().next()?.0,
        };
        // If this one is refused too, the next probe waits as long again.
        self.ledger.close(now);
        self.ask_one(place, false, now)
    }

    fn spend(&mut self) {
        self.ledger.spend(1);
        self.changes.push(Change::Quota(self.ledger.usage()));
    }
}

/// How soon to see whether a request is free by then.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Who is due no later than this comes along in a list: it costs nothing.
const COMES_ALONG: std::time::Duration = std::time::Duration::from_secs(10 * 60);
