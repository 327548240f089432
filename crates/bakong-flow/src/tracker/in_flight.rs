//! The requests in flight.

use std::fmt;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use slab::Slab;

use super::payments::Key;
use crate::ask::Ticket;

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
    pub(super) subject: Subject,
    pub(super) grant: Grant,
}

/// What a request asks about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// One payment. The MD5 remains valid even if another worker finishes the payment in the meantime.
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
    /// The request is spare and took a token of the pacer.
    Paced,
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
    pub(super) fn add(&mut self, asked_at: Timestamp, subject: Subject, grant: Grant) -> Ticket {
        self.last_number += 1;
        let number = self.last_number;
        let key = self.requests.insert(Request {
            number,
            asked_at,
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

    /// Returns how many reservations are in use: each request counts for one final check or more.
    pub(super) fn reserved(&self) -> u32 {
        let is_reserved = |request: &Request| {
            request.grant == Grant::Reserved && !matches!(request.subject, Subject::Token)
        };
        let requests = self.requests.iter();
        requests
            .map(|(_, request)| u32::from(is_reserved(request)))
            .sum()
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The clock was set back to `now`: no request was sent later.
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
