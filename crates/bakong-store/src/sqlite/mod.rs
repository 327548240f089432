//! A store in one SQLite file.
//!
//! ```no_run
//! use bakong_flow::PaymentStore;
//! use bakong_store::{Registration, SqliteDatabase};
//!
//! # async fn example(registration: &Registration) -> Result<(), Box<dyn std::error::Error>> {
//! let database = SqliteDatabase::open("payments.db").await?;
//! let store = database.store(registration).await?;
//! let events = store.events_after(store.acknowledged("receipts").await?, 100).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Durability
//! A commit returns after the data has reached the disk: the file has a write-ahead log and `synchronous = FULL`. One
//! thread of the process writes. It commits the changes of all callers that wait in one transaction, so that they share
//! the wait for the disk.
//!
//! # Several processes
//! Any number of processes of one machine can open the file. A writer waits for the lock of another one, up to
//! [`SqliteOptions::busy_timeout`]. The file must be on a local disk: network drives have no reliable locks.
//!
//! # Leases
//! Leases expire by the clock of the machine. If the clock is set forward, a lease can expire early, and two workers
//! may believe that they lead. The epoch fences the earlier one: none of its changes is committed. If the clock is set
//! back, a lease that ends more than two terms later counts as expired.

mod batch;
mod books;
mod changes;
mod failure;
mod file;
mod finders;
mod fuse;
mod inspect;
mod lease;
mod maintenance;
mod payments;
mod queue;
mod reader;
mod session;
mod store;
mod tables;
mod watch;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bakong_flow::store::StoreError;
use tokio::sync::{Notify, oneshot};

#[cfg(feature = "testing")]
pub use self::fuse::Fuse;
pub use self::store::SqliteStore;

use self::failure::{Failure, Place};
use self::file::{OpenFile, Preparation};
use self::finders::Finders;
#[cfg(not(feature = "testing"))]
use self::fuse::Fuse;
use self::reader::Read;
use self::session::Session;
use self::watch::Watchers;
use self::writer::{Message, Write, Writer};
use crate::migrations;
use crate::registration::Registration;

/// How to open a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long to wait for the lock of another process. Defaults to 5 seconds.
    pub busy_timeout: Duration,
    /// How many threads read. Defaults to 2; 0 counts as 1.
    pub readers: usize,
    /// How often to look for changes of other processes while a caller waits for them. Defaults to 100 milliseconds.
    pub poll_interval: Duration,
    /// The maximum size of the file in pages of 4 KiB, to test a full disk.
    #[cfg(feature = "testing")]
    pub max_pages: Option<u32>,
    /// Whether commits wait for the disk. Simulations of a killed process need no wait.
    #[cfg(feature = "testing")]
    pub sync: bool,
    /// Stops the store at a chosen statement.
    #[cfg(feature = "testing")]
    pub fuse: Fuse,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: 2,
            poll_interval: Duration::from_millis(100),
            #[cfg(feature = "testing")]
            max_pages: None,
            #[cfg(feature = "testing")]
            sync: true,
            #[cfg(feature = "testing")]
            fuse: Fuse::default(),
        }
    }
}

impl SqliteOptions {
    /// Opens the file `path`. Creates it if it does not exist, and migrates an older schema.
    ///
    /// The new file can be read by its owner only. Needs no runtime.
    ///
    /// # Errors
    /// - [`Fatal`](bakong_flow::store::StoreErrorKind::Fatal) if the file is a folder, not a store, corrupt, read-only, or
    ///   has a newer schema. The file is then as it was.
    /// - [`Transient`](bakong_flow::store::StoreErrorKind::Transient) if the disk is full, or if another process has the
    ///   lock for longer than [`busy_timeout`](Self::busy_timeout).
    pub async fn open(&self, path: impl AsRef<Path>) -> Result<SqliteDatabase, StoreError> {
        let options = self.clone();
        let path = path.as_ref().to_owned();
        on_thread("bakong-store open", move || options.open_now(&path)).await
    }

