//! What the task, the handles and the calls of a watcher share.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use tokio::sync::{mpsc, watch};

use super::handles::{Handles, ProgressReceiver};
use super::health::HealthRecord;
use super::progress::Progress;
use super::results::Results;
use crate::outcome::Outcome;
use crate::store::{PaymentKey, PaymentStore, StoreError, StoreErrorKind, WorkerId};
use crate::tracker::Config;

/// The first and the maximum pause after a failure of the store.
const STORE_BACKOFF: Duration = Duration::from_millis(500);
const MAX_STORE_BACKOFF: Duration = Duration::from_secs(30);

/// The settings of a watcher.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) config: Config,
    /// The maximum duration of a request.
    pub(super) timeout: Duration,
    pub(super) lease_term: Duration,
    /// How long a call waits for the store.
    pub(super) store_timeout: Duration,
    pub(super) worker: WorkerId,
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn PaymentStore>,
    pub(super) settings: Settings,
    pub(super) handles: Handles,
    /// The results of commands that were handed to the leader.
    pub(super) results: Results,
    pub(super) health: HealthRecord,
    /// Bakong's time, as far as it is known.
    pub(super) now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The payments that were opened for callers who went away.
    pub(super) withdrawals: mpsc::UnboundedSender<Md5Handle>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) ids: UniqueIds,
}

/// A payment in the store.
pub(super) enum Found {
    Open(ProgressReceiver),
    Final(Outcome),
    Unknown,
}

impl Shared {
    /// Calls the store once, with a time limit, and records whether it works.
    pub(super) async fn call<R>(
        &self,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        let limit = self.settings.store_timeout;
        let result = tokio::time::timeout(limit, call).await;
        let result = result.unwrap_or_else(|_| Err(no_answer(limit)));
        self.record(result.as_ref().err());
        result
    }

    /// Records whether the store works.
    pub(super) fn record(&self, error: Option<&StoreError>) {
        match error.map(StoreError::kind) {
            // A worker that is fenced got an answer.
            None | Some(StoreErrorKind::Fenced) => self.health.store_works(),
            Some(_) => self.health.store_failed((self.now)()),
        }
    }

    /// Calls the store until it answers, with growing pauses after transient errors.
    pub(super) async fn retry<R, F: Future<Output = Result<R, StoreError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<R, StoreError> {
        let mut backoff = StoreBackoff::default();
        loop {
            match self.call(call()).await {
                Err(error) if error.kind() == StoreErrorKind::Transient => {
                    tracing::warn!(%error, "the payment store did not answer; trying again");
                    tokio::time::sleep(backoff.next()).await;
                }
                result => return result,
            }
        }
    }

    /// Looks up a payment, and adds its progress to the handles if it is open.
    pub(super) async fn attach(&self, md5: Md5Handle) -> Result<Found, StoreError> {
        let key = PaymentKey::Md5(md5);
        let mut progress = None;
        // The payment may become final after the first look-up and before its progress is added. The second look-up
        // notices this.
        for _ in 0..2 {
            let found = self.call(self.store.find(&key)).await?;
            let Some(stored) = found.into_iter().next() else {
                if progress.is_some() {
                    self.handles.remove(&md5);
                }
                return Ok(Found::Unknown);
            };
            if let Some((outcome, _)) = &stored.finished {
                let outcome = outcome.clone();
                self.handles.finish(&md5, &outcome);
                return Ok(Found::Final(outcome));
            }
            let opened = Progress::new(&stored.payment, stored.is_cancelled);
            progress = Some(self.handles.add(opened));
        }
        Ok(progress.map_or(Found::Unknown, Found::Open))
    }
}

fn no_answer(limit: Duration) -> StoreError {
    StoreError::transient(format!("no answer within {limit:?}"))
}

/// The pauses between attempts to reach the store.
#[derive(Debug)]
pub(super) struct StoreBackoff(Duration);

impl Default for StoreBackoff {
    fn default() -> Self {
        Self(STORE_BACKOFF)
    }
}

impl StoreBackoff {
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(MAX_STORE_BACKOFF);
        pause
    }
}

/// Makes ids that no other start of a watcher makes.
#[derive(Debug)]
pub(super) struct UniqueIds {
    start: Box<str>,
    last: AtomicU64,
}

impl UniqueIds {
    pub(super) fn new() -> Self {
        Self {
            start: unique_text().into(),
            last: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{number}", self.start)
    }
}

/// Returns a text that is new for each call, on any machine.
pub(super) fn unique_text() -> String {
    let time = std::time::SystemTime::now();
    let process = std::process::id();
    // Each `RandomState` has random keys.
    let random = RandomState::new().hash_one((time, process));
    format!("{process:x}-{random:016x}")
}
