//! Sends a question over the session, counts the requests, and records them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::observe::{AnswerSummary, Attempt, SessionObserver};
use bakong_api::server_time::{SharedServerTime, Skew};
use bakong_api::transport::TransportError;
use bakong_api::{ApiError, Endpoint, ErrorCode, Session, Transport};
use bytes::Bytes;
use http::Response;
use tokio::time::Instant;

use super::lease::LeaseCheck;
use super::shared::UniqueIds;
use crate::ask::Question;
use crate::question::Answered;
use crate::store::Exchange;

tokio::task_local! {
    /// What is known about the requests of the question of the current task.
    static SENT: SendCount;
}

/// The maximum number of exchanges that wait for a commit. A follower commits none, so it forgets the oldest.
const MAX_EXCHANGES: usize = 1_000;
/// The maximum number of requests in flight whose start is remembered.
const MAX_STARTED: usize = 256;

/// The number of requests that were sent for a question. The number is known even if no answer arrives.
///
/// The first request is counted in the store with the question. Each other one is counted by itself before it is sent.
#[derive(Clone, Default, Debug)]
pub(super) struct SendCount {
    count: Arc<AtomicU32>,
    /// How many requests were counted by themselves.
    counted: Arc<AtomicU32>,
    /// The payment, if the question asks about one payment.
    md5: Option<Md5Handle>,
}

impl SendCount {
    pub(super) fn of(md5: Option<Md5Handle>) -> Self {
        Self {
            md5,
            ..Self::default()
        }
    }

    /// Returns the count of the question of the current task.
    pub(super) fn current() -> Option<Self> {
        SENT.try_with(Self::clone).ok()
    }

    /// Returns the number of requests that were sent, without those that were counted by themselves.
    pub(super) fn get(&self) -> u32 {
        let counted = self.counted.load(Ordering::Relaxed);
        self.count.load(Ordering::Relaxed).saturating_sub(counted)
    }

    /// Whether the store has counted the next request.
    pub(super) fn is_next_counted(&self) -> bool {
        self.get() == 0
    }

    /// The store has counted the next request by itself.
    pub(super) fn next_is_counted(&self) {
        self.counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts the requests of the session: those of each question, and all others together. Records each request.
pub(super) struct Counter {
    external: AtomicU32,
    /// The expiry of a renewed token, until it is taken.
    renewed: Mutex<Option<Option<Timestamp>>>,
    records: Mutex<Records>,
    ids: UniqueIds,
    local_now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    server_time: SharedServerTime,
}

#[derive(Default)]
struct Records {
    started: VecDeque<Started>,
    finished: VecDeque<Exchange>,
}

/// A request that has no answer yet.
struct Started {
    /// The task that sends the request.
    task: Option<tokio::task::Id>,
    attempt: Attempt,
    md5: Option<Md5Handle>,
    /// The local time.
    sent_at: Timestamp,
    at: Instant,
}

impl Counter {
    pub(super) fn new(
        local_now: impl Fn() -> Timestamp + Send + Sync + 'static,
        server_time: SharedServerTime,
    ) -> Self {
        Self {
            external: AtomicU32::new(0),
            renewed: Mutex::default(),
            records: Mutex::default(),
            ids: UniqueIds::new(),
            local_now: Box::new(local_now),
            server_time,
        }
    }

    /// Returns the local time.
    pub(super) fn local_now(&self) -> Timestamp {
        (self.local_now)()
    }

    /// Returns Bakong's time at an earlier local time, if an answer since then showed that the clock was wrong.
    pub(super) fn revised(&self, local: Timestamp) -> Option<Timestamp> {
        self.server_time.get().revised(local)
    }

    /// Returns how many requests that do not belong to a question were sent since the last call.
    pub(super) fn take_external(&self) -> u32 {
        self.external.swap(0, Ordering::Relaxed)
    }

    /// Counts requests that a leader could not count before it lost its lease.
    pub(super) fn add_external(&self, requests: u32) {
        self.external.fetch_add(requests, Ordering::Relaxed);
    }

    /// Returns the expiry of the token that was renewed since the last call.
    pub(super) fn take_renewed(&self) -> Option<Option<Timestamp>> {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.take()
    }

    /// Returns the requests that were answered or failed since the last call.
    pub(super) fn take_exchanges(&self) -> impl Iterator<Item = Exchange> {
        std::mem::take(&mut self.records().finished).into_iter()
    }

    /// The task with this id was stopped before its request was answered.
    pub(super) fn stopped(&self, task: tokio::task::Id) {
        let mut records = self.records();
        let started = std::mem::take(&mut records.started);
        let (stopped, started): (VecDeque<_>, _) = started
            .into_iter()
            .partition(|started| started.task == Some(task));
        records.started = started;
        for started in stopped {
            let sent_at = self.server_time.correct(started.sent_at);
            records.finish(&started, sent_at, self.ids.next(), None);
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl Fn(u32) -> u32 + Copy) {
        let update = |count: &AtomicU32| {
            let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                Some(change(count))
            });
        };
        if SENT.try_with(|sent| update(&sent.count)).is_err() {
            update(&self.external);
        }
    }
}

impl Records {
    fn start(&mut self, started: Started) {
        if self.started.len() == MAX_STARTED {
            self.started.pop_front();
        }
        self.started.push_back(started);
    }

