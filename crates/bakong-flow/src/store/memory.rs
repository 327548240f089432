//! A store that lasts as long as the process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
#[cfg(not(feature = "tokio"))]
use std::time::Instant;

use async_trait::async_trait;
use bakong_api::khqr_core::{Md5Handle, Timestamp};
// Leases then follow tokio's time, which tests can pause.
#[cfg(feature = "tokio")]
use tokio::time::Instant;

use super::PaymentStore;
use super::batch::{Batch, Committed};
use super::command::{Command, CommandId, CommandQueue, CommandResult};
use super::conflict::{Conflict, Rejected};
use super::error::StoreError;
use super::event::{Event, EventId, EventKind};
use super::lease::{Acquired, Epoch, LeaderLease, WorkerId};
use super::payment_table::PaymentTable;
use super::snapshot::Snapshot;
use super::stored::{PaymentKey, Resolution, ResolveConflict, StoredPayment};
use crate::change::{Change, ListStatus};
use crate::outcome::Outcome;
use crate::quota::WindowUsage;

/// How long a final payment and its events are retained.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many commands with a result are retained.
const MAX_ANSWERED_COMMANDS: usize = 1_000;

/// Stores changes in memory, for tests, and for shops that can lose their open payments when the process ends.
///
/// A clone shares the stored state, so that several workers of a process can use it. [`fork`](Self::fork) copies the state.
/// Final payments and events are retained for 30 days. Exchanges are not stored.
#[derive(Clone, Default, Debug)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Default, Debug)]
struct Shared {
    state: Mutex<State>,
    #[cfg(feature = "tokio")]
    notify: tokio::sync::Notify,
}

#[derive(Clone, Default, Debug)]
struct State {
    usage: Option<WindowUsage>,
    lists: Option<ListStatus>,
    payments: PaymentTable,
    events: VecDeque<Event>,
    last_event: i64,
    acknowledged: BTreeMap<Box<str>, EventId>,
    commands: BTreeMap<CommandId, SubmittedCommand>,
    /// The id of each command, by its key.
    command_keys: BTreeMap<Box<str>, CommandId>,
    last_command: i64,
    epoch: u64,
    /// The worker that has the lease, and when the lease expires.
    lease: Option<(WorkerId, Instant)>,
    /// The number and the result of the last batch of the epoch.
    last_batch: (u64, Committed),
}

#[derive(Clone, Debug)]
struct SubmittedCommand {
    key: Box<str>,
    command: Command,
    result: Option<CommandResult>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a store with a copy of the stored state. The copy is independent.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state().clone();
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            #[cfg(feature = "tokio")]
            notify: tokio::sync::Notify::new(),
        }))
    }

    /// Returns the stored state, with all final payments. This is [`PaymentStore::load`] without `async`.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.state().snapshot(Timestamp::from_millis(0))
    }

    /// Stores `changes`, regardless of leases. This is [`PaymentStore::commit`] without `async`, for a single worker.
    #[must_use = "rejected changes must be passed to the tracker"]
    pub fn apply(&self, changes: &[Change]) -> Vec<Rejected> {
        let mut state = self.state();
        let rejected = changes.iter().filter_map(|change| state.apply(change));
        rejected.collect()
    }

    /// Returns the outcome of a payment that is final and still retained.
    #[must_use]
    pub fn outcome(&self, md5: &Md5Handle) -> Option<Outcome> {
        let state = self.state();
        let (outcome, _) = state.payments.get(md5)?.finished.as_ref()?;
        Some(outcome.clone())
    }

    /// Makes the current lease expire at once, for tests.
    #[cfg(feature = "testing")]
    pub fn expire_lease(&self) {
        if let Some((_, expires_at)) = &mut self.state().lease {
            *expires_at = Instant::now();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked cannot have left a change half applied.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        #[cfg(feature = "tokio")]
        self.0.notify.notify_waiters();
    }
}

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn load(&self, finished_since: Timestamp) -> Result<Snapshot, StoreError> {
        Ok(self.state().snapshot(finished_since))
    }

    async fn commit(&self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        let committed = self.state().commit(batch)?;
        self.notify();
        Ok(committed)
    }

    async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, StoreError> {
        let state = self.state();
        Ok(match key {
            PaymentKey::Md5(md5) => state.payments.get(md5).into_iter().cloned().collect(),
            PaymentKey::Order(order) => state.payments.of_order(order).cloned().collect(),
        })
    }

    async fn find_all(&self, md5s: &[Md5Handle]) -> Result<Vec<StoredPayment>, StoreError> {
        let state = self.state();
        let found = md5s.iter().filter_map(|md5| state.payments.get(md5));
        Ok(found.cloned().collect())
    }

    async fn events_after(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let state = self.state();
        let first = state.events.partition_point(|event| event.id <= after);
        let events = state.events.iter().skip(first).take(limit);
        Ok(events.cloned().collect())
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        Ok(EventId::new(self.state().last_event))
    }

    async fn acknowledge(&self, consumer: &str, through: EventId) -> Result<(), StoreError> {
        let mut state = self.state();
        let acknowledged = state.acknowledged.entry(consumer.into()).or_default();
        *acknowledged = through.max(*acknowledged);
        Ok(())
    }

    async fn acknowledged(&self, consumer: &str) -> Result<EventId, StoreError> {
        let acknowledged = self.state().acknowledged.get(consumer).copied();
        Ok(acknowledged.unwrap_or_default())
    }

    async fn resolve(
        &self,
        md5: &Md5Handle,
        resolution: &Resolution,
    ) -> Result<Result<(), ResolveConflict>, StoreError> {
        let mut state = self.state();
        let order = match state.payments.resolve(md5, resolution) {
            Ok(order) => order,
            Err(conflict) => return Ok(Err(conflict)),
        };
        let kind = EventKind::Resolved(resolution.clone());
        state.add_event(*md5, order, kind, resolution.at);
        drop(state);
        self.notify();
        Ok(Ok(()))
    }
}

