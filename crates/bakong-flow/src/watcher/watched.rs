//! A handle to a watched payment.

use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ShortHash, TransactionHash};

use super::command::{Command, Commands, ProgressReceiver};
use super::error::Stopped;
use super::progress::Progress;
use crate::outcome::Outcome;

/// A handle to a watched payment. Dropping the handle has no effect on the payment.
#[derive(Clone, Debug)]
pub struct Watched {
    progress: ProgressReceiver,
    commands: Commands,
}

impl Watched {
    pub(super) const fn new(progress: ProgressReceiver, commands: Commands) -> Self {
        Self { progress, commands }
    }

    /// Returns the current progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits for a change since the last call, and returns the progress.
    ///
    /// Returns `None` if no change will follow: the final progress was returned before, or the watcher has stopped.
    pub async fn changed(&mut self) -> Option<Progress> {
        self.progress.changed().await.ok()?;
        Some(self.progress.borrow_and_update().clone())
    }

    /// Waits for the outcome. This method is cancel safe.
    ///
    /// # Errors
    /// [`Stopped`] if the watcher stops before the payment is final.
    pub async fn outcome(&mut self) -> Result<Outcome, Stopped> {
        let ended = self
            .progress
            .wait_for(|progress| progress.outcome.is_some());
        let ended = ended.await.map_err(|_| Stopped)?;
        ended.outcome.clone().ok_or(Stopped)
    }

    /// Requests an early check, for example when the customer claims to have paid. See
    /// [`Tracker::nudge`](crate::Tracker::nudge).
    ///
    /// # Errors
    /// [`Stopped`] if the watcher has stopped.
    pub async fn nudge(&self) -> Result<(), Stopped> {
        self.commands.send(Command::Nudge(self.md5())).await
    }

    /// Cancels the order, and returns when the store has persisted the change. See
    /// [`Tracker::cancel`](crate::Tracker::cancel).
    ///
    /// # Errors
    /// [`Stopped`] if the watcher has stopped.
    pub async fn cancel(&self) -> Result<(), Stopped> {
        let md5 = self.md5();
        let cancel = |persisted| Command::Cancel(md5, persisted);
        self.commands.request(cancel).await
    }

    /// Adds hashes of the transaction, for example from the customer's receipt, and returns when the store has
    /// persisted them. See [`Tracker::learn`](crate::Tracker::learn).
    ///
    /// # Errors
    /// [`Stopped`] if the watcher has stopped.
    pub async fn learn(
        &self,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
    ) -> Result<(), Stopped> {
        let md5 = self.md5();
        let learn = |persisted| Command::Learn {
            md5,
            hash,
            short_hash,
            persisted,
        };
        self.commands.request(learn).await
    }

    fn md5(&self) -> Md5Handle {
        self.progress.borrow().md5
    }
}
