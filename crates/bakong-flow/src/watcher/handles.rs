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

#[cfg(test)]
mod tests {
    use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Timestamp};

    use super::*;
    use crate::order::OrderId;
    use crate::payment::Payment;
    use crate::settlement::Expected;

    const NOON: Timestamp = Timestamp::from_millis(1_795_237_200_000);

    fn md5(number: u32) -> Md5Handle {
        Md5Handle::of(&format!("code {number}"))
    }

    fn progress(number: u32) -> Progress {
        let amount = Amount::from_minor_units(10_000, Currency::Khr);
        let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
        let order = OrderId::new("order").unwrap();
        Progress::new(&Payment::new(order, md5(number), expected, NOON), false)
    }

    #[test]
    fn only_payments_with_a_handle_are_kept_without_the_lease() {
        let handles = Handles::default();
        let kept = handles.add(progress(1));
        drop(handles.add(progress(2)));
        assert!(handles.subscribe(&md5(1)).is_some() && handles.subscribe(&md5(2)).is_some());
        handles.lost_lease();
        assert!(handles.subscribe(&md5(1)).is_some());
        assert!(handles.subscribe(&md5(2)).is_none());
        assert!(handles.has_watched());
        drop(handles.add(progress(3)));
        assert_eq!(handles.watched_after(None, 9), [md5(1)]);
        assert!(handles.watched_after(Some(md5(1)), 9).is_empty());
        drop(kept);
        assert!(!handles.has_watched());
    }

    #[test]
    fn a_handle_is_told_only_of_changes() {
        let handles = Handles::default();
        let mut handle = handles.add(progress(1));
        handles.lost_lease();
        assert!(!handle.has_changed().unwrap(), "nothing was planned");
        for is_asking in [false, true] {
            handles.update(&md5(1), |progress| {
                progress.is_asking = is_asking;
                progress.next_check = (!is_asking).then_some(NOON);
            });
            handle.mark_unchanged();
            handles.lost_lease();
            assert!(handle.has_changed().unwrap());
            let progress = handle.borrow_and_update();
            assert!(!progress.is_asking && progress.next_check.is_none());
        }
        handles.cancel(&md5(1));
        assert!(handle.has_changed().unwrap() && handle.borrow_and_update().is_cancelled);
        handles.cancel(&md5(1));
        assert!(!handle.has_changed().unwrap(), "it was cancelled before");
    }
}
