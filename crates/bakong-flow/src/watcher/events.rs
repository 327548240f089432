//! Reads the outbox of a store, at least once and in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::error::EndReason;
use super::shared::StoreBackoff;
use crate::store::{Event, EventId, PaymentStore, StoreError, StoreErrorKind};

/// How many events are read at once.
const PAGE: usize = 100;
/// How often the store is polled, in case a notification is lost.
const POLL: Duration = Duration::from_secs(1);

/// The events of a store, for one consumer.
///
/// A consumer receives each event at least once, in the order of the ids. It acknowledges an event after it has handled
/// it. After a restart, the events start again after the last one that was acknowledged. Any worker can read events,
/// also one that does not lead.
///
/// ```no_run
/// # async fn example(watcher: bakong_flow::Watcher<impl bakong_api::Transport + 'static>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let mut events = watcher.events("receipts");
/// while let Some(event) = events.next().await? {
///     println!("print a receipt for {}: {:?}", event.order.as_str(), event.kind);
///     events.acknowledge(event.id).await?;
/// }
/// # Ok(()) }
/// ```
pub struct Events {
    store: Arc<dyn PaymentStore>,
    consumer: Box<str>,
    /// The last event that was read; `None` before the first call.
    position: Option<EventId>,
    read: VecDeque<Event>,
    /// Tells when the watcher has ended, if the events belong to a watcher.
    ended: Option<watch::Receiver<Option<EndReason>>>,
}

impl Events {
    /// Creates the events of `store` for `consumer`, without a watcher. They never end.
    #[must_use]
    pub fn of_store(store: impl PaymentStore + 'static, consumer: &str) -> Self {
        Self::new(Arc::new(store), consumer, None)
    }

    pub(super) fn new(
        store: Arc<dyn PaymentStore>,
        consumer: &str,
        ended: Option<watch::Receiver<Option<EndReason>>>,
    ) -> Self {
        Self {
            store,
            consumer: consumer.into(),
            position: None,
            read: VecDeque::new(),
            ended,
        }
    }

    /// Waits for the next event. Returns `None` if the watcher has ended and all events of the store were returned.
    ///
    /// While the store fails with transient errors, this method waits. It is cancel safe: a call that is dropped loses
    /// no event.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails for good.
    pub async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        let mut backoff = StoreBackoff::default();
        loop {
            if let Some(event) = self.read.pop_front() {
                return Ok(Some(event));
            }
            // The watcher commits its last events before it ends.
            let has_ended = self.has_ended();
            match self.read_page().await {
                Ok(()) if !self.read.is_empty() => {}
                Ok(()) if has_ended => return Ok(None),
                Ok(()) => {
                    backoff = StoreBackoff::default();
                    self.wait(POLL).await;
                }
                Err(error) if error.kind() != StoreErrorKind::Transient || has_ended => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(%error, "events cannot be read; trying again");
                    self.wait(backoff.next()).await;
                }
            }
        }
    }

    /// Records that all events up to `through` are handled.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written. The events may arrive again after a restart.
    pub async fn acknowledge(&self, through: EventId) -> Result<(), StoreError> {
        self.store.acknowledge(&self.consumer, through).await
    }

    fn has_ended(&self) -> bool {
        let ended = self.ended.as_ref();
        ended.is_some_and(|ended| ended.borrow().is_some() || ended.has_changed().is_err())
    }

    async fn read_page(&mut self) -> Result<(), StoreError> {
        let after = match self.position {
            Some(position) => position,
            None => self.store.acknowledged(&self.consumer).await?,
        };
        let events = self.store.events_after(after, PAGE).await?;
        self.position = Some(events.last().map_or(after, |event| event.id));
        self.read.extend(events);
        Ok(())
    }

    /// Waits for a notification, for the end of the watcher, or for the next poll.
    async fn wait(&mut self, pause: Duration) {
        let ended = &mut self.ended;
        let ended = async {
            match ended {
                Some(ended) => drop(ended.wait_for(Option::is_some).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.store.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = ended => {}
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("consumer", &self.consumer)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
