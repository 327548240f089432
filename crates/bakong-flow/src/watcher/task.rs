//! The task that owns the tracker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::Md5Handle;
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{Session, Transport};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::command::{Command, WatchReply};
use super::error::Stopped;
use super::progress::Progress;
use super::request::{Counter, Errors, Exchange, SendCount, send};
use crate::ask::{Ask, Ticket};
use crate::change::Change;
use crate::clock::Clock;
use crate::store::{Batch, Epoch, PaymentStore, StoreError};
use crate::tracker::Tracker;

/// The resources of the task.
pub(super) struct Context<T, S, C> {
    pub(super) store: S,
    pub(super) clock: C,
    pub(super) session: Arc<Session<T>>,
    pub(super) counter: Arc<Counter>,
    pub(super) changes: broadcast::Sender<Change>,
    /// The maximum duration of a request.
    pub(super) timeout: Duration,
}

pub(super) struct Task<T, S, C> {
    pub(super) tracker: Tracker,
    pub(super) context: Context<T, S, C>,
    /// The progress of the open payments.
    pub(super) open: HashMap<Md5Handle, watch::Sender<Progress>>,
    /// The replies to send when a new payment is persisted.
    pub(super) opening: HashMap<Md5Handle, WatchReply>,
    /// The senders to notify when all changes so far are persisted.
    on_persisted: Vec<oneshot::Sender<()>>,
    epoch: Epoch,
    /// The number of the next batch.
    sequence: u64,
    /// The changes that the store has not persisted.
    pending: Vec<Change>,
    in_flight: JoinSet<Option<Exchange>>,
    tickets: HashMap<Id, (Ticket, SendCount)>,
}

/// How long to wait for the requests in flight, and then for the store, when the watcher stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the maximum pause after a failure of the store.
const STORE_BACKOFF: Duration = Duration::from_millis(500);
const MAX_STORE_BACKOFF: Duration = Duration::from_secs(30);
/// The minimum sleep, in case the tracker asks for an immediate wake-up.
const MIN_SLEEP: Duration = Duration::from_millis(20);

