//! What the answers mean for the payments that they are about, and for all the others.

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, Transaction, TransactionHash, TransportErrorKind};

use super::in_flight::{About, Out};
use super::slots::{NEVER, Slot, Way};
use super::{FinishedPayment, Tracker};
use crate::ask::{ListItem, Reply, Ticket};
use crate::change::{Change, Lists};
use crate::outcome::Outcome;
use crate::settlement::{Mismatch, Settlement};
use crate::store::Conflict;

/// How long a list endpoint that refused is not tried again.
const LISTS_REST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one that answered what cannot be read is not.
const LISTS_PAUSE: Duration = Duration::from_secs(15 * 60);

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
        match (&out.about, reply) {
            (About::One(place, md5), Reply::Check(result)) => {
                self.one(&out, (*place, *md5), result, now);
            }
            (About::Many(_), Reply::List(Ok(answers))) => self.many(&out, answers, now),
            (About::Many(_), Reply::List(Err(class))) => self.many_failed(&out, class, now),
            (About::Token, Reply::Renewal(result)) => self.renewed(&out, result, now),
            // Not what was asked: it says nothing.
            (About::Token, _) => self.token.renewal_abandoned(now),
            (_, _) => self.failed(&out, ErrorClass::Malformed, now),
        }
        // Whatever was said, nobody is left waiting.
        self.bring_back(&out, now);
    }

    /// No answer will come: the request was given up, and may have arrived. What it asked about is asked
    /// about again, as after a time-out. `sent` is as for [`answer`](Self::answer).
    pub fn abandon(&mut self, ticket: Ticket, sent: u32, now: Timestamp) {
        self.tick(now);
        let Some(out) = self.in_flight.take(ticket) else {
            return;
        };
        self.correct(&out, sent);
        if matches!(out.about, About::Token) {
            self.token.renewal_abandoned(now);
        }
        let timeout = ErrorClass::Transport(TransportErrorKind::Timeout);
        self.failed(&out, timeout, now);
        self.bring_back(&out, now);
    }

    /// The token was renewed by whoever sends, and says of itself that it ends then.
    pub fn token_renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.tick(now);
        self.token_at = now;
        self.token.renewed(expires_at, now);
        self.changes.push(Change::Token(Ok(expires_at)));
    }

    /// Another worker finished this payment: it is not asked about any more.
    pub fn finished_elsewhere(&mut self, payment: FinishedPayment, now: Timestamp) {
        self.tick(now);
        if let Some(place) = self.slots.find(&payment.md5) {
            self.remove(place);
        }
        let until = self.config.remembers_until(payment.at);
        self.finished.add(payment, until);
    }

    /// A change was not kept, because another worker's came first: what this tracker does instead is among its
    /// [changes](Self::take_changes) then.
    pub fn overruled(&mut self, change: Change, conflict: Conflict) {
        match (change, conflict) {
            (Change::Opened { payment, .. }, _) => {
                if let Some(place) = self.slots.find(&payment.md5) {
                    self.remove(place);
                }
            }
            (
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                },
                Conflict::Final(kept),
            ) => {
                self.finished
                    .correct(FinishedPayment::new(md5, order.clone(), &kept, at));
                let known = kept.transaction().and_then(|kept| kept.hash.as_deref());
                if let Some(hash) = outcome.transaction().and_then(|told| told.hash.as_deref())
                    && known.is_none_or(|known| !known.eq_ignore_ascii_case(hash))
                    && let Some(transaction) = outcome.into_transaction()
                {
                    self.changes.push(Change::PaidAgain {
                        md5,
                        order,
                        transaction: Some(transaction),
                        hash: None,
                    });
                }
            }
            (
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                },
                conflict,
            ) => {
                let (mismatch, is_settled) = match conflict {
                    Conflict::TransactionTaken { order } => {
                        (Mismatch::SettledAnother { order }, false)
                    }
                    // It is, though not by this payment.
                    _ => (Mismatch::OrderSettled, true),
                };
                let Some(transaction) = outcome.into_transaction() else {
                    return;
                };
                let outcome = Outcome::NeedsReview {
                    transaction,
                    mismatches: vec![mismatch],
                };
                let mut finished = FinishedPayment::new(md5, order.clone(), &outcome, at);
                finished.is_settled = is_settled;
                self.finished.correct(finished);
                self.changes.push(Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                });
            }
            _ => {}
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
        } else {
            // What is sent beside the question is a renewal, or a repetition.
            self.ledger.spend_beside(sent - 1);
        }
        self.changes.push(Change::Quota(self.ledger.spent()));
    }

    fn one(
        &mut self,
        out: &Out,
        (place, md5): (u32, Md5Handle),
        result: Result<CheckAnswer, ErrorClass>,
        now: Timestamp,
    ) {
        match result {
            Ok(answer) => {
                self.answered(out, now);
                self.lists_before = None;
                self.told(out, place, md5, answer, now);
            }
            Err(class) => {
                if class == ErrorClass::Blocked
                    && let Some(before) = self.lists_before.take()
                {
                    // It is not the lists that are refused.
                    self.lists = before;
                    self.changes.push(Change::Lists(before));
                }
                self.failed(out, class, now);
                if matches!(class, ErrorClass::Refused | ErrorClass::Malformed) {
                    self.failed_alone(out, place, now);
                }
            }
        }
    }

    fn many(&mut self, out: &Out, answers: Vec<ListItem>, now: Timestamp) {
        let told = answers.iter().filter(|(_, result)| result.is_ok()).count();
        if told < out.about.places().len() / 2 {
            // Asked about one by one, the others would cost more than the list spared.
            return self.many_failed(out, ErrorClass::Malformed, now);
        }
        self.answered(out, now);
        self.garbled_lists = 0;
        if self.lists != Lists::Work {
            self.lists = Lists::Work;
            self.changes.push(Change::Lists(self.lists));
        }
        for (md5, result) in answers {
            let asked = |place: &u32| out.about.places().contains(place);
            match (self.slots.find(&md5).filter(asked), result) {
                (Some(place), Ok(answer)) => self.told(out, place, md5, answer, now),
                (Some(place), Err(class)) => self.ask_alone(out, place, class, now),
                // It was finished meanwhile by another worker.
                (None, Ok(CheckAnswer::Paid(transaction))) => self.paid_again(md5, transaction),
                (None, _) => {}
            }
        }
        for place in out.about.places() {
            self.ask_alone(out, *place, ErrorClass::Malformed, now);
        }
    }

    fn many_failed(&mut self, out: &Out, class: ErrorClass, now: Timestamp) {
        let rest = match class {
            // The list is what is refused, not the payments in it.
            ErrorClass::Blocked | ErrorClass::Refused => LISTS_REST,
            ErrorClass::Malformed if self.garbled_lists > 0 => LISTS_PAUSE,
            ErrorClass::Malformed => {
                self.garbled_lists = 1;
                return self.failed(out, class, now);
            }
            _ => return self.failed(out, class, now),
        };
        self.garbled_lists = 0;
        if !matches!(self.lists, Lists::RefusedUntil(_)) {
            self.lists_before = Some(self.lists);
        }
        self.lists = Lists::RefusedUntil(now.saturating_add(rest));
        self.changes.push(Change::Lists(self.lists));
    }

    fn renewed(
        &mut self,
        out: &Out,
        result: Result<Option<Timestamp>, ErrorClass>,
        now: Timestamp,
    ) {
        match result {
            Ok(expires_at) => {
                self.answered(out, now);
                self.token_at = now;
                self.token.renewed(expires_at, now);
            }
            Err(class) => {
                self.token.renewal_failed(class.remedy(), now);
                if class == ErrorClass::QuotaExhausted {
                    self.close_day(out, now);
                }
            }
        }
        self.changes.push(Change::Token(result));
    }

    /// Bakong answered, whatever it said.
    fn answered(&mut self, out: &Out, now: Timestamp) {
        // One that was on its way before says nothing of what has failed since.
        if self.failures == 0 || out.asked_at > self.failed_at {
            self.failures = 0;
            self.hold = None;
        }
        if !matches!(out.about, About::Token) && self.token.is_usable(now) {
            self.token.accepted();
        }
        let closed_at = self.ledger.spent().closed_at;
        if closed_at.is_some_and(|closed_at| closed_at <= out.asked_at) {
            self.ledger.reopen();
            self.changes.push(Change::Quota(self.ledger.spent()));
        }
    }

    /// A request failed in a way in which any other would.
    fn failed(&mut self, out: &Out, class: ErrorClass, now: Timestamp) {
        match class {
            ErrorClass::QuotaExhausted => self.close_day(out, now),
            // Several that were sent together are refused together, and an old one's refusal says nothing
            // of a new token.
            ErrorClass::Unauthorized if out.asked_at < self.token_at => {}
            ErrorClass::Unauthorized => {
                self.token_at = now;
                self.token.rejected(now);
                self.changes.push(Change::Token(Err(class)));
            }
            _ => {
                // Those that were sent together fail together.
                if self.failures == 0 || out.asked_at > self.failed_at {
                    self.failures = self.failures.saturating_add(1);
                }
                self.failed_at = now;
                // What may be wrong with one payment alone is no reason to hold all for long.
                let hold = match class {
                    ErrorClass::Refused => ErrorClass::Malformed,
                    class => class,
                };
                let until = self.config.retry.at(self.failures, hold, now);
                self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
            }
        }
        for place in out.about.places() {
            if let Some(slot) = self.slots.get(*place).filter(|slot| slot.out == out.number) {
                let md5 = slot.md5;
                self.changes.push(Change::NoAnswer { md5, class });
            }
        }
    }

    fn close_day(&mut self, out: &Out, now: Timestamp) {
        // What was asked before the turn says nothing of the day that has begun.
        if self.config.quota.turn.day_of(out.asked_at) < self.ledger.spent().day {
            return;
        }
        self.ledger.close(now);
        self.changes.push(Change::Quota(self.ledger.spent()));
    }

    /// A request may have failed because of what it asked about: it waits longer than all others do.
    fn failed_alone(&mut self, out: &Out, place: u32, now: Timestamp) {
        let retry = self.config.retry;
        let Some(slot) = self.out_slot(out, place) else {
            return;
        };
        slot.failures = slot.failures.saturating_add(1);
        slot.alone = true;
        let failures = u32::from(slot.failures);
        self.again_at(place, retry.alone_at(failures, now));
    }

    /// A list did not say it; a single check may.
    fn ask_alone(&mut self, out: &Out, place: u32, class: ErrorClass, now: Timestamp) {
        if let Some(slot) = self.out_slot(out, place) {
            slot.alone = true;
            let md5 = slot.md5;
            self.changes.push(Change::NoAnswer { md5, class });
            self.again_at(place, now);
        }
    }

    /// The payment at this place, if this request is the one that asks about it.
    fn out_slot(&mut self, out: &Out, place: u32) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(place)?;
        (slot.out == out.number).then_some(slot)
    }

    /// Whatever a request still asks about is due again.
    fn bring_back(&mut self, out: &Out, now: Timestamp) {
        for place in out.about.places() {
            if self.out_slot(out, *place).is_some() {
                self.again_at(*place, now);
            }
        }
    }

    /// The payment is not asked about any more, and due at this moment.
    fn again_at(&mut self, place: u32, at: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        slot.out = 0;
        slot.is_ripe = false;
        slot.last_due = deadline.max(at).as_millis();
        slot.due = if at < deadline && !slot.is_cancelled {
            at.as_millis()
        } else {
            NEVER
        };
        if slot.due != NEVER {
            self.early.push(slot.due, place);
        }
        self.last.push(slot.last_due, place);
        self.ripen();
    }

    /// What Bakong said of a payment.
    fn told(&mut self, out: &Out, place: u32, md5: Md5Handle, answer: CheckAnswer, now: Timestamp) {
        let Some(slot) = self.out_slot(out, place) else {
            // It was finished meanwhile by another worker.
            if let CheckAnswer::Paid(transaction) = answer {
                self.paid_again(md5, transaction);
            }
            return;
        };
        slot.failures = 0;
        slot.alone = false;
        match answer {
            CheckAnswer::NotFound => return self.not_found(out, place, now),
            CheckAnswer::Paid(transaction) => self.paid(place, transaction, now),
            // By another way than the MD5, they are about another code.
            CheckAnswer::Failed if slot.way == Way::Md5 => {
                self.finish(place, Outcome::Failed, now);
            }
            CheckAnswer::StaticQr if slot.way == Way::Md5 => {
                self.finish(place, Outcome::StaticQr, now);
            }
            CheckAnswer::Failed | CheckAnswer::StaticQr => return self.not_found(out, place, now),
        }
        if out.paced && !self.lists.work() {
            // The last check that was set aside for it alone is free now.
            self.pace.give_back();
        }
    }

    fn not_found(&mut self, out: &Out, place: u32, now: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        // By a clock that was set back since, it may have been asked too early.
        let was_last = out.asked_at >= deadline && now >= deadline;
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if was_last {
            slot.tried.add(slot.way);
            let Some(way) = slot.next_way() else {
                let outcome = if slot.is_cancelled {
                    Outcome::Cancelled
                } else {
                    Outcome::Expired
                };
                self.finish(place, outcome, now);
                return;
            };
            slot.way = way;
        } else {
            // Before the last check the MD5 does; a hash that was just learned has had its turn.
            slot.way = Way::Md5;
            slot.out = 0;
        }
        let (md5, is_ripe) = (slot.md5, slot.is_ripe);
        if was_last || is_ripe {
            self.again_at(place, now);
        } else {
            self.schedule(place, now);
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
        if let Some(order) = hash.and_then(|hash| self.finished.order_of(hash)) {
            let order = order.clone();
            mismatches.push(Mismatch::SettledAnother { order });
        } else if self.finished.is_settled(&slot.order) {
            mismatches.push(Mismatch::OrderSettled);
        }
        let created_at = transaction.created_at.known();
        if slot.way != Way::Md5
            && created_at.is_some_and(|at| at.saturating_add(SKEW).as_millis() < slot.opened_at)
        {
            mismatches.push(Mismatch::BeforeOpened);
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
        let until = self.config.remembers_until(now);
        let finished = FinishedPayment::new(slot.md5, slot.order.clone(), &outcome, now);
        self.finished.add(finished, until);
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

    /// There is money for a payment that is final already; told of only if it is other money.
    fn paid_again(&mut self, md5: Md5Handle, transaction: Box<Transaction>) {
        let Some(finished) = self.finished.get(&md5) else {
            return;
        };
        let hash = transaction.hash.as_deref();
        let same = finished.hash.as_deref().zip(hash);
        if same.is_some_and(|(known, told)| known.eq_ignore_ascii_case(told)) {
            return;
        }
        let order = finished.order.clone();
        self.changes.push(Change::PaidAgain {
            md5,
            order,
            transaction: Some(transaction),
            hash: None,
        });
    }

    fn remove(&mut self, place: u32) -> Option<Slot> {
        let slot = self.slots.get(place)?;
        let deadline = self.slots.deadline(slot);
        let within = self.slots.policy(slot).grace.last_check_within;
        if slot.is_ripe && !slot.is_out() {
            self.ripe.remove(slot.due, place);
        }
        self.promises.remove(deadline, within);
        let slot = self.slots.remove(place);
        self.tidy();
        slot
    }
}

/// How far Bakong's clock and ours may differ.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// The hash that was known of a payment, if it is not that of the transaction which was found: the code was
/// paid twice, or the hash is of another order.
fn second_transfer(slot: &Slot, outcome: &Outcome) -> Option<TransactionHash> {
    let known = slot.hashes.as_deref()?.hash.as_ref()?;
    let found = outcome.transaction()?.hash.as_deref()?;
    (!found.eq_ignore_ascii_case(known.as_str())).then(|| known.clone())
}
