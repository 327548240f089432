//! The requests that are out.

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::ask::Ticket;

/// The requests that are out, by their tickets.
#[derive(Clone, Default, Debug)]
pub(super) struct InFlight {
    requests: Vec<Option<Out>>,
    vacant: Vec<u32>,
    last_number: u64,
}

/// A request that is out.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) number: u64,
    pub(super) asked_at: Timestamp,
    pub(super) about: About,
    /// Whether it took from the pace.
    pub(super) paced: bool,
}

/// What a request asks about.
#[derive(Clone, Debug)]
pub(super) enum About {
    /// The payment at this place, which has this MD5.
    One(u32, Md5Handle),
    /// Those at these places.
    Many(Vec<u32>),
    /// The token.
    Token,
}

impl About {
    /// The places of the payments, some of which may be others' by now.
    pub(super) fn places(&self) -> &[u32] {
        match self {
            Self::One(place, _) => std::slice::from_ref(place),
            Self::Many(places) => places,
            Self::Token => &[],
        }
    }
}

impl InFlight {
    /// The number of the next request.
    pub(super) const fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    pub(super) fn add(&mut self, asked_at: Timestamp, about: About, paced: bool) -> Ticket {
        self.last_number += 1;
        let out = Out {
            number: self.last_number,
            asked_at,
            about,
            paced,
        };
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.requests.push(None);
            // Few are out at a time.
            u32::try_from(self.requests.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(room) = self.requests.get_mut(place as usize) {
            *room = Some(out);
        }
        Ticket::new(place, self.last_number)
    }

    /// Takes the request of this ticket, once.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Out> {
        let room = self.requests.get_mut(ticket.place() as usize)?;
        if room.as_ref()?.number != ticket.number() {
            return None;
        }
        self.vacant.push(ticket.place());
        room.take()
    }

    /// The clock was set back: what is out was asked now at the latest.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        for out in self.requests.iter_mut().flatten() {
            out.asked_at = out.asked_at.min(now);
        }
    }

    /// How many of them were promised: each takes the place of one last check at least.
    pub(super) fn promised(&self) -> u32 {
        let out = self.requests.iter().flatten();
        let promised = out.filter(|out| !out.paced && !matches!(out.about, About::Token));
        promised.fold(0, |count, _| count + 1)
    }

    pub(super) const fn len(&self) -> usize {
        self.requests.len() - self.vacant.len()
    }
}
