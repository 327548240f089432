//! Publishes the changes that the store persisted or rejected.

use bakong_api::Transport;
use bakong_api::khqr_core::Md5Handle;

use super::progress::Progress;
use super::request::Errors;
use super::task::Task;
use crate::change::Change;
use crate::clock::Clock;
use crate::open_error::OpenError;
use crate::store::{Conflict, PaymentStore, Rejected};

impl<T: Transport + 'static, S: PaymentStore, C: Clock> Task<T, S, C> {
    /// Publishes the persisted changes, and returns the rejected ones to the tracker.
    pub(super) fn publish(&mut self, changes: Vec<Change>, rejected: &[Rejected], errors: &Errors) {
        for change in changes {
            match rejected.iter().find(|rejected| rejected.is_about(&change)) {
                Some(rejected) => self.on_conflict(change, &rejected.conflict),
                None => self.emit(change, errors),
            }
        }
    }

    fn on_conflict(&mut self, change: Change, conflict: &Conflict) {
        match (&change, conflict) {
            (Change::Opened { payment, .. }, _) => {
                let md5 = payment.md5;
                self.open.remove(&md5);
                let refused = match conflict {
                    Conflict::OrderSettled => OpenError::OrderSettled,
                    _ => OpenError::Known,
                };
                if let Some(reply) = self.opening.remove(&md5) {
                    drop(reply.send(Err(refused.into())));
                }
            }
            // The outcome of the other worker counts.
            (Change::Finished { md5, order, at, .. }, Conflict::Final(outcome)) => {
                let stored = Change::Finished {
                    md5: *md5,
                    order: order.clone(),
                    outcome: (**outcome).clone(),
                    at: *at,
                };
                self.emit(stored, &Errors::default());
            }
            _ => {}
        }
        self.tracker.on_conflict(change, conflict.clone());
    }

    /// Updates the progress of the payment, logs the change, and sends it to the subscribers.
    fn emit(&mut self, change: Change, errors: &Errors) {
        let update = |md5: &Md5Handle, update: &dyn Fn(&mut Progress)| {
            if let Some(progress) = self.open.get(md5) {
                progress.send_modify(update);
            }
        };
        match &change {
            Change::Opened { payment, .. } => {
                let md5 = payment.md5;
                tracing::info!(%md5, order = %payment.order, "watching a payment");
                if let (Some(reply), Some(progress)) =
                    (self.opening.remove(&md5), self.open.get(&md5))
                {
                    drop(reply.send(Ok(progress.subscribe())));
                }
            }
            Change::Asked { md5, .. } => update(md5, &|progress| {
                progress.checks = progress.checks.saturating_add(1);
                progress.is_asking = true;
            }),
            Change::NotPaidYet { md5, next } => {
                tracing::debug!(%md5, "not paid yet");
                update(md5, &|progress| {
                    progress.is_asking = false;
                    progress.last_error = None;
                    progress.next_check = Some(*next);
                });
            }
            Change::NoAnswer { md5, class } => {
                tracing::warn!(%md5, class = class.name(), "a request failed");
                update(md5, &|progress| {
                    progress.is_asking = false;
                    progress.last_error = errors.of(md5).or(progress.last_error.take());
                    progress.next_check = None;
                });
            }
            Change::Learned { .. } => {}
            Change::Withdrawn { md5 } => drop(self.open.remove(md5)),
            Change::Cancelled { md5 } => update(md5, &|progress| progress.is_cancelled = true),
            Change::Finished {
                md5,
                order,
                outcome,
                ..
            } => {
                tracing::info!(%md5, %order, outcome = outcome.name(), "the payment is final");
                if let Some(progress) = self.open.remove(md5) {
                    progress.send_modify(|progress| {
                        progress.is_asking = false;
                        progress.last_error = None;
                        progress.next_check = None;
                        progress.outcome = Some(outcome.clone());
                    });
                }
            }
            Change::PaidAgain { md5, order, .. } => {
                tracing::warn!(%md5, %order, "a second transaction was found for a final payment");
            }
            Change::Quota(usage) => match usage.closed_at {
                Some(_) => tracing::warn!(usage.requests, "Bakong closed the quota window"),
                None => tracing::debug!(usage.requests, "the usage of the quota window"),
            },
            Change::ListStatus(lists) => {
                tracing::info!(?lists, "the status of the list endpoint changed");
            }
            Change::Token(Ok(_)) => tracing::info!("the token was renewed"),
            Change::Token(Err(class)) => {
                tracing::warn!(
                    class = class.name(),
                    "the token or its renewal was rejected"
                );
            }
        }
        // Sending fails if there is no subscriber.
        let _ = self.context.changes.send(change);
    }
}
