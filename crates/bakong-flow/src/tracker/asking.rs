//! What is worth asking now, and when something next will be.

use std::time::Duration;

use bakong_api::TokenStep;
use bakong_api::khqr_core::Timestamp;

use super::slots::{Slot, Slots, Way};
use super::{Config, Tracker};
use crate::ask::{Ask, Question, Ticket};
use crate::change::Change;
use crate::promises::LIST;

/// The requests that are out, by their tickets.
#[derive(Clone, Default, Debug)]
pub(super) struct InFlight {
    asks: Vec<Option<Out>>,
    vacant: Vec<u32>,
    number: u64,
}

/// A request that is out.
#[derive(Clone, Debug)]
pub(super) struct Out {
    number: u64,
    pub(super) asked_at: Timestamp,
    /// The payments that it asks about; none for a renewal.
    pub(super) places: Vec<u32>,
    /// Whether it took from the pace.
    pub(super) paced: bool,
}

impl InFlight {
    fn add(&mut self, asked_at: Timestamp, places: Vec<u32>, paced: bool) -> Ticket {
        self.number += 1;
        let out = Out {
            number: self.number,
            asked_at,
            places,
            paced,
        };
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.asks.push(None);
            // A request for each of four thousand million would not fit the memory.
            u32::try_from(self.asks.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(room) = self.asks.get_mut(place as usize) {
            *room = Some(out);
        }
        Ticket::new(place, self.number)
    }

    /// Takes the request of this ticket, once.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Out> {
        let room = self.asks.get_mut(ticket.place as usize)?;
        if room.as_ref()?.number != ticket.number {
            return None;
        }
        self.vacant.push(ticket.place);
        room.take()
    }

    fn is_empty(&self) -> bool {
        self.asks.len() == self.vacant.len()
    }
}

impl Slots {
    /// Whether an entry of the early timers holds.
    pub(super) fn is_due(&self, at: u64, place: u32) -> bool {
        let slot = self.get(place);
        slot.is_some_and(|slot| slot.due == at && !slot.is_out && slot.due < slot.last_due)
    }

    /// Whether an entry of the last checks' timers holds.
    pub(super) fn is_last_due(&self, at: u64, place: u32) -> bool {
        self.get(place).is_some_and(|slot| slot.last_due == at)
    }
}

/// Why a check may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leave {
    /// It was promised.
    Promised,
    /// It is free, and its time has come.
    Free,
}

