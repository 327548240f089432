//! Going on after a stop, from what was persisted.

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::{Config, Tracker};
use crate::change::ListStatus;
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::payment::{OrderId, Payment};
use crate::policy::Policy;
use crate::quota::{QuotaUsage, WindowUsage};
use crate::settlement::Mismatch;

/// What a store keeps of a tracker.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// What was spent of the day; `None` if nothing ever was.
    pub spent: Option<WindowUsage>,
    /// Whether lists work.
    pub lists: ListStatus,
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
    /// The hash of the transaction that it ended with, if it did with one that says its hash and was found under its
    /// MD5.
    pub hash: Option<Box<str>>,
    /// Whether it settled its order.
    pub is_settled: bool,
    /// When it became final.
    pub at: Timestamp,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            spent: None,
            lists: ListStatus::Untried,
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
    /// A payment that ended like this.
    #[must_use]
    pub fn new(md5: Md5Handle, order: OrderId, outcome: &Outcome, at: Timestamp) -> Self {
        // What only a hash found may be another payment's, which is to have it.
        let is_its_own = !matches!(outcome, Outcome::NeedsReview { mismatches, .. }
            if mismatches.contains(&Mismatch::OtherCode));
        let transaction = outcome.transaction().filter(|_| is_its_own);
        Self {
            md5,
            order,
            hash: transaction
                .and_then(|transaction| transaction.hash.as_deref())
                .map(Into::into),
            is_settled: matches!(outcome, Outcome::Paid { .. }),
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
            || QuotaUsage::new(config.quota, now),
            |spent| QuotaUsage::restore(config.quota, spent, now),
        );
        let mut tracker = Self::with_ledger(config, ledger, now);
        if config.lists {
            tracker.lists = snapshot.lists;
        }
        if tracker.usage().requests > 0 {
            // One that is started again and again has no burst each time.
            tracker.pace = Pace::new(1, now);
        }
        for finished in snapshot.finished {
            let until = config.remembers_until(finished.at);
            tracker.finished.add(finished, until);
        }
        for open in snapshot.open {
            tracker.reopen(open, now);
        }
        tracker
    }

    fn reopen(&mut self, open: OpenPayment, now: Timestamp) {
        let Some(place) = self.admit(open.payment, open.policy, open.opened_at) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(place) {
            slot.asked_at = open.asked_at.map_or(0, Timestamp::as_millis);
            slot.is_cancelled = open.is_cancelled;
        }
        self.schedule(place, now);
    }

    /// What a store keeps of it, if every change was kept.
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
            spent: Some(self.ledger.usage()),
            lists: match self.lists {
                ListStatus::Off => ListStatus::Untried,
                // A pause is not kept.
                ListStatus::RefusedUntil(_) if self.lists_pause().is_some() => {
                    self.lists_before.unwrap_or(ListStatus::Untried)
                }
                lists => lists,
            },
            open: open.collect(),
            finished: self.finished.iter().cloned().collect(),
        }
    }
}

impl Config {
    /// The longest that a payment which became final at this moment is remembered.
    pub(super) fn remembers_until(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.remember)
    }
}
