//! The payments of the in-memory store, with the indexes that make them unique.

use std::collections::{BTreeMap, VecDeque};

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::conflict::Conflict;
use super::snapshot::{FinishedPayment, OpenPayment};
use super::stored::{Decision, Resolution, ResolveConflict, StoredPayment};
use crate::order::OrderId;
use crate::outcome::Outcome;

/// Stored payments by MD5, by order and by settling transaction.
#[derive(Clone, Default, Debug)]
pub(super) struct PaymentTable {
    by_md5: BTreeMap<Md5Handle, StoredPayment>,
    by_order: BTreeMap<OrderId, Vec<Md5Handle>>,
    /// The payment that settled each order.
    settled_orders: BTreeMap<OrderId, Md5Handle>,
    /// The order that each transaction settled, by the transaction's hash in lower case.
    settling_hashes: BTreeMap<Box<str>, OrderId>,
    /// The final payments, in the order in which they became final.
    finished: VecDeque<(Timestamp, Md5Handle)>,
}

impl PaymentTable {
    pub(super) fn get(&self, md5: &Md5Handle) -> Option<&StoredPayment> {
        self.by_md5.get(md5)
    }

    /// Returns the payment if it is open.
    pub(super) fn open_mut(&mut self, md5: &Md5Handle) -> Option<&mut StoredPayment> {
        let payment = self.by_md5.get_mut(md5)?;
        payment.finished.is_none().then_some(payment)
    }

    pub(super) fn of_order(&self, order: &OrderId) -> impl Iterator<Item = &StoredPayment> {
        let md5s = self.by_order.get(order).into_iter().flatten();
        md5s.filter_map(|md5| self.by_md5.get(md5))
    }

    /// Returns the open payments in the order in which they were opened.
    pub(super) fn open(&self) -> Vec<OpenPayment> {
        let open = self
            .by_md5
            .values()
            .filter(|stored| stored.finished.is_none());
        let open = open.map(|stored| OpenPayment {
            payment: stored.payment.clone(),
            policy: stored.policy,
            opened_at: stored.opened_at,
            asked_at: stored.asked_at,
            is_cancelled: stored.is_cancelled,
        });
        let mut open: Vec<_> = open.collect();
        open.sort_by_key(|open| (open.opened_at, open.payment.md5));
        open
    }

    /// Returns the payments that became final at `since` or later, the oldest first.
    pub(super) fn finished_since(&self, since: Timestamp) -> impl Iterator<Item = FinishedPayment> {
        let finished = self.finished.iter().filter(move |(at, _)| *at >= since);
        finished.filter_map(|(_, md5)| {
            let stored = self.by_md5.get(md5)?;
            let (outcome, at) = stored.finished.as_ref()?;
            let order = stored.payment.order.clone();
            let is_settled = self.settled_orders.get(&order) == Some(md5);
            Some(FinishedPayment {
                is_settled,
                ..FinishedPayment::new(*md5, order, outcome, *at)
            })
        })
    }

    pub(super) fn open_payment(&mut self, stored: StoredPayment) -> Result<(), Conflict> {
        let (md5, order) = (stored.payment.md5, &stored.payment.order);
        if self.by_md5.contains_key(&md5) {
            return Err(Conflict::Known);
        }
        if self.settled_orders.contains_key(order) {
            return Err(Conflict::OrderSettled);
        }
        self.by_order.entry(order.clone()).or_default().push(md5);
        self.by_md5.insert(md5, stored);
        Ok(())
    }

    /// Removes a payment if it is open.
    pub(super) fn withdraw(&mut self, md5: &Md5Handle) {
        if self.open_mut(md5).is_some() {
            self.remove(md5);
        }
    }

    pub(super) fn finish(
        &mut self,
        md5: &Md5Handle,
        order: &OrderId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<(), Conflict> {
        let Some(stored) = self.by_md5.get(md5) else {
            return Err(Conflict::Unknown);
        };
        if let Some((outcome, _)) = &stored.finished {
            return Err(Conflict::Final(Box::new(outcome.clone())));
        }
        if matches!(outcome, Outcome::Paid { .. }) {
            self.settle(md5, order, outcome)?;
        }
        if let Some(stored) = self.by_md5.get_mut(md5) {
            stored.finished = Some((outcome.clone(), at));
            self.finished.push_back((at, *md5));
        }
        Ok(())
    }

    /// Stores a person's decision and returns the payment's order.
    pub(super) fn resolve(
        &mut self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<OrderId, ResolveConflict> {
        let stored = self.by_md5.get(md5).ok_or(ResolveConflict::Unknown)?;
        let Some((outcome @ Outcome::NeedsReview { .. }, _)) = stored.finished.clone() else {
            return Err(ResolveConflict::NoReview);
        };
        if let Some(resolution) = &stored.resolution {
            return Err(ResolveConflict::Resolved(Box::new(resolution.clone())));
        }
        let order = stored.payment.order.clone();
        if resolution.decision == Decision::Accept {
            let settled = self.settle(md5, &order, &outcome);
            settled.map_err(|conflict| match conflict {
                Conflict::TransactionSettledAnother { order } => {
                    ResolveConflict::TransactionSettledAnother { order }
                }
                _ => ResolveConflict::OrderSettled,
            })?;
        }
        if let Some(stored) = self.by_md5.get_mut(md5) {
            stored.resolution = Some(resolution.clone());
        }
        Ok(order)
    }

    /// Records that the payment's transaction settles the order.
    fn settle(
        &mut self,
        md5: &Md5Handle,
        order: &OrderId,
        outcome: &Outcome,
    ) -> Result<(), Conflict> {
        let hash = settling_hash(outcome);
        if let Some(other) = hash
            .as_ref()
            .and_then(|hash| self.settling_hashes.get(hash))
        {
            let order = other.clone();
            return Err(Conflict::TransactionSettledAnother { order });
        }
        if self.settled_orders.contains_key(order) {
            return Err(Conflict::OrderSettled);
        }
        self.settled_orders.insert(order.clone(), *md5);
        if let Some(hash) = hash {
            self.settling_hashes.insert(hash, order.clone());
        }
        Ok(())
    }

    /// Removes the oldest final payments while `is_expired` holds for the time when they became final.
    pub(super) fn remove_finished(&mut self, is_expired: impl Fn(Timestamp) -> bool) {
        while let Some((at, md5)) = self.finished.front().copied()
            && is_expired(at)
        {
            self.finished.pop_front();
            self.remove(&md5);
        }
    }

    fn remove(&mut self, md5: &Md5Handle) {
        let Some(stored) = self.by_md5.remove(md5) else {
            return;
        };
        let order = &stored.payment.order;
        if let Some(md5s) = self.by_order.get_mut(order) {
            md5s.retain(|other| other != md5);
            if md5s.is_empty() {
                self.by_order.remove(order);
            }
        }
        if self.settled_orders.get(order) == Some(md5) {
            self.settled_orders.remove(order);
            let hash = stored
                .finished
                .and_then(|(outcome, _)| settling_hash(&outcome));
            if let Some(hash) = hash {
                self.settling_hashes.remove(&hash);
            }
        }
    }
}

/// Returns the hash of the outcome's transaction in lower case.
fn settling_hash(outcome: &Outcome) -> Option<Box<str>> {
    let hash = outcome.transaction()?.hash.as_deref()?;
    Some(hash.to_ascii_lowercase().into())
}
