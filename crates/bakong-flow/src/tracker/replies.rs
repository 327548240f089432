//! Applies a reply to the payments of its request, and to the pauses that affect all requests.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{CheckAnswer, ErrorClass};

use super::Tracker;
use super::in_flight::{Grant, Request, Subject};
use super::list_endpoint::{ListEndpoint, ListFailure};
use super::payments::Key;
use crate::ask::{ListItem, Reply, Ticket};
use crate::change::Change;

impl Tracker {
    /// Corrects the time at which a request was sent, which is the time of [`poll`](Self::poll) otherwise. Call this before
    /// [`answer`](Self::answer) if the answer shows that the clock was wrong when the request was sent: see
    /// [`ServerTime::revised`](crate::server_time::ServerTime::revised). Only a request that was sent after the deadline
    /// can make a payment final, and the request counts for the quota window in which it was sent.
    pub fn set_sent_at(&mut self, ticket: Ticket, at: Timestamp) {
        self.in_flight.set_sent_at(ticket, at);
    }

    /// Handles the reply to a request. A ticket that was used before changes nothing.
    ///
    /// `sent` is the number of HTTP requests that were sent for the ticket, as a session observer counts them. Pass 1 if
    /// the number is unknown. It is 0 if the request was never sent, and more than 1 if the token was renewed or a
    /// transport retried.
    pub fn answer(&mut self, ticket: Ticket, sent: u32, reply: Reply, now: Timestamp) {
        self.tick(now);
        let Some(request) = self.in_flight.take(ticket) else {
            return;
        };
        self.correct_usage(&request, sent);
        match (&request.subject, reply) {
            (Subject::One(key, md5), Reply::Check(result)) => {
                self.on_single(&request, (*key, *md5), result, now);
            }
            (Subject::Many(_), Reply::List(Ok(items))) => self.on_list(&request, items, now),
            (Subject::Many(_), Reply::List(Err(class))) => {
                self.on_list_failure(&request, class, now);
            }
            (Subject::Token, Reply::Renewal(result)) => self.on_renewal(&request, result, now),
            // The kind of the reply does not match the question, so the reply cannot be used.
            (Subject::Token, _) => self.token.renewal_abandoned(now),
            (_, _) => self.on_failure(&request, ErrorClass::Malformed, now),
        }
        self.reschedule_all(&request, now);
    }

    /// Gives up a request whose reply will not arrive. Bakong may have received the request, so this is handled like a
    /// timeout. `sent` has the same meaning as for [`answer`](Self::answer).
    pub fn abandon(&mut self, ticket: Ticket, sent: u32, now: Timestamp) {
        self.tick(now);
        let Some(request) = self.in_flight.take(ticket) else {
            return;
        };
        self.correct_usage(&request, sent);
        if matches!(request.subject, Subject::Token) {
            self.token.renewal_abandoned(now);
        }
        let timeout = ErrorClass::Transport(TransportErrorKind::Timeout);
        match request.subject {
            Subject::Many(_) if sent > 0 => self.on_list_failure(&request, timeout, now),
            _ => self.on_failure(&request, timeout, now),
        }
        self.reschedule_all(&request, now);
    }

    /// Corrects the usage if more or fewer requests were sent than the one that was counted.
    fn correct_usage(&mut self, request: &Request, sent: u32) {
        if sent == 1 {
            return;
        }
        if sent == 0 {
            // The usage of an earlier window is no longer tracked.
            if request.window == self.usage.usage().window {
                match request.subject {
                    Subject::Token => self.usage.refund_renewal(),
                    Subject::One(..) | Subject::Many(_) => self.usage.refund(),
                }
            }
            if request.grant == Grant::Paced {
                self.pacer.refund();
            }
        } else {
            self.usage.spend_renewals(sent - 1);
        }
        self.emit_usage();
    }

    fn on_single(
        &mut self,
        request: &Request,
        (key, md5): (Key, Md5Handle),
        result: Result<CheckAnswer, ErrorClass>,
        now: Timestamp,
    ) {
        let class = match result {
            Ok(answer) => {
                self.on_answer(request);
                self.update_lists(|lists| lists.single_answered(request.number, now));
                return self.on_check(request, key, md5, answer, now);
            }
            Err(class) => class,
        };
        let is_blocked = class == ErrorClass::Blocked;
        self.update_lists(|lists| lists.single_failed(request.number, is_blocked));
        self.on_failure(request, class, now);
        if matches!(class, ErrorClass::Refused | ErrorClass::Malformed) {
            self.on_single_failure(request, key, now);
        }
    }

    fn on_list(&mut self, request: &Request, items: Vec<ListItem>, now: Timestamp) {
        let answered = items.iter().filter(|(_, result)| result.is_ok()).count();
        if answered < request.subject.keys().len() / 2 {
            // Paid payments count even if the rest of the list is unreadable.
            for (md5, result) in items {
                if let (Some(key), Ok(answer @ CheckAnswer::Paid(_))) =
                    (self.payments.find(&md5), result)
                {
                    self.on_check(request, key, md5, answer, now);
                }
            }
            // Single checks of the others would cost more than the list saved.
            return self.on_list_failure(request, ErrorClass::Malformed, now);
        }
        self.on_answer(request);
        self.update_lists(ListEndpoint::answered);
        for (md5, result) in items {
            let is_listed = |key: &Key| request.subject.keys().contains(key);
            match (self.payments.find(&md5).filter(is_listed), result) {
                (Some(key), Ok(answer)) => self.on_check(request, key, md5, answer, now),
                (Some(key), Err(class)) => self.check_alone(request, key, class, now),
                // Another worker finished the payment in the meantime.
                (None, Ok(CheckAnswer::Paid(transaction))) => {
                    self.emit_paid_again(md5, transaction);
                }
                (None, _) => {}
            }
        }
        for key in request.subject.keys() {
            self.check_alone(request, *key, ErrorClass::Malformed, now);
        }
    }