#[async_trait]
impl LeaderLease for MemoryStore {
    async fn acquire(&self, worker: &WorkerId, term: Duration) -> Result<Acquired, StoreError> {
        let mut state = self.state();
        let now = Instant::now();
        if let Some((holder, expires_at)) = &state.lease
            && *expires_at > now
            && holder != worker
        {
            let expires_in = expires_at.duration_since(now);
            return Ok(Acquired::Follower { expires_in });
        }
        state.lease = Some((worker.clone(), now + term));
        state.epoch += 1;
        state.last_batch = (0, Committed::default());
        Ok(Acquired::Leader(Epoch::new(state.epoch)))
    }

    async fn renew(&self, epoch: Epoch, term: Duration) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.epoch != epoch.get() {
            return Err(StoreError::fenced());
        }
        if let Some((_, expires_at)) = &mut state.lease {
            *expires_at = Instant::now() + term;
        }
        Ok(())
    }

    async fn release(&self, epoch: Epoch) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.epoch == epoch.get() {
            state.lease = None;
            drop(state);
            self.notify();
        }
        Ok(())
    }
}

#[async_trait]
impl CommandQueue for MemoryStore {
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        let mut state = self.state();
        if let Some(id) = state.command_keys.get(key) {
            return Ok(*id);
        }
        state.last_command += 1;
        let id = CommandId::new(state.last_command);
        state.command_keys.insert(key.into(), id);
        let command = SubmittedCommand {
            key: key.into(),
            command: command.clone(),
            result: None,
        };
        state.commands.insert(id, command);
        drop(state);
        self.notify();
        Ok(id)
    }

    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        let state = self.state();
        let submitted = state.commands.get(&id).ok_or_else(unknown_command)?;
        Ok(submitted.result)
    }

    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let mut state = self.state();
        let submitted = state.commands.get_mut(&id).ok_or_else(unknown_command)?;
        Ok(*submitted.result.get_or_insert(CommandResult::Withdrawn))
    }

    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        let state = self.state();
        let pending = state.commands.iter();
        let pending = pending.filter(|(_, submitted)| submitted.result.is_none());
        let pending = pending.map(|(id, submitted)| (*id, submitted.command.clone()));
        Ok(pending.take(limit).collect())
    }

    #[cfg(feature = "tokio")]
    async fn notified(&self) {
        self.0.notify.notified().await;
    }
}

fn unknown_command() -> StoreError {
    StoreError::fatal("the store has no command with this id")
}

