//! The progress of the payments that this watcher knows, shared by its task and its handles.
//!
//! The progress survives a change of the role. A leader has the progress of every open payment, a follower that of the
//! payments with a [`Watched`](super::Watched).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bakong_api::khqr_core::Md5Handle;
use tokio::sync::watch;

use super::progress::Progress;
use crate::outcome::Outcome;

/// Receives the progress of a payment.
pub(super) type ProgressReceiver = watch::Receiver<Progress>;

/// The progress of open payments, by MD5.
#[derive(Clone, Default, Debug)]
pub(super) struct Handles(Arc<Mutex<BTreeMap<Md5Handle, watch::Sender<Progress>>>>);

impl Handles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Md5Handle, watch::Sender<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self, md5: &Md5Handle) -> Option<ProgressReceiver> {
        self.lock().get(md5).map(watch::Sender::subscribe)
    }

    /// Returns a receiver. Adds `progress` if there is none for its payment.
    pub(super) fn add(&self, progress: Progress) -> ProgressReceiver {
        let mut handles = self.lock();
        let sender = handles.entry(progress.md5);
        let sender = sender.or_insert_with(|| watch::Sender::new(progress));
        sender.subscribe()
    }

    pub(super) fn update(&self, md5: &Md5Handle, update: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.lock().get(md5) {
            progress.send_modify(update);
        }
    }

    /// The order of the payment was cancelled.
    pub(super) fn cancel(&self, md5: &Md5Handle) {
        if let Some(progress) = self.lock().get(md5) {
            progress
                .send_if_modified(|progress| !std::mem::replace(&mut progress.is_cancelled, true));
        }
    }

    /// Sends the outcome, and forgets the payment.
    pub(super) fn finish(&self, md5: &Md5Handle, outcome: &Outcome) {
        if let Some(progress) = self.lock().remove(md5) {
            progress.send_modify(|progress| progress.finish(outcome));
        }
    }

    /// Forgets a payment that is not open any more. Its handles get no outcome.
    pub(super) fn remove(&self, md5: &Md5Handle) {
        self.lock().remove(md5);
    }

    /// Forgets everything that a leader knew, except for the payments with a handle.
    pub(super) fn lost_lease(&self) {
        let mut handles = self.lock();
        handles.retain(|_, progress| progress.receiver_count() > 0);
        for progress in handles.values() {
            progress.send_if_modified(|progress| {
                let was_asking = std::mem::take(&mut progress.is_asking);
                let next = progress.next_check.take();
                was_asking || next.is_some()
            });
        }
    }

    /// Forgets the payments without a handle, and returns whether there are others.
    pub(super) fn has_watched(&self) -> bool {
        let mut handles = self.lock();
        handles.retain(|_, progress| progress.receiver_count() > 0);
        !handles.is_empty()
    }

    /// Forgets the payments without a handle, and returns up to `limit` of the others, after the payment `after`.
    pub(super) fn watched_after(&self, after: Option<Md5Handle>, limit: usize) -> Vec<Md5Handle> {
        let mut handles = self.lock();
        handles.retain(|_, progress| progress.receiver_count() > 0);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let watched = handles.range((start, Bound::Unbounded));
        watched.map(|(md5, _)| *md5).take(limit).collect()
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}