    fn open_now(&self, path: &Path) -> Result<SqliteDatabase, StoreError> {
        let place = self.place(path);
        let (connection, _) = file::open(
            path,
            &place,
            Preparation::CreateOrMigrate,
            migrations::SQLITE,
        )?;
        #[cfg(feature = "testing")]
        self.prepare_test(&connection)
            .map_err(|failure| failure.store_error(&place))?;
        let watchers = Arc::new(Watchers::default());
        let writer = Writer {
            connection,
            file: OpenFile::new(path),
            #[cfg(feature = "testing")]
            fuse: self.fuse.clone(),
            #[cfg(not(feature = "testing"))]
            fuse: Fuse::default(),
            place: place.clone(),
            watchers: Arc::clone(&watchers),
            poll_interval: self.poll_interval.max(Duration::from_millis(1)),
        };
        let (writes, messages) = mpsc::channel();
        spawn("bakong-store writer", &place, move || writer.run(&messages))?;
        let (reads, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..self.readers.max(1) {
            let connection = file::open_reader(path, &place)?;
            let (place, queue) = (place.clone(), Arc::clone(&queue));
            spawn("bakong-store reader", &place.clone(), move || {
                reader::run(&connection, &place, &queue);
            })?;
        }
        Ok(SqliteDatabase(Arc::new(Shared {
            finders: Finders::new(path.to_owned(), &place),
            path: path.to_owned(),
            place,
            writes,
            reads,
            watchers,
        })))
    }

    #[cfg(feature = "testing")]
    fn prepare_test(&self, connection: &rusqlite::Connection) -> Result<(), Failure> {
        if let Some(pages) = self.max_pages {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        if !self.sync {
            connection.pragma_update(None, "synchronous", "OFF")?;
        }
        Ok(())
    }

    fn place(&self, path: &Path) -> Place {
        Place::new(path, self.busy_timeout)
    }
}

/// An open file. Cheap to clone. The file is closed when the last clone and the last store are dropped.
#[derive(Clone, Debug)]
pub struct SqliteDatabase(Arc<Shared>);

/// What the stores of a database share.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    place: Place,
    writes: Sender<Message>,
    reads: Sender<Read>,
    finders: Finders,
    watchers: Arc<Watchers>,
}

impl SqliteDatabase {
    /// Opens the file `path` with the default [`SqliteOptions`].
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        SqliteOptions::default().open(path).await
    }

    /// Returns the store of a registration. Adds the registration if it is new.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read or written.
    pub async fn store(&self, registration: &Registration) -> Result<SqliteStore, StoreError> {
        let name = registration.clone();
        let id = self
            .0
            .write(None, move |session| {
                let sql = "SELECT id FROM registrations WHERE name = ?1";
                if let Some(id) = session.first(sql, [name.as_str()], |row| row.get(0))? {
                    return Ok(id);
                }
                let sql = "INSERT INTO registrations (name) VALUES (?1) RETURNING id";
                let id = session.first(sql, [name.as_str()], |row| row.get(0))?;
                id.ok_or_else(batch::missing_registration)
            })
            .await?;
        Ok(SqliteStore::new(self.clone(), id))
    }

    /// Returns the names of all registrations, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub async fn registrations(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM registrations ORDER BY id";
        self.0
            .read(move |session| session.all(sql, [], |row| row.get(0)))
            .await
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Commits what was started, and closes the connection that writes. Later writes fail.
    ///
    /// Without this, the file is closed in the background after the last clone was dropped.
    pub async fn close(&self) {
        let (confirm, closed) = oneshot::channel();
        if self.0.writes.send(Message::Close(confirm)).is_ok() {
            // An error means that the thread has ended already.
            let _ = closed.await;
        }
    }
}

impl Shared {
    /// Runs `run` in a transaction for writing, possibly with the work of other callers. If that transaction is rolled
    /// back, runs it again.
    async fn write<T: Send + 'static>(
        &self,
        notify: Option<Arc<Notify>>,
        run: impl FnMut(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_work(notify, false, run).await
    }

    /// As [`write`](Self::write), for the batch of a leader.
    async fn write_batch<T: Send + 'static>(
        &self,
        notify: Option<Arc<Notify>>,
        run: impl FnMut(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_work(notify, true, run).await
    }

    async fn write_work<T: Send + 'static>(
        &self,
        notify: Option<Arc<Notify>>,
        is_batch: bool,
        run: impl FnMut(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Write {
            run,
            is_batch,
            result: None,
            reply,
            notify,
        });
        let sent = self.writes.send(Message::Work(work));
        sent.map_err(|_| self.closed())?;
        answer.await.map_err(|_| self.closed())?
    }

    /// Runs `run` in a transaction for reading.
    async fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.reads.send(reader::read(run, reply));
        sent.map_err(|_| self.closed())?;
        answer.await.map_err(|_| self.closed())?
    }

    fn closed(&self) -> StoreError {
        self.place.fatal("it was closed. Open it again")
    }
}

/// Runs `run` on a thread of its own, because files block.
async fn on_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    thread
        .spawn(move || drop(reply.send(run())))
        .map_err(StoreError::transient)?;
    let ended = |_| StoreError::fatal("a thread of the store has ended");
    answer.await.map_err(ended)?
}

fn spawn(name: &str, place: &Place, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(run);
    spawned.map(drop).map_err(|error| {
        StoreError::transient(format!("cannot use the file {}: {error}", place.file()))
    })
}
