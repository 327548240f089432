//! Handles decisions that other workers made first.

use bakong_api::khqr_core::Timestamp;

use crate::change::Change;
use crate::outcome::Outcome;
use crate::settlement::Mismatch;
use crate::store::{Conflict, FinishedPayment};

use super::Tracker;

impl Tracker {
    /// Removes a payment that another worker finished.
    pub fn mark_finished(&mut self, payment: FinishedPayment, now: Timestamp) {
        self.tick(now);
        if let Some(key) = self.payments.find(&payment.md5) {
            self.remove(key);
        }
        let until = self.config.remember_until(payment.at);
        self.finished.add(payment, until);
    }

    /// Handles a change that the store rejected because of `conflict`. The tracker emits its reaction among
    /// its [changes](Self::take_changes).
    pub fn on_conflict(&mut self, change: Change, conflict: Conflict) {
        match change {
            Change::Opened { payment, .. } => {
                if let Some(key) = self.payments.find(&payment.md5) {
                    self.remove(key);
                }
            }
            Change::Finished {
                md5,
                order,
                outcome,
                at,
            } => {
                let finished =
                    |outcome: &Outcome| FinishedPayment::new(md5, order.clone(), outcome, at);
                let (mismatch, is_settled) = match conflict {
                    Conflict::Final(stored) => {
                        self.finished.replace(finished(&stored));
                        let is_other = !is_same_transaction(&stored, &outcome);
                        let transaction = outcome.into_transaction().filter(|_| is_other);
                        self.changes
                            .extend(transaction.map(|transaction| Change::PaidAgain {
                                md5,
                                order,
                                transaction: Some(transaction),
                                hash: None,
                                at,
                            }));
                        return;
                    }
                    Conflict::TransactionSettledAnother { order } => {
                        (Mismatch::SettledAnother { order }, false)
                    }
                    // The order is settled, though by another payment.
                    Conflict::OrderSettled => (Mismatch::OrderSettled, true),
                    // The payment is not in the store any more, so its outcome has no meaning.
                    Conflict::Unknown | Conflict::Known | Conflict::Withdrawn => return,
                };
                let Some(transaction) = outcome.into_transaction() else {
                    return;
                };
                let outcome = Outcome::NeedsReview {
                    transaction,
                    mismatches: vec![mismatch],
                };
                self.finished.replace(FinishedPayment {
                    is_settled,
                    ..finished(&outcome)
                });
                self.changes.push(Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                });
            }
            _ => {}
        }
    }
}

/// Whether both outcomes have the same transaction. If one has no hash, the transactions count as the same.
fn is_same_transaction(stored: &Outcome, outcome: &Outcome) -> bool {
    let hash_of =
        |outcome: &Outcome| Some(outcome.transaction()?.hash.as_deref()?.to_ascii_lowercase());
    match (hash_of(stored), hash_of(outcome)) {
        (Some(stored), Some(found)) => stored == found,
        _ => stored.transaction().is_some(),
    }
}