impl Tracker {
    /// What to ask at this moment; call it until it gives nothing. Each is counted as spent already.
    pub fn poll(&mut self, now: Timestamp) -> Option<Ask> {
        self.tick(now);
        if self.hold.is_some_and(|until| now < until) || self.ledger.left() == 0 {
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

    /// When [`poll`](Self::poll) may next give something by the passing of time alone; `None` if only an
    /// answer or a new payment can change anything. Never a moment at which there is nothing to do, so
    /// that a loop which sleeps until it does not spin.
    #[must_use]
    pub fn next_wakeup(&mut self) -> Option<Timestamp> {
        let now = self.now;
        let renewal = self.token.next_change(now).filter(|_| self.token.is_renewable());
        let check = self.next_check();
        let next = match (check, renewal) {
            (Some(check), Some(renewal)) => check.min(renewal),
            (check, renewal) => check.or(renewal)?,
        };
        // Whatever is wanted, it waits for these.
        let next = next.max(self.hold.unwrap_or(next));
        let next = if self.ledger.is_closed() || self.ledger.left() == 0 {
            let opens_at = self.ledger.ends_at();
            let probe_at = self.ledger.probe_at().filter(|_| self.in_flight.is_empty());
            next.max(probe_at.unwrap_or(opens_at).min(opens_at))
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

    /// When a check is next wanted and, as far as this day's requests go, possible.
    fn next_check(&mut self) -> Option<Timestamp> {
        if self.ledger.is_closed() {
            return (self.slots.len() > 0).then_some(self.now);
        }
        let tomorrow = self.ledger.ends_at();
        let free = self.free();
        let paced = self.pace.allows_at(free, tomorrow).filter(|_| free > 0);
        let slots = &self.slots;
        let last = self.last.peek(|at, place| slots.is_last_due(at, place) && !slots.is_out(place));
        let last = last.map(|(at, place)| {
            let at = Timestamp::from_millis(at);
            if self.spendable() == 0 {
                return at.max(tomorrow);
            }
            let latest = at.saturating_add(self.patience(place));
            at.max(paced.map_or(latest, |paced| paced.min(latest)))
        });
        let slots = &self.slots;
        let early = self.early.peek(|at, place| slots.is_due(at, place));
        let early = early.map(|(at, _)| {
            Timestamp::from_millis(at).max(paced.unwrap_or(tomorrow))
        });
        match (last, early) {
            (Some(last), Some(early)) => Some(last.min(early)),
            (last, early) => last.or(early),
        }
    }

    /// How long a last check that is due can wait to be shared.
    fn patience(&self, place: u32) -> Duration {
        if !self.lists.work() {
            return Duration::ZERO;
        }
        let slot = self.slots.get(place);
        slot.map_or(Duration::ZERO, |slot| {
            self.slots.policy(slot).grace.last_check_within
        })
    }

    /// Whether a check may be sent now, and why.
    fn leave(&mut self, now: Timestamp) -> Option<Leave> {
        if self.spendable() == 0 {
            return None;
        }
        let paced = self.pace.allows() && self.free() > 0;
        let slots = &self.slots;
        let last = self.last.peek(|at, place| slots.is_last_due(at, place) && !slots.is_out(place));
        if let Some((at, place)) = last.filter(|(at, _)| *at <= now.as_millis()) {
            let latest = Timestamp::from_millis(at).saturating_add(self.patience(place));
            if latest <= now {
                return Some(Leave::Promised);
            }
            if paced {
                return Some(Leave::Free);
            }
        }
        let slots = &self.slots;
        let early = self.early.peek(|at, place| slots.is_due(at, place));
        let is_due = early.is_some_and(|(at, _)| at <= now.as_millis());
        (is_due && paced).then_some(Leave::Free)
    }

    /// Asks about what is most due: by itself, or with others where lists can be used.
    fn ask(&mut self, leave: Leave, now: Timestamp) -> Option<Ask> {
        let most = if self.lists.usable(now) { LIST as usize } else { 1 };
        let paced = leave == Leave::Free;
        if paced {
            self.pace.take();
        }
        let places = self.gather(most, now);
        let first = *places.first()?;
        let question = match places.len() {
            1 => self.single(first)?,
            _ => Question::Md5List(
                places
                    .iter()
                    .filter_map(|place| Some(self.slots.get(*place)?.md5))
                    .collect(),
            ),
        };
        for place in &places {
            let Some(slot) = self.slots.get_mut(*place) else {
                continue;
            };
            slot.is_out = true;
            slot.asked_at = now.as_millis();
            slot.checks = slot.checks.saturating_add(1);
            let md5 = slot.md5;
            self.changes.push(Change::Asked { md5, at: now });
        }
        self.spend();
        let ticket = self.in_flight.add(now, places, paced);
        Some(Ask { ticket, question })
    }

    /// The payments to ask about, the most due first, and none that is out already.
    fn gather(&mut self, most: usize, now: Timestamp) -> Vec<u32> {
        let now = now.as_millis();
        let mut places: Vec<u32> = Vec::new();
        let mut lonely: Vec<(u64, u32)> = Vec::new();
        let mut lonely_last: Vec<(u64, u32)> = Vec::new();
        // Those that come along ask for nothing more where one is asked about anyway.
        let horizon = now.saturating_add(self.horizon());
        loop {
            if places.len() >= most {
                break;
            }
            let slots = &self.slots;
            let is_new = |place: u32| !slots.is_out(place) && !places.contains(&place);
            let last = self.last.peek(|at, place| slots.is_last_due(at, place) && (at > now || is_new(place)));
            let last = last.filter(|(at, _)| *at <= now);
            let (at, place, is_last) = match last {
                Some((at, place)) => (at, place, true),
                None => {
                    let early = self.early.peek(|at, place| slots.is_due(at, place) && is_new(place));
                    let within = if most > 1 { horizon } else { now };
                    match early.filter(|(at, _)| *at <= within) {
                        Some((at, place)) => (at, place, false),
                        None => break,
                    }
                }
            };
            let stands_alone = self.slots.get(place).is_none_or(Slot::stands_alone);
            if stands_alone && places.is_empty() {
                let timers = if is_last { &mut self.last } else { &mut self.early };
                timers.pop();
                places.push(place);
                break;
            }
            if is_last {
                self.last.pop();
            } else {
                self.early.pop();
            }
            if stands_alone {
                let list = if is_last { &mut lonely_last } else { &mut lonely };
                list.push((at, place));
            } else {
                places.push(place);
            }
        }
        for (at, place) in lonely_last {
            self.last.push(at, place);
        }
        for (at, place) in lonely {
            self.early.push(at, place);
        }
        places
    }

    /// How far ahead a payment may be due and still come along, in milliseconds: until the next free request.
    fn horizon(&self) -> u64 {
        if !self.lists.work() {
            return 0;
        }
        let next = self.pace.allows_at(self.free(), self.ledger.ends_at());
        let wait = next.map_or(Duration::from_secs(600), |next| next.saturating_since(self.now));
        let wait = wait.max(Duration::from_secs(2));
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
    }

    fn single(&self, place: u32) -> Option<Question> {
        let slot = self.slots.get(place)?;
        let hashes = slot.hashes.as_deref();
        let by_hash = || Some(Question::Hash(hashes?.hash.clone()?));
        let by_short_hash = || Some(Question::ShortHash(hashes?.short_hash.clone()?, slot.amount));
        let question = match slot.way {
            Way::Md5 => None,
            Way::Hash => by_hash(),
            Way::ShortHash => by_short_hash(),
        };
        Some(question.unwrap_or(Question::Md5(slot.md5)))
    }

    fn ask_for_token(&mut self, now: Timestamp) -> Ask {
        self.token.renewal_started();
        self.spend();
        Ask {
            ticket: self.in_flight.add(now, Vec::new(), false),
            question: Question::Renewal,
        }
    }

    /// Finds out whether a closed day is open again: one check, of what is most due.
    fn probe(&mut self, now: Timestamp) -> Option<Ask> {
        let may = self.ledger.probe_at().is_some_and(|at| at <= now);
        if !may || !self.in_flight.is_empty() || !self.token.is_usable(now) {
            return None;
        }
        let slots = &self.slots;
        let last = self.last.peek(|at, place| slots.is_last_due(at, place));
        let (_, place) = last?;
        let question = self.single(place)?;
        let slot = self.slots.get_mut(place)?;
        slot.is_out = true;
        slot.asked_at = now.as_millis();
        slot.checks = slot.checks.saturating_add(1);
        let md5 = slot.md5;
        self.changes.push(Change::Asked { md5, at: now });
        // If this one is refused too, the next probe waits as long again.
        self.ledger.close(now);
        self.spend();
        let ticket = self.in_flight.add(now, vec![place], false);
        Some(Ask { ticket, question })
    }

    fn spend(&mut self) {
        self.ledger.spend();
        self.changes.push(Change::Quota(self.ledger.spent()));
    }
}

impl Slots {
    fn is_out(&self, place: u32) -> bool {
        self.get(place).is_some_and(|slot| slot.is_out)
    }
}

impl Slot {
    /// Whether it cannot be asked about together with others.
    fn stands_alone(&self) -> bool {
        self.alone || self.way != Way::Md5
    }
}

impl Config {
    /// The longest that a final payment is remembered from now on.
    pub(super) fn remembers_until(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.remember)
    }
}