    fn on_list_failure(&mut self, request: &Request, class: ErrorClass, now: Timestamp) {
        let last = self.in_flight.last_number();
        match self.update_lists(|lists| lists.failed(class, request.number, last, now)) {
            ListFailure::Ordinary => self.on_failure(request, class, now),
            ListFailure::Lists => self.emit_no_answer(request, class),
        }
    }

    /// Updates the state of lists, and emits a change of the status to persist.
    fn update_lists<T>(&mut self, update: impl FnOnce(&mut ListEndpoint) -> T) -> T {
        let before = self.lists.persistent_status();
        let result = update(&mut self.lists);
        let status = self.lists.persistent_status();
        if status != before {
            self.changes.push(Change::ListStatus(status));
        }
        result
    }

    fn on_renewal(
        &mut self,
        request: &Request,
        result: Result<Option<Timestamp>, ErrorClass>,
        now: Timestamp,
    ) {
        match result {
            Ok(expires_at) => {
                self.on_answer(request);
                let last_number = self.in_flight.last_number();
                self.token.renewed(expires_at, last_number, now);
            }
            Err(class) => {
                self.token.renewal_failed(class, now);
                if class == ErrorClass::QuotaExhausted {
                    self.close_window(request, now);
                }
            }
        }
        self.changes.push(Change::Token(result));
    }

    /// Bakong answered, so requests succeed.
    fn on_answer(&mut self, request: &Request) {
        self.backoff.answered(request.number);
        if !matches!(request.subject, Subject::Token) {
            self.token.answered(request.number);
        }
        if self.usage.is_closed() && request.number > self.closed_after {
            self.usage.reopen();
            self.emit_usage();
        }
    }

    /// A request failed for a reason that would affect any other request too.
    fn on_failure(&mut self, request: &Request, class: ErrorClass, now: Timestamp) {
        let numbers = (request.number, self.in_flight.last_number());
        match class {
            ErrorClass::QuotaExhausted => self.close_window(request, now),
            ErrorClass::Unauthorized => {
                if self.token.unauthorized(numbers, now) {
                    self.changes.push(Change::Token(Err(class)));
                }
            }
            _ => {
                // The cause of a refusal may be this payment alone, so it must not pause all requests for long.
                let pause = match class {
                    ErrorClass::Refused => ErrorClass::Malformed,
                    class => class,
                };
                let policy = &self.config.retry;
                self.backoff.failed(policy, pause, numbers, now);
            }
        }
        self.emit_no_answer(request, class);
    }

    fn close_window(&mut self, request: &Request, now: Timestamp) {
        // A request from an earlier window was rejected for that window's quota. The window that counted the request
        // decides, not the clock: the clock may have been set back to an earlier window. If the clock was behind, the
        // corrected time decides.
        let sent_in = self.config.quota.window.index_of(request.asked_at);
        if request.window.max(sent_in) >= self.usage.usage().window {
            self.close(now);
            self.emit_usage();
        }
    }

    /// Closes the quota window.
    pub(super) fn close(&mut self, now: Timestamp) {
        self.usage.close(now);
        self.closed_after = self.in_flight.last_number();
    }

    fn emit_no_answer(&mut self, request: &Request, class: ErrorClass) {
        for key in request.subject.keys() {
            if self.payments.is_asked_by(*key, request.number) {
                let md5 = self.payments[*key].payment.md5;
                self.changes.push(Change::NoAnswer { md5, class });
            }
        }
    }

    /// A single check failed, possibly because of its payment: its next check uses another lookup, or comes after a
    /// longer pause than the other payments have.
    pub(super) fn on_single_failure(&mut self, request: &Request, key: Key, now: Timestamp) {
        if !self.payments.is_asked_by(key, request.number) {
            return;
        }
        let slot = &mut self.payments[key];
        slot.alone = true;
        let is_final = slot.deadline() <= now;
        let at = if slot.lookups.unreadable(is_final) {
            now
        } else {
            slot.failures = slot.failures.saturating_add(1);
            self.config.retry.alone_at(u32::from(slot.failures), now)
        };
        self.retry_at(key, at);
    }

    /// A list did not answer for a payment: a single check is next.
    fn check_alone(&mut self, request: &Request, key: Key, class: ErrorClass, now: Timestamp) {
        if self.payments.is_asked_by(key, request.number) {
            let slot = &mut self.payments[key];
            slot.alone = true;
            let md5 = slot.payment.md5;
            self.changes.push(Change::NoAnswer { md5, class });
            self.retry_at(key, now);
        }
    }

    /// Reschedules every payment of this request that the reply did not cover.
    fn reschedule_all(&mut self, request: &Request, now: Timestamp) {
        for key in request.subject.keys() {
            if self.payments.is_asked_by(*key, request.number) {
                self.retry_at(*key, now);
            }
        }
    }
}
