//! Going on after a stop, from what was persisted.

use bakong_api::TransactionHash;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::slots::Way;
use super::{Config, Tracker};
use crate::change::Lists;
use crate::payment::{OrderId, Payment};
use crate::policy::Policy;
use crate::quota::{Ledger, Spent};

/// What a store keeps of a tracker.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// What was spent of the day; `None` if nothing ever was.
    pub spent: Option<Spent>,
    /// Whether lists work.
    pub lists: Lists,
    /// The open payments.
    pub open: Vec<OpenPayment>,
    /// The final ones that are still to be remembered.
    pub finished: Vec<FinishedPayment>,
}

/// A payment that was open.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OpenPayment {
    /// The payment, with what was learned of it.
    pub payment: Payment,
    /// How it is asked about.
    pub policy: Policy,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last asked about, if it was. Whether an answer came does not matter.
    pub asked_at: Option<Timestamp>,
    /// Whether its order was cancelled.
    pub is_cancelled: bool,
}

/// A payment that was final.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FinishedPayment {
    /// Its MD5.
    pub md5: Md5Handle,
    /// Its order.
    pub order: OrderId,
    /// The hash of the transaction that it ended with, if it did with one.
    pub hash: Option<TransactionHash>,
    /// When it became final.
    pub at: Timestamp,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            spent: None,
            lists: Lists::Untried,
            open: Vec::new(),
            finished: Vec::new(),
        }
    }
}

impl OpenPayment {
    /// A payment that was never asked about.
    #[must_use]
    pub const fn new(payment: Payment, policy: Policy, opened_at: Timestamp) -> Self {
        Self {
            payment,
            policy,
            opened_at,
            asked_at: None,
            is_cancelled: false,
        }
    }
}

impl FinishedPayment {
    /// A final payment.
    #[must_use]
    pub const fn new(
        md5: Md5Handle,
        order: OrderId,
        hash: Option<TransactionHash>,
        at: Timestamp,
    ) -> Self {
        Self {
            md5,
            order,
            hash,
            at,
        }
    }
}

impl Tracker {
    /// Goes on with what was persisted. Requests that were out are taken for lost: what they asked about is
    /// asked about again.
    #[must_use]
    pub fn restore(config: Config, snapshot: Snapshot, now: Timestamp) -> Self {
        let ledger = snapshot.spent.map_or_else(
            || Ledger::new(config.quota, now),
            |spent| Ledger::restore(config.quota, spent, now),
        );
        let mut tracker = Self::with_ledger(config, ledger, now);
        if config.lists {
            tracker.lists = snapshot.lists;
        }
        for finished in snapshot.finished {
            let until = config.remembers_until(finished.at);
            let hash = finished.hash.as_ref().map(TransactionHash::as_str);
            tracker.finished.add(finished.md5, &finished.order, hash, until);
        }
        for open in snapshot.open {
            tracker.reopen(open, now);
        }
        tracker
    }

    fn reopen(&mut self, open: OpenPayment, now: Timestamp) {
        let deadline = open.payment.expires_at.saturating_add(open.policy.grace.after_expiry);
        let Some(place) = self.slots.insert(open.payment, open.policy, open.opened_at) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(place) {
            slot.asked_at = open.asked_at.map_or(0, Timestamp::as_millis);
            slot.is_cancelled = open.is_cancelled;
            slot.way = Way::Md5;
        }
        self.promises.add(deadline);
        self.last.push(deadline.as_millis(), place);
        self.schedule(place, now);
    }

    /// All that a store has to keep.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let open = self.slots.iter().filter_map(|(_, slot)| {
            Some(OpenPayment {
                payment: self.slots.payment(slot)?,
                policy: self.slots.policy(slot),
                opened_at: Timestamp::from_millis(slot.opened_at),
                asked_at: (slot.asked_at != 0).then(|| Timestamp::from_millis(slot.asked_at)),
                is_cancelled: slot.is_cancelled,
            })
        });
        Snapshot {
            spent: Some(self.ledger.spent()),
            lists: self.lists,
            open: open.collect(),
            finished: self.finished.iter(self.config.remember).collect(),
        }
    }
}
