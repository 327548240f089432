//! Selects the next request, and computes when to poll again.

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::token::TokenStep;

use super::Tracker;
use super::in_flight::{Grant, Subject};
use super::payments::Key;
use super::reservations::MAX_LIST;
use crate::ask::{Ask, Question};
use crate::change::Change;

/// How long to wait before looking for a spare request again.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);

/// Payments due within this window join a list request that is sent anyway.
pub(super) const JOIN_WITHIN: Duration = Duration::from_secs(10 * 60);

impl Tracker {
    /// Returns the next request to send now. Call this until it returns `None`. The quota usage includes the request.
    pub fn poll(&mut self, now: Timestamp) -> Option<Ask> {
        self.tick(now);
        let is_paused = self.backoff.until().is_some_and(|until| now < until);
        if self.is_busy() || is_paused || self.usage.left() == 0 {
            return None;
        }
        if self.usage.is_closed() {
            return self.probe(now);
        }
        match self.token.step(now) {
            TokenStep::Use => {}
            TokenStep::RenewOrUse | TokenStep::Renew => return Some(self.renew_token(now)),
            // Nothing can be sent: the token is awaited, refused or missing.
            _ => return None,
        }
        let (grant, key) = self.grant(now)?;
        Some(self.check(key, grant, now))
    }

