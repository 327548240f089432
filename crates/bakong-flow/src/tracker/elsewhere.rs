//! What others did: another worker, or whoever sends the requests.

use bakong_api::khqr_core::Timestamp;

use crate::change::Change;
use crate::outcome::Outcome;
use crate::settlement::Mismatch;
use crate::store::Conflict;

use super::{FinishedPayment, Tracker};

impl Tracker {
    /// The token was renewed by whoever sends, and says of itself that it ends then.
    pub fn token_renewed(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.tick(now);
        self.token_at = now;
        self.token.renewed(expires_at, now);
        self.changes.push(Change::Token(Ok(expires_at)));
    }

    /// Another worker finished this payment: it is not asked about any more.
    pub fn finished_elsewhere(&mut self, payment: FinishedPayment, now: Timestamp) {
        self.tick(now);
        if let Some(place) = self.slots.find(&payment.md5) {
            self.remove(place);
        }
        let until = self.config.remembers_until(payment.at);
        self.finished.add(payment, until);
    }

    /// A change was not kept, because another worker's came first: what this tracker does instead is among its
    /// [changes](Self::take_changes) then.
    pub fn on_conflict(&mut self, change: Change, conflict: Conflict) {
        match (change, conflict) {
            (Change::Opened { payment, .. }, _) => {
                if let Some(place) = self.slots.find(&payment.md5) {
                    self.remove(place);
                }
            }
            (
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                },
                Conflict::Final(kept),
            ) => {
                self.finished
                    .correct(FinishedPayment::new(md5, order.clone(), &kept, at));
                let hash_of = |outcome: &Outcome| {
                    outcome
                        .transaction()?
                        .hash
                        .as_deref()
                        .map(str::to_ascii_lowercase)
                };
                let is_same = match (hash_of(&kept), hash_of(&outcome)) {
                    (Some(kept), Some(told)) => kept == told,
                    // Which it is is not said; if there is money, it is taken for the same.
                    _ => kept.transaction().is_some(),
                };
                if let Some(transaction) = outcome.into_transaction().filter(|_| !is_same) {
                    self.changes.push(Change::PaidAgain {
                        md5,
                        order,
                        transaction: Some(transaction),
                        hash: None,
                    });
                }
            }
            (
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    at,
                },
                conflict,
            ) => {
                let (mismatch, is_settled) = match conflict {
                    Conflict::TransactionTaken { order } => {
                        (Mismatch::SettledAnother { order }, false)
                    }
                    // It is, though not by this payment.
                    _ => (Mismatch::OrderSettled, true),
                };
                let Some(transaction) = outcome.into_transaction() else {
                    return;
                };
                let outcome = Outcome::NeedsReview {
                    transaction,
                    mismatches: vec![mismatch],
                };
                let mut finished = FinishedPayment::new(md5, order.clone(), &outcome, at);
                finished.is_settled = is_settled;
                self.finished.correct(finished);
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
