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

#[cfg(test)]
mod tests {
    use bakong_api::Transaction;

    use super::*;
    use crate::outcome::Outcome;

    const NOON: u64 = 1_795_237_200_000;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(NOON + seconds * 1_000)
    }

    fn md5(number: u32) -> Md5Handle {
        Md5Handle::of(&format!("code {number}"))
    }

    fn order(number: u32) -> OrderId {
        OrderId::new(&format!("order {number}")).unwrap()
    }

    /// A full hash that ends with `text`.
    fn hash(text: &str) -> String {
        format!("{text:0>64}")
    }

    /// Payment `number` of order `of`, settled by the transaction whose hash ends with `text`.
    fn paid(number: u32, of: u32, text: &str) -> FinishedPayment {
        let transaction = Transaction::from_json(&format!(r#"{{"hash":"{}"}}"#, hash(text)));
        let outcome = Outcome::Paid {
            transaction: Box::new(transaction.unwrap()),
            late: false,
        };
        FinishedPayment::new(md5(number), order(of), &outcome, at(0))
    }

    #[test]
    fn a_payment_is_found_by_its_transaction_until_it_expires() {
        let mut finished = FinishedPayments::default();
        finished.add(paid(1, 1, "aB"), at(10));
        assert_eq!(finished.order_of(&hash("Ab")), Some(&order(1)));
        assert!(finished.is_settled(&order(1)));
        assert_eq!(finished.remove_expired(at(9)), None);
        assert_eq!(finished.remove_expired(at(10)), Some(md5(1)));
        assert_eq!(finished.order_of(&hash("ab")), None);
        assert!(!finished.is_settled(&order(1)) && finished.get(&md5(1)).is_none());
        assert_eq!(finished.remove_expired(at(11)), None);
    }

    #[test]
    fn the_first_order_keeps_its_transaction_when_a_later_payment_expires() {
        let mut finished = FinishedPayments::default();
        finished.add(paid(2, 2, "ab"), at(10));
        finished.add(paid(1, 1, "ab"), at(5));
        assert_eq!(finished.order_of(&hash("ab")), Some(&order(2)));
        // Replaces payment 1, which does not own the transaction.
        finished.replace(paid(1, 1, "cd"));
        assert_eq!(finished.order_of(&hash("ab")), Some(&order(2)));
        assert_eq!(finished.order_of(&hash("cd")), Some(&order(1)));
        finished.replace(paid(3, 3, "ef"));
        assert_eq!(
            finished.order_of(&hash("ef")),
            None,
            "the index has no such payment"
        );
    }

    #[test]
    fn an_order_stays_settled_by_the_payment_that_settled_it_first() {
        let mut finished = FinishedPayments::default();
        finished.add(paid(1, 1, "ab"), at(20));
        finished.add(paid(2, 1, "cd"), at(20));
        let mut expired = paid(2, 1, "cd");
        expired.is_settled = false;
        finished.replace(expired);
        assert!(finished.is_settled(&order(1)));
    }
}
