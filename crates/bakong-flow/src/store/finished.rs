//! An index of final payments, used by the tracker and the in-memory store.

use std::collections::{BTreeMap, VecDeque};

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::snapshot::FinishedPayment;
use crate::order::OrderId;

/// Final payments by MD5, by transaction and by order, each until it expires.
#[derive(Clone, Default, Debug)]
pub(crate) struct FinishedPayments {
    by_md5: BTreeMap<Md5Handle, FinishedPayment>,
    /// The order of each transaction that was found, by the transaction's hash in lower case.
    by_hash: BTreeMap<Box<str>, OrderId>,
    /// The settled orders, with the MD5 of the payment that settled each.
    settled: BTreeMap<OrderId, Md5Handle>,
    /// When each payment expires, the oldest payment first.
    until: VecDeque<(Timestamp, Md5Handle)>,
}

impl FinishedPayments {
    pub(crate) fn get(&self, md5: &Md5Handle) -> Option<&FinishedPayment> {
        self.by_md5.get(md5)
    }

    /// Returns the order of the transaction with this hash, if it was found.
    pub(crate) fn order_of(&self, hash: &str) -> Option<&OrderId> {
        self.by_hash.get(hash.to_ascii_lowercase().as_str())
    }

    /// Whether the order is settled.
    pub(crate) fn is_settled(&self, order: &OrderId) -> bool {
        self.settled.contains_key(order)
    }

    /// Adds `payment`, which expires at `until`, or replaces the payment with the same MD5.
    pub(crate) fn add(&mut self, payment: FinishedPayment, until: Timestamp) {
        if !self.unlink(&payment.md5) {
            self.until.push_back((until, payment.md5));
        }
        self.link(payment);
    }

    /// Replaces the payment with the same MD5, if the index has one.
    pub(crate) fn replace(&mut self, payment: FinishedPayment) {
        if self.unlink(&payment.md5) {
            self.link(payment);
        }
    }

    /// Removes the oldest payment if it has expired, and returns its MD5.
    pub(crate) fn remove_expired(&mut self, now: Timestamp) -> Option<Md5Handle> {
        let (until, md5) = *self.until.front()?;
        if until > now {
            return None;
        }
        self.until.pop_front();
        self.unlink(&md5);
        Some(md5)
    }

    /// Returns all payments, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &FinishedPayment> {
        let md5s = self.until.iter().map(|(_, md5)| md5);
        md5s.filter_map(|md5| self.by_md5.get(md5))
    }

    fn link(&mut self, payment: FinishedPayment) {
        let FinishedPayment { md5, order, .. } = &payment;
        if let Some(hash) = &payment.hash {
            let hash = hash.to_ascii_lowercase().into();
            self.by_hash.entry(hash).or_insert_with(|| order.clone());
        }
        if payment.is_settled {
            self.settled.entry(order.clone()).or_insert(*md5);
        }
        self.by_md5.insert(*md5, payment);
    }

    fn unlink(&mut self, md5: &Md5Handle) -> bool {
        let Some(payment) = self.by_md5.remove(md5) else {
            return false;
        };
        if let Some(hash) = &payment.hash
            && self.order_of(hash) == Some(&payment.order)
        {
            self.by_hash.remove(hash.to_ascii_lowercase().as_str());
        }
        if self.settled.get(&payment.order) == Some(md5) {
            self.settled.remove(&payment.order);
        }
        true
    }
}
