//! The payments that are final, remembered for a while.

use std::collections::{HashMap, VecDeque};

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::restore::FinishedPayment;
use crate::payment::OrderId;

/// What is remembered of final payments: their MD5s, which transaction ended which, which orders are settled.
#[derive(Clone, Default, Debug)]
pub(super) struct Finished {
    by_md5: HashMap<Md5Handle, FinishedPayment>,
    /// The order that a transaction was found for, by its hash in lower case.
    by_hash: HashMap<Box<str>, OrderId>,
    /// The settled orders, with the MD5 of the payment that settled each.
    settled: HashMap<OrderId, Md5Handle>,
    until: VecDeque<(Timestamp, Md5Handle)>,
}

impl Finished {
    pub(super) fn get(&self, md5: &Md5Handle) -> Option<&FinishedPayment> {
        self.by_md5.get(md5)
    }

    /// The order that the transaction with this hash was found for.
    pub(super) fn order_of(&self, hash: &str) -> Option<&OrderId> {
        self.by_hash.get(hash.to_ascii_lowercase().as_str())
    }

    /// Whether the order is settled.
    pub(super) fn is_settled(&self, order: &OrderId) -> bool {
        self.settled.contains_key(order)
    }

    /// Remembers a payment until this moment.
    pub(super) fn add(&mut self, payment: FinishedPayment, until: Timestamp) {
        let md5 = payment.md5;
        if self.by_md5.contains_key(&md5) {
            return self.correct(payment);
        }
        self.until.push_back((until, md5));
        self.link(payment);
    }

    /// The payment ended otherwise than was thought. Does nothing to one that is not remembered.
    pub(super) fn correct(&mut self, payment: FinishedPayment) {
        if self.unlink(&payment.md5) {
            self.link(payment);
        }
    }

    /// Forgets those whose time is over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        while let Some((until, md5)) = self.until.front().copied()
            && until <= now
        {
            self.until.pop_front();
            self.unlink(&md5);
        }
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

    pub(super) fn iter(&self) -> impl Iterator<Item = &FinishedPayment> {
        // The oldest first, as they were added.
        self.until
            .iter()
            .filter_map(|(_, md5)| self.by_md5.get(md5))
    }
}
