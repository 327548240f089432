//! A tracker that runs: over a session, a store and a clock.

mod sending;
mod task;
mod telling;
mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::token::TokenStoreError;
use bakong_api::{AccessToken, Session, Transport};
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::change::Change;
use crate::clock::{Clock, SystemClock};
use crate::payment::Payment;
use crate::policy::Policy;
use crate::store::{PaymentStore, StoreError};
use crate::tracker::{Config, OpenError, Tracker};

use self::sending::Counter;
use self::task::{Command, Means, Task};

pub use self::watched::{Progress, Watched};

/// Watches any number of payments over one session: one for each token.
///
/// It is a task of its own, which holds the [`Tracker`]. What it decides is kept in the store first and done
/// then, so that a process that is killed at any point goes on where it was when it is started again: give
/// it the same store. Payments are watched whether or not anybody holds a [`Watched`] of theirs.
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
/// // Only now is the code shown to the customer.
/// match watched.outcome().await? {
///     Outcome::Paid { late: false, .. } => println!("hand over the goods"),
///     Outcome::Expired => println!("nobody paid"),
///     other => println!("a person has to look at it: {}", other.name()),
/// }
/// watcher.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # What it needs
/// A tokio runtime with timers. The session's requests are counted; hand it over before it is used, and send
/// whatever else is to be asked with the same token by [`Watcher::session`], so that it is counted, too.
/// Whoever has a token that renews itself gives the session its e-mail address
/// ([`Session::with_renewal`]): the renewals are counted, and payments wait while the token is no good.
///
/// One watcher runs for each token and store: two would each count what they send by themselves, and so spend
/// twice what there is. A second one that is started by mistake finishes nothing twice.
///
/// A transport should not repeat checks by itself here: each time costs one of the day's requests, and the
/// tracker knows better when the next is worth it.
pub struct Watcher<T> {
    session: Arc<Session<T>>,
    commands: mpsc::Sender<Command>,
    changes: broadcast::Sender<Change>,
    /// The task ends when this says so, or goes.
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Starts a [`Watcher`] otherwise than [`Watcher::start`] does.
#[derive(Debug)]
pub struct WatcherBuilder<T, S, C = SystemClock> {
    session: Session<T>,
    store: S,
    clock: C,
    config: Config,
    timeout: Duration,
}

/// How long an answer is waited for, unless the transport gives up before.
const TIMEOUT: Duration = Duration::from_secs(90);

/// How many changes whoever [subscribes](Watcher::subscribe) may be behind.
const BEHIND: usize = 1_024;

/// How many commands may wait.
const COMMANDS: usize = 64;

impl<T: Transport + 'static> Watcher<T> {
    /// Starts to watch what is open in `store`, with the default [`Config`] and the system's clock.
    ///
    /// # Errors
    /// If the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(
        session: Session<T>,
        store: impl PaymentStore + 'static,
    ) -> Result<Self, StoreError> {
        Self::builder(session, store).start().await
    }

    /// For another configuration or clock.
    #[must_use]
    pub const fn builder<S: PaymentStore + 'static>(
        session: Session<T>,
        store: S,
    ) -> WatcherBuilder<T, S> {
        WatcherBuilder {
            session,
            store,
            clock: SystemClock,
            config: Config::DEFAULT,
            timeout: TIMEOUT,
        }
    }

    /// The session, for whatever else is to be sent with its token.
    #[must_use]
    pub fn session(&self) -> &Session<T> {
        &self.session
    }

    /// Watches a payment from now on. When this comes back, it is kept in the store and its last check is
    /// promised: the code may be shown.
    ///
    /// # Errors
    /// [`WatchError`]; do not show the code then.
    pub async fn watch(&self, payment: Payment, policy: Policy) -> Result<Watched, WatchError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Watch {
            payment: Box::new(payment),
            policy,
            reply,
        };
        self.send(command)
            .await
            .map_err(|Stopped| WatchError::Stopped)?;
        let progress = answer.await.map_err(|_| WatchError::Stopped)??;
        Ok(Watched::new(progress, self.commands.clone()))
    }

    /// A handle on a payment that is open, such as one that was before the process started; `None` if none with
    /// this MD5 is.
    ///
    /// # Errors
    /// If the watcher has stopped.
    pub async fn attach(&self, md5: Md5Handle) -> Result<Option<Watched>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Attach { md5, reply }).await?;
        let progress = answer.await.map_err(|_| Stopped)?;
        Ok(progress.map(|progress| Watched::new(progress, self.commands.clone())))
    }

    /// The MD5s of all payments that are open.
    ///
    /// # Errors
    /// If the watcher has stopped.
    pub async fn open_payments(&self) -> Result<Vec<Md5Handle>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::List { reply }).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Uses this token from now on, as [`Session::set_token`] does, and asks again at once if the last one was
    /// refused.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it could not be kept. It is used all the same.
    pub async fn set_token(&self, token: AccessToken) -> Result<(), TokenStoreError> {
        let expires_at = token.expires_at();
        let kept = self.session.set_token(token).await;
        // A watcher that has stopped needs none.
        let _ = self.send(Command::NewToken(expires_at)).await;
        kept
    }

    /// Everything that changes from now on, of all payments, after it was kept. Whoever reads slowly misses the
    /// oldest, and is told so; the store has what cannot be asked again, but for [`Change::PaidAgain`] if it does not
    /// keep that.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Stops: asks nothing more, waits for the answers that are on their way, keeps what they say. Payments
    /// that are open stay so in the store.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut running = self.task.lock().await;
        if let Some(task) = running.as_mut() {
            // It is not aborted, and a panic in it was told by tokio.
            let _ = task.await;
        }
        // Whoever gave up waiting left it there for the next.
        *running = None;
    }

    async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
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
    /// Goes by this.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Goes by another clock than the system's.
    #[must_use]
    pub fn clock<D: Clock + 'static>(self, clock: D) -> WatcherBuilder<T, S, D> {
        WatcherBuilder {
            session: self.session,
            store: self.store,
            clock,
            config: self.config,
            timeout: self.timeout,
        }
    }

    /// Waits no longer than this for an answer; a minute and a half unless said. The transport's own limit
    /// should be shorter.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// If the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(self) -> Result<Watcher<T>, StoreError> {
        let snapshot = self.store.load().await?;
        let now = self.clock.now();
        let tracker = Tracker::restore(self.config, snapshot, now);
        let counter = Arc::new(Counter::default());
        let session = Arc::new(self.session.with_observer(Arc::clone(&counter)));
        let (commands, received) = mpsc::channel(COMMANDS);
        let (changes, _) = broadcast::channel(BEHIND);
        let (stop, stopping) = watch::channel(false);
        let means = Means {
            store: self.store,
            clock: self.clock,
            session: Arc::clone(&session),
            counter,
            changes: changes.clone(),
            timeout: self.timeout,
        };
        let task = Task::new(tracker, means);
        let task = tokio::spawn(task.run(received, stopping));
        Ok(Watcher {
            session,
            commands,
            changes,
            stop,
            task: Mutex::new(Some(task)),
        })
    }
}

/// Why a payment is not watched. Do not show its code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The tracker does not take it.
    Refused(OpenError),
    /// The watcher has stopped.
    Stopped,
}

impl WatchError {
    /// When it may be tried again, if waiting helps.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Refused(OpenError::NoQuota { until }) => Some(*until),
            _ => None,
        }
    }
}

impl From<OpenError> for WatchError {
    fn from(error: OpenError) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

impl std::error::Error for WatchError {}

/// The watcher has stopped. Payments that are open stay so in its store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the watcher of payments has stopped; what is open stays open in its store")
    }
}

impl std::error::Error for Stopped {}
