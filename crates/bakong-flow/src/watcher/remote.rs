//! Hands the commands of a follower to the leader, through the store.
//!
//! Each command runs in a task of its own until it has a result, and survives a change of the role: the worker that
//! leads carries it out, even if that is this one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use tokio::time::Instant;

use super::command::{ChangeRequest, OpenRequest, Opened};
use super::error::{CommandError, WatchError};
use super::progress::Progress;
use super::shared::{Found, Shared};
use crate::store::{Command, CommandId, CommandResult, PaymentKey, StoreError};

/// How often the result of a command is polled, in case a notification is lost.
const POLL: Duration = Duration::from_millis(250);

/// How much of a caller's time is reserved for the withdrawal of its command.
const MAX_WITHDRAWAL_TIME: Duration = Duration::from_secs(1);

/// How long to try to withdraw a command after the watcher was stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A command on its way to the leader.
struct Submission<'a> {
    shared: &'a Shared,
    key: String,
    command: Command,
}

impl Submission<'_> {
    /// Submits the command. A repetition has the same key, so the store adds the command once.
    async fn submit(&self) -> Result<CommandId, StoreError> {
        let store = &self.shared.store;
        let submit = || store.submit(&self.key, &self.command);
        self.shared.retry(submit).await
    }

    /// Submits the command and waits for its result.
    async fn result(&self) -> Result<CommandResult, StoreError> {
        let id = self.submit().await?;
        let store = &self.shared.store;
        loop {
            if let Some(result) = self.shared.retry(|| store.result(id)).await? {
                return Ok(result);
            }
            tokio::select! {
                () = store.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Withdraws the command, and returns its result if it was carried out before.
    async fn withdraw(&self) -> Result<CommandResult, StoreError> {
        let withdraw = async {
            let id = self.submit().await?;
            let store = &self.shared.store;
            self.shared.retry(|| store.withdraw(id)).await
        };
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            result = withdraw => result,
            () = async {
                let _ = stop.wait_for(|stop| *stop).await;
                tokio::time::sleep(STOP_TIMEOUT).await;
            } => Err(StoreError::transient("the watcher stopped before the command was withdrawn")),
        }
    }

    /// Returns the result of the command. If the deadline passes or the caller goes away, withdraws the command first.
    async fn settle(
        &self,
        caller_gone: impl Future<Output = ()>,
        deadline: Instant,
    ) -> Result<CommandResult, StoreError> {
        let mut stop = self.shared.stop.clone();
        let result = tokio::select! {
            result = self.result() => Some(result),
            () = caller_gone => None,
            () = tokio::time::sleep_until(deadline) => None,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        match result {
            Some(result) => result,
            None => self.withdraw().await,
        }
    }
}

impl Shared {
    fn submission(&self, command: Command) -> Submission<'_> {
        Submission {
            shared: self,
            key: self.ids.next(),
            command,
        }
    }

    /// Returns when a command must be withdrawn, so that its caller can be told the result before `deadline`.
    fn withdraw_at(&self, deadline: Instant) -> Instant {
        let reserved = (self.settings.store_timeout / 4).min(MAX_WITHDRAWAL_TIME);
        deadline.checked_sub(reserved).unwrap_or(deadline)
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Opens a payment. If this worker tried to open it at `tried_at` as the leader and then lost the lease, the payment may
/// be open already.
pub(super) async fn open(
    shared: Arc<Shared>,
    mut request: OpenRequest,
    tried_at: Option<Timestamp>,
) {
    let md5 = request.payment.md5;
    let progress = Progress::new(&request.payment, false);
    if let Some(tried_at) = tried_at
        && is_open(&shared, &request, tried_at).await
    {
        return reply_opened(&shared, request, progress).await;
    }
    let submission = shared.submission(Command::Open {
        payment: request.payment.clone(),
        policy: request.policy,
    });
    let deadline = shared.withdraw_at(request.deadline);
    let result = submission.settle(request.reply.closed(), deadline).await;
    let error = match result {
        Ok(CommandResult::Done) => return reply_opened(&shared, request, progress).await,
        Ok(CommandResult::Refused(error)) => WatchError::Refused(error),
        Ok(CommandResult::Withdrawn) if shared.is_stopping() => WatchError::Stopped,
        Ok(CommandResult::Withdrawn) => WatchError::StoreUnavailable,
        Err(error) => {
            tracing::warn!(%md5, %error, "the payment was not handed to the leader");
            WatchError::StoreUnavailable
        }
    };
    // A caller that is gone does not need the reply.
    let _ = request.reply.send(Err(error));
}

/// Whether the payment of this very request is open.
async fn is_open(shared: &Shared, request: &OpenRequest, tried_at: Timestamp) -> bool {
    let key = PaymentKey::Md5(request.payment.md5);
    let found = shared.retry(|| shared.store.find(&key)).await;
    found.is_ok_and(|found| {
        found.iter().any(|stored| {
            stored.opened_at == tried_at && stored.payment.order == request.payment.order
        })
    })
}

/// Passes an opened payment to its caller. If the caller is gone, the payment is withdrawn.
async fn reply_opened(shared: &Shared, request: OpenRequest, progress: Progress) {
    let md5 = request.payment.md5;
    let receiver = match shared.attach(md5).await {
        Ok(Found::Open(receiver)) => receiver,
        Ok(Found::Final(outcome)) => {
            let mut progress = progress;
            progress.finish(&outcome);
            tokio::sync::watch::Sender::new(progress).subscribe()
        }
        // The leader has opened the payment, although the store does not answer now.
        Ok(Found::Unknown) | Err(_) => shared.handles.add(progress),
    };
    let opened = Opened::new(md5, receiver, shared.withdrawals.clone());
    // If the caller is gone, the value comes back and is dropped, which withdraws the payment.
    let _ = request.reply.send(Ok(opened));
}

/// Asks the leader for a change of a payment.
pub(super) async fn change(shared: Arc<Shared>, mut request: ChangeRequest) {
    let submission = shared.submission(request.command);
    let deadline = shared.withdraw_at(request.deadline);
    let result = submission.settle(request.reply.closed(), deadline).await;
    let result = match result {
        Ok(CommandResult::Withdrawn) | Err(_) if shared.is_stopping() => Err(CommandError::Stopped),
        Ok(CommandResult::Withdrawn) | Err(_) => Err(CommandError::StoreUnavailable),
        Ok(_) => Ok(()),
    };
    let _ = request.reply.send(result);
}

/// Asks the leader to withdraw a payment whose code was never shown.
pub(super) async fn withdraw(shared: Arc<Shared>, md5: Md5Handle) {
    let submission = shared.submission(Command::Withdraw { md5 });
    let mut stop = shared.stop.clone();
    let submitted = tokio::select! {
        submitted = submission.submit() => submitted.map(drop),
        () = async {
            let _ = stop.wait_for(|stop| *stop).await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        } => Err(StoreError::transient("the watcher has stopped")),
    };
    if let Err(error) = submitted {
        tracing::warn!(%md5, %error, "a payment that no one waits for was not withdrawn");
    }
    shared.handles.remove(&md5);
}
