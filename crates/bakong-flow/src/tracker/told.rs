//! What Bakong says of a payment, and what becomes of it.

use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, Transaction, TransactionHash};

use crate::change::Change;
use crate::outcome::Outcome;
use crate::settlement::{Mismatch, Settlement};

use super::in_flight::Out;
use super::slots::{Due, Slot, Way};
use super::{FinishedPayment, Tracker};

impl Tracker {
    /// What Bakong said of a payment.
    pub(super) fn told(
        &mut self,
        out: &Out,
        place: u32,
        md5: Md5Handle,
        answer: CheckAnswer,
        now: Timestamp,
    ) {
        let Some(slot) = self.out_slot(out, place) else {
            // It was finished meanwhile by another worker.
            if let CheckAnswer::Paid(transaction) = answer {
                self.paid_again(md5, transaction);
            }
            return;
        };
        slot.failures = 0;
        slot.alone = false;
        match answer {
            CheckAnswer::NotFound => return self.not_found(out, place, now),
            CheckAnswer::Paid(transaction) => self.paid(place, transaction, now),
            // By another way than the MD5, they are about another code.
            CheckAnswer::Failed if slot.way == Way::Md5 => {
                self.finish(place, Outcome::Failed, now);
            }
            CheckAnswer::StaticQr if slot.way == Way::Md5 => {
                self.finish(place, Outcome::StaticQr, now);
            }
            CheckAnswer::Failed | CheckAnswer::StaticQr => return self.not_found(out, place, now),
        }
        if out.paced && !self.lists.work() {
            // The last check that was set aside for it alone is free now.
            self.pace.give_back();
        }
    }

    fn not_found(&mut self, out: &Out, place: u32, now: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        // However late the answer comes; a clock that was set back sets this back, too.
        let was_last = out.asked_at >= deadline;
        let within = self.slots.policy(slot).grace.last_check_within;
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let is_outdated = std::mem::take(&mut slot.is_outdated);
        if was_last && !is_outdated {
            if slot.way == Way::Md5 && !slot.tried.has(Way::Md5) {
                self.promises.remove(deadline, within);
            }
            slot.tried.add(slot.way);
            let Some(way) = slot.next_way() else {
                let outcome = if slot.is_cancelled {
                    Outcome::Cancelled
                } else {
                    Outcome::Expired
                };
                self.finish(place, outcome, now);
                return;
            };
            slot.way = way;
        } else {
            if !is_outdated {
                slot.had_turn.add(slot.way);
            }
            slot.way = slot.early_way();
            slot.out = 0;
        }
        let (md5, is_ripe, way) = (slot.md5, slot.is_ripe(), slot.way);
        if was_last {
            self.set_aside(place);
        }
        if was_last {
            // Before all others whose time came later: what it found out is lost with the process.
            self.again_at(place, deadline);
        } else if is_ripe || way != Way::Md5 {
            self.again_at(place, now);
        } else {
            self.schedule(place, now);
        }
        let next = self
            .slots
            .get(place)
            .map_or(now, |slot| Timestamp::from_millis(slot.next()).max(now));
        self.changes.push(Change::NotPaidYet { md5, next });
    }

    fn paid(&mut self, place: u32, transaction: Box<Transaction>, now: Timestamp) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let deadline = self.slots.deadline(slot);
        let Some(expected) = self.slots.expected(slot) else {
            return;
        };
        let mut mismatches = Vec::new();
        let late = match expected.settle(&transaction, deadline) {
            Settlement::Settled { late } => late,
            Settlement::NeedsReview(found) => {
                mismatches = found;
                false
            }
        };
        let hash = transaction.hash.as_deref();
        if let Some(order) = hash.and_then(|hash| self.finished.order_of(hash)) {
            let order = order.clone();
            mismatches.push(Mismatch::SettledAnother { order });
        } else if self.finished.is_settled(&slot.order) {
            mismatches.push(Mismatch::OrderSettled);
        }
        let created_at = transaction.created_at.known();
        if slot.way != Way::Md5
            && created_at.is_some_and(|at| at.saturating_add(SKEW).as_millis() < slot.opened_at)
        {
            mismatches.push(Mismatch::BeforeOpened);
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
        self.finish(place, outcome, now);
    }

    fn finish(&mut self, place: u32, outcome: Outcome, now: Timestamp) {
        let Some(slot) = self.remove(place) else {
            return;
        };
        let until = self.config.remembers_until(now);
        let finished = FinishedPayment::new(slot.md5, slot.order.clone(), &outcome, now);
        self.finished.add(finished, until);
        let second = second_transfer(&slot, &outcome);
        self.changes.push(Change::Finished {
            md5: slot.md5,
            order: slot.order.clone(),
            outcome,
            at: now,
        });
        if let Some(hash) = second {
            self.changes.push(Change::PaidAgain {
                md5: slot.md5,
                order: slot.order,
                transaction: None,
                hash: Some(hash),
            });
        }
    }

    /// There is money for a payment that is final already; told of only if it is other money.
    pub(super) fn paid_again(&mut self, md5: Md5Handle, transaction: Box<Transaction>) {
        let Some(finished) = self.finished.get(&md5) else {
            return;
        };
        let hash = transaction.hash.as_deref();
        let same = finished.hash.as_deref().zip(hash);
        if same.is_some_and(|(known, told)| known.eq_ignore_ascii_case(told)) {
            return;
        }
        let order = finished.order.clone();
        self.changes.push(Change::PaidAgain {
            md5,
            order,
            transaction: Some(transaction),
            hash: None,
        });
    }

    pub(super) fn remove(&mut self, place: u32) -> Option<Slot> {
        let slot = self.slots.get(place)?;
        let deadline = self.slots.deadline(slot);
        let within = self.slots.policy(slot).grace.last_check_within;
        if let Due::Ripe(latest) = slot.due
            && !slot.is_out()
        {
            self.ripe.remove(latest, place);
        }
        if !slot.tried.has(Way::Md5) {
            self.promises.remove(deadline, within);
        }
        if let Some(hashes) = &slot.hashes {
            let (day, requests) = hashes.set_aside;
            self.promises.remove_singles(day, requests);
        }
        let slot = self.slots.remove(place);
        self.tidy();
        slot
    }
}

/// How far Bakong's clock and ours may differ.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// The hash that was known of a payment, if it is not that of the transaction which was found: the code was
/// paid twice, or the hash is of another order.
fn second_transfer(slot: &Slot, outcome: &Outcome) -> Option<TransactionHash> {
    let known = slot.hashes.as_deref()?.hash.as_ref()?;
    let found = outcome.transaction()?.hash.as_deref()?;
    (!found.eq_ignore_ascii_case(known.as_str())).then(|| known.clone())
}
