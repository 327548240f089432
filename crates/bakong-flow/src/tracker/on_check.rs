//! Applies an answer to a payment.

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, Lookup, Transaction, TransactionHash};

use super::Tracker;
use super::in_flight::{Grant, Request};
use super::payments::{Key, Slot};
use crate::change::Change;
use crate::outcome::Outcome;
use crate::settlement::{Mismatch, Settlement, settle_any};
use crate::store::FinishedPayment;

/// The maximum assumed difference between Bakong's clock and ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

impl Tracker {
    /// Handles Bakong's answer about a payment.
    pub(super) fn on_check(
        &mut self,
        request: &Request,
        key: Key,
        md5: Md5Handle,
        answer: CheckAnswer,
        now: Timestamp,
    ) {
        if !self.payments.is_asked_by(key, request.number) {
            // Another worker finished the payment in the meantime.
            if let CheckAnswer::Paid(transaction) = answer {
                self.emit_paid_again(md5, transaction);
            }
            return;
        }
        let slot = &mut self.payments[key];
        let failures = std::mem::take(&mut slot.failures);
        slot.alone = false;
        let is_by_md5 = slot.lookups.current() == Lookup::Md5;
        match answer {
            CheckAnswer::Paid(transaction) if is_by_md5 || slot.lookups.is_md5_done() => {
                self.on_paid(key, transaction, !is_by_md5, now);
            }
            CheckAnswer::Paid(transaction) => return self.on_found_by_hash(key, transaction, now),
            CheckAnswer::Failed if is_by_md5 => self.finish(key, Outcome::Failed, now),
            CheckAnswer::StaticQr if is_by_md5 => self.finish(key, Outcome::StaticQr, now),
            // A hash can find another code, which may have failed or be static.
            CheckAnswer::NotFound | CheckAnswer::Failed | CheckAnswer::StaticQr => {
                return self.on_not_found(request, key, now);
            }
            // A newer bakong-api has a result that this version does not know.
            _ => {
                slot.failures = failures;
                return self.on_unknown_answer(request, key, now);
            }
        }
        if request.grant == Grant::Paced && !self.lists.works() {
            // The payment no longer needs the request that is reserved for its final check.
            self.pacer.refund();
        }
    }

    /// Handles a result that this version does not know like an unreadable answer: it decides nothing.
    fn on_unknown_answer(&mut self, request: &Request, key: Key, now: Timestamp) {
        let md5 = self.payments[key].payment.md5;
        let class = ErrorClass::Malformed;
        self.changes.push(Change::NoAnswer { md5, class });
        self.on_single_failure(request, key, now);
    }

    /// A hash found a transaction before the final check by MD5. The MD5 decides: the transfer may have become visible
    /// after the most recent check by MD5.
    fn on_found_by_hash(&mut self, key: Key, transaction: Box<Transaction>, now: Timestamp) {
        let slot = &mut self.payments[key];
        slot.lookups.found(transaction);
        let md5 = slot.payment.md5;
        self.retry_at(key, now);
        self.changes.push(Change::NotPaidYet { md5, next: now });
    }

    fn on_not_found(&mut self, request: &Request, key: Key, now: Timestamp) {
        let slot = &mut self.payments[key];
        let deadline = slot.deadline();
        if let Some(transaction) = slot.lookups.take_found() {
            return self.on_paid(key, transaction, true, now);
        }
        // The time of the request counts, not the time of the answer.
        let is_final = request.asked_at >= deadline;
        let was_md5_done = slot.lookups.is_md5_done();
        let is_lookup_left = slot.lookups.not_found(is_final);
        if slot.lookups.is_md5_done() && !was_md5_done {
            let within = slot.policy.grace.final_check_window;
            self.reservations.release(deadline, within);
        }
        if !is_lookup_left {
            let outcome = if slot.is_cancelled {
                Outcome::Cancelled
            } else {
                Outcome::Expired
            };
            return self.finish(key, outcome, now);
        }
        let (md5, is_by_md5) = (slot.payment.md5, slot.lookups.current() == Lookup::Md5);
        if is_final {
            self.reserve_hashes(key);
            // Keep the deadline as the due time, so that this payment comes before those that became due later: a
            // restart would lose the progress of its lookups.
            self.retry_at(key, deadline);
        } else if slot.state().is_final_due() || !is_by_md5 {
            self.retry_at(key, now);
        } else {
            self.plan_check(key, now);
        }
        let next = self.payments[key].state().next();
        let next = next.map_or(now, |next| next.max(now));
        self.changes.push(Change::NotPaidYet { md5, next });
    }

