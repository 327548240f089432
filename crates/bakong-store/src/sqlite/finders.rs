//! Connections for short reads on the thread of the caller.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::failure::{Failure, Place};
use super::file;
use super::fuse::Fuse;
use super::session::Session;

/// The connections that no thread uses at the moment. There are at most as many as threads that read at the same time.
#[derive(Debug)]
pub(super) struct Finders {
    path: PathBuf,
    place: Place,
    idle: Mutex<Vec<Finder>>,
    /// How often a connection saw that the file had changed.
    version: AtomicU64,
}

#[derive(Debug)]
struct Finder {
    connection: Connection,
    /// The last `PRAGMA data_version`. The value changes with the commits of other connections, and this one commits
    /// nothing.
    seen: Option<i64>,
}

impl Finders {
    pub(super) fn new(path: PathBuf, place: &Place) -> Self {
        let mut place = place.clone();
        // A thread of a runtime must not wait for a lock.
        place.busy_timeout = Duration::ZERO;
        Self {
            path,
            place,
            idle: Mutex::default(),
            version: AtomicU64::new(0),
        }
    }

    /// Returns the result of one statement. A single statement is a transaction of its own.
    ///
    /// Returns `None` if the statement fails, for example because of a lock. A reader then repeats it, waits for the lock,
    /// and reports the error.
    pub(super) fn find<T>(
        &self,
        find: impl FnOnce(&Session<'_>) -> Result<T, Failure>,
    ) -> Option<T> {
        self.with(|finder| find(&Session::new(&finder.connection, &Fuse::default())).ok())
    }

    /// Returns a number that has increased if the file was changed since an earlier call.
    ///
    /// Each connection compares the file with what it saw last. If two calls return the same number, every connection
    /// that was used in between saw no change, and the one of the second call saw none since before the first call: a
    /// new connection increases the number.
    pub(super) fn version(&self) -> Option<u64> {
        self.with(|finder| {
            let fuse = Fuse::default();
            let session = Session::new(&finder.connection, &fuse);
            let seen = session.first("PRAGMA data_version", [], |row| row.get(0));
            let seen = seen.ok().flatten();
            if seen.is_some() && finder.seen == seen {
                return Some(self.version.load(Ordering::SeqCst));
            }
            finder.seen = seen;
            let before = self.version.fetch_add(1, Ordering::SeqCst);
            seen.map(|_: i64| before + 1)
        })
    }

    fn with<T>(&self, run: impl FnOnce(&mut Finder) -> Option<T>) -> Option<T> {
        let idle = self.lock().pop();
        let mut finder = match idle {
            Some(finder) => finder,
            None => Finder {
                connection: file::open_reader(&self.path, &self.place).ok()?,
                seen: None,
            },
        };
        let result = run(&mut finder);
        self.lock().push(finder);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Finder>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
