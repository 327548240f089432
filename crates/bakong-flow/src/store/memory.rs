//! A store that lasts as long as the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::{Conflict, PaymentStore, Rejected, StoreError};
use crate::change::{Change, ListStatus};
use crate::outcome::Outcome;
use crate::payment::OrderId;
use crate::quota::WindowUsage;
use crate::tracker::{FinishedPayment, OpenPayment, Snapshot};

/// How long a final payment is kept: longer than any stays open.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Keeps changes in memory: for tests, and for a shop that can do without what was open when its process ends.
/// Final payments are kept for thirty days.
#[derive(Default, Debug)]
pub struct MemoryStore(Mutex<Books>);

#[derive(Clone, Default, Debug)]
struct Books {
    spent: Option<WindowUsage>,
    lists: Option<ListStatus>,
    open: HashMap<Md5Handle, OpenPayment>,
    finished: HashMap<Md5Handle, (FinishedPayment, Outcome)>,
    settled: HashMap<OrderId, Md5Handle>,
    taken: HashMap<Box<str>, Md5Handle>,
    by_age: VecDeque<(Timestamp, Md5Handle)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was kept so far: [`PaymentStore::load`] without waiting.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let books = self.books();
        let mut open: Vec<_> = books.open.values().cloned().collect();
        open.sort_by_key(|open| (open.opened_at, open.payment.md5));
        let finished = books.by_age.iter();
        let finished = finished.filter_map(|(_, md5)| Some(books.finished.get(md5)?.0.clone()));
        Snapshot {
            spent: books.spent,
            lists: books.lists.unwrap_or(ListStatus::Untried),
            finished: finished.collect(),
            open,
        }
    }

    /// Keeps these changes: [`PaymentStore::keep`] without waiting.
    pub fn apply(&self, changes: &[Change]) -> Vec<Rejected> {
        let mut books = self.books();
        let mut lost = Vec::new();
        for change in changes {
            if let Some((md5, conflict)) = books.apply(change) {
                lost.push(Rejected::new(md5, conflict));
            }
        }
        lost
    }

    /// How a payment ended, if it has and is still kept.
    #[must_use]
    pub fn outcome(&self, md5: &Md5Handle) -> Option<Outcome> {
        let books = self.books();
        books.finished.get(md5).map(|(_, outcome)| outcome.clone())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A panic elsewhere leaves the books as they were between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy keeps books of its own from then on.
impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.books().clone()))
    }
}

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        Ok(self.snapshot())
    }

    async fn keep(&self, changes: &[Change]) -> Result<Vec<Rejected>, StoreError> {
        Ok(self.apply(changes))
    }
}

impl Books {
    fn apply(&mut self, change: &Change) -> Option<(Md5Handle, Conflict)> {
        match change {
            Change::Opened {
                payment,
                policy,
                at,
            } => {
                let md5 = payment.md5;
                if self.open.contains_key(&md5) || self.finished.contains_key(&md5) {
                    return Some((md5, Conflict::Known));
                }
                if self.settled.contains_key(&payment.order) {
                    return Some((md5, Conflict::OrderSettled));
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
                    // Another worker may know more.
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
                return self
                    .finish(*md5, order, outcome, *at)
                    .map(|conflict| (*md5, conflict));
            }
            Change::Quota(spent) => {
                self.spent = Some(self.spent.map_or(*spent, |kept| kept.then(*spent)));
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
        if let Some((_, outcome)) = self.finished.get(&md5) {
            return Some(Conflict::Final(Box::new(outcome.clone())));
        }
        let finished = FinishedPayment::new(md5, order.clone(), outcome, at);
        let hash: Option<Box<str>> = finished
            .hash
            .as_deref()
            .map(|hash| hash.to_ascii_lowercase().into());
        if finished.is_settled {
            let taken = hash.as_ref().and_then(|hash| self.taken.get(hash));
            if let Some((other, _)) = taken.and_then(|md5| self.finished.get(md5)) {
                let order = other.order.clone();
                return Some(Conflict::TransactionTaken { order });
            }
            if self.settled.contains_key(order) {
                return Some(Conflict::OrderSettled);
            }
            self.settled.insert(order.clone(), md5);
        }
        if let Some(hash) = hash {
            self.taken.entry(hash).or_insert(md5);
        }
        self.open.remove(&md5);
        self.by_age.push_back((at, md5));
        self.finished.insert(md5, (finished, outcome.clone()));
        self.forget(at);
        None
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, md5)) = self.by_age.front().copied()
            && at.saturating_add(KEPT) <= now
        {
            self.by_age.pop_front();
            let Some((finished, _)) = self.finished.remove(&md5) else {
                continue;
            };
            if self.settled.get(&finished.order) == Some(&md5) {
                self.settled.remove(&finished.order);
            }
            let hash = finished.hash.map(|hash| hash.to_ascii_lowercase());
            if let Some(hash) = hash
                && self.taken.get(hash.as_str()) == Some(&md5)
            {
                self.taken.remove(hash.as_str());
            }
        }
    }
}
