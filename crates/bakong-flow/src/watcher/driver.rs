//! The task of a watcher: leads or follows, and changes the role when the lease demands it.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::Transport;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::channels::{Channels, MAX_COMMANDS, stopped};
use super::command::Command;
use super::error::{CommandError, EndReason};
use super::health::Role;
use super::leader::{Context, LeadEnd, Leader};
use super::lease::Lease;
use super::mirror;
use super::shared::{Shared, StoreBackoff};
use crate::clock::{Busy, Clock};
use crate::store::{Acquired, Snapshot, StoreError, StoreErrorKind};

/// How long to wait for the requests in flight, and then for the store, when the watcher stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// The minimum pause between two attempts to acquire the lease.
const MIN_STANDBY: Duration = Duration::from_millis(100);
const MAX_STANDBY: Duration = Duration::from_secs(1);

/// What a worker does next.
pub(super) enum Turn {
    Lead(Lease, Box<Snapshot>),
    /// Another worker's lease expires after this time, unless it is renewed.
    Follow(Duration),
}

pub(super) struct Driver<T, C> {
    context: Arc<Context<T, C>>,
    channels: Channels,
}

/// Acquires the lease if it is free, and loads the state.
pub(super) async fn acquire(shared: &Arc<Shared>) -> Result<Turn, StoreError> {
    let (term, worker) = (shared.settings.lease_term, &shared.settings.worker);
    let asked_at = Instant::now();
    let epoch = match shared.call(shared.store.acquire(worker, term)).await? {
        Acquired::Leader(epoch) => epoch,
        Acquired::Follower { expires_in } => {
            let until = (shared.now)().saturating_add(expires_in);
            shared.health.set_lease_of_another(until);
            return Ok(Turn::Follow(expires_in));
        }
    };
    // Loading may take long, so the lease is renewed from now on.
    let lease = Lease::keep(Arc::clone(shared), epoch, asked_at);
    let config = &shared.settings.config;
    let finished_since = (shared.now)().saturating_sub(config.remember);
    let loaded = tokio::time::timeout(term, shared.store.load(finished_since)).await;
    match loaded.unwrap_or_else(|_| Err(StoreError::transient("loading timed out"))) {
        Ok(snapshot) => Ok(Turn::Lead(lease, Box::new(snapshot))),
        Err(error) => {
            shared.record(Some(&error));
            lease.release(shared).await;
            Err(error)
        }
    }
}

impl<T: Transport + 'static, C: Clock + 'static> Driver<T, C> {
    pub(super) const fn new(context: Arc<Context<T, C>>, channels: Channels) -> Self {
        Self { context, channels }
    }

