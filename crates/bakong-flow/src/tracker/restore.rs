//! Continuing after a restart.

use bakong_api::khqr_core::Timestamp;

use super::list_endpoint::ListEndpoint;
use super::pacer::Pacer;
use super::{Config, Tracker};
use crate::quota::QuotaUsage;
use crate::store::{OpenPayment, Snapshot};

impl Tracker {
    /// Continues with the persisted state. Requests that were in flight count as lost, and their payments are checked
    /// again.
    #[must_use]
    pub fn restore(config: Config, snapshot: Snapshot, now: Timestamp) -> Self {
        let usage = snapshot.usage.map_or_else(
            || QuotaUsage::new(config.quota, now),
            |usage| QuotaUsage::restore(config.quota, usage, now),
        );
        let mut tracker = Self::with_usage(config, usage, now);
        if config.lists {
            tracker.lists = ListEndpoint::new(snapshot.lists);
        }
        if tracker.usage().requests > 0 {
            // A process that restarts again and again must not get a new burst each time.
            tracker.pacer = Pacer::new(1, now);
        }
        for finished in snapshot.finished {
            let until = config.remember_until(finished.at);
            tracker.finished.add(finished, until);
        }
        for open in snapshot.open {
            let key = tracker.admit(open.payment, open.policy, open.opened_at);
            let slot = &mut tracker.payments[key];
            slot.asked_at = open.asked_at;
            slot.is_cancelled = open.is_cancelled;
            tracker.plan_check(key, now);
            tracker.plan_missed_check(key, now);
        }
        tracker
    }

    /// Returns the state that a store holds if it persisted every change.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let open = self.payments.iter().map(|(_, slot)| OpenPayment {
            payment: slot.payment.clone(),
            policy: slot.policy,
            opened_at: slot.opened_at,
            asked_at: slot.asked_at,
            is_cancelled: slot.is_cancelled,
        });
        Snapshot {
            usage: Some(self.usage.usage()),
            lists: self.lists.persistent_status(),
            open: open.collect(),
            finished: self.finished.iter().cloned().collect(),
        }
    }
}
