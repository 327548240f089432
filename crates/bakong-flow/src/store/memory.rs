//! A store that lasts as long as the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::finished::FinishedPayments;
use super::{Conflict, FinishedPayment, OpenPayment, PaymentStore, Rejected, Snapshot, StoreError};
use crate::change::{Change, ListStatus};
use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::quota::WindowUsage;

/// How long a final payment is retained.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Stores changes in memory, for tests, and for shops that can lose their open payments when the process ends.
///
/// Final payments are retained for 30 days.
#[derive(Default, Debug)]
pub struct MemoryStore(Mutex<State>);

#[derive(Clone, Default, Debug)]
struct State {
    usage: Option<WindowUsage>,
    lists: Option<ListStatus>,
    open: BTreeMap<Md5Handle, OpenPayment>,
    finished: FinishedPayments,
    outcomes: BTreeMap<Md5Handle, Outcome>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the stored state. This is [`PaymentStore::load`] without `async`.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let mut open: Vec<_> = state.open.values().cloned().collect();
        open.sort_by_key(|open| (open.opened_at, open.payment.md5));
        Snapshot {
            usage: state.usage,
            lists: state.lists.unwrap_or(ListStatus::Untried),
            finished: state.finished.iter().cloned().collect(),
            open,
        }
    }

    /// Stores `changes`. This is [`PaymentStore::persist`] without `async`.
    pub fn apply(&self, changes: &[Change]) -> Vec<Rejected> {
        let mut state = self.state();
        let rejected = changes.iter().filter_map(|change| state.apply(change));
        rejected.collect()
    }

    /// Returns the outcome of a payment that is final and still retained.
    #[must_use]
    pub fn outcome(&self, md5: &Md5Handle) -> Option<Outcome> {
        self.state().outcomes.get(md5).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked cannot have left a change half applied.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies the stored state. The copy is independent.
impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.state().clone()))
    }
}

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        Ok(self.snapshot())
    }

    async fn persist(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        Ok(self.apply(changes))
    }
}

impl State {
    fn apply(&mut self, change: &Change) -> Option<Rejected> {
        match change {
            Change::Opened {
                payment,
                policy,
                at,
            } => {
                let md5 = payment.md5;
                if self.open.contains_key(&md5) || self.finished.get(&md5).is_some() {
                    return Some(Rejected::new(md5, Conflict::Known));
                }
                if self.finished.is_settled(&payment.order) {
                    return Some(Rejected::new(md5, Conflict::OrderSettled));
                }
                let open = OpenPayment::new((**payment).clone(), *policy, *at);
                self.open.insert(md5, open);
            }
            Change::Asked { md5, at } => {
                if let Some(open) = self.open.get_mut(md5) {
                    open.asked_at = Some(*at);
                }
            }
            Change::Learned {
                md5,
                hash,
                short_hash,
            } => {
                if let Some(open) = self.open.get_mut(md5) {
                    // Another worker may have stored the other hash.
                    let payment = &mut open.payment;
                    payment.hash = hash.clone().or(payment.hash.take());
                    payment.short_hash = short_hash.clone().or(payment.short_hash.take());
                }
            }
            Change::Cancelled { md5 } => {
                if let Some(open) = self.open.get_mut(md5) {
                    open.is_cancelled = true;
                }
            }
            Change::Finished {
                md5,
                order,
                outcome,
                at,
            } => {
                let conflict = self.finish(*md5, order, outcome, *at)?;
                return Some(Rejected::new(*md5, conflict));
            }
            Change::Quota(usage) => {
                self.usage = Some(self.usage.map_or(*usage, |stored| stored.merge(*usage)));
            }
            Change::ListStatus(lists) => self.lists = Some(*lists),
            Change::NotPaidYet { .. }
            | Change::NoAnswer { .. }
            | Change::PaidAgain { .. }
            | Change::Token(_) => {}
        }
        None
    }

    fn finish(
        &mut self,
        md5: Md5Handle,
        order: &OrderId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Option<Conflict> {
        if let Some(outcome) = self.outcomes.get(&md5) {
            return Some(Conflict::Final(Box::new(outcome.clone())));
        }
        let finished = FinishedPayment::new(md5, order.clone(), outcome, at);
        if finished.is_settled {
            let hash = finished.hash.as_deref();
            if let Some(order) = hash.and_then(|hash| self.finished.order_of(hash)) {
                let order = order.clone();
                return Some(Conflict::TransactionSettledAnother { order });
            }
            if self.finished.is_settled(order) {
                return Some(Conflict::OrderSettled);
            }
        }
        self.open.remove(&md5);
        self.finished.add(finished, at.saturating_add(RETENTION));
        self.outcomes.insert(md5, outcome.clone());
        while let Some(md5) = self.finished.remove_expired(at) {
            self.outcomes.remove(&md5);
        }
        None
    }
}
