//! Runs a tracker over a session, a store and a clock, on one worker of several.

// The files:
// - `driver`: the task, which leads or follows.
// - `leader`, `asks`, `commands`, `persist`, `publish`, `queue`, `quota_gate`, `request`: the leader with the tracker, batches
//   and requests.
// - `remote`, `results`, `mirror`: the follower, with commands to the leader, their results and outcomes from the store.
// - `lease`: the lease, renewed by a task of its own.
// - `command`, `handles`, `shared`: what the task and the calls share.
// - `watched`, `events`, `health`, `error`, `progress`: what users see.

mod asks;
mod builder;
mod channels;
mod command;
mod commands;
mod driver;
mod error;
mod events;
mod handles;
mod health;
mod leader;
mod lease;
mod mirror;
mod persist;
mod progress;
mod publish;
mod queue;
mod quota_gate;
mod remote;
mod request;
mod results;
mod server_clock;
mod shared;
mod watched;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::token::TokenStoreError;
use bakong_api::{AccessToken, ApiError, Endpoint, Session, Transport};
use tokio::sync::{Mutex, broadcast, watch};
use tokio::task::JoinHandle;

use crate::change::Change;
use crate::outcome::Outcome;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::store::{PaymentKey, PaymentStore, StoreError, StoredPayment};
#[cfg(doc)]
use crate::tracker::{Config, Tracker};

use self::command::{Command, Commands, OpenRequest};
use self::request::Counter;
use self::shared::{Found, Shared};

pub use self::builder::WatcherBuilder;
pub use self::error::{CommandError, EndReason, Stopped, WatchError};
pub use self::events::Events;
pub use self::health::{Health, Role, StoreHealth};
pub use self::progress::Progress;
pub use self::watched::Watched;

/// Watches payments over one session, alone or together with the watchers of other workers.
///
/// A watcher is a tokio task that owns a [`Tracker`]. It persists every decision before it acts on it. If the process is
/// killed at any point, another watcher with the same store continues. Payments are watched whether or not a [`Watched`]
/// handle exists.
///
/// ```no_run
/// # async fn example(
/// #     transport: impl bakong_api::Transport + 'static,
/// #     code: &bakong_api::khqr_core::Khqr<'_>,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use bakong_api::{AccessToken, Environment, Session};
/// use bakong_flow::{MemoryStore, OrderId, Outcome, Payment, Policy, Watcher};
///
/// let token = AccessToken::new(&std::env::var("BAKONG_TOKEN")?)?;
/// let session = Session::new(transport, Environment::Sit).with_token(token);
/// let watcher = Watcher::start(session, MemoryStore::new()).await?;
///
/// let payment = Payment::of_khqr(OrderId::new("order 17")?, code)?;
/// let mut watched = watcher.watch(payment, Policy::COUNTER).await?;
/// // Show the code to the customer only now.
/// match watched.outcome().await? {
///     Outcome::Paid { late: false, .. } => println!("hand over the goods"),
///     Outcome::Expired => println!("the payment was not made"),
///     other => println!("needs a decision: {}", other.name()),
/// }
/// watcher.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Roles
/// The watchers that share a store are workers of one registration: one token and its quota. One of them has the
/// lease: the **leader** runs the tracker, asks Bakong and commits. The others are **followers**. A follower accepts
/// the same calls. It hands each command to the leader through the store, waits for the result, and learns the outcomes
/// from the store. [`Watcher::health`] tells the role.
///
/// If the leader shuts down, a follower leads at once. If the leader's process or machine dies, a follower leads when the
/// lease expires: after at most one [term](WatcherBuilder::lease_term), 30 seconds by default. Meanwhile calls wait
/// for at most the [`store_timeout`](WatcherBuilder::store_timeout), and then fail with [`WatchError::NoLeader`] or
/// [`CommandError::StoreUnavailable`]. No payment is lost. A worker that was suspended for longer than its lease
/// cannot send or commit anything. It drops what it knows and follows. Each [`Watched`] survives these changes.
///
/// Use several workers so that a shop survives the loss of a machine, and so that each of its servers can open payments.
/// More workers do not ask Bakong more often, because the quota belongs to the token. A single worker needs no
/// lease in its store: see [`store`](crate::store).
///
/// # Shutting down, and what a kill costs
/// Call [`shutdown`](Self::shutdown) before the process ends, for example after SIGTERM. It releases the lease, so the next
/// process opens payments at once. Dropping the watcher is not enough if the runtime ends at once.
///
/// After a kill, the lease of the dead process stays for the rest of its term: 20 to 30 seconds by default. The new process
/// follows meanwhile. It reads payments, and `watch` fails with [`WatchError::NoLeader`], which names the end of the lease.
/// With a [`store_timeout`](WatcherBuilder::store_timeout) above the [`lease_term`](WatcherBuilder::lease_term), for example
/// 15 and 10 seconds, `watch` waits instead and succeeds. Use that if a caller may wait, as at a counter.
///
/// # Logging
/// The watcher logs with `tracing`: lost leases, stores that fail, and changes of the role. Without a subscriber, such as
/// `tracing_subscriber::fmt::init()`, nothing is printed. No log contains the token.
///
/// # Requirements
/// - A tokio runtime with timers.
/// - All requests with the token go through the sessions of the watchers, so that they are counted. Pass an unused session,
///   and send other requests by [`Watcher::session`]. A follower's own requests are counted when it leads.
/// - To renew the token automatically, give the session an e-mail address ([`Session::with_renewal`]). The watcher counts
///   the renewals, and payments wait while the token is not valid.
/// - The same [`Config`] for all workers of a store, and a correct clock on each.
/// - A transport that does not retry checks, for example `HyperTransport::for_watcher` of `bakong-http`. Each retry counts
///   against the quota, and the tracker schedules retries itself.
pub struct Watcher<T> {
    session: Arc<Session<T>>,
    counter: Arc<Counter>,
    shared: Arc<Shared>,
    commands: Commands,
    subscriptions: broadcast::WeakSender<Change>,
    /// The task stops when the value is `true`.
    stop: watch::Sender<bool>,
    /// Why the task has ended.
    ended: watch::Receiver<Option<EndReason>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What [`Watcher::attach`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Attached {
    /// The payment is open.
    Open(Watched),
    /// The payment is final.
    Final(Outcome),
    /// The store has no such payment.
    Unknown,
}

impl<T: Transport + 'static> Watcher<T> {
    /// Starts to watch the open payments of `store`, with the default [`Config`] and the system clock. If another worker
    /// leads, the watcher starts as a follower.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(
        session: Session<T>,
        store: impl PaymentStore + 'static,
    ) -> Result<Self, StoreError> {
        Self::builder(session, store).start().await
    }

