//! What the answers mean for the payments that they are about, and for all the others.

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{CheckAnswer, ErrorClass};

use super::Tracker;
use super::in_flight::{About, Out};
use super::slots::Slot;
use crate::ask::{ListItem, Reply, Ticket};
use crate::change::{Change, ListStatus};

/// How long a list endpoint that refused is not tried again.
const LISTS_REST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one that answered twice what cannot be read is not; twice as long each further time.
const LISTS_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The longest: it worked, and is worth fifty requests.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

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

    /// Counts what was really sent in place of the one that was counted.
    fn correct(&mut self, out: &Out, sent: u32) {
        if sent == 1 {
            return;
        }
        if sent == 0 {
            // On another day than it was counted on, there is nothing to take back.
            if self.config.quota.turn.day_of(out.asked_at) == self.ledger.usage().day {
                match out.about {
                    About::Token => self.ledger.take_back_beside(),
                    About::One(..) | About::Many(_) => self.ledger.take_back(),
                }
            }
            if out.paced {
                self.pace.give_back();
            }
        } else {
            // What is sent beside the question is a renewal, or a repetition.
            self.ledger.spend_beside(sent - 1);
        }
        self.changes.push(Change::Quota(self.ledger.usage()));
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
                self.answered(out);
                self.lists_before = None;
                self.told(out, place, md5, answer, now);
            }
            Err(class) => {
                if class == ErrorClass::Blocked
                    && let Some(before) = self.lists_before.take()
                {
                    // It is not the lists that are refused.
                    self.lists = before;
                    self.changes.push(Change::ListStatus(before));
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
            // Money that is told of is known all the same.
            for (md5, result) in answers {
                if let (Some(place), Ok(answer @ CheckAnswer::Paid(_))) =
                    (self.slots.find(&md5), result)
                {
                    self.told(out, place, md5, answer, now);
                }
            }
            // Asked about one by one, the others would cost more than the list spared.
            return self.many_failed(out, ErrorClass::Malformed, now);
        }
        self.answered(out);
        self.garbled_lists = 0;
        if self.lists != ListStatus::Work {
            self.lists = ListStatus::Work;
            self.changes.push(Change::ListStatus(self.lists));
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
            ErrorClass::Blocked | ErrorClass::Refused => {
                self.garbled_lists = 0;
                LISTS_REST
            }
            ErrorClass::Malformed => {
                self.garbled_lists = self.garbled_lists.saturating_add(1);
                let Some(pauses) = u32::from(self.garbled_lists).checked_sub(2) else {
                    return self.failed(out, class, now);
                };
                let doubled = 2u32.saturating_pow(pauses);
                LISTS_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
            }
            _ => return self.failed(out, class, now),
        };
        if self.lists_before.is_none() {
            self.lists_before = Some(match self.lists {
                ListStatus::RefusedUntil(_) => ListStatus::Untried,
                lists => lists,
            });
        }
        self.lists = ListStatus::RefusedUntil(now.saturating_add(rest));
        // What cannot be read now may be readable after a restart, and is worth a try.
        if self.garbled_lists == 0 {
            self.changes.push(Change::ListStatus(self.lists));
        }
        self.no_answer(out, class);
    }

    /// When lists are tried again that worked, and could not be read lately.
    pub(super) fn lists_pause(&self) -> Option<Timestamp> {
        match self.lists {
            ListStatus::RefusedUntil(moment) if self.garbled_lists > 1 => Some(moment),
            _ => None,
        }
    }

    fn renewed(
        &mut self,
        out: &Out,
        result: Result<Option<Timestamp>, ErrorClass>,
        now: Timestamp,
    ) {
        match result {
            Ok(expires_at) => {
                self.answered(out);
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
    fn answered(&mut self, out: &Out) {
        // One that was on its way before says nothing of what has failed since.
        if self.failures == 0 || out.asked_at > self.failed_at {
            self.failures = 0;
            self.hold = None;
        }
        // What was asked before the token was refused says nothing of it since.
        if !matches!(out.about, About::Token) && out.asked_at >= self.token_at {
            self.token.accepted();
        }
        let closed_at = self.ledger.usage().closed_at;
        if closed_at.is_some_and(|closed_at| closed_at <= out.asked_at) {
            self.ledger.reopen();
            self.changes.push(Change::Quota(self.ledger.usage()));
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
        self.no_answer(out, class);
    }

    /// Tells of each payment that a request still asks about that no answer came.
    fn no_answer(&mut self, out: &Out, class: ErrorClass) {
        for place in out.about.places() {
            if let Some(slot) = self.slots.get(*place).filter(|slot| slot.out == out.number) {
                let md5 = slot.md5;
                self.changes.push(Change::NoAnswer { md5, class });
            }
        }
    }

    fn close_day(&mut self, out: &Out, now: Timestamp) {
        // What was asked before the turn says nothing of the day that has begun.
        if self.config.quota.turn.day_of(out.asked_at) < self.ledger.usage().day {
            return;
        }
        self.ledger.close(now);
        self.changes.push(Change::Quota(self.ledger.usage()));
    }

    /// A request may have failed because of what it asked about: it is asked about in another way, or waits longer
    /// than all others do.
    fn failed_alone(&mut self, out: &Out, place: u32, now: Timestamp) {
        let retry = self.config.retry;
        let deadline = self.slots.get(place).map(|slot| self.slots.deadline(slot));
        let Some(slot) = self.out_slot(out, place) else {
            return;
        };
        slot.alone = true;
        if slot.is_unread(deadline.is_some_and(|deadline| deadline <= now)) {
            return self.again_at(place, now);
        }
        slot.failures = slot.failures.saturating_add(1);
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
    pub(super) fn out_slot(&mut self, out: &Out, place: u32) -> Option<&mut Slot> {
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
}
