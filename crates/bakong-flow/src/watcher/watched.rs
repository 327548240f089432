//! A handle on a payment that is watched.

use std::sync::Arc;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ApiError, ShortHash, TransactionHash};
use tokio::sync::{mpsc, oneshot, watch};

use super::Stopped;
use super::task::Command;
use crate::outcome::Outcome;
use crate::payment::OrderId;

/// How a payment stands: for a display, server-sent events, a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Its MD5.
    pub md5: Md5Handle,
    /// Its order.
    pub order: OrderId,
    /// When its code ceases to be payable.
    pub expires_at: Timestamp,
    /// How often it was asked about since the watcher started.
    pub checks: u32,
    /// Whether a request that asks about it is out.
    pub is_asking: bool,
    /// When it is asked about next, if the quota allows it then; `None` if that is not known.
    pub next_check: Option<Timestamp>,
    /// Why the last request brought no answer, if it did not. It says nothing of the payment.
    pub trouble: Option<Arc<ApiError>>,
    /// Whether its order was cancelled.
    pub is_cancelled: bool,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

/// A payment that is watched. Dropping this changes nothing for the payment.
#[derive(Clone, Debug)]
pub struct Watched {
    progress: watch::Receiver<Progress>,
    commands: mpsc::Sender<Command>,
}

impl Watched {
    pub(super) const fn new(
        progress: watch::Receiver<Progress>,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        Self { progress, commands }
    }

    /// How it stands now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until something has changed since this was last called, and says how it stands then; `None` if
    /// nothing will change any more, since the payment is final and that was told, or the watcher has stopped.
    pub async fn changed(&mut self) -> Option<Progress> {
        self.progress.changed().await.ok()?;
        Some(self.progress.borrow_and_update().clone())
    }

    /// Waits for how it ends. May be given up and called again.
    ///
    /// # Errors
    /// If the watcher stopped before.
    pub async fn outcome(&mut self) -> Result<Outcome, Stopped> {
        let ended = self
            .progress
            .wait_for(|progress| progress.outcome.is_some());
        let ended = ended.await.map_err(|_| Stopped)?;
        ended.outcome.clone().ok_or(Stopped)
    }

    /// The customer says that they have paid: it is asked about soon, if the quota allows it. Asking again and
    /// again helps less and less.
    ///
    /// # Errors
    /// If the watcher has stopped.
    pub async fn nudge(&self) -> Result<(), Stopped> {
        self.send(Command::Nudge(self.md5())).await
    }

    /// The order is cancelled. Its code can still be paid until it expires, so it is asked about once more
    /// after that; money that comes is for a person to look at. When this comes back, it is kept in the store.
    ///
    /// # Errors
    /// If the watcher has stopped.
    pub async fn cancel(&self) -> Result<(), Stopped> {
        let (kept, is_kept) = oneshot::channel();
        self.send(Command::Cancel(self.md5(), kept)).await?;
        is_kept.await.map_err(|_| Stopped)
    }

    /// A hash of the transaction became known, such as from the customer's receipt: it is asked by that, too.
    ///
    /// # Errors
    /// If the watcher has stopped.
    pub async fn learn(
        &self,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
    ) -> Result<(), Stopped> {
        let (kept, is_kept) = oneshot::channel();
        let learn = Command::Learn {
            md5: self.md5(),
            hash,
            short_hash,
            kept,
        };
        self.send(learn).await?;
        is_kept.await.map_err(|_| Stopped)
    }

    fn md5(&self) -> Md5Handle {
        self.progress.borrow().md5
    }

    async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }
}
