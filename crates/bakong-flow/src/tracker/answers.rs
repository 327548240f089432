//! What the answers mean for the payments that they are about, and for all the others.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, Transaction, TransactionHash};

use super::asking::Out;
use super::slots::{NEVER, Slot, Way};
use super::Tracker;
use crate::ask::{Reply, Ticket};
use crate::change::{Change, Lists};
use crate::outcome::Outcome;
use crate::policy::was_counted;
use crate::settlement::{Mismatch, Settlement};

/// How long a list endpoint that was refused is not tried again.
const LISTS_REST: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Tracker {
    /// Hands in what came of a request, once; a ticket that is not out changes nothing.
    ///
    /// `sent` is how many requests were really sent for it, as an observer of the session counts them: 1 if
    /// nothing is known; 0 if it never left; more if the token was renewed on the way, or a transport
    /// repeated it.
    pub fn answer(&mut self, ticket: Ticket, sent: u32, reply: Reply, now: Timestamp) {
        self.tick(now);
        let Some(out) = self.in_flight.take(ticket) else {
            return;
        };
        self.correct(&out, sent);
        match reply {
            Reply::Check(result) => match *out.places {
                [place] => self.one(&out, place, result, now),
                // Not what was asked: it says nothing of any of them.
                _ => self.many_failed(&out, ErrorClass::Malformed, now),
            },
            Reply::List(Ok(answers)) => self.many(&out, answers, now),
            Reply::List(Err(class)) => self.many_failed(&out, class, now),
            Reply::Renewal(Ok(expires_at)) => {
                self.answered(&out);
                self.token.renewed(expires_at, now);
                self.changes.push(Change::Token(Ok(expires_at)));
            }
            Reply::Renewal(Err(class)) => {
                self.token.renewal_failed(class.remedy(), now);
                self.changes.push(Change::Token(Err(class)));
                if class == ErrorClass::QuotaExhausted {
                    self.close_day(now);
                }
            }
        }
        // A reply of the wrong kind must leave nobody waiting.
        for place in out.places {
            if self.slots.get(place).is_some_and(|slot| slot.is_out) {
                self.again_at(place, now);
            }
        }
    }

    /// No answer will come: the request was given up, and may have arrived. What it asked about is asked
    /// about again.
    pub fn abandon(&mut self, ticket: Ticket, now: Timestamp) {
        self.tick(now);
        let Some(out) = self.in_flight.take(ticket) else {
            return;
        };
        if out.places.is_empty() {
            self.token.renewal_abandoned();
        }
        for place in out.places {
            self.again_at(place, now);
        }
    }

    /// Another worker finished this payment: it is not asked about any more.
    pub fn finished_elsewhere(&mut self, md5: &Md5Handle, outcome: &Outcome, now: Timestamp) {
        self.tick(now);
        if let Some(place) = self.slots.find(md5)
            && let Some(slot) = self.remove(place)
        {
            self.remember(&slot, outcome, now);
        }
    }

    /// Counts what was really sent in place of the one that was counted.
    fn correct(&mut self, out: &Out, sent: u32) {
        if sent == 1 {
            return;
        }
        if sent == 0 {
            // On another day than it was counted on, there is nothing to take back.
            if self.config.quota.turn.day_of(out.asked_at) == self.ledger.spent().day {
                self.ledger.take_back();
            }
            if out.paced {
                self.pace.give_back();
            }
        }
        (1..sent).for_each(|_| self.ledger.spend());
        self.changes.push(Change::Quota(self.ledger.spent()));
    }

    fn one(
        &mut self,
        out: &Out,
        place: u32,
        result: Result<CheckAnswer, ErrorClass>,
        now: Timestamp,
    ) {
        match result {
            Ok(answer) => {
                self.answered(out);
                self.told(out, place, answer, now);
            }
            Err(class) => {
                let own = matches!(class, ErrorClass::Refused | ErrorClass::Malformed);
                if own {
                    self.answered(out);
                    self.failed_alone(place, class, now);
                } else {
                    self.failed(out, class, now);
                }
            }
        }
    }

    fn many(
        &mut self,
        out: &Out,
        answers: Vec<(Md5Handle, Result<CheckAnswer, ErrorClass>)>,
        now: Timestamp,
    ) {
        self.answered(out);
        if self.lists != Lists::Work {
            self.lists = Lists::Work;
            self.changes.push(Change::Lists(self.lists));
        }
        for (md5, result) in answers {
            let place = self.slots.find(&md5).filter(|place| out.places.contains(place));
            let Some(place) = place else {
                continue;
            };
            match result {
                Ok(answer) => self.told(out, place, answer, now),
                Err(class) => self.ask_alone(place, class, now),
            }
        }
        for place in &out.places {
            if self.slots.get(*place).is_some_and(|slot| slot.is_out) {
                self.ask_alone(*place, ErrorClass::Malformed, now);
            }
        }
    }

    fn many_failed(&mut self, out: &Out, class: ErrorClass, now: Timestamp) {
        match class {
            // The list is what is refused, not the payments in it.
            ErrorClass::Blocked | ErrorClass::Refused | ErrorClass::Malformed => {
                self.lists = Lists::RefusedUntil(now.saturating_add(LISTS_REST));
                self.changes.push(Change::Lists(self.lists));
                for place in &out.places {
                    self.again_at(*place, now);
                }
            }
            _ => self.failed(out, class, now),
        }
    }

    /// Bakong answered, whatever it said.
    fn answered(&mut self, out: &Out) {
        self.failures = 0;
        self.hold = None;
        self.token.accepted();
        let closed_at = self.ledger.spent().closed_at;
        if closed_at.is_some_and(|closed_at| closed_at <= out.asked_at) {
            self.ledger.reopen();
            self.changes.push(Change::Quota(self.ledger.spent()));
        }
    }

    /// A request failed in a way in which any other would.
    fn failed(&mut self, out: &Out, class: ErrorClass, now: Timestamp) {
        match class {
            ErrorClass::QuotaExhausted => self.close_day(now),
            ErrorClass::Unauthorized => {
                self.token.rejected(now);
                self.changes.push(Change::Token(Err(class)));
            }
            _ => {
                self.failures = self.failures.saturating_add(1);
                let until = self.config.retry.at(self.failures, class, now);
                self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
                if out.paced && !was_counted(class) {
                    self.pace.give_back();
                }
            }
        }
        for place in &out.places {
            if let Some(slot) = self.slots.get(*place) {
                let md5 = slot.md5;
                self.changes.push(Change::NoAnswer { md5, class });
            }
            self.again_at(*place, now);
        }
    }

    fn close_day(&mut self, now: Timestamp) {
        self.ledger.close(now);
        self.changes.push(Change::Quota(self.ledger.spent()));
    }

    /// A request failed because of what it asked about: all others go on.
    fn failed_alone(&mut self, place: u32, class: ErrorClass, now: Timestamp) {
        let retry = self.config.retry;
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.failures = slot.failures.saturating_add(1);
        slot.alone = true;
        let (md5, failures) = (slot.md5, u32::from(slot.failures));
        self.changes.push(Change::NoAnswer { md5, class });
        self.again_at(place, retry.at(failures, class, now));
    }

    /// A list did not say it; a single check may.
    fn ask_alone(&mut self, place: u32, class: ErrorClass, now: Timestamp) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.alone = true;
            let md5 = slot.md5;
            self.changes.push(Change::NoAnswer { md5, class });
        }
        self.again_at(place, now);
    }

    /// The payment is not out any more, and due at this moment.
    fn again_at(&mut self, place: u32, at: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.is_out = false;
        if at < deadline {
            slot.last_due = deadline.as_millis();
            slot.due = if slot.is_cancelled { NEVER } else { at.as_millis() };
            if slot.due != NEVER {
                self.early.push(slot.due, place);
            }
        } else {
            slot.due = NEVER;
            slot.last_due = at.as_millis();
        }
        // Its entry may have been dropped while it was out.
        self.last.push(slot.last_due, place);
    }

    /// What Bakong said of a payment.
    fn told(&mut self, out: &Out, place: u32, answer: CheckAnswer, now: Timestamp) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.failures = 0;
        slot.alone = false;
        match answer {
            CheckAnswer::Paid(transaction) => self.paid(place, transaction, now),
            CheckAnswer::Failed => self.finish(place, Outcome::Failed, now),
            CheckAnswer::StaticQr => self.finish(place, Outcome::StaticQr, now),
            CheckAnswer::NotFound => self.not_found(out, place, now),
        }
    }

    fn not_found(&mut self, out: &Out, place: u32, now: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let was_last = out.asked_at >= deadline;
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let next_way = slot.next_way();
        let is_cancelled = slot.is_cancelled;
        if was_last && next_way.is_none() {
            let outcome = if is_cancelled { Outcome::Cancelled } else { Outcome::Expired };
            self.finish(place, outcome, now);
            return;
        }
        slot.is_out = false;
        // Before the last check the MD5 does; a hash that was just learned has had its turn.
        slot.way = if was_last { next_way.unwrap_or(Way::Md5) } else { Way::Md5 };
        let md5 = slot.md5;
        if was_last {
            self.again_at(place, now);
        } else {
            self.schedule(place, now);
            // The entry of the last check may have been dropped while it was out.
            if let Some(slot) = self.slots.get(place).filter(|slot| slot.last_due <= now.as_millis()) {
                self.last.push(slot.last_due, place);
            }
        }
        let next = self.slots.get(place).map_or(now, |slot| {
            Timestamp::from_millis(slot.due.min(slot.last_due))
        });
        self.changes.push(Change::NotPaidYet { md5, next });
    }

    fn paid(&mut self, place: u32, transaction: Box<Transaction>, now: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let Some(expected) = self.slots.expected(slot) else {
            return;
        };
        let mut mismatches = Vec::new();
        let late = match expected.settle(&transaction, deadline) {
            Settlement::Settled { late } => late,
            Settlement::NeedsReview(found) => {
                mismatches = found;
                false
            }
        };
        let hash = transaction.hash.as_deref();
        if let Some(order) = hash.and_then(|hash| self.finished.settled_by(hash)) {
            let order = order.clone();
            mismatches.push(Mismatch::SettledAnother { order });
        }
        if slot.is_cancelled {
            mismatches.push(Mismatch::Cancelled);
        }
        let outcome = if mismatches.is_empty() {
            Outcome::Paid { transaction, late }
        } else {
            Outcome::NeedsReview {
                transaction,
                mismatches,
            }
        };
        self.finish(place, outcome, now);
    }

    fn finish(&mut self, place: u32, outcome: Outcome, now: Timestamp) {
        let Some(slot) = self.remove(place) else {
            return;
        };
        self.remember(&slot, &outcome, now);
        let second = second_transfer(&slot, &outcome);
        self.changes.push(Change::Finished {
            md5: slot.md5,
            order: slot.order.clone(),
            outcome,
            at: now,
        });
        if let Some(hash) = second {
            self.changes.push(Change::PaidAgain {
                md5: slot.md5,
                order: slot.order,
                transaction: None,
                hash: Some(hash),
            });
        }
    }

    fn remove(&mut self, place: u32) -> Option<Slot> {
        let deadline = self.slots.get(place).map(|slot| self.slots.deadline(slot))?;
        self.promises.remove(deadline);
        self.slots.remove(place)
    }

    fn remember(&mut self, slot: &Slot, outcome: &Outcome, now: Timestamp) {
        let until = self.config.remembers_until(now);
        let hash = outcome.transaction().and_then(|transaction| transaction.hash.as_deref());
        self.finished.add(slot.md5, &slot.order, hash, until);
    }
}

/// The hash that was known of a payment, if it is not that of the transaction which was found: the code was
/// paid twice, or the hash is of another order.
fn second_transfer(slot: &Slot, outcome: &Outcome) -> Option<TransactionHash> {
    let known = slot.hashes.as_deref()?.hash.as_ref()?;
    let found = outcome.transaction()?.hash.as_deref()?;
    (!found.eq_ignore_ascii_case(known.as_str())).then(|| known.clone())
}
