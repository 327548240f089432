//! The commands of a follower that wait for a result, so that one query can read the results of all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::store::{CommandId, CommandResult, StoreError};

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

    /// Waits until a command is added.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// Forgets the commands that nobody waits for, and returns the others.
    pub(super) fn pending(&self) -> Vec<CommandId> {
        let mut waiting = self.lock();
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.keys().copied().collect()
    }

    pub(super) fn deliver(&self, results: Vec<(CommandId, CommandResult)>) {
        let mut waiting = self.lock();
        for (id, result) in results {
            if let Some(sender) = waiting.remove(&id) {
                // A caller that stopped waiting needs no result.
                let _ = sender.send(result);
            }
        }
    }

    /// The results cannot be read for good.
    pub(super) fn fail(&self) {
        self.lock().clear();
    }
}