impl State {
    fn snapshot(&self, finished_since: Timestamp) -> Snapshot {
        Snapshot {
            usage: self.usage,
            lists: self.lists.unwrap_or(ListStatus::Untried),
            finished: self.payments.finished_since(finished_since).collect(),
            open: self.payments.open(),
        }
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<Committed, StoreError> {
        if batch.epoch.get() != self.epoch {
            return Err(StoreError::fenced());
        }
        let (sequence, committed) = &self.last_batch;
        if batch.sequence == *sequence {
            return Ok(committed.clone());
        }
        if batch.sequence != sequence + 1 {
            return Err(StoreError::fatal(format!(
                "batch {} does not follow batch {sequence}",
                batch.sequence
            )));
        }
        let withdrawn = self.withdrawn_payments(batch.results);
        let rejected = batch.changes.iter().filter_map(|change| match change {
            Change::Opened { payment, .. } if withdrawn.contains(&payment.md5) => {
                Some(Rejected::new(payment.md5, Conflict::Withdrawn))
            }
            change => self.apply(change),
        });
        let rejected: Vec<_> = rejected.collect();
        self.store_results(batch, &rejected);
        let committed = Committed::new(rejected);
        self.last_batch = (batch.sequence, committed.clone());
        self.remove_answered_commands();
        Ok(committed)
    }

    /// Returns the payments of these commands that were withdrawn in the meantime.
    fn withdrawn_payments(&self, results: &[(CommandId, CommandResult)]) -> Vec<Md5Handle> {
        let commands = results.iter().filter_map(|(id, _)| self.commands.get(id));
        let withdrawn = commands.filter_map(|submitted| match &submitted.command {
            Command::Open { payment, .. } if submitted.result == Some(CommandResult::Withdrawn) => {
                Some(payment.md5)
            }
            _ => None,
        });
        withdrawn.collect()
    }

    fn store_results(&mut self, batch: &Batch<'_>, rejected: &[Rejected]) {
        for (id, result) in batch.results {
            let Some(submitted) = self.commands.get_mut(id) else {
                continue;
            };
            let rejection = match (&submitted.command, result) {
                (Command::Open { payment, .. }, CommandResult::Done) => {
                    let opened = batch.changes.iter().find(|change| {
                        matches!(change, Change::Opened { payment: opened, .. } if opened.md5 == payment.md5)
                    });
                    let rejection = rejected
                        .iter()
                        .find(|rejected| opened.is_some_and(|opened| rejected.is_about(opened)));
                    rejection.map(|rejected| rejected.conflict.open_error())
                }
                _ => None,
            };
            let result = rejection.map_or(*result, CommandResult::Refused);
            submitted.result.get_or_insert(result);
        }
    }

    fn apply(&mut self, change: &Change) -> Option<Rejected> {
        let rejected = |md5: &Md5Handle, conflict| Some(Rejected::new(*md5, conflict));
        match change {
            Change::Opened {
                payment,
                policy,
                at,
            } => {
                let stored = StoredPayment::new((**payment).clone(), *policy, *at);
                if let Err(conflict) = self.payments.open_payment(stored) {
                    return rejected(&payment.md5, conflict);
                }
            }
            Change::Asked { md5, at } => {
                if let Some(payment) = self.payments.open_mut(md5) {
                    payment.asked_at = Some(*at);
                }
            }
            Change::Learned {
                md5,
                hash,
                short_hash,
            } => {
                if let Some(StoredPayment { payment, .. }) = self.payments.open_mut(md5) {
                    // Another worker may have stored the other hash.
                    payment.hash = hash.clone().or(payment.hash.take());
                    payment.short_hash = short_hash.clone().or(payment.short_hash.take());
                }
            }
            Change::Cancelled { md5 } => {
                if let Some(payment) = self.payments.open_mut(md5) {
                    payment.is_cancelled = true;
                }
            }
            Change::Withdrawn { md5 } => self.payments.withdraw(md5),
            Change::Finished {
                md5,
                order,
                outcome,
                at,
            } => {
                if let Err(conflict) = self.payments.finish(md5, order, outcome, *at) {
                    return rejected(md5, conflict);
                }
                let kind = EventKind::Finished(outcome.clone());
                self.add_event(*md5, order.clone(), kind, *at);
                self.remove_expired(*at);
            }
            Change::PaidAgain {
                md5,
                order,
                transaction,
                hash,
                at,
            } => {
                let kind = EventKind::PaidAgain {
                    transaction: transaction.clone(),
                    hash: hash.clone(),
                };
                self.add_event(*md5, order.clone(), kind, *at);
            }
            Change::Quota(usage) => {
                self.usage = Some(self.usage.map_or(*usage, |stored| stored.merge(*usage)));
            }
            Change::ListStatus(lists) => self.lists = Some(*lists),
            Change::NotPaidYet { .. } | Change::NoAnswer { .. } | Change::Token(_) => {}
        }
        None
    }

    fn add_event(
        &mut self,
        md5: Md5Handle,
        order: crate::order::OrderId,
        kind: EventKind,
        at: Timestamp,
    ) {
        self.last_event += 1;
        let id = EventId::new(self.last_event);
        self.events.push_back(Event::new(id, md5, order, kind, at));
    }

    fn remove_expired(&mut self, now: Timestamp) {
        let is_expired = |at: Timestamp| now.saturating_since(at) > RETENTION;
        self.payments.remove_finished(is_expired);
        while self
            .events
            .front()
            .is_some_and(|event| is_expired(event.at))
        {
            self.events.pop_front();
        }
    }

    fn remove_answered_commands(&mut self) {
        while self.commands.len() > MAX_ANSWERED_COMMANDS {
            match self.commands.first_entry() {
                Some(oldest) if oldest.get().result.is_some() => {
                    self.command_keys.remove(&oldest.remove().key);
                }
                _ => return,
            }
        }
    }
}