    /// Runs until the watcher stops or the store fails for good.
    pub(super) async fn run(mut self, first: Turn, mut busy: Busy) -> EndReason {
        let shared = Arc::clone(&self.context.shared);
        let mut turn = first;
        let end = loop {
            turn = match turn {
                Turn::Lead(lease, snapshot) => {
                    let leads = std::mem::take(&mut busy);
                    match self.lead(lease, *snapshot, leads).await {
                        Ok(turn) => turn,
                        Err(end) => break end,
                    }
                }
                Turn::Follow(expires_in) => {
                    std::mem::take(&mut busy).end();
                    match self.follow(expires_in).await {
                        Ok(turn) => turn,
                        Err(end) => break end,
                    }
                }
            };
        };
        shared.health.set_role(Role::Ended);
        self.channels.commands.close();
        // The callers of these commands are told that the watcher has stopped.
        while self.channels.commands.try_recv().is_ok() {}
        while let Ok(md5) = self.channels.withdrawals.try_recv() {
            self.channels.remote.withdraw(md5);
        }
        let finished = self.channels.remote.finish();
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, finished).await;
        shared.handles.clear();
        end
    }

    async fn lead(
        &mut self,
        lease: Lease,
        snapshot: Snapshot,
        busy: Busy,
    ) -> Result<Turn, EndReason> {
        let epoch = lease.epoch();
        let shared = Arc::clone(&self.context.shared);
        tracing::info!(epoch = epoch.get(), "leading");
        let mut leader = Leader::new(Arc::clone(&self.context), lease, snapshot);
        let end = leader.run(&mut self.channels, busy).await;
        if let LeadEnd::Stopped = end {
            self.channels.commands.close();
            let mut last = Vec::new();
            while let Ok(md5) = self.channels.withdrawals.try_recv() {
                last.push(md5);
            }
            for md5 in last {
                leader.withdraw(&md5);
            }
            if let Err(error) = leader.finish(SHUTDOWN_TIMEOUT).await {
                let error = error.map_or_else(|| "timed out".to_owned(), |error| error.to_string());
                tracing::error!(
                    error,
                    "the last changes were not persisted; their payments are checked again after a restart"
                );
            }
        }
        let unfinished = leader.into_unfinished();
        let lease = unfinished.lease;
        let turn = match end {
            LeadEnd::Stopped => {
                lease.release(&shared).await;
                return Err(EndReason::Shutdown);
            }
            LeadEnd::Fatal(error) => {
                tracing::error!(%error, "the watcher ends");
                lease.release(&shared).await;
                return Err(EndReason::StoreFailed(error));
            }
            LeadEnd::Fenced => Turn::Follow(Duration::ZERO),
        };
        tracing::warn!(epoch = epoch.get(), "another worker leads; standing by");
        drop(lease);
        shared.handles.lost_lease();
        let remote = &mut self.channels.remote;
        for md5 in unfinished.withdrawn {
            remote.withdraw(md5);
        }
        for opening in unfinished.opening {
            remote.open(opening.request, Some(opening.at));
        }
        for request in unfinished.deferred {
            remote.open(request, None);
        }
        for request in unfinished.changes {
            remote.change(request);
        }
        Ok(turn)
    }

    /// Stands by until this worker has the lease.
    async fn follow(&mut self, expires_in: Duration) -> Result<Turn, EndReason> {
        let shared = Arc::clone(&self.context.shared);
        shared.health.set_role(Role::Follower);
        let mut mirror = JoinSet::new();
        mirror.spawn(mirror::follow(Arc::clone(&shared)));
        let mut acquiring = Box::pin(stand_by(Arc::clone(&shared), expires_in));
        loop {
            let mut commands = Vec::new();
            let can_take = !self.channels.remote.is_full();
            tokio::select! {
                () = stopped(&mut self.channels.stop) => return Err(EndReason::Shutdown),
                turn = &mut acquiring => return turn.map_err(|error| {
                    tracing::error!(%error, "the watcher ends");
                    EndReason::StoreFailed(Arc::new(error))
                }),
                taken = self.channels.commands.recv_many(&mut commands, MAX_COMMANDS), if can_take => {
                    if taken == 0 {
                        return Err(EndReason::Shutdown);
                    }
                    self.hand_over(commands);
                }
                Some(md5) = self.channels.withdrawals.recv() => self.channels.remote.withdraw(md5),
                () = self.channels.remote.ended() => {}
            }
        }
    }

    /// Hands the commands to the leader.
    fn hand_over(&mut self, commands: Vec<Command>) {
        for command in commands {
            // A caller that gave a payment up may open it again with its next command.
            while let Ok(md5) = self.channels.withdrawals.try_recv() {
                self.channels.remote.withdraw(md5);
            }
            match command {
                Command::Watch(request) if request.reply.is_closed() => {}
                Command::Watch(request) => self.channels.remote.open(request, None),
                Command::Change(request) => self.channels.remote.change(request),
                // Only a leader counts requests. A caller that is gone does not need the reply.
                Command::Count(request) => {
                    let _ = request.reply.send(Err(CommandError::StoreUnavailable));
                }
                // Only the leader's session sends requests. This worker's session has the token already.
                Command::NewToken(_) => {}
            }
        }
    }
}

/// Tries to acquire the lease when it may be free.
async fn stand_by(shared: Arc<Shared>, expires_in: Duration) -> Result<Turn, StoreError> {
    let term = shared.settings.lease_term;
    let pause = (term / 10).clamp(MIN_STANDBY, MAX_STANDBY);
    let mut wait = expires_in.min(term);
    let mut backoff = StoreBackoff::default();
    loop {
        // The leader may release its lease, and the notification of that may be lost.
        wait = wait.min(term / 3);
        let may_be_free = async {
            tokio::select! {
                () = shared.store.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        };
        // A commit notifies, too, so there may be many notifications.
        tokio::join!(tokio::time::sleep(pause.min(wait)), may_be_free);
        match acquire(&shared).await {
            Ok(Turn::Follow(expires_in)) => {
                backoff = StoreBackoff::default();
                wait = expires_in.clamp(MIN_STANDBY, term);
            }
            Ok(turn) => return Ok(turn),
            Err(error) if error.kind() == StoreErrorKind::Fatal => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the lease was not acquired; trying again");
                tokio::time::sleep(backoff.next().min(term / 3)).await;
                wait = MIN_STANDBY;
            }
        }
    }
}
