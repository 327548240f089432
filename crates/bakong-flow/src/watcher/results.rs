//! Waits for the results of a follower's commands, with one query for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::shared::{Shared, StoreBackoff};
use crate::store::{CommandId, CommandResult, StoreError, StoreErrorKind};

/// How often the results are polled, in case a notification is lost.
const POLL: Duration = Duration::from_millis(250);

/// The commands that wait for a result.
#[derive(Default, Debug)]
pub(super) struct Results {
    waiting: Mutex<BTreeMap<CommandId, oneshot::Sender<CommandResult>>>,
    added: Notify,
}

impl Results {
    /// Waits for the result of a command. This method is cancel safe.
    ///
    /// # Errors
    /// [`StoreError`] if the results cannot be read for good.
    pub(super) async fn of(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let (sender, result) = oneshot::channel();
        self.lock().insert(id, sender);
        self.added.notify_one();
        let result = result.await;
        result.map_err(|_| StoreError::fatal("the results of commands cannot be read"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CommandId, oneshot::Sender<CommandResult>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the commands that nobody waits for, and returns the others.
    fn pending(&self) -> Vec<CommandId> {
        let mut waiting = self.lock();
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.keys().copied().collect()
    }

    fn deliver(&self, results: Vec<(CommandId, CommandResult)>) {
        let mut waiting = self.lock();
        for (id, result) in results {
            if let Some(sender) = waiting.remove(&id) {
                // A caller that stopped waiting needs no result.
                let _ = sender.send(result);
            }
        }
    }
}

/// Polls the results that are waited for, until the future is dropped.
pub(super) async fn poll(shared: Arc<Shared>) {
    let results = &shared.results;
    let mut backoff = StoreBackoff::default();
    loop {
        let pending = results.pending();
        if pending.is_empty() {
            results.added.notified().await;
            continue;
        }
        let pause = match shared.call(shared.store.results(&pending)).await {
            Ok(found) => {
                results.deliver(found);
                backoff = StoreBackoff::default();
                POLL
            }
            Err(error) if error.kind() == StoreErrorKind::Transient => {
                tracing::warn!(%error, "the results of commands cannot be read; trying again");
                backoff.next()
            }
            Err(error) => {
                tracing::error!(%error, "the results of commands cannot be read");
                results.lock().clear();
                POLL
            }
        };
        tokio::select! {
            () = shared.store.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