    /// Returns a builder, to set a configuration or a clock.
    #[must_use]
    pub fn builder(session: Session<T>, store: impl PaymentStore + 'static) -> WatcherBuilder<T> {
        WatcherBuilder::new(session, Arc::new(store))
    }

    /// Returns the session, for other requests with the same token.
    #[must_use]
    pub fn session(&self) -> &Session<T> {
        &self.session
    }

    /// Sends another request with the same token, and counts it in the store before it is sent. A request that is sent through
    /// [`session`](Self::session) is counted afterwards, so a process that is killed meanwhile does not count it.
    ///
    /// # Errors
    /// [`CommandError`] if the request was not counted: nothing was sent. Only a [leader](Role::Leader) counts requests. The
    /// inner error is the one of [`Session::send`].
    pub async fn send<E: Endpoint>(
        &self,
        endpoint: &E,
    ) -> Result<Result<E::Answer, ApiError>, CommandError> {
        self.count_and_send(endpoint, false).await
    }

    /// Like [`send`](Self::send), but only if the quota has a request left that is not reserved for the final check of a
    /// payment, for a renewal of the token, or for the first list. Concurrent calls never take a reserved request.
    ///
    /// # Errors
    /// [`CommandError::NoQuota`] if every request that is left is reserved, otherwise like [`send`](Self::send).
    pub async fn send_spare<E: Endpoint>(
        &self,
        endpoint: &E,
    ) -> Result<Result<E::Answer, ApiError>, CommandError> {
        self.count_and_send(endpoint, true).await
    }

    async fn count_and_send<E: Endpoint>(
        &self,
        endpoint: &E,
        must_be_spare: bool,
    ) -> Result<Result<E::Answer, ApiError>, CommandError> {
        self.commands.count(must_be_spare).await?;
        Ok(request::send_counted(&self.session, endpoint, &self.counter).await)
    }

    /// Starts to watch a payment.
    ///
    /// Returns when the store has persisted the payment and a request for its final check is reserved. Then the code may
    /// be shown.
    ///
    /// If the call fails or its future is dropped, the payment is withdrawn: it is not watched, its reservation is
    /// released, and its code can be opened again. If the process is killed meanwhile, the payment may stay open until
    /// it expires.
    ///
    /// # Errors
    /// [`WatchError`] if the payment is not watched. Do not show the code.
    pub async fn watch(&self, payment: Payment, policy: Policy) -> Result<Watched, WatchError> {
        let watch = |deadline, reply| {
            Command::Watch(OpenRequest {
                payment: Box::new(payment),
                policy,
                deadline,
                reply,
            })
        };
        let opened = self.commands.request(watch).await??;
        let progress = opened.accept().ok_or(WatchError::Stopped)?;
        Ok(Watched::new(progress, self.commands.clone()))
    }

