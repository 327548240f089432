//! The leader: owns the tracker, sends its requests, and commits its changes.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{Session, Transport};
use tokio::sync::broadcast;
use tokio::task::{Id, JoinError, JoinSet};

use super::channels::{Channels, MAX_COMMANDS, stopped};
use super::command::{ChangeRequest, Command, OpenRequest};
use super::lease::Lease;
use super::mirror;
use super::persist::{Committer, Done, Draft};
use super::progress::Progress;
use super::queue;
use super::request::{Counter, SendCount};
use super::shared::Shared;
use crate::ask::{Question, Ticket};
use crate::change::Change;
use crate::clock::{Busy, Clock};
use crate::question::Answered;
use crate::store::{self, CommandId, Snapshot, StoreError};
use crate::tracker::Tracker;

/// The resources of a watcher's task.
pub(super) struct Context<T, C> {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session<T>>,
    pub(super) clock: Arc<C>,
    pub(super) counter: Arc<Counter>,
    pub(super) changes: broadcast::Sender<Change>,
}

/// A payment whose opening is not committed yet.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) request: OpenRequest,
    pub(super) at: Timestamp,
}

type QueuePoll = Pin<Box<dyn Future<Output = Vec<(CommandId, store::Command)>> + Send>>;

pub(super) struct Leader<T, C> {
    pub(super) context: Arc<Context<T, C>>,
    pub(super) tracker: Tracker,
    pub(super) lease: Lease,
    pub(super) committer: Committer,
    pub(super) draft: Draft,
    /// The payments to reply for when they are committed.
    pub(super) opening: HashMap<Md5Handle, Opening>,
    /// The payments that were committed although their callers are gone.
    pub(super) unclaimed: Vec<Md5Handle>,
    /// Requests to open a payment whose first opening is not committed yet.
    pub(super) deferred: Vec<OpenRequest>,
    /// The commands of followers that were carried out, until a poll that began after the commit of their results.
    pub(super) taken: HashSet<CommandId>,
    /// Those of the commands above whose results are committed.
    answered: Vec<CommandId>,
    queue: QueuePoll,
    pub(super) in_flight: JoinSet<Option<Answered>>,
    /// The last value is the local time at which the request was sent.
    pub(super) tickets: HashMap<Id, (Ticket, Question, SendCount, Timestamp)>,
    /// Looks up the payments that were open when this worker last knew them, and are not open now.
    _settling: JoinSet<()>,
}

/// What a leader could not finish.
pub(super) struct Unfinished {
    pub(super) lease: Lease,
    /// The payments that are open in the store, and whose withdrawal was not committed.
    pub(super) withdrawn: Vec<Md5Handle>,
    pub(super) opening: Vec<Opening>,
    pub(super) deferred: Vec<OpenRequest>,
    pub(super) changes: Vec<ChangeRequest>,
}

/// Why a worker does not lead any more.
pub(super) enum LeadEnd {
    /// The watcher stops.
    Stopped,
    /// Another worker has the lease.
    Fenced,
    /// The store cannot be used.
    Fatal(Arc<StoreError>),
}

/// What the leader reacts to.
enum Wakeup {
    Stop,
    Lease,
    Committed(Box<Result<Done, StoreError>>),
    Commands(Vec<Command>),
    Withdrawal(Md5Handle),
    Answer(Box<Result<(Id, Option<Answered>), JoinError>>),
    Queue(Vec<(CommandId, store::Command)>),
    Timer,
}

/// The minimum sleep, in case the tracker asks for an immediate wake-up.
const MIN_SLEEP: Duration = Duration::from_millis(20);
/// How many payments can wait for a commit before further commands wait.
const MAX_OPENING: usize = 4 * MAX_COMMANDS;

