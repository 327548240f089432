//! Distributes stored events to the streams of this process.
//!
//! One task for each shop reads new events from the database, whichever worker stored them. The streams take what is theirs. A
//! stream that lags reads the database itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};

use crate::db::{Db, EventRow};

/// How often to look for events of other workers while a stream waits.
const POLL: Duration = Duration::from_millis(500);
/// How many events a stream can lag behind.
const BUFFER: usize = 1_024;
/// How many events are read at once.
const PAGE: i64 = 200;

/// The events of all shops. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    events: broadcast::Sender<Arc<EventRow>>,
    /// Something may have been stored by this process.
    wake: Notify,
    /// The number of the last event that was sent, by shop.
    sent: Mutex<HashMap<i64, i64>>,
    stop: watch::Receiver<bool>,
}

impl Feed {
    pub(crate) fn new(stop: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Shared {
            events: broadcast::Sender::new(BUFFER),
            wake: Notify::new(),
            sent: Mutex::default(),
            stop,
        }))
    }

    /// An event may have been stored.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_waiters();
    }

    /// Waits until an event may have been stored.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Returns the events from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<EventRow>> {
        self.0.events.subscribe()
    }

    /// Waits for the end of the process.
    pub(crate) async fn stopped(&self) {
        // The sender is dropped at the end too.
        let _ = self.0.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Sends the events of a shop to the streams, until the process ends.
    pub(crate) async fn run(self, db: Db, shop: i64) {
        loop {
            if self.0.events.receiver_count() == 0 {
                // Nobody waits. A stream reads the past from the database.
                self.sent().remove(&shop);
            } else if let Err(error) = self.send_new(&db, shop).await {
                tracing::warn!(%error, "new events cannot be read; trying again");
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.stopped() => return,
            }
        }
    }

    async fn send_new(&self, db: &Db, shop: i64) -> Result<(), bakong_flow::store::StoreError> {
        let sent = self.sent().get(&shop).copied();
        let mut after = match sent {
            Some(number) => number,
            // A stream that started meanwhile has read the events up to some number. Repetitions are left out by number.
            None => db.last_event(shop).await?.saturating_sub(PAGE).max(0),
        };
        loop {
            let events = db.events_after(shop, after, PAGE).await?;
            let Some(last) = events.last() else { break };
            after = last.number;
            for event in events {
                // Sending fails if all streams have ended.
                let _ = self.0.events.send(Arc::new(event));
            }
        }
        self.sent().insert(shop, after);
        Ok(())
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, HashMap<i64, i64>> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