    /// A transaction was found. `by_hash` says whether only a hash found it.
    fn on_paid(&mut self, key: Key, transaction: Box<Transaction>, by_hash: bool, now: Timestamp) {
        let slot = &self.payments[key];
        let payment = &slot.payment;
        let settlement = match &payment.expected {
            Some(expected) => expected.settle(&transaction, slot.deadline()),
            None => settle_any(&transaction, slot.deadline()),
        };
        let (late, mut mismatches) = match settlement {
            Settlement::Settled { late } => (late, Vec::new()),
            Settlement::NeedsReview(mismatches) => (false, mismatches),
        };
        let hash = transaction.hash.as_deref();
        if let Some(order) = hash.and_then(|hash| self.finished.order_of(hash)) {
            let order = order.clone();
            mismatches.push(Mismatch::SettledAnother { order });
        } else if self.finished.is_settled(&payment.order) {
            mismatches.push(Mismatch::OrderSettled);
        }
        if by_hash {
            mismatches.push(Mismatch::OtherCode);
            let created_at = transaction.created_at.known();
            if created_at.is_some_and(|at| at.saturating_add(CLOCK_SKEW) < slot.opened_at) {
                mismatches.push(Mismatch::BeforeOpened);
            }
        }
        if slot.is_cancelled {
            mismatches.push(Mismatch::Cancelled);
        }
        let outcome = if mismatches.is_empty() {
            Outcome::Paid { transaction, late }
        } else {
            Outcome::NeedsReview {
                transaction,
                mismatches,
            }
        };
        self.finish(key, outcome, now);
    }

    fn finish(&mut self, key: Key, outcome: Outcome, now: Timestamp) {
        let slot = self.remove(key);
        let (md5, order) = (slot.payment.md5, slot.payment.order.clone());
        let until = self.config.remember_until(now);
        let finished = FinishedPayment::new(md5, order.clone(), &outcome, now);
        self.finished.add(finished, until);
        let second = second_transfer(&slot, &outcome);
        self.changes.push(Change::Finished {
            md5,
            order: order.clone(),
            outcome,
            at: now,
        });
        if let Some(hash) = second {
            self.changes.push(Change::PaidAgain {
                md5,
                order,
                transaction: None,
                hash: Some(hash),
                at: now,
            });
        }
    }

    /// Emits [`Change::PaidAgain`] if `transaction` differs from the one that a final payment ended with.
    pub(super) fn emit_paid_again(&mut self, md5: Md5Handle, transaction: Box<Transaction>) {
        let Some(finished) = self.finished.get(&md5) else {
            return;
        };
        let known = finished.hash.as_deref();
        let is_same = known
            .zip(transaction.hash.as_deref())
            .is_some_and(|(known, found)| known.eq_ignore_ascii_case(found));
        if !is_same {
            self.changes.push(Change::PaidAgain {
                md5,
                order: finished.order.clone(),
                transaction: Some(transaction),
                hash: None,
                at: self.now,
            });
        }
    }

    /// Removes a payment and releases its reservations.
    pub(super) fn remove(&mut self, key: Key) -> Slot {
        let slot = self.payments.remove(key);
        if !slot.lookups.is_md5_done() {
            let within = slot.policy.grace.final_check_window;
            self.reservations.release(slot.deadline(), within);
        }
        let (window, requests) = slot.hash_reservation;
        self.reservations.release_singles(window, requests);
        slot
    }
}

/// Returns the known hash of a payment if another transaction was found: the code was paid twice, or the hash belongs to
/// another order.
fn second_transfer(slot: &Slot, outcome: &Outcome) -> Option<TransactionHash> {
    let known = slot.payment.hash.as_ref()?;
    let found = outcome.transaction()?.hash.as_deref()?;
    (!found.eq_ignore_ascii_case(known.as_str())).then(|| known.clone())
}
