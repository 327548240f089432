//! Where the shop's process stores its payments.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::store::{
    Acquired, Batch, Epoch, LeaderLease, Rejected, Snapshot, StoreError, WorkerId,
};
use bakong_flow::{Change, MemoryStore, PaymentStore};
use bakong_store::sqlite::Fuse;
use bakong_store::{Registration, SqliteOptions, SqliteStore};
use fastrand::Rng;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::Scenario;

/// A store that can end together with the process.
pub trait ShopStore: Debug {
    /// Persists the changes and returns the rejected ones.
    ///
    /// # Errors
    /// [`KilledInCommit`] if the process was killed meanwhile.
    fn persist(&mut self, changes: &[Change]) -> Result<Vec<Rejected>, KilledInCommit>;

    /// Opens the store again after the process was killed, and loads its state.
    fn reopen(&mut self) -> Snapshot;

    /// Checks the store after the last event.
    fn check(&mut self);
}

/// The process was killed in a commit.
#[derive(Debug)]
pub struct KilledInCommit {
    /// The rejected changes, if the changes were committed before the kill.
    pub committed: Option<Vec<Rejected>>,
}

/// The kinds of stores.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum StoreKind {
    /// Memory that survives the process.
    #[default]
    Memory,
    /// An SQLite file. Kills happen between any two statements, too.
    Sqlite,
}

impl StoreKind {
    /// Creates an empty store.
    #[must_use]
    pub fn create(self, scenario: &Scenario) -> Box<dyn ShopStore> {
        match self {
            Self::Memory => Box::new(MemoryStore::new()),
            Self::Sqlite => Box::new(SqliteFile::new(scenario)),
        }
    }
}

impl ShopStore for MemoryStore {
    fn persist(&mut self, changes: &[Change]) -> Result<Vec<Rejected>, KilledInCommit> {
        Ok(self.apply(changes))
    }

    fn reopen(&mut self) -> Snapshot {
        self.snapshot()
    }

    fn check(&mut self) {}
}

/// A store in an SQLite file.
#[derive(Debug)]
struct SqliteFile {
    runtime: Runtime,
    folder: TempDir,
    options: SqliteOptions,
    fuse: Fuse,
    /// `None` after a kill.
    store: Option<SqliteStore>,
    epoch: Epoch,
    sequence: u64,
    /// Kills per thousand commits.
    kills: u32,
    random: Rng,
}

impl SqliteFile {
    fn new(scenario: &Scenario) -> Self {
        let (Ok(runtime), Ok(folder)) =
            (Builder::new_current_thread().build(), tempfile::tempdir())
        else {
            panic!("cannot start the simulation");
        };
        let mut options = SqliteOptions::default();
        // A killed process loses nothing that the system has; only a loss of power does.
        options.sync = false;
        options.readers = 1;
        let mut file = Self {
            runtime,
            folder,
            options,
            fuse: Fuse::default(),
            store: None,
            epoch: Epoch::ALONE,
            sequence: 0,
            kills: scenario.faults.crashes,
            random: Rng::with_seed(scenario.seed ^ 0x7371_6c69),
        };
        file.open();
        file
    }

    /// Opens the file, as a process does that starts, and acquires the lease.
    fn open(&mut self) {
        // A killed process does not burn the fuse of the next one.
        self.fuse = Fuse::default();
        self.options.fuse = self.fuse.clone();
        let store = self.wait(async {
            let database = self
                .options
                .open(self.folder.path().join("shop.db"))
                .await?;
            let Ok(name) = Registration::new("api.example", "shop") else {
                panic!("a valid name");
            };
            database.store(&name).await
        });
        // The same worker, so that the lease need not expire.
        let worker = WorkerId::new("shop");
        match self.wait(store.acquire(&worker, Duration::from_secs(30))) {
            Acquired::Leader(epoch) => self.epoch = epoch,
            other => panic!("the worker gets its lease: {other:?}"),
        }
        self.sequence = 0;
        self.store = Some(store);
    }

    fn wait<T>(&self, future: impl Future<Output = Result<T, StoreError>>) -> T {
        match self.runtime.block_on(future) {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the rejected changes of the last batch, if it was committed.
    fn last_batch(&mut self) -> Option<Vec<Rejected>> {
        let sequence = self.sequence;
        self.store = None;
        let mut options = self.options.clone();
        options.fuse = Fuse::default();
        let (stored, committed) = self.wait(async {
            let database = options.open(self.folder.path().join("shop.db")).await?;
            let Ok(name) = Registration::new("api.example", "shop") else {
                panic!("a valid name");
            };
            database.store(&name).await?.last_batch().await
        });
        assert!(
            stored == sequence || stored + 1 == sequence,
            "7: batch {sequence} was killed, and batch {stored} is the last"
        );
        (stored == sequence).then_some(committed.rejected)
    }
}

impl ShopStore for SqliteFile {
    fn persist(&mut self, changes: &[Change]) -> Result<Vec<Rejected>, KilledInCommit> {
        let Some(store) = self.store.clone() else {
            panic!("the process was killed");
        };
        self.sequence += 1;
        if self.random.u32(0..1_000) < self.kills {
            // About as many statements as a batch has, with BEGIN, COMMIT, and the moment after it.
            let statements = 5 + 2 * changes.len() as u64;
            self.fuse.stop_after(self.random.u64(0..statements));
        }
        let batch = Batch::new(self.epoch, self.sequence).with_changes(changes);
        let result = self.runtime.block_on(store.commit(&batch));
        drop(store);
        match result {
            Ok(committed) => {
                self.fuse.cancel();
                Ok(committed.rejected)
            }
            Err(error) if error.to_string().contains("the test stopped") => Err(KilledInCommit {
                committed: self.last_batch(),
            }),
            Err(error) => panic!("{error}"),
        }
    }

    fn reopen(&mut self) -> Snapshot {
        self.store = None;
        self.open();
        let Some(store) = &self.store else {
            panic!("the store is open");
        };
        self.wait(store.load(Timestamp::from_millis(0)))
    }

    fn check(&mut self) {
        self.store = None;
        let report = self.wait(self.options.check(self.folder.path().join("shop.db")));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