    /// Removes the record of a request that the current task sent.
    fn take_started(&mut self, attempt: Attempt) -> Option<Started> {
        let task = tokio::task::try_id();
        let is_same = |started: &Started| started.task == task && started.attempt == attempt;
        let at = self.started.iter().position(is_same)?;
        self.started.remove(at)
    }

    fn finish(
        &mut self,
        started: &Started,
        sent_at: Timestamp,
        request_id: String,
        response: Option<&Response<Bytes>>,
    ) {
        let summary = response.map(AnswerSummary::of);
        if self.finished.len() == MAX_EXCHANGES {
            self.finished.pop_front();
        }
        self.finished.push_back(Exchange {
            request_id: request_id.into(),
            endpoint: started.attempt.endpoint.name.into(),
            md5: started.md5,
            status: response.map(|response| response.status().as_u16()),
            response_code: summary.and_then(|summary| summary.response_code),
            error_code: summary
                .and_then(|summary| summary.error_code)
                .map(ErrorCode::number),
            duration: started.at.elapsed(),
            attempt: started.attempt.number,
            sent_at,
        });
    }
}

impl SessionObserver for Counter {
    fn sending(&self, attempt: Attempt) {
        self.count(|count| count.saturating_add(1));
        self.records().start(Started {
            task: tokio::task::try_id(),
            attempt,
            md5: SENT.try_with(|sent| sent.md5).ok().flatten(),
            sent_at: (self.local_now)(),
            at: Instant::now(),
        });
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if result.is_err_and(|error| !error.kind().may_have_arrived()) {
            self.count(|count| count.saturating_sub(1));
        }
        let mut records = self.records();
        if let Some(started) = records.take_started(attempt) {
            let sent_at = self.server_time.correct(started.sent_at);
            records.finish(&started, sent_at, self.ids.next(), result.ok());
        }
    }

    fn skew_changed(&self, skew: Skew) {
        if skew.is_wrong() {
            tracing::warn!(
                ?skew,
                "the clock of this machine differs from Bakong's; set it. Payments follow Bakong's clock"
            );
        } else {
            tracing::info!("the clock of this machine agrees with Bakong's again");
        }
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(expires_at);
    }
}

/// Sends a request that was counted before. Counts the repetitions and renewals that it caused, also if the caller stops
/// waiting.
pub(super) async fn send_counted<T: Transport, E: Endpoint>(
    session: &Session<T>,
    endpoint: &E,
    counter: &Counter,
) -> Result<E::Answer, ApiError> {
    struct Rest<'c>(&'c Counter, SendCount);
    impl Drop for Rest<'_> {
        fn drop(&mut self) {
            self.0.add_external(self.1.get().saturating_sub(1));
        }
    }
    let count = SendCount::default();
    let _rest = Rest(counter, count.clone());
    SENT.scope(count, session.send(endpoint)).await
}

/// Sends `question`, and counts the requests in `count`. Sends nothing and returns `None` if the lease is not valid.
pub(super) async fn send<T: Transport>(
    session: Arc<Session<T>>,
    question: Question,
    count: SendCount,
    lease: LeaseCheck,
) -> Option<Answered> {
    // The process may have been suspended between the commit and this line.
    if !lease.is_valid() {
        return None;
    }
    Some(SENT.scope(count, question.send(&session)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> Counter {
        let now = || Timestamp::from_millis(1_795_000_000_000);
        Counter::new(now, SharedServerTime::default())
    }

    #[test]
    fn requests_outside_of_questions_are_counted_once() {
        let counter = counter();
        counter.add_external(2);
        counter.add_external(3);
        assert_eq!(counter.take_external(), 5);
        assert_eq!(counter.take_external(), 0);
    }

    #[test]
    fn the_expiry_of_a_renewed_token_is_taken_once() {
        let counter = counter();
        assert_eq!(counter.take_renewed(), None);
        let expires_at = Some(Timestamp::from_millis(1_800_000_000_000));
        counter.token_renewed(expires_at);
        assert_eq!(counter.take_renewed(), Some(expires_at));
        assert_eq!(counter.take_renewed(), None);
        counter.token_renewed(None);
        assert_eq!(counter.take_renewed(), Some(None));
    }
}