    /// Returns the state of a payment, with a handle if the payment is open, for example one from before a restart.
    ///
    /// # Errors
    /// [`CommandError`] if the store cannot be read.
    pub async fn attach(&self, md5: Md5Handle) -> Result<Attached, CommandError> {
        if let Some(progress) = self.shared.handles.subscribe(&md5) {
            return Ok(Attached::Open(Watched::new(
                progress,
                self.commands.clone(),
            )));
        }
        let found = self.read(self.shared.attach(md5)).await?;
        Ok(match found {
            Found::Open(progress) => Attached::Open(Watched::new(progress, self.commands.clone())),
            Found::Final(outcome) => Attached::Final(outcome),
            Found::Unknown => Attached::Unknown,
        })
    }

    /// Returns the stored payment with this MD5, or the payments of this order, the oldest first.
    ///
    /// # Errors
    /// [`CommandError`] if the store cannot be read.
    pub async fn find(&self, key: &PaymentKey) -> Result<Vec<StoredPayment>, CommandError> {
        self.read(self.shared.call(self.shared.store.find(key)))
            .await
    }

    /// Returns the MD5s of all open payments, the oldest first.
    ///
    /// # Errors
    /// [`CommandError`] if the store cannot be read.
    pub async fn open_payments(&self) -> Result<Vec<Md5Handle>, CommandError> {
        // No payment became final that late, so the store returns the open payments only.
        let load = self.shared.store.load(Timestamp::from_millis(u64::MAX));
        let snapshot = self.read(self.shared.call(load)).await?;
        Ok(snapshot.open.iter().map(|open| open.payment.md5).collect())
    }

    async fn read<R>(
        &self,
        read: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, CommandError> {
        if self.ended.borrow().is_some() {
            return Err(CommandError::Stopped);
        }
        read.await.map_err(|error| {
            tracing::warn!(%error, "the payment store cannot be read");
            CommandError::StoreUnavailable
        })
    }

    /// Uses a new token, like [`Session::set_token`]. If the previous token was rejected, requests continue at once.
    ///
    /// Set the token on every worker, because each has a session of its own. Sessions with the same
    /// [`TokenStore`](bakong_api::token::TokenStore) share it.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the token could not be saved. The session still uses the token.
    pub async fn set_token(&self, token: AccessToken) -> Result<(), TokenStoreError> {
        let expires_at = token.expires_at();
        let saved = self.session.set_token(token).await;
        // A watcher that has stopped needs no token.
        let _ = self.commands.send(Command::NewToken(expires_at)).await;
        saved
    }

    /// Returns all changes of all payments from now on, each after it was persisted.
    ///
    /// Only a leader sends changes: a follower sends none. Use [`events`](Self::events) for what must not be missed. A
    /// slow subscriber loses the oldest changes and gets an error instead. When the watcher ends, so does the channel.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        match self.subscriptions.upgrade() {
            Some(changes) => changes.subscribe(),
            // The watcher has ended, so the receiver is closed from the start.
            None => broadcast::channel(1).1,
        }
    }

    /// Returns the outcomes of all payments, and what else must not be missed, for the consumer with this name.
    ///
    /// Keep the name: the store remembers by it what was acknowledged. A consumer with a new name gets all events again.
    ///
    /// The events start after the last one that the consumer acknowledged, and end when the watcher has ended.
    #[must_use]
    pub fn events(&self, consumer: &str) -> Events {
        let store = Arc::clone(&self.shared.store);
        Events::new(store, consumer, Some(self.ended.clone()))
    }

    /// Returns the health of the watcher, for monitoring.
    #[must_use]
    pub fn health(&self) -> Health {
        let recorded = self.shared.health.get();
        let has_ended = self.ended.borrow().is_some() || self.ended.has_changed().is_err();
        Health {
            role: if has_ended {
                Role::Ended
            } else {
                recorded.role
            },
            store: recorded.store,
            usage: recorded.usage,
            quota_limit: self.shared.settings.config.quota.limit,
            token: self.session.token_state(),
            clock: self.session.server_time().skew(),
            open_payments: recorded.open_payments,
        }
    }

    /// Returns why the last commit failed, while it is repeated. Use it to explain [`WatchError::StoreUnavailable`]. The text
    /// comes from the store.
    #[must_use]
    pub fn commit_error(&self) -> Option<Box<str>> {
        self.shared.health.commit_error()
    }

    /// Waits until the watcher has ended, and returns the reason. This method is cancel safe.
    pub async fn closed(&self) -> EndReason {
        let mut ended = self.ended.clone();
        let reason = ended.wait_for(Option::is_some).await;
        let reason = reason.ok().and_then(|reason| reason.clone());
        // A task that panics drops the sender without a reason.
        reason.unwrap_or(EndReason::Panicked)
    }

    /// Stops the watcher: sends no more requests, waits for the requests in flight, and persists their results. Then
    /// releases the lease. Open payments stay open in the store.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut running = self.task.lock().await;
        if let Some(task) = running.as_mut() {
            // The task is never aborted, so the only possible error is a panic, which tokio reports.
            let _ = task.await;
        }
        // A call that is cancelled leaves the task in place for the next call.
        *running = None;
    }
}

impl<T> Drop for Watcher<T> {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}
