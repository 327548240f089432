//! The commands that the handles send to the task.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{ShortHash, TransactionHash};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{Stopped, WatchError};
use super::progress::Progress;
use crate::payment::Payment;
use crate::policy::Policy;

/// Receives the progress of a payment.
pub(super) type ProgressReceiver = watch::Receiver<Progress>;
/// Sends the reply to [`Command::Watch`].
pub(super) type WatchReply = oneshot::Sender<Result<ProgressReceiver, WatchError>>;

/// A command for the task of a watcher.
#[derive(Debug)]
pub(super) enum Command {
    Watch {
        payment: Box<Payment>,
        policy: Policy,
        reply: WatchReply,
    },
    Attach {
        md5: Md5Handle,
        reply: oneshot::Sender<Option<ProgressReceiver>>,
    },
    List {
        reply: oneshot::Sender<Vec<Md5Handle>>,
    },
    Nudge(Md5Handle),
    /// The sender is notified when the change is persisted.
    Cancel(Md5Handle, oneshot::Sender<()>),
    Learn {
        md5: Md5Handle,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
        /// Notified when the change is persisted.
        persisted: oneshot::Sender<()>,
    },
    NewToken(Option<Timestamp>),
}

/// Sends commands to the task.
#[derive(Clone, Debug)]
pub(super) struct Commands(pub(super) mpsc::Sender<Command>);

impl Commands {
    pub(super) async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.0.send(command).await.map_err(|_| Stopped)
    }

    /// Sends a command and waits for the reply to it.
    pub(super) async fn request<R>(
        &self,
        command: impl FnOnce(oneshot::Sender<R>) -> Command,
    ) -> Result<R, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }
}
