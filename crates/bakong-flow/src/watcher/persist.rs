//! Commits batches: one at a time, in order, each unchanged until the store has answered.
//!
//! A commit that failed may have been carried out. So the same batch is committed again, and newer changes wait for the next
//! batch. The leader stays responsive meanwhile, because a commit runs beside its other work.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bakong_api::ApiError;
use bakong_api::khqr_core::{Md5Handle, Timestamp};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::command::ChangeRequest;
use super::error::CommandError;
use super::shared::{Shared, StoreBackoff};
use crate::ask::Ask;
use crate::change::Change;
use crate::store::{
    Batch, CommandId, CommandResult, Committed, Epoch, Exchange, StoreError, StoreErrorKind,
};

/// What the next batch will contain, and what happens after its commit.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) contents: Contents,
    pub(super) effects: Effects,
}

/// The contents of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) changes: Vec<Change>,
    pub(super) results: Vec<(CommandId, CommandResult)>,
    pub(super) exchanges: Vec<Exchange>,
}

/// What happens after the commit of a batch.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// The requests to send, each with the time at which the tracker asked for it.
    pub(super) asks: Vec<PendingAsk>,
    /// The callers that wait for their changes.
    pub(super) callers: Vec<ChangeRequest>,
    /// The callers that wait until their requests are counted. If the lease is lost, they send nothing.
    pub(super) counted: Vec<oneshot::Sender<Result<(), CommandError>>>,
    /// The errors of the requests that failed.
    pub(super) errors: HashMap<Md5Handle, Arc<ApiError>>,
}

/// A request that is sent after the commit that counts it.
#[derive(Debug)]
pub(super) struct PendingAsk {
    pub(super) ask: Ask,
    /// The payment, if the request asks about one payment.
    pub(super) md5: Option<Md5Handle>,
    pub(super) asked_at: Timestamp,
}

impl Draft {
    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        let Contents {
            changes,
            results,
            exchanges,
        } = &self.contents;
        changes.is_empty() && results.is_empty() && exchanges.is_empty()
    }
}

/// A batch after its commit.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) contents: Contents,
    pub(super) effects: Effects,
    pub(super) committed: Committed,
}

type CommitFuture = Pin<Box<dyn Future<Output = Result<Committed, StoreError>> + Send>>;

/// Commits the batches of one epoch.
pub(super) struct Committer {
    shared: Arc<Shared>,
    epoch: Epoch,
    /// The number of the last batch.
    sequence: u64,
    state: State,
    /// The batch that is being committed.
    frozen: Option<(Arc<Contents>, Effects)>,
    backoff: StoreBackoff,
}

enum State {
    Idle,
    Committing(CommitFuture),
    /// Waits after a failure.
    Paused(Pin<Box<Sleep>>),
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, epoch: Epoch) -> Self {
        Self {
            shared,
            epoch,
            sequence: 0,
            state: State::Idle,
            frozen: None,
            backoff: StoreBackoff::default(),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.frozen.is_none()
    }

    /// Whether the batch that is being committed opens this payment.
    pub(super) fn is_opening(&self, md5: &Md5Handle) -> bool {
        let changes = self
            .frozen
            .iter()
            .flat_map(|(contents, _)| &contents.changes);
        changes.into_iter().any(|change| is_opening_of(change, md5))
    }

    /// Starts to commit a batch. The last batch must be committed.
    pub(super) fn start(&mut self, draft: Draft) {
        self.sequence += 1;
        self.frozen = Some((Arc::new(draft.contents), draft.effects));
        self.state = self.commit();
    }

    fn commit(&self) -> State {
        let Some((contents, _)) = &self.frozen else {
            return State::Idle;
        };
        let (contents, shared) = (Arc::clone(contents), Arc::clone(&self.shared));
        let (epoch, sequence) = (self.epoch, self.sequence);
        State::Committing(Box::pin(async move {
            let batch = Batch {
                epoch,
                sequence,
                changes: &contents.changes,
                results: &contents.results,
                exchanges: &contents.exchanges,
            };
            // A commit may be slow, but a store that hangs must be asked again.
            let limit = shared.settings.lease_term;
            let committed = tokio::time::timeout(limit, shared.store.commit(&batch)).await;
            committed.unwrap_or_else(|_| Err(StoreError::transient("the commit timed out")))
        }))
    }

    /// Ends a pause after a failure, because the store works again.
    pub(super) fn retry_now(&mut self) {
        if let State::Paused(_) = self.state {
            self.state = self.commit();
        }
    }

    /// Waits until the batch is committed. Waits for ever if there is none. This method is cancel safe.
    ///
    /// # Errors
    /// [`StoreError`] if the batch cannot be committed in this epoch.
    pub(super) async fn committed(&mut self) -> Result<Done, StoreError> {
        loop {
            match &mut self.state {
                State::Idle => std::future::pending().await,
                State::Paused(pause) => {
                    pause.await;
                    self.state = self.commit();
                }
                State::Committing(commit) => {
                    let result = commit.await;
                    self.state = State::Idle;
                    self.shared.record(result.as_ref().err());
                    self.shared.health.set_commit_error(result.as_ref().err());
                    match result {
                        Ok(committed) => {
                            if let Some(done) = self.thaw(committed) {
                                return Ok(done);
                            }
                        }
                        Err(error) if error.kind() == StoreErrorKind::Transient => {
                            tracing::error!(%error, "cannot persist changes; no request is sent until the store works");
                            let end = Instant::now() + self.backoff.next();
                            self.state = State::Paused(Box::pin(tokio::time::sleep_until(end)));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }

    fn thaw(&mut self, committed: Committed) -> Option<Done> {
        self.backoff = StoreBackoff::default();
        let (contents, effects) = self.frozen.take()?;
        Some(Done {
            contents: Arc::unwrap_or_clone(contents),
            effects,
            committed,
        })
    }

    /// Returns the callers that wait for the batch. The lease is lost, so the fate of the batch is unknown.
    pub(super) fn into_callers(self) -> Vec<ChangeRequest> {
        self.frozen
            .map(|(_, effects)| effects.callers)
            .unwrap_or_default()
    }
}

/// Whether the change opens the payment.
pub(super) fn is_opening_of(change: &Change, md5: &Md5Handle) -> bool {
    matches!(change, Change::Opened { payment, .. } if payment.md5 == *md5)
}
