//! Configures and starts a watcher.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::{Session, Transport};
use tokio::sync::{Mutex, broadcast, mpsc, watch};

use super::Watcher;
use super::channels::{Channels, MAX_COMMANDS};
use super::command::Commands;
use super::driver::{Driver, Turn, acquire};
use super::handles::Handles;
use super::health::{HealthRecord, Role};
use super::leader::Context;
use super::quota_gate::QuotaGate;
use super::remote::RemoteTasks;
use super::request::Counter;
use super::results::Results;
use super::server_clock::ServerClock;
use super::shared::{Settings, Shared, UniqueIds, unique_text};
use crate::clock::{Clock, SystemClock};
use crate::store::{PaymentStore, StoreError, WorkerId};
use crate::tracker::Config;

/// How long to wait for a reply, unless the transport gives up first.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a call waits for the store.
const DEFAULT_STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// The default term of a lease.
const DEFAULT_LEASE_TERM: Duration = Duration::from_secs(30);
/// The minimum term of a lease.
const MIN_LEASE_TERM: Duration = Duration::from_secs(1);
/// How many changes a [subscriber](Watcher::subscribe) can lag behind.
const EVENT_BUFFER: usize = 1_024;

/// Configures and starts a [`Watcher`].
pub struct WatcherBuilder<T, C = SystemClock> {
    session: Session<T>,
    store: Arc<dyn PaymentStore>,
    clock: C,
    settings: Settings,
}

impl<T> WatcherBuilder<T> {
    pub(super) fn new(session: Session<T>, store: Arc<dyn PaymentStore>) -> Self {
        Self {
            session,
            store,
            clock: SystemClock,
            settings: Settings {
                config: Config::DEFAULT,
                timeout: DEFAULT_TIMEOUT,
                lease_term: DEFAULT_LEASE_TERM,
                store_timeout: DEFAULT_STORE_TIMEOUT,
                worker: WorkerId::new(&unique_text()),
            },
        }
    }
}

impl<T: Transport + 'static, C: Clock + 'static> WatcherBuilder<T, C> {
    /// Sets the configuration of the tracker. All workers of a store need the same configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.settings.config = config;
        self
    }

    /// Sets the clock. The default is the system clock.
    #[must_use]
    pub fn clock<D: Clock + 'static>(self, clock: D) -> WatcherBuilder<T, D> {
        WatcherBuilder {
            session: self.session,
            store: self.store,
            clock,
            settings: self.settings,
        }
    }

    /// Sets how long to wait for a reply of Bakong. The default is 90 seconds. The transport's own limit should be
    /// shorter.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how long calls such as [`Watcher::watch`] wait for the store, or for the leader. The default is 5 seconds.
    ///
    /// A follower gives up earlier, because it withdraws its command in the rest of the time: by one second, or by a quarter
    /// of a timeout below four seconds. With a timeout above the [`lease_term`](Self::lease_term), calls also
    /// survive the death of the leader, but take as long while the store is away.
    #[must_use]
    pub const fn store_timeout(mut self, timeout: Duration) -> Self {
        self.settings.store_timeout = timeout;
        self
    }

    /// Sets the term of the lease, at least one second. The default is 30 seconds.
    ///
    /// The leader renews the lease after a third of the term. If the leader's process dies, another worker leads after
    /// at most one term. A shorter term costs more writes to the store.
    #[must_use]
    pub fn lease_term(mut self, term: Duration) -> Self {
        self.settings.lease_term = term.max(MIN_LEASE_TERM);
        self
    }

    /// Sets the id of this worker, for example to recognise it in the store. The id must be new for each start of a
    /// process. The default is random.
    #[must_use]
    pub fn worker(mut self, worker: WorkerId) -> Self {
        self.settings.worker = worker;
        self
    }

    /// Starts the watcher: as the leader if the lease is free, and as a follower otherwise.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(self) -> Result<Watcher<T>, StoreError> {
        let server_time = self.session.server_time().clone();
        let clock = Arc::new(ServerClock::new(self.clock, server_time.clone()));
        let now = {
            let clock = Arc::clone(&clock);
            move || clock.now()
        };
        let local_now = {
            let clock = Arc::clone(&clock);
            move || clock.local_now()
        };
        let (withdrawals, withdrawn) = mpsc::unbounded_channel();
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            store: self.store,
            handles: Handles::default(),
            results: Results::default(),
            health: HealthRecord::new(),
            now: Box::new(now),
            withdrawals,
            stop: stopping.clone(),
            ids: UniqueIds::new(),
            settings: self.settings,
        });
        let busy = clock.busy();
        let first = acquire(&shared).await?;
        if let Turn::Lead(lease, _) = &first {
            let epoch = lease.epoch();
            shared.health.set_role(Role::Leader { epoch });
        }
        let counter = Arc::new(Counter::new(local_now.clone(), server_time));
        // The session and the payments have one clock and one estimate of Bakong's time.
        let session = self.session.with_clock(local_now);
        let (sender, commands) = mpsc::channel(MAX_COMMANDS);
        let gate = QuotaGate::new(&sender, shared.settings.store_timeout);
        let session = session.with_observer(Arc::clone(&counter));
        let session = Arc::new(session.with_observer(gate));
        let (changes, _) = broadcast::channel(EVENT_BUFFER);
        let subscriptions = changes.downgrade();
        let (end, ended) = watch::channel(None);
        let context = Context {
            shared: Arc::clone(&shared),
            session: Arc::clone(&session),
            clock,
            counter: Arc::clone(&counter),
            changes,
        };
        let channels = Channels {
            commands,
            withdrawals: withdrawn,
            stop: stopping,
            remote: RemoteTasks::new(Arc::clone(&shared)),
        };
        let driver = Driver::new(Arc::new(context), channels);
        let task = tokio::spawn(async move {
            let reason = driver.run(first, busy).await;
            end.send_replace(Some(reason));
        });
        Ok(Watcher {
            session,
            counter,
            commands: Commands::new(sender, shared.settings.store_timeout),
            shared,
            subscriptions,
            stop,
            ended,
            task: Mutex::new(Some(task)),
        })
    }
}

impl<T, C> std::fmt::Debug for WatcherBuilder<T, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatcherBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