impl<T: Transport + 'static, S: PaymentStore, C: Clock> Task<T, S, C> {
    pub(super) fn new(tracker: Tracker, epoch: Epoch, context: Context<T, S, C>) -> Self {
        let open = tracker.snapshot().open.into_iter().map(|open| {
            let progress = Progress::new(&open.payment, open.is_cancelled);
            (open.payment.md5, watch::Sender::new(progress))
        });
        Self {
            open: open.collect(),
            tracker,
            context,
            opening: HashMap::new(),
            on_persisted: Vec::new(),
            epoch,
            sequence: 1,
            pending: Vec::new(),
            in_flight: JoinSet::new(),
            tickets: HashMap::new(),
        }
    }

    /// Runs until the watcher stops, and then waits for the requests in flight.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut stop: watch::Receiver<bool>,
    ) {
        while self.step(&mut commands, &mut stop).await == Ok(()) {}
        commands.close();
        let timeout = tokio::time::sleep(SHUTDOWN_TIMEOUT);
        tokio::pin!(timeout);
        while !self.in_flight.is_empty() {
            tokio::select! {
                Some(result) = self.in_flight.join_next_with_id() => drop(self.complete(result)),
                () = &mut timeout => break,
            }
        }
        self.count_external_usage();
        let none = Errors::default();
        let persisted = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.try_persist(&none));
        if !matches!(persisted.await, Ok(Ok(()))) {
            tracing::error!(
                "the last changes were not persisted; their payments are checked again after a restart"
            );
        }
    }

    /// Sends the requests that are due, and waits for the next event.
    async fn step(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopped> {
        self.count_external_usage();
        self.persist(&Errors::default(), stop).await?;
        while let Some(ask) = self.tracker.poll(self.context.clock.now()) {
            self.persist(&Errors::default(), stop).await?;
            self.send(ask);
        }
        let now = self.context.clock.now();
        let wakeup = self.tracker.next_wakeup();
        let wakeup = wakeup.map(|wakeup| wakeup.max(now.saturating_add(MIN_SLEEP)));
        let clock = &self.context.clock;
        let sleep = async {
            match wakeup {
                Some(wakeup) => clock.sleep_until(wakeup).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped(stop) => return Err(Stopped),
            command = commands.recv() => match command {
                Some(command) => self.handle(command),
                // The watcher was dropped, so `stopped` returns too.
                None => stopped(stop).await,
            },
            Some(result) = self.in_flight.join_next_with_id() => {
                let errors = self.complete(result);
                self.persist(&errors, stop).await?;
            }
            () = sleep => {}
        }
        Ok(())
    }

    fn handle(&mut self, command: Command) {
        let now = self.context.clock.now();
        match command {
            Command::Watch {
                payment,
                policy,
                reply,
            } => {
                let (md5, progress) = (payment.md5, Progress::new(&payment, false));
                match self.tracker.open(*payment, policy, now) {
                    Ok(()) => {
                        self.open.insert(md5, watch::Sender::new(progress));
                        self.opening.insert(md5, reply);
                    }
                    // A caller that is gone does not need the reply.
                    Err(error) => drop(reply.send(Err(error.into()))),
                }
            }
            Command::Attach { md5, reply } => {
                let progress = self.open.get(&md5).map(watch::Sender::subscribe);
                drop(reply.send(progress));
            }
            Command::List { reply } => drop(reply.send(self.open.keys().copied().collect())),
            Command::Nudge(md5) => self.tracker.nudge(&md5, now),
            Command::Cancel(md5, persisted) => {
                self.tracker.cancel(&md5, now);
                self.on_persisted.push(persisted);
            }
            Command::Learn {
                md5,
                hash,
                short_hash,
                persisted,
            } => {
                self.tracker.learn(&md5, hash, short_hash, now);
                self.on_persisted.push(persisted);
            }
            Command::NewToken(expires_at) => self.tracker.set_token(expires_at, now),
        }
    }

    fn send(&mut self, Ask { ticket, question }: Ask) {
        tracing::debug!(?question, "sending a request");
        let count = SendCount::default();
        let exchange = send(Arc::clone(&self.context.session), question, count.clone());
        let exchange = tokio::time::timeout(self.context.timeout, exchange);
        let task = self.in_flight.spawn(async { exchange.await.ok() });
        self.tickets.insert(task.id(), (ticket, count));
    }

    /// Passes the result of a request to the tracker, and returns its errors.
    fn complete(&mut self, result: Result<(Id, Option<Exchange>), JoinError>) -> Errors {
        let (id, exchange) = match result {
            Ok((id, exchange)) => (id, exchange),
            Err(error) => (error.id(), None),
        };
        let Some((ticket, count)) = self.tickets.remove(&id) else {
            return Errors::default();
        };
        let now = self.context.clock.now();
        match exchange {
            Some(exchange) => {
                self.tracker
                    .answer(ticket, count.get(), exchange.reply, now);
                exchange.errors
            }
            None => {
                tracing::warn!("a request timed out");
                self.tracker.abandon(ticket, count.get(), now);
                let reason = "the request timed out";
                Errors::of_all(TransportError::new(TransportErrorKind::Timeout, reason))
            }
        }
    }

    /// Counts the requests and renewals that the session sent on its own.
    fn count_external_usage(&mut self) {
        let now = self.context.clock.now();
        self.tracker
            .add_external_usage(self.context.counter.take_external(), now);
        if let Some(expires_at) = self.context.counter.take_renewed() {
            self.tracker.token_renewed(expires_at, now);
        }
    }

    /// Persists the pending changes, retrying until the store accepts them, and publishes them.
    async fn persist(
        &mut self,
        errors: &Errors,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopped> {
        let mut pause = STORE_BACKOFF;
        loop {
            let persisted = tokio::select! {
                persisted = self.try_persist(errors) => persisted,
                () = stopped(stop) => return Err(Stopped),
            };
            match persisted {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::error!(%error, "cannot persist changes; no request is sent until the store works");
                }
            }
            tokio::select! {
                () = stopped(stop) => return Err(Stopped),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(MAX_STORE_BACKOFF);
        }
    }

    /// Persists the pending changes. If this fails or is cancelled, they stay pending.
    async fn try_persist(&mut self, errors: &Errors) -> Result<(), StoreError> {
        loop {
            self.pending.extend(self.tracker.take_changes());
            if self.pending.is_empty() {
                // A caller that is gone does not need the notification.
                for persisted in self.on_persisted.drain(..) {
                    let _ = persisted.send(());
                }
                return Ok(());
            }
            let batch = Batch {
                epoch: self.epoch,
                sequence: self.sequence,
                changes: &self.pending,
                results: &[],
                exchanges: &[],
            };
            let committed = self.context.store.commit(&batch).await?;
            self.sequence += 1;
            let changes = std::mem::take(&mut self.pending);
            self.publish(changes, &committed.rejected, errors);
        }
    }
}

/// Waits until the watcher stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A watcher that was dropped has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}