impl<T: Transport + 'static, C: Clock + 'static> Leader<T, C> {
    pub(super) fn new(context: Arc<Context<T, C>>, lease: Lease, snapshot: Snapshot) -> Self {
        let shared = &context.shared;
        let open: HashSet<Md5Handle> = snapshot.open.iter().map(|open| open.payment.md5).collect();
        let mut gone = shared.handles.watched_after(None, usize::MAX);
        gone.retain(|md5| !open.contains(md5));
        for open in &snapshot.open {
            drop(
                shared
                    .handles
                    .add(Progress::new(&open.payment, open.is_cancelled)),
            );
        }
        let mut settling = JoinSet::new();
        settling.spawn(mirror::settle(Arc::clone(shared), gone));
        let now = context.clock.now();
        Self {
            tracker: Tracker::restore(shared.settings.config, snapshot, now),
            committer: Committer::new(Arc::clone(shared), lease.epoch()),
            lease,
            draft: Draft::default(),
            opening: HashMap::new(),
            unclaimed: Vec::new(),
            deferred: Vec::new(),
            answered: Vec::new(),
            taken: HashSet::new(),
            queue: Box::pin(queue::first(Arc::clone(shared))),
            in_flight: JoinSet::new(),
            tickets: HashMap::new(),
            _settling: settling,
            context,
        }
    }

