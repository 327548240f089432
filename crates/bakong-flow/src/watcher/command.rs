//! The commands that the handles send to the task.

use std::future::Future;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::error::{CommandError, WatchError};
use super::handles::ProgressReceiver;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::store;

/// A command for the task of a watcher.
#[derive(Debug)]
pub(super) enum Command {
    Watch(OpenRequest),
    Change(ChangeRequest),
    /// Counts a request that the caller is about to send. The reply is sent when the count is persisted.
    Count(CountRequest),
    NewToken(Option<Timestamp>),
}

/// A request that a caller is about to send.
#[derive(Debug)]
pub(super) struct CountRequest {
    /// Whether to refuse the request if the rest of the quota is reserved.
    pub(super) must_be_spare: bool,
    pub(super) reply: oneshot::Sender<Result<(), CommandError>>,
}

/// A payment that a caller wants to open.
#[derive(Debug)]
pub(super) struct OpenRequest {
    pub(super) payment: Box<Payment>,
    pub(super) policy: Policy,
    /// When the caller stops waiting.
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Opened, WatchError>>,
}

/// A change of an open payment that a caller wants.
#[derive(Debug)]
pub(super) struct ChangeRequest {
    pub(super) command: store::Command,
    /// When the caller stops waiting.
    pub(super) deadline: Instant,
    /// Notified when the change is persisted.
    pub(super) reply: oneshot::Sender<Result<(), CommandError>>,
}

/// A payment that was opened. If the caller never takes it, the payment is withdrawn.
#[derive(Debug)]
pub(super) struct Opened {
    md5: Md5Handle,
    progress: Option<ProgressReceiver>,
    withdrawals: mpsc::UnboundedSender<Md5Handle>,
}

impl Opened {
    pub(super) const fn new(
        md5: Md5Handle,
        progress: ProgressReceiver,
        withdrawals: mpsc::UnboundedSender<Md5Handle>,
    ) -> Self {
        Self {
            md5,
            progress: Some(progress),
            withdrawals,
        }
    }

    /// Returns the progress. From now on, the caller may show the code.
    pub(super) fn accept(mut self) -> Option<ProgressReceiver> {
        self.progress.take()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.progress.is_some() {
            // After the end of the task, the payment stays open in the store.
            let _ = self.withdrawals.send(self.md5);
        }
    }
}

/// Sends commands to the task.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    sender: mpsc::Sender<Command>,
    /// How long a caller waits.
    timeout: Duration,
}

impl Commands {
    pub(super) const fn new(sender: mpsc::Sender<Command>, timeout: Duration) -> Self {
        Self { sender, timeout }
    }

    /// Sends a command without waiting for its effect.
    pub(super) async fn send(&self, command: Command) -> Result<(), CommandError> {
        let sent = self.sender.send(command).await;
        sent.map_err(|_| CommandError::Stopped)
    }

    /// Sends a command, and waits for the reply until the deadline. If the caller stops waiting, the reply is closed.
    pub(super) async fn request<R>(
        &self,
        command: impl FnOnce(Instant, oneshot::Sender<R>) -> Command,
    ) -> Result<R, CommandError> {
        let deadline = Instant::now() + self.timeout;
        let (reply, answer) = oneshot::channel();
        let command = command(deadline, reply);
        within(deadline, async {
            self.send(command).await?;
            answer.await.map_err(|_| CommandError::Stopped)
        })
        .await
    }

    /// Asks the leader to count a request, and waits until the count is persisted.
    pub(super) async fn count(&self, must_be_spare: bool) -> Result<(), CommandError> {
        self.request(|_, reply| {
            Command::Count(CountRequest {
                must_be_spare,
                reply,
            })
        })
        .await?
    }

    /// Asks the leader for a change of an open payment.
    pub(super) async fn change(&self, command: store::Command) -> Result<(), CommandError> {
        self.request(|deadline, reply| {
            Command::Change(ChangeRequest {
                command,
                deadline,
                reply,
            })
        })
        .await?
    }
}

/// Waits for `result` until `deadline`.
async fn within<R>(
    deadline: Instant,
    result: impl Future<Output = Result<R, CommandError>>,
) -> Result<R, CommandError> {
    let result = tokio::time::timeout_at(deadline, result).await;
    result.unwrap_or(Err(CommandError::StoreUnavailable))
}