    /// Returns when to call [`poll`](Self::poll) next, if nothing else happens.
    ///
    /// Returns `None` if only a reply, a payment or a nudge can make a request due. The time is later than the last
    /// call of `poll` that returned `None`, so that a loop which sleeps until then does not spin.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.is_busy() {
            return None;
        }
        let now = self.now;
        let wanted = [self.next_check(), self.token.next_renewal(now)];
        let wanted = wanted.into_iter().flatten().min()?;
        let mut next = wanted.max(self.backoff.until().unwrap_or(wanted));
        if self.usage.is_closed() || self.usage.left() == 0 {
            let window_end = self.usage.ends_at();
            let probe_at = self.usage.probe_at().filter(|_| self.in_flight.len() == 0);
            next = next.max(probe_at.unwrap_or(window_end));
        }
        match self.token.step(now) {
            TokenStep::Refuse(until) => next = next.max(until),
            TokenStep::Use | TokenStep::RenewOrUse | TokenStep::Renew => {}
            _ => return None,
        }
        Some(next.max(now))
    }

    /// Whether the next request must wait for a reply.
    fn is_busy(&self) -> bool {
        // If the window has too few requests for single checks, wait for the list that tells whether lists work.
        if !self.lists.works() && self.in_flight.has_list() {
            let reserved = self.reserved(self.usage.usage().window, false);
            if self.spendable() < reserved {
                return true;
            }
        }
        let max = if self.backoff.is_failing() {
            1
        } else {
            self.config.max_in_flight.max(1) as usize
        };
        self.in_flight.len() >= max
    }

    /// Returns when a check is next due and the current window has a request for it.
    fn next_check(&self) -> Option<Timestamp> {
        if self.usage.is_closed() {
            return (self.payments.len() > 0).then_some(self.now);
        }
        let window_end = self.usage.ends_at();
        let is_spent = self.spendable() == 0;
        let spare = self.spare();
        let paced = self
            .pacer
            .ready_at(spare, window_end)
            .filter(|_| spare > 0)
            // Requests for expected payments become spare if those payments do not come.
            .unwrap_or_else(|| window_end.min(self.now.saturating_add(LOOK_AGAIN)));
        let final_check = self
            .final_check_at()
            .map(|at| if is_spent { window_end } else { at.min(paced) });
        let next_final = self.payments.next_final();
        let next_final = next_final.map(|(at, _)| if is_spent { at.max(window_end) } else { at });
        let early = self.payments.early_checks().next();
        let early = early.map(|(at, _)| at.max(paced));
        let first_list = self.first_list().map(|(at, _)| at);
        let checks = [final_check, next_final, early, first_list];
        checks.into_iter().flatten().min()
    }

    /// Defers final checks by hash if their requests are reserved in a later window and no request is spare now.
    fn defer_hash_checks(&mut self) {
        loop {
            let first = self.payments.final_checks().next();
            let Some((_, key)) = first else { return };
            if self.hash_reserved_from(&self.payments[key]).is_none() {
                return;
            }
            self.retry_at(key, self.now);
        }
    }

    /// Returns when the most urgent final check must be sent, with or without a spare request.
    fn final_check_at(&self) -> Option<Timestamp> {
        let mut final_checks = self.payments.final_checks();
        let is_full_list = final_checks.len() >= MAX_LIST as usize;
        let (latest, _) = final_checks.next()?;
        let lists_at = if self.lists.is_usable(self.now) {
            self.now
        } else if let Some(until) = self.lists.paused_until() {
            until
        } else {
            return Some(self.now);
        };
        Some(if is_full_list {
            latest.min(lists_at)
        } else {
            latest
        })
    }

    /// Returns the payment to check now, and why its check may be sent; `None` if no check may be sent.
    fn grant(&mut self, now: Timestamp) -> Option<(Grant, Key)> {
        if self.spendable() == 0 {
            return None;
        }
        let paced = (self.pacer.is_ready() && self.spare() > 0).then_some(Grant::Paced);
        self.defer_hash_checks();
        let grant = match self.final_check_at() {
            Some(at) if at <= now => Some(Grant::Reserved),
            _ => paced,
        };
        if let Some(grant) = grant {
            return Some((grant, self.most_urgent(now)?));
        }
        let (at, key) = self.first_list()?;
        (at <= now).then_some((Grant::FirstList, key))
    }

    /// Returns the payment to check: the most urgent final check, or an early check that is due.
    fn most_urgent(&self, now: Timestamp) -> Option<Key> {
        if let Some((_, key)) = self.payments.final_checks().next() {
            return Some(key);
        }
        let (at, key) = self.payments.early_checks().next()?;
        (at <= now).then_some(key)
    }

    /// Checks the payment `key`, together with others if lists can be used.
    fn check(&mut self, key: Key, grant: Grant, now: Timestamp) -> Ask {
        if grant == Grant::Paced {
            self.pacer.acquire();
        }
        if self.payments[key].is_single() || !self.may_send_list(now) {
            return self.check_one(key, grant, now);
        }
        let keys = self.collect(key, now);
        if keys.len() < 2 {
            return self.check_one(key, grant, now);
        }
        let md5s = keys.iter().map(|key| self.payments[*key].payment.md5);
        let question = Question::Md5List(md5s.collect());
        self.send_check(Subject::Many(keys), question, grant, now)
    }

    fn check_one(&mut self, key: Key, grant: Grant, now: Timestamp) -> Ask {
        let slot = &self.payments[key];
        let question = slot.question();
        self.send_check(Subject::One(key, slot.payment.md5), question, grant, now)
    }

    /// Whether payments may be checked in a list.
    ///
    /// Unless lists work, one list is in flight at a time. If that list fails, its request is lost. So the list must
    /// not use a reserved request, unless the window has too few requests for all reservations anyway.
    fn may_send_list(&self, now: Timestamp) -> bool {
        if self.lists.works() || !self.lists.is_usable(now) {
            return self.lists.is_usable(now);
        }
        let reserved = self.reserved(self.usage.usage().window, false);
        !self.in_flight.has_list() && self.spendable() != reserved
    }

    /// Collects the payments of a list: `first`, then the final checks that are due, then the early checks that will be
    /// due soon.
    fn collect(&self, first: Key, now: Timestamp) -> Vec<Key> {
        let horizon = now.saturating_add(JOIN_WITHIN);
        let early = self.payments.early_checks();
        let early = early.take_while(|(at, _)| *at <= horizon);
        let others = self.payments.final_checks().chain(early);
        let others = others.filter_map(|(_, key)| {
            (key != first && !self.payments[key].is_single()).then_some(key)
        });
        let keys = std::iter::once(first).chain(others);
        keys.take(MAX_LIST as usize).collect()
    }

    /// Adds a request to those in flight, and marks its payments.
    fn send_check(
        &mut self,
        subject: Subject,
        question: Question,
        grant: Grant,
        now: Timestamp,
    ) -> Ask {
        let md5s: &[Md5Handle] = match (&question, &subject) {
            (Question::Md5List(md5s), _) => md5s,
            (_, Subject::One(_, md5)) => std::slice::from_ref(md5),
            _ => &[],
        };
        let asked = md5s.iter().map(|md5| Change::Asked { md5: *md5, at: now });
        self.changes.extend(asked);
        let sent_in = (now, self.usage.usage().window);
        let ticket = self.in_flight.add(sent_in, subject, grant);
        for key in self.in_flight.keys(ticket) {
            let slot = &mut self.payments[*key];
            slot.asked_at = Some(now);
            slot.lookups.sent();
            let state = slot.state().sent(ticket.number);
            self.payments.reschedule(*key, state);
        }
        self.usage.spend(1);
        self.emit_usage();
        Ask { ticket, question }
    }

    fn renew_token(&mut self, now: Timestamp) -> Ask {
        self.token.renewal_started();
        self.usage.spend_renewals(1);
        self.emit_usage();
        let sent_in = (now, self.usage.usage().window);
        let ticket = self.in_flight.add(sent_in, Subject::Token, Grant::Reserved);
        Ask {
            ticket,
            question: Question::Renewal,
        }
    }

    /// Sends one check to find out whether a closed window is open again.
    fn probe(&mut self, now: Timestamp) -> Option<Ask> {
        let is_due = self.usage.probe_at().is_some_and(|at| at <= now);
        if !is_due || self.in_flight.len() > 0 {
            return None;
        }
        let key = match self.token.step(now) {
            // If no payment is due, choose any payment.
            TokenStep::Use | TokenStep::RenewOrUse => self
                .most_urgent(now)
                .or_else(|| self.payments.iter().next().map(|(key, _)| key))?,
            TokenStep::Renew => {
                self.close(now);
                return Some(self.renew_token(now));
            }
            _ => return None,
        };
        // If Bakong rejects this probe, the next one is sent after the same wait.
        self.close(now);
        Some(self.check_one(key, Grant::Reserved, now))
    }
}