    /// Leads until the watcher stops or the lease is lost.
    pub(super) async fn run(&mut self, channels: &mut Channels, mut busy: Busy) -> LeadEnd {
        loop {
            self.prepare();
            let clock = Arc::clone(&self.context.clock);
            let wakeup = self.next_wakeup();
            let sleep = async {
                match wakeup {
                    Some(wakeup) => clock.sleep_until(wakeup).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(sleep);
            if self.committer.is_idle() && self.in_flight.is_empty() {
                busy.end();
            }
            let wakeup = self.wait(channels, sleep.as_mut()).await;
            // The sleep is dropped after this, so that a clock for tests never sees an idle watcher in between.
            busy = clock.busy();
            match wakeup {
                Wakeup::Stop => return LeadEnd::Stopped,
                Wakeup::Lease => {
                    if let Some(error) = self.lease.lost() {
                        return end_of(error);
                    }
                    // The store has renewed the lease, so a commit need not wait any longer.
                    self.committer.retry_now();
                }
                Wakeup::Committed(done) => match *done {
                    Ok(done) => self.on_committed(done),
                    Err(error) => return end_of(Arc::new(error)),
                },
                Wakeup::Commands(commands) => self.handle_all(commands, channels),
                Wakeup::Withdrawal(md5) => self.withdraw(&md5),
                Wakeup::Answer(answer) => {
                    self.complete(*answer);
                    while let Some(answer) = self.in_flight.try_join_next_with_id() {
                        self.complete(answer);
                    }
                }
                Wakeup::Queue(commands) => {
                    self.carry_out(commands);
                    for id in self.answered.drain(..) {
                        self.taken.remove(&id);
                    }
                    self.queue = Box::pin(queue::next(Arc::clone(&self.context.shared)));
                }
                Wakeup::Timer => {}
            }
        }
    }

    /// Polls the tracker and starts a commit, unless one is running.
    fn prepare(&mut self) {
        self.count_external_usage();
        self.withdraw_abandoned();
        self.collect();
        if self.committer.is_idle() {
            // Requests are counted in the batch of the changes before them, and sent after its commit.
            self.poll();
            self.commit();
        }
        let shared = &self.context.shared;
        let (usage, open) = (self.tracker.usage(), self.tracker.open_payments());
        shared.health.set_leader(self.lease.epoch(), usage, open);
    }

    /// Starts to commit the draft. If there is nothing to commit, its callers get their replies at once.
    pub(super) fn commit(&mut self) {
        if self.draft.is_empty() {
            for caller in self.draft.effects.callers.drain(..) {
                // A caller that is gone does not need the reply.
                let _ = caller.reply.send(Ok(()));
            }
        } else {
            self.committer.start(std::mem::take(&mut self.draft));
        }
    }

    /// Adds the changes of the tracker and the records of the requests to the draft.
    pub(super) fn collect(&mut self) {
        let contents = &mut self.draft.contents;
        contents.changes.extend(self.tracker.take_changes());
        contents
            .exchanges
            .extend(self.context.counter.take_exchanges());
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        // While a commit is running, or without a valid lease, the tracker is not polled.
        if !self.committer.is_idle() || !self.lease.is_valid() {
            return None;
        }
        let soonest = self.context.clock.now().saturating_add(MIN_SLEEP);
        let wakeup = self.tracker.next_wakeup();
        wakeup.map(|wakeup| wakeup.max(soonest))
    }

    async fn wait(&mut self, channels: &mut Channels, sleep: impl Future<Output = ()>) -> Wakeup {
        let can_take = self.opening.len() < MAX_OPENING;
        let mut commands = Vec::new();
        tokio::select! {
            () = stopped(&mut channels.stop) => Wakeup::Stop,
            () = self.lease.changed() => Wakeup::Lease,
            done = self.committer.committed() => Wakeup::Committed(Box::new(done)),
            taken = channels.commands.recv_many(&mut commands, MAX_COMMANDS), if can_take => match taken {
                // The watcher was dropped, so it stops.
                0 => Wakeup::Stop,
                _ => Wakeup::Commands(commands),
            },
            Some(md5) = channels.withdrawals.recv() => Wakeup::Withdrawal(md5),
            Some(answer) = self.in_flight.join_next_with_id() => Wakeup::Answer(Box::new(answer)),
            commands = &mut self.queue => Wakeup::Queue(commands),
            () = sleep => Wakeup::Timer,
        }
    }

    /// Publishes a batch, and sends the requests that it counted.
    pub(super) fn on_committed(&mut self, done: Done) {
        let answered = done.contents.results.iter().map(|(id, _)| *id);
        self.answered.extend(answered);
        let effects = done.effects;
        self.publish(
            done.contents.changes,
            &done.committed.rejected,
            &effects.errors,
        );
        for caller in effects.callers {
            let _ = caller.reply.send(Ok(()));
        }
        for reply in effects.counted {
            let _ = reply.send(Ok(()));
        }
        for ask in effects.asks {
            self.send(ask);
        }
        self.withdraw_unclaimed();
    }

    /// Counts the requests and renewals that the session sent on its own.
    pub(super) fn count_external_usage(&mut self) {
        let now = self.context.clock.now();
        self.tracker
            .add_external_usage(self.context.counter.take_external(), now);
        if let Some(expires_at) = self.context.counter.take_renewed() {
            self.tracker.token_renewed(expires_at, now);
        }
    }

    /// Waits for the requests in flight, and commits their results.
    pub(super) async fn finish(&mut self, timeout: Duration) -> Result<(), Option<StoreError>> {
        let requests_end = tokio::time::sleep(timeout);
        let end = tokio::time::sleep(timeout * 2);
        tokio::pin!(requests_end, end);
        loop {
            self.count_external_usage();
            self.collect();
            if self.committer.is_idle() {
                self.commit();
                if self.committer.is_idle() && self.in_flight.is_empty() {
                    return Ok(());
                }
            }
            tokio::select! {
                done = self.committer.committed() => {
                    let done = done.map_err(Some)?;
                    self.on_committed(done);
                }
                Some(answer) = self.in_flight.join_next_with_id() => self.complete(answer),
                () = &mut requests_end, if !self.in_flight.is_empty() => self.in_flight = JoinSet::new(),
                () = &mut end => return Err(None),
            }
        }
    }

    /// Drops the tracker and the requests in flight, and returns what must be handed to the next leader.
    pub(super) fn into_unfinished(self) -> Unfinished {
        for (_, _, count, _) in self.tickets.values() {
            // The first request of each question was counted in the batch before it was sent.
            let uncounted = count.get().saturating_sub(1);
            self.context.counter.add_external(uncounted);
        }
        let mut changes = self.committer.into_callers();
        changes.extend(self.draft.effects.callers);
        let withdrawn = self.draft.contents.changes.iter();
        let withdrawn = withdrawn.filter_map(|change| match change {
            Change::Withdrawn { md5 } => Some(*md5),
            _ => None,
        });
        Unfinished {
            withdrawn: withdrawn.collect(),
            lease: self.lease,
            opening: self.opening.into_values().collect(),
            deferred: self.deferred,
            changes,
        }
    }
}

fn end_of(error: Arc<StoreError>) -> LeadEnd {
    match error.kind() {
        store::StoreErrorKind::Fenced => LeadEnd::Fenced,
        _ => LeadEnd::Fatal(error),
    }
}
