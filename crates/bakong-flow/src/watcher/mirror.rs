//! Copies the outcomes of payments from the store to the handles of a follower.
//!
//! The number of queries does not depend on the number of payments: each poll reads the events after the last one that was
//! read. A cancelled or withdrawn payment has no event, so a poll at an interval also looks up a few payments, in turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::Md5Handle;
use tokio::time::Instant;

use super::shared::Shared;
use crate::store::{EventId, EventKind, StoreError};

/// How often the store is polled, in case a notification is lost.
const POLL: Duration = Duration::from_secs(1);
/// The minimum pause between two polls.
const MIN_PAUSE: Duration = Duration::from_millis(100);
/// How many events are read at once.
const PAGE: usize = 500;
/// How many payments are looked up at once.
const BATCH: usize = 200;

/// Copies the state of every payment with a handle, until the future is dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut mirror = Mirror {
        shared,
        position: None,
        looked_up: None,
        look_up_at: Instant::now(),
    };
    loop {
        // The next poll tries again.
        let _ = mirror.poll().await;
        tokio::select! {
            () = mirror.shared.store.notified() => tokio::time::sleep(MIN_PAUSE).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

struct Mirror {
    shared: Arc<Shared>,
    /// The last event that was read; `None` while no payment has a handle.
    position: Option<EventId>,
    /// The last payment that was looked up; `None` to begin with the first.
    looked_up: Option<Md5Handle>,
    /// When the next payments are looked up.
    look_up_at: Instant,
}

impl Mirror {
    async fn poll(&mut self) -> Result<(), StoreError> {
        if !self.shared.handles.has_watched() {
            self.position = None;
            return Ok(());
        }
        let mut position = match self.position {
            Some(position) => position,
            None => self.catch_up().await?,
        };
        loop {
            let events = self.shared.store.events_after(position, PAGE);
            let events = self.shared.call(events).await?;
            for event in &events {
                if let EventKind::Finished(outcome) = &event.kind {
                    self.shared.handles.finish(&event.md5, outcome);
                }
            }
            position = events.last().map_or(position, |event| event.id);
            self.position = Some(position);
            if events.len() < PAGE {
                break;
            }
        }
        if Instant::now() >= self.look_up_at {
            self.look_up_next().await?;
            self.look_up_at = Instant::now() + POLL;
        }
        Ok(())
    }

    /// Looks up all payments. Returns the last event before that, so that no outcome is missed in between.
    async fn catch_up(&mut self) -> Result<EventId, StoreError> {
        let last = self.shared.call(self.shared.store.last_event()).await?;
        self.looked_up = None;
        loop {
            self.look_up_next().await?;
            if self.looked_up.is_none() {
                return Ok(last);
            }
        }
    }

    /// Looks up the next payments in turn.
    async fn look_up_next(&mut self) -> Result<(), StoreError> {
        let md5s = self.shared.handles.watched_after(self.looked_up, BATCH);
        look_up(&self.shared, &md5s).await?;
        self.looked_up = md5s.last().copied().filter(|_| md5s.len() == BATCH);
        Ok(())
    }
}

/// Copies the state of payments that are not open any more.
pub(super) async fn settle(shared: Arc<Shared>, md5s: Vec<Md5Handle>) {
    for md5s in md5s.chunks(BATCH) {
        while look_up(&shared, md5s).await.is_err() {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Copies the state of payments, with one query.
async fn look_up(shared: &Shared, md5s: &[Md5Handle]) -> Result<(), StoreError> {
    if md5s.is_empty() {
        return Ok(());
    }
    let found = shared.call(shared.store.find_all(md5s)).await?;
    let found: HashMap<_, _> = found
        .into_iter()
        .map(|stored| (stored.payment.md5, stored))
        .collect();
    for md5 in md5s {
        match found.get(md5) {
            None => shared.handles.remove(md5),
            Some(stored) => match &stored.finished {
                Some((outcome, _)) => shared.handles.finish(md5, outcome),
                None if stored.is_cancelled => shared.handles.cancel(md5),
                None => {}
            },
        }
    }
    Ok(())
}
