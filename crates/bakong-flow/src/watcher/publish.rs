//! Publishes the changes that the store persisted or rejected.

use std::collections::HashMap;
use std::sync::Arc;

use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ApiError, Transport};

use super::command::Opened;
use super::leader::Leader;
use super::progress::Progress;
use crate::change::Change;
use crate::clock::Clock;
use crate::store::{Conflict, Rejected};

/// The errors of the requests that failed, by payment.
pub(super) type Errors = HashMap<Md5Handle, Arc<ApiError>>;

impl<T: Transport + 'static, C: Clock + 'static> Leader<T, C> {
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
                if let Some(opening) = self.opening.remove(&payment.md5) {
                    let error = conflict.open_error();
                    drop(opening.request.reply.send(Err(error.into())));
                }
            }
            // The outcome in the store counts.
            (Change::Finished { md5, order, at, .. }, Conflict::Final(outcome)) => {
                let stored = Change::Finished {
                    md5: *md5,
                    order: order.clone(),
                    outcome: (**outcome).clone(),
                    at: *at,
                };
                self.emit(stored, &Errors::new());
            }
            _ => {}
        }
        self.tracker.on_conflict(change, conflict.clone());
    }

    /// Updates the progress of the payment, logs the change, and sends it to the subscribers.
    fn emit(&mut self, change: Change, errors: &Errors) {
        let handles = &self.context.shared.handles;
        match &change {
            Change::Opened { payment, .. } => {
                let md5 = payment.md5;
                tracing::info!(%md5, order = %payment.order, "watching a payment");
                let progress = handles.add(Progress::new(payment, false));
                if let Some(opening) = self.opening.remove(&md5) {
                    let withdrawals = self.context.shared.withdrawals.clone();
                    let opened = Opened::new(md5, progress, withdrawals);
                    if let Err(Ok(unclaimed)) = opening.request.reply.send(Ok(opened)) {
                        // This task withdraws the payment itself, before it opens the same code again.
                        drop(unclaimed.accept());
                        self.unclaimed.push(md5);
                    }
                }
            }
            Change::Asked { md5, .. } => handles.update(md5, |progress| {
                progress.checks = progress.checks.saturating_add(1);
                progress.is_asking = true;
            }),
            Change::NotPaidYet { md5, next } => {
                tracing::debug!(%md5, "not paid yet");
                handles.update(md5, |progress| {
                    progress.is_asking = false;
                    progress.last_error = None;
                    progress.next_check = Some(*next);
                });
            }
            Change::NoAnswer { md5, class } => {
                tracing::warn!(%md5, class = class.name(), "a request failed");
                handles.update(md5, |progress| {
                    let error = errors.get(md5).cloned();
                    progress.is_asking = false;
                    progress.last_error = error.or(progress.last_error.take());
                    progress.next_check = None;
                });
            }
            Change::Learned { .. } => {}
            Change::Withdrawn { md5 } => handles.remove(md5),
            Change::Cancelled { md5 } => handles.cancel(md5),
            Change::Finished {
                md5,
                order,
                outcome,
                ..
            } => {
                tracing::info!(%md5, %order, outcome = outcome.name(), "the payment is final");
                handles.finish(md5, outcome);
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
