//! A handle to a watched payment.

use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ShortHash, TransactionHash};

use super::command::Commands;
use super::error::{CommandError, Stopped};
use super::handles::ProgressReceiver;
use super::progress::Progress;
use crate::outcome::Outcome;
use crate::store::Command;

/// A handle to a watched payment. Dropping the handle has no effect on the payment.
///
/// The handle works whether or not the watcher leads. A follower learns the outcome from the store. It does not know
/// when the payment is checked: only a leader updates [`Progress::checks`] and [`Progress::is_asking`].
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
    /// [`Stopped`] if the watcher stops before the payment is final, or if another worker withdrew the payment.
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
    /// [`CommandError`] if the leader did not receive the request.
    pub async fn nudge(&self) -> Result<(), CommandError> {
        let md5 = self.md5();
        self.commands.change(Command::Nudge { md5 }).await
    }

    /// Cancels the order, and returns when the store has persisted the change. See
    /// [`Tracker::cancel`](crate::Tracker::cancel).
    ///
    /// # Errors
    /// [`CommandError`] if the change is not persisted yet.
    pub async fn cancel(&self) -> Result<(), CommandError> {
        let md5 = self.md5();
        self.commands.change(Command::Cancel { md5 }).await
    }

    /// Adds hashes of the transaction, for example from the customer's receipt, and returns when the store has
    /// persisted them. See [`Tracker::learn`](crate::Tracker::learn).
    ///
    /// # Errors
    /// [`CommandError`] if the hashes are not persisted yet.
    pub async fn learn(
        &self,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
    ) -> Result<(), CommandError> {
        let md5 = self.md5();
        let learn = Command::AddHash {
            md5,
            hash,
            short_hash,
        };
        self.commands.change(learn).await
    }

    fn md5(&self) -> Md5Handle {
        self.progress.borrow().md5
    }
}
