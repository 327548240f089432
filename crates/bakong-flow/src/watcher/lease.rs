//! The lease of a leader, renewed by a task of its own so that a slow commit does not lose it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::shared::Shared;
use crate::store::{Epoch, StoreError, StoreErrorKind};

/// The maximum pause after a renewal that failed.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A lease. It is renewed until the value is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    epoch: Epoch,
    state: watch::Receiver<LeaseState>,
    keeper: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct LeaseState {
    /// When the lease expires, by this process's monotonic clock. The store's clock started earlier or later, but
    /// the term was counted from before the call that granted it, so the lease ends here first.
    valid_until: Instant,
    /// The error after which the lease is not renewed any more.
    lost: Option<Arc<StoreError>>,
}

/// Tells whether a lease is valid, for requests that are about to be sent.
#[derive(Clone, Debug)]
pub(super) struct LeaseCheck(watch::Receiver<LeaseState>);

impl LeaseCheck {
    /// Whether the lease is held and has not expired.
    pub(super) fn is_valid(&self) -> bool {
        let state = self.0.borrow();
        state.lost.is_none() && Instant::now() < state.valid_until
    }
}

impl Lease {
    /// Renews the lease that `acquire` granted in a call that began at `asked_at`.
    pub(super) fn keep(shared: Arc<Shared>, epoch: Epoch, asked_at: Instant) -> Self {
        let (sender, state) = watch::channel(LeaseState {
            valid_until: asked_at + shared.settings.lease_term,
            lost: None,
        });
        Self {
            epoch,
            state,
            keeper: tokio::spawn(renew(shared, epoch, sender)),
        }
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn check(&self) -> LeaseCheck {
        LeaseCheck(self.state.clone())
    }

    pub(super) fn is_valid(&self) -> bool {
        self.check().is_valid()
    }

    /// Returns the error that ended the lease, if it has ended.
    pub(super) fn lost(&self) -> Option<Arc<StoreError>> {
        self.state.borrow().lost.clone()
    }

    /// Waits until the lease is renewed or lost.
    pub(super) async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // The keeper has ended, and its last state was returned.
            std::future::pending::<()>().await;
        }
    }

    /// Gives the lease up, so that another worker can lead at once.
    pub(super) async fn release(self, shared: &Shared) {
        self.keeper.abort();
        if let Err(error) = shared.call(shared.store.release(self.epoch)).await {
            tracing::warn!(%error, "the lease was not released; it expires at the end of its term");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn renew(shared: Arc<Shared>, epoch: Epoch, state: watch::Sender<LeaseState>) {
    let term = shared.settings.lease_term;
    let mut pause = term / 3;
    loop {
        tokio::time::sleep(pause).await;
        let asked_at = Instant::now();
        // A renewal that hangs must leave time for another one.
        let renewed = tokio::time::timeout(term / 3, shared.store.renew(epoch, term)).await;
        match renewed {
            Ok(Ok(())) => {
                state.send_modify(|state| state.valid_until = asked_at + term);
                pause = term / 3;
            }
            Ok(Err(error)) if error.kind() != StoreErrorKind::Transient => {
                tracing::warn!(%error, epoch = epoch.get(), "the lease is lost");
                state.send_modify(|state| state.lost = Some(Arc::new(error)));
                return;
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(%error, "the lease was not renewed; trying again");
                }
                pause = (term / 10).min(MAX_PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_valid_until_it_expires_or_is_lost() {
        let now = Instant::now();
        let error = Arc::new(StoreError::fenced());
        let later = now + Duration::from_secs(3_600);
        for (valid_until, lost, is_valid) in [
            (later, None, true),
            (now, None, false),
            (later, Some(Arc::clone(&error)), false),
            (now, Some(error), false),
        ] {
            let (_sender, state) = watch::channel(LeaseState { valid_until, lost });
            assert_eq!(LeaseCheck(state).is_valid(), is_valid);
        }
    }

    #[tokio::test]
    async fn a_lease_that_is_dropped_is_not_renewed_any_more() {
        // The keeper owns `alive` until it ends.
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let keeper = tokio::spawn(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        let (sender, state) = watch::channel(LeaseState {
            valid_until: Instant::now() + Duration::from_secs(3_600),
            lost: None,
        });
        let epoch = Epoch::new(7);
        let lease = Lease {
            epoch,
            state,
            keeper,
        };
        assert!(lease.is_valid() && lease.lost().is_none());
        let error = Arc::new(StoreError::fenced());
        sender.send_modify(|state| state.lost = Some(error));
        assert!(!lease.is_valid() && lease.lost().is_some());
        drop(lease);
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        ended.expect("the keeper runs on").unwrap_err();
    }
}
