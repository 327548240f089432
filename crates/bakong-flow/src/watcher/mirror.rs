//! Copies the outcomes of payments from the store to the handles of a follower.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::Md5Handle;

use super::shared::Shared;
use crate::store::{PaymentKey, StoreError};

/// How often the store is polled, in case a notification is lost.
const POLL: Duration = Duration::from_secs(1);
/// The minimum pause between two polls.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// Copies the state of every payment with a handle, until the future is dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        for md5 in shared.handles.watched() {
            // The next poll tries again.
            let _ = copy(&shared, md5).await;
        }
        tokio::select! {
            () = shared.store.notified() => tokio::time::sleep(MIN_PAUSE).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Copies the state of payments that are not open any more.
pub(super) async fn settle(shared: Arc<Shared>, md5s: Vec<Md5Handle>) {
    for md5 in md5s {
        while copy(&shared, md5).await.is_err() {
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn copy(shared: &Shared, md5: Md5Handle) -> Result<(), StoreError> {
    let key = PaymentKey::Md5(md5);
    let found = shared.call(shared.store.find(&key)).await?;
    match found.into_iter().next() {
        None => shared.handles.remove(&md5),
        Some(stored) => match &stored.finished {
            Some((outcome, _)) => shared.handles.finish(&md5, outcome),
            None if stored.is_cancelled => shared.handles.cancel(&md5),
            None => {}
        },
    }
    Ok(())
}
