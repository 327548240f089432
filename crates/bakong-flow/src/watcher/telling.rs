//! What the task tells of what changed.

use bakong_api::Transport;
use bakong_api::khqr_core::Md5Handle;

use super::sending::Errors;
use super::task::Task;
use super::watched::Progress;
use crate::change::Change;
use crate::clock::Clock;
use crate::store::{Conflict, PaymentStore, Rejected};
use crate::tracker::OpenError;

impl<T: Transport + 'static, S: PaymentStore, C: Clock> Task<T, S, C> {
    /// Tells of what was kept, and has the tracker think again about what was not.
    pub(super) fn publish(&mut self, changes: Vec<Change>, lost: &[Rejected], errors: &Errors) {
        for change in changes {
            let conflict = lost.iter().find(|lost| change.is_rejected(lost));
            match conflict {
                Some(lost) => self.on_conflict(change, &lost.conflict),
                None => self.tell(change, errors),
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
            // It ended as the other worker says.
            (Change::Finished { md5, order, at, .. }, Conflict::Final(outcome)) => {
                let kept = Change::Finished {
                    md5: *md5,
                    order: order.clone(),
                    outcome: (**outcome).clone(),
                    at: *at,
                };
                self.tell(kept, &Errors::default());
            }
            _ => {}
        }
        self.tracker.on_conflict(change, conflict.clone());
    }

    fn tell(&mut self, change: Change, errors: &Errors) {
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
                    progress.trouble = None;
                    progress.next_check = Some(*next);
                });
            }
            Change::NoAnswer { md5, class } => {
                tracing::warn!(%md5, class = class.name(), "no answer");
                update(md5, &|progress| {
                    progress.is_asking = false;
                    progress.trouble = errors.of(md5).or(progress.trouble.take());
                    progress.next_check = None;
                });
            }
            Change::Learned { .. } => {}
            Change::Cancelled { md5 } => update(md5, &|progress| progress.is_cancelled = true),
            Change::Finished {
                md5,
                order,
                outcome,
                ..
            } => {
                tracing::info!(%md5, %order, outcome = outcome.name(), "a payment is final");
                if let Some(progress) = self.open.remove(md5) {
                    progress.send_modify(|progress| {
                        progress.is_asking = false;
                        progress.trouble = None;
                        progress.next_check = None;
                        progress.outcome = Some(outcome.clone());
                    });
                }
            }
            Change::PaidAgain { md5, order, .. } => {
                tracing::warn!(%md5, %order, "money came for a payment that was final");
            }
            Change::Quota(spent) => match spent.closed_at {
                Some(_) => tracing::warn!(spent.requests, "the day's requests are spent"),
                None => tracing::debug!(spent.requests, "requests of the day"),
            },
            Change::ListStatus(lists) => tracing::info!(?lists, "the list endpoint"),
            Change::Token(Ok(_)) => tracing::info!("the token was renewed"),
            Change::Token(Err(class)) => {
                tracing::warn!(
                    class = class.name(),
                    "the token is refused, or could not be renewed"
                );
            }
        }
        // Nobody may be listening.
        let _ = self.means.changes.send(change);
    }
}
