//! The requests in flight.

use std::fmt;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use slab::Slab;

use super::payments::Key;
use crate::ask::Ticket;
use crate::quota::WindowIndex;

/// The requests in flight, by their tickets.
#[derive(Clone, Default)]
pub(super) struct InFlight {
    requests: Slab<Request>,
    last_number: u64,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Identifies the request. A payment that this request asks about has the same number in its state.
    pub(super) number: u64,
    pub(super) asked_at: Timestamp,
    /// The quota window whose usage counts the request. A clock that is set back does not change it.
    pub(super) window: WindowIndex,
    pub(super) subject: Subject,
    pub(super) grant: Grant,
}

/// The subject of a request.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// One payment. The MD5 identifies it even if another worker finishes the payment while the request is in
    /// flight: the key then no longer leads to it.
    One(Key, Md5Handle),
    /// A list of payments.
    Many(Vec<Key>),
    /// The token.
    Token,
}

/// Why a request may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Grant {
    /// The request is reserved for a final check, or for the token.
    Reserved,
    /// The request is spare and took a token from the pacer.
    Paced,
    /// The request is the first list, which needs no token.
    FirstList,
}

impl Subject {
    /// Returns the keys of the payments. A payment that became final in the meantime may have left its key to another one: see
    /// [`Payments::is_asked_by`](super::payments::Payments::is_asked_by).
    pub(super) fn keys(&self) -> &[Key] {
        match self {
            Self::One(key, _) => std::slice::from_ref(key),
            Self::Many(keys) => keys,
            Self::Token => &[],
        }
    }
}

impl InFlight {
    /// Adds a request.
    pub(super) fn add(
        &mut self,
        (asked_at, window): (Timestamp, WindowIndex),
        subject: Subject,
        grant: Grant,
    ) -> Ticket {
        self.last_number += 1;
        let number = self.last_number;
        let key = self.requests.insert(Request {
            number,
            asked_at,
            window,
            subject,
            grant,
        });
        Ticket { key, number }
    }

    /// Returns the payments that the request of this ticket asks about.
    pub(super) fn keys(&self, ticket: Ticket) -> &[Key] {
        let request = self.requests.get(ticket.key);
        request.map_or(&[], |request| request.subject.keys())
    }

    /// Removes the request of this ticket. Returns `None` if the ticket was used before.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Request> {
        let request = self.requests.get(ticket.key)?;
        (request.number == ticket.number).then(|| self.requests.remove(ticket.key))
    }

    /// Sets the time at which the request of this ticket was sent.
    pub(super) fn set_sent_at(&mut self, ticket: Ticket, at: Timestamp) {
        let request = self.requests.get_mut(ticket.key);
        if let Some(request) = request.filter(|request| request.number == ticket.number) {
            request.asked_at = at;
        }
    }

    /// Returns the number of the last request that was added. A request with a higher number is sent later, even if the
    /// clock is set back in between.
    pub(super) const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Whether a list is in flight.
    pub(super) fn has_list(&self) -> bool {
        let is_list = |request: &Request| matches!(request.subject, Subject::Many(_));
        self.requests.iter().any(|(_, request)| is_list(request))
    }

    /// Returns how many reservations are in use: each request counts for one final check or more. `lists` tells whether
    /// lists work. If not, a list uses no reservation, because its payments need their own if the list fails.
    pub(super) fn reserved(&self, lists: bool) -> u32 {
        let is_reserved = |request: &Request| {
            request.grant == Grant::Reserved
                && match request.subject {
                    Subject::One(..) => true,
                    Subject::Many(_) => lists,
                    Subject::Token => false,
                }
        };
        let requests = self.requests.iter();
        requests
            .map(|(_, request)| u32::from(is_reserved(request)))
            .sum()
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The clock was set back to `now`: requests with a later time get the time `now`.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        for (_, request) in &mut self.requests {
            request.asked_at = request.asked_at.min(now);
        }
    }
}

/// Lists the requests, which the `Debug` of a slab leaves out.
impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.requests.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_uses_a_reservation_only_if_it_is_reserved_and_lists_work() {
        let sent = (Timestamp::from_millis(0), WindowIndex::new(7));
        for (grant, with_lists) in [(Grant::Reserved, 1), (Grant::Paced, 0)] {
            let mut requests = InFlight::default();
            assert!(!requests.has_list());
            requests.add(sent, Subject::Token, grant);
            assert!(!requests.has_list());
            assert_eq!(requests.reserved(true), 0, "a renewal is no check");
            requests.add(sent, Subject::Many(Vec::new()), grant);
            assert!(requests.has_list());
            assert_eq!(
                (requests.reserved(true), requests.reserved(false)),
                (with_lists, 0)
            );
            let shown = format!("{requests:?}");
            assert!(shown.contains("Token") && shown.contains("Many"), "{shown}");
        }
    }
}
