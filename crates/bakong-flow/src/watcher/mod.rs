//! Runs a tracker over a session, a store and a clock.

mod command;
mod error;
mod progress;
mod publish;
mod request;
mod task;
mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::Md5Handle;
use bakong_api::token::TokenStoreError;
use bakong_api::{AccessToken, Session, Transport};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::change::Change;
use crate::clock::{Clock, SystemClock};
use crate::payment::Payment;
use crate::policy::Policy;
use crate::store::{Acquired, PaymentStore, StoreError, WorkerId};
use crate::tracker::{Config, Tracker};

use self::command::{Command, Commands};
use self::request::Counter;
use self::task::{Context, Task};

pub use self::error::{Stopped, WatchError};
pub use self::progress::Progress;
pub use self::watched::Watched;

/// Watches payments over one session. Use one watcher per token.
///
/// A watcher is a tokio task that owns a [`Tracker`]. It persists every decision before it acts on it. If the process is
/// killed at any point, a new watcher with the same store continues. Payments are watched whether or not a [`Watched`]
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
/// # Requirements
/// - A tokio runtime with timers.
/// - All requests with the token go through this session, so that the watcher can count them. Pass an unused session,
///   and send other requests by [`Watcher::session`].
/// - To renew the token automatically, give the session an e-mail address ([`Session::with_renewal`]). The watcher counts
///   the renewals, and payments wait while the token is not valid.
/// - One watcher per token and store. Two watchers would not know about each other's requests and could spend twice the quota.
///   Payments are still finished once.
/// - A transport that does not retry checks. Each retry counts against the quota, and the tracker schedules
///   retries itself.
pub struct Watcher<T> {
    session: Arc<Session<T>>,
    commands: Commands,
    changes: broadcast::Sender<Change>,
    /// The task stops when the value is `true` or the sender is dropped.
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Configures and starts a [`Watcher`].
#[derive(Debug)]
pub struct WatcherBuilder<T, S, C = SystemClock> {
    session: Session<T>,
    store: S,
    clock: C,
    config: Config,
    timeout: Duration,
    worker: WorkerId,
}

/// The term of a lease.
const LEASE_TERM: Duration = Duration::from_secs(30);

/// How long to wait for a reply, unless the transport gives up first.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);

/// How many changes a [subscriber](Watcher::subscribe) can lag behind.
const EVENT_BUFFER: usize = 1_024;

/// How many commands can wait for the task.
const COMMAND_BUFFER: usize = 64;

impl<T: Transport + 'static> Watcher<T> {
    /// Starts to watch the open payments of `store`, with the default [`Config`] and the system clock.
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
    pub fn builder<S: PaymentStore + 'static>(
        session: Session<T>,
        store: S,
    ) -> WatcherBuilder<T, S> {
        WatcherBuilder {
            session,
            store,
            clock: SystemClock,
            config: Config::DEFAULT,
            timeout: DEFAULT_TIMEOUT,
            worker: WorkerId::new("worker"),
        }
    }

    /// Returns the session, for other requests with the same token.
    #[must_use]
    pub fn session(&self) -> &Session<T> {
        &self.session
    }

    /// Starts to watch a payment.
    ///
    /// Returns when the store has persisted the payment and a request for its final check is reserved. Then the code may
    /// be shown.
    ///
    /// # Errors
    /// [`WatchError`] if the payment is not watched. Do not show the code.
    pub async fn watch(&self, payment: Payment, policy: Policy) -> Result<Watched, WatchError> {
        let watch = |reply| Command::Watch {
            payment: Box::new(payment),
            policy,
            reply,
        };
        let progress = self.commands.request(watch).await??;
        Ok(Watched::new(progress, self.commands.clone()))
    }

    /// Returns a handle to an open payment, for example one from before a restart; `None` if no payment with this MD5 is
    /// open.
    ///
    /// # Errors
    /// [`Stopped`] if the watcher has stopped.
    pub async fn attach(&self, md5: Md5Handle) -> Result<Option<Watched>, Stopped> {
        let attach = |reply| Command::Attach { md5, reply };
        let progress = self.commands.request(attach).await?;
        Ok(progress.map(|progress| Watched::new(progress, self.commands.clone())))
    }

    /// Returns the MD5s of all open payments.
    ///
    /// # Errors
    /// [`Stopped`] if the watcher has stopped.
    pub async fn open_payments(&self) -> Result<Vec<Md5Handle>, Stopped> {
        self.commands.request(|reply| Command::List { reply }).await
    }

    /// Uses a new token, like [`Session::set_token`]. If the previous token was rejected, requests continue at once.
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
    /// A slow subscriber loses the oldest changes and gets an error instead. Read the missed state from the store. A
    /// missed [`Change::PaidAgain`] is lost unless the store persists it.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Stops the watcher: sends no more requests, waits for the requests in flight, and persists their results. Open
    /// payments stay open in the store.
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

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl<T: Transport + 'static, S: PaymentStore + 'static, C: Clock + 'static>
    WatcherBuilder<T, S, C>
{
    /// Sets the configuration of the tracker.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Sets the clock. The default is the system clock.
    #[must_use]
    pub fn clock<D: Clock + 'static>(self, clock: D) -> WatcherBuilder<T, S, D> {
        WatcherBuilder {
            session: self.session,
            store: self.store,
            clock,
            config: self.config,
            timeout: self.timeout,
            worker: self.worker,
        }
    }

    /// Sets how long to wait for a reply. The default is 90 seconds. The transport's own limit should be shorter.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Starts the watcher.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(self) -> Result<Watcher<T>, StoreError> {
        let now = self.clock.now();
        let epoch = match self.store.acquire(&self.worker, LEASE_TERM).await? {
            Acquired::Leader(epoch) => epoch,
            Acquired::Follower { .. } => return Err(StoreError::fenced()),
        };
        let finished_since = now.saturating_sub(self.config.remember);
        let snapshot = self.store.load(finished_since).await?;
        let tracker = Tracker::restore(self.config, snapshot, now);
        let counter = Arc::new(Counter::default());
        let session = Arc::new(self.session.with_observer(Arc::clone(&counter)));
        let (commands, received) = mpsc::channel(COMMAND_BUFFER);
        let (changes, _) = broadcast::channel(EVENT_BUFFER);
        let (stop, stopping) = watch::channel(false);
        let context = Context {
            store: self.store,
            clock: self.clock,
            session: Arc::clone(&session),
            counter,
            changes: changes.clone(),
            timeout: self.timeout,
        };
        let task = Task::new(tracker, epoch, context);
        let task = tokio::spawn(task.run(received, stopping));
        Ok(Watcher {
            session,
            commands: Commands(commands),
            changes,
            stop,
            task: Mutex::new(Some(task)),
        })
    }
}
