//! Hands the commands of a follower to the leader, through the store.
//!
//! Each command runs in a task of its own until it has a result, and survives a change of the role: the worker that
//! leads carries it out, even if that is this one.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::command::{ChangeRequest, OpenRequest, Opened};
use super::error::{CommandError, WatchError};
use super::progress::Progress;
use super::shared::{Shared, StoreBackoff};
use crate::store::{Command, CommandId, CommandResult, PaymentKey, StoreError, StoreErrorKind};

/// How often the results of commands are polled, in case a notification is lost.
const RESULT_POLL: Duration = Duration::from_millis(250);

/// How much of a caller's time is reserved for the withdrawal of its command.
const MAX_WITHDRAWAL_TIME: Duration = Duration::from_secs(1);

/// How long to try to withdraw a command after the watcher was stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of commands that wait for the leader.
const MAX_TASKS: usize = 1_024;

/// The commands on their way to the leader.
///
/// The commands that open or withdraw one payment are submitted one after the other. Otherwise a code that was opened for
/// a caller who went away could be known when the next caller opens it.
pub(super) struct RemoteTasks {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    /// The last task of each payment. The sender is dropped when the task ends.
    last: HashMap<Md5Handle, oneshot::Receiver<()>>,
    /// Polls the results of the commands.
    _results: JoinSet<()>,
}

impl RemoteTasks {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let mut polling = JoinSet::new();
        polling.spawn(poll_results(Arc::clone(&shared)));
        Self {
            shared,
            tasks: JoinSet::new(),
            last: HashMap::new(),
            _results: polling,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.tasks.len() >= MAX_TASKS
    }

    /// Whether a command about this payment is on its way.
    pub(super) fn is_busy(&mut self, md5: &Md5Handle) -> bool {
        self.last.get_mut(md5).is_some_and(is_pending)
    }

    /// Opens a payment. If this worker tried to open it at `tried_at` as the leader and then lost the lease, the payment
    /// may be open already.
    pub(super) fn open(&mut self, request: OpenRequest, tried_at: Option<Timestamp>) {
        let md5 = request.payment.md5;
        let task = open(Arc::clone(&self.shared), request, tried_at);
        self.spawn_after_last(md5, task);
    }

    /// Withdraws a payment whose code was never shown.
    pub(super) fn withdraw(&mut self, md5: Md5Handle) {
        let task = withdraw(Arc::clone(&self.shared), md5);
        self.spawn_after_last(md5, task);
    }

    /// Asks the leader for a change of a payment.
    pub(super) fn change(&mut self, request: ChangeRequest) {
        let task = change(Arc::clone(&self.shared), request);
        self.tasks.spawn(task);
    }

    fn spawn_after_last(
        &mut self,
        md5: Md5Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        while self.tasks.try_join_next().is_some() {}
        if self.last.len() >= 4 * MAX_TASKS {
            self.last.retain(|_, ended| is_pending(ended));
        }
        let (end, ended) = oneshot::channel::<()>();
        let last = self.last.insert(md5, ended);
        self.tasks.spawn(async move {
            if let Some(last) = last {
                // The result is always an error, because nothing is sent.
                let _ = last.await;
            }
            task.await;
            drop(end);
        });
    }

    /// Waits until a task has ended. Waits for ever if there is none.
    pub(super) async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all tasks have ended.
    pub(super) async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

fn is_pending(ended: &mut oneshot::Receiver<()>) -> bool {
    ended.try_recv() == Err(oneshot::error::TryRecvError::Empty)
}

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
        self.shared.results.of(id).await
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

async fn open(shared: Arc<Shared>, mut request: OpenRequest, tried_at: Option<Timestamp>) {
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
        // The store works, and no leader took the command.
        Ok(CommandResult::Withdrawn) => match shared.health.lease_of_another() {
            Some(until) => WatchError::NoLeader { until },
            None => WatchError::StoreUnavailable,
        },
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
async fn reply_opened(shared: &Arc<Shared>, request: OpenRequest, progress: Progress) {
    let md5 = request.payment.md5;
    let receiver = shared.handles.add(progress);
    // The payment may have become final before this worker waits for its outcome. If the store does not answer now, the
    // outcome is copied later.
    let found = shared.call(shared.store.find(&PaymentKey::Md5(md5))).await;
    let stored = found.ok().and_then(|found| found.into_iter().next());
    if let Some((outcome, _)) = stored.and_then(|stored| stored.finished) {
        shared.handles.finish(&md5, &outcome);
    }
    let opened = Opened::new(md5, receiver, shared.withdrawals.clone());
    if let Err(Ok(unclaimed)) = request.reply.send(Ok(opened)) {
        // The caller is gone. The next command about this payment waits until it is withdrawn.
        drop(unclaimed.accept());
        withdraw(Arc::clone(shared), md5).await;
    }
}

async fn change(shared: Arc<Shared>, mut request: ChangeRequest) {
    let submission = shared.submission(request.command);
    let deadline = shared.withdraw_at(request.deadline);
    let result = submission.settle(request.reply.closed(), deadline).await;
    if let (Ok(CommandResult::Done), Command::Cancel { md5 }) = (&result, &submission.command) {
        shared.handles.cancel(md5);
    }
    let result = match result {
        Ok(CommandResult::Withdrawn) | Err(_) if shared.is_stopping() => Err(CommandError::Stopped),
        Ok(CommandResult::Withdrawn) | Err(_) => Err(CommandError::StoreUnavailable),
        Ok(_) => Ok(()),
    };
    let _ = request.reply.send(result);
}

async fn withdraw(shared: Arc<Shared>, md5: Md5Handle) {
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

/// Polls the results that are waited for, until the future is dropped.
async fn poll_results(shared: Arc<Shared>) {
    let results = &shared.results;
    let mut backoff = StoreBackoff::default();
    loop {
        let pending = results.pending();
        if pending.is_empty() {
            results.added().await;
            continue;
        }
        let pause = match shared.call(shared.store.results(&pending)).await {
            Ok(found) => {
                results.deliver(found);
                backoff = StoreBackoff::default();
                RESULT_POLL
            }
            Err(error) if error.kind() == StoreErrorKind::Transient => {
                tracing::warn!(%error, "the results of commands cannot be read; trying again");
                backoff.next()
            }
            Err(error) => {
                tracing::error!(%error, "the results of commands cannot be read");
                results.fail();
                RESULT_POLL
            }
        };
        tokio::select! {
            () = shared.store.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
